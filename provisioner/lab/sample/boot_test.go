package sample_test

import (
	"os"
	"path/filepath"
	"testing"
)

// cacheDir keeps built images between test runs, as `dev up` does.
func cacheDir(t *testing.T) string {
	t.Helper()
	base, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(base, "volary", "sample")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
