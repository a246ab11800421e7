package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"volary.dev/provisioner"
	"volary.dev/provisioner/nethook"
)

// Where a host keeps the program and libvirt looks for the hook.
const (
	hookProgram = provisioner.HookProgram
	hookFile    = "/etc/libvirt/hooks/network"
)

const hookScript = "#!/bin/sh\nexec " + hookProgram + " hook network \"$@\"\n"

type installHook struct {
	Root string `help:"Folder that stands for / (to prepare an image of a host)." default:"/" type:"path"`
}

// Run implements kong's command. It may be repeated, and brings a newer program.
func (h installHook) Run() error {
	script := filepath.Join(h.Root, hookFile)
	if there, err := os.ReadFile(script); err == nil && !bytes.Equal(there, []byte(hookScript)) {
		return fmt.Errorf("%s belongs to somebody else and was left as it is; put these two lines into %s, with its run bit:\n%s",
			script, filepath.Join(h.Root, hookFile+".d", "volary"), hookScript)
	}
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("read this program: %w", err)
	}
	defer self.Close()
	if err := place(filepath.Join(h.Root, hookProgram), self); err != nil {
		return err
	}
	if err := place(script, bytes.NewReader([]byte(hookScript))); err != nil {
		return err
	}
	if h.Root == "/" { // an image of a host has no key: each machine draws its own
		if err := nethook.KeepIdentity(h.Root, ""); err != nil {
			return err
		}
	}
	fmt.Printf("Installed %s and %s. Restart libvirtd once, so that it finds its hook: systemctl restart libvirtd\n", hookProgram, hookFile)
	return nil
}

// place writes an executable file in one step: libvirt may run the old one at this moment.
func place(file string, from io.Reader) (err error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("install %s: %w", file, err)
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".volary-*")
	if err != nil {
		return fmt.Errorf("install %s: %w", file, err)
	}
	defer os.Remove(f.Name())
	_, copyErr := io.Copy(f, from)
	if err := errors.Join(copyErr, f.Chmod(0o755), f.Close()); err != nil {
		return fmt.Errorf("install %s: %w", file, err)
	}
	if err := os.Rename(f.Name(), file); err != nil {
		return fmt.Errorf("install %s: %w", file, err)
	}
	return nil
}
