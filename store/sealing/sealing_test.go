package sealing_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"volary.dev/store/sealing"
)

func identity(t *testing.T) sealing.Identity {
	t.Helper()
	i, err := sealing.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestOnlyTheIdentityOpens(t *testing.T) {
	const text = "/reset/choose?token=abc"
	i := identity(t)
	to, err := sealing.ParseRecipient(i.Recipient().String())
	if err != nil || to.IsZero() {
		t.Fatal(err)
	}
	sealed, err := to.Seal(text)
	if err != nil || bytes.Contains(sealed, []byte("token")) {
		t.Fatalf("%q, %v", sealed, err)
	}
	if got, err := i.Open(sealed); err != nil || got != text {
		t.Errorf("opened %q, %v", got, err)
	}
	if _, err := identity(t).Open(sealed); !errors.Is(err, sealing.ErrForeign) {
		t.Errorf("another identity: %v", err)
	}
	sealed[len(sealed)-1] ^= 1
	if _, err := i.Open(sealed); !errors.Is(err, sealing.ErrForeign) {
		t.Errorf("damaged: %v", err)
	}
}

func TestIdentityFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "identity")
	i := identity(t)
	if err := i.Write(path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if read, err := sealing.ReadIdentity(path); err != nil || read.Recipient().String() != i.Recipient().String() {
		t.Errorf("%v", err)
	}
	if err := identity(t).Write(path); err == nil {
		t.Error("an identity was written over another")
	}
	for _, wrong := range []string{"", "hunter2\n", "AGE-SECRET-KEY-1hunter2\n"} {
		if err := os.WriteFile(path, []byte(wrong), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := sealing.ReadIdentity(path); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if _, err := sealing.ParseRecipient("age1hunter2"); err == nil {
		t.Error("a recipient of nobody")
	}
}
