package debian

import (
	"os"
	"path/filepath"
	"testing"
)

// apt stands in for apt-get and apt-cache on a machine whose package lists are older than the mirror's files: by the old lists
// there is another kernel, and one of the packages cannot be downloaded any more.
const apt = `#!/bin/sh
version=6.1.0-1
[ -e lists-are-new ] && version=6.1.0-2
case "$*" in
"depends "*) echo "  Depends: linux-image-$version-amd64" ;;
"update "*) : > lists-are-new ;;
*download*)
	: > "linux-image-$version-amd64.deb"
	[ -e lists-are-new ] || { echo "404 Not Found" >&2; exit 100; }
	: > busybox-static.deb ;;
esac
`

func TestPackagesOfOldListsAreForgotten(t *testing.T) {
	tools := t.TempDir()
	for _, name := range []string{"apt-get", "apt-cache"} {
		if err := os.WriteFile(filepath.Join(tools, name), []byte(apt), 0o700); err != nil { //nolint:gosec // it is run
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", tools+":"+os.Getenv("PATH"))
	b := Workshop{Dir: t.TempDir(), Log: func(string) {}}
	if err := b.Fetch(t.Context(), "busybox-static"); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(b.Path("*.deb"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 2 || filepath.Base(files[1]) != "linux-image-6.1.0-2-amd64.deb" {
		t.Errorf("to be unpacked are %q, want the kernel of the new lists alone and one package", files)
	}
}
