package nethook

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"volary.dev/provisioner"
)

// A machine keeps the key that it drew once, reports the code that was written last, and nothing where none was.
func TestIdentity(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, IdentityFile)
	h := hook{identity: file, consoles: t.TempDir(), logConf: filepath.Join(root, "none")}
	if a := h.answer(t.Context(), Question{}); a.Machine == nil || a.Machine.Key != uuid.Nil || a.Machine.Code != "" || a.Machine.Error != "" {
		t.Errorf("a machine that nobody enrolled: %+v", a.Machine)
	}
	var key uuid.UUID
	for _, c := range []struct{ code, want string }{{"", ""}, {"first", "first"}, {"", "first"}, {"second", "second"}} {
		if err := KeepIdentity(root, c.code); err != nil {
			t.Fatal(err)
		}
		a := h.answer(t.Context(), Question{})
		want := ""
		if c.want != "" {
			want = provisioner.CodeHash(c.want)
		}
		if key == uuid.Nil {
			key = a.Machine.Key
		}
		if a.Machine.Key != key || key == uuid.Nil || a.Machine.Code != want {
			t.Errorf("after %q: %+v", c.code, a.Machine)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is for root alone: %v, %v", info, err)
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if a := h.answer(t.Context(), Question{}); a.Machine.Error == "" || a.Machine.Key != uuid.Nil {
		t.Errorf("a broken file: %+v", a.Machine)
	}
	if err := KeepIdentity(root, "third"); err == nil {
		t.Error("a broken file was written over: the machine would be another one")
	}
}
