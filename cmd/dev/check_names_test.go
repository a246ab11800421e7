package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	if err := checkNames(t.Context(), checkoutRoot(t)); err != nil {
		t.Error(err)
	}
}

// A stray name is refused whether git tracks it already or not yet, once however much is below it, and not where git
// ignores it.
func TestStrayNames(t *testing.T) {
	root := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	write := func(paths ...string) {
		t.Helper()
		for _, path := range paths {
			path = filepath.Join(root, path)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	git("init", "--quiet")
	write("web/doc.go", "cmd/web/main.go", "go.mod", "README.md", ".github/workflows/ci.yml", "built")
	if err := os.WriteFile(filepath.Join(root, ".gitignore"), []byte("/built\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	git("add", ".")
	if err := checkNames(t.Context(), root); err != nil {
		t.Errorf("nothing is stray: %v", err)
	}
	write("notes.txt", "utils/a.go", "utils/b.go", "webs/doc.go", "Web/doc.go")
	git("add", "notes.txt")
	err := checkNames(t.Context(), root)
	if err == nil {
		t.Fatal("stray names are accepted")
	}
	for _, name := range []string{"notes.txt", "utils", "webs", "Web"} {
		if strings.Count("\n"+err.Error(), "\n"+name+" does not belong") != 1 {
			t.Errorf("%s is not named once:\n%v", name, err)
		}
	}
	if n := strings.Count(err.Error(), "does not belong"); n != 4 {
		t.Errorf("%d names are refused, want 4:\n%v", n, err)
	}
	if err := checkNames(t.Context(), t.TempDir()); err == nil {
		t.Error("a folder that git does not know passes")
	}
}
