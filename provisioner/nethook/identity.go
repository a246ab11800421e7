package nethook

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/uuid"

	"volary.dev/provisioner"
)

// IdentityFile keeps who a machine is: in no storage pool, for root alone, and as long as the machine's disk.
const IdentityFile = "/var/lib/libvirt/volary/machine.json"

// Identity is who a machine is: a key that was drawn on it, and the code that was last written there to enrol it.
type Identity struct {
	Key   uuid.UUID `json:"key"`
	Code  string    `json:"code,omitempty"`  // provisioner.CodeHash; empty: none
	Error string    `json:"error,omitempty"` // of the hook that could not read it
}

// readIdentity gives zeros where the machine has none yet.
func readIdentity(file string) (id Identity, err error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return id, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &id)
	}
	if err != nil {
		return Identity{}, fmt.Errorf("who this machine is: %w", err)
	}
	return id, nil
}

// KeepIdentity draws a machine's key where it has none, below the folder that stands for /, and writes down the code that is
// to be reported from now on; an empty one leaves what was written last.
func KeepIdentity(root, code string) error {
	file := filepath.Join(root, IdentityFile)
	id, err := readIdentity(file)
	if err != nil {
		return fmt.Errorf("%w; remove %s where it is broken: the machine is another one then", err, file)
	}
	if id.Key == uuid.Nil {
		if id.Key, err = uuid.NewRandom(); err != nil {
			return fmt.Errorf("draw a key: %w", err)
		}
	}
	if code != "" {
		id.Code = provisioner.CodeHash(code)
	}
	b, err := json.Marshal(id)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	// In one step, and on the disk before it counts: a machine that forgets its key is another one.
	f, err := os.CreateTemp(filepath.Dir(file), ".machine-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, writeErr := f.Write(b)
	if err := errors.Join(writeErr, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return os.Rename(f.Name(), file)
}
