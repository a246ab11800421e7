package assets_test

import (
	"os"
	"path/filepath"
	"testing"

	"volary.dev/cmd/internal/assets"
)

// TestBuildLeavesNoDiff builds a copy of static and compares it with what is committed.
func TestBuildLeavesNoDiff(t *testing.T) {
	root := t.TempDir()
	source := filepath.Join("..", "..", "..", "static")
	if err := os.CopyFS(filepath.Join(root, "static"), os.DirFS(source)); err != nil {
		t.Fatal(err)
	}
	if err := assets.Build(root); err != nil {
		t.Fatal(err)
	}
	committed, err := filepath.Glob(filepath.Join(source, "dist", "*"))
	if err != nil || len(committed) == 0 {
		t.Fatalf("nothing is built yet: %v, %v", committed, err)
	}
	for _, path := range append(committed, filepath.Join(source, "assets_gen.go")) {
		relative, err := filepath.Rel(source, path)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(root, "static", relative))
		if err != nil {
			t.Errorf("%s is not built any more; run go run ./cmd/dev gen", relative)
		} else if string(got) != string(want) {
			t.Errorf("%s differs from its sources; run go run ./cmd/dev gen", relative)
		}
	}
}
