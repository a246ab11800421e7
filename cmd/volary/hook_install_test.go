package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestInstallHook(t *testing.T) {
	root := t.TempDir()
	for range 2 {
		if err := (installHook{Root: root}).Run(); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{hookProgram, hookFile} {
		info, err := os.Stat(filepath.Join(root, name))
		if err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	foreign := filepath.Join(root, hookFile)
	if err := os.WriteFile(foreign, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := (installHook{Root: root}).Run(); err == nil || !strings.Contains(err.Error(), "network.d/volary") {
		t.Errorf("over somebody else's hook: %v", err)
	}
	if b, _ := os.ReadFile(foreign); string(b) != "#!/bin/sh\n" {
		t.Errorf("somebody else's hook is now %q", b)
	}
}
