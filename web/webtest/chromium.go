package webtest

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// ChromiumFolder makes a folder for everything that a Chromium writes, its sockets included, and gives the options that keep it
// there. It is removed after the test: call it before whatever ends the browser is registered. Its path is short, since a
// socket's has 108 bytes at most.
func ChromiumFolder(t testing.TB) []chromedp.ExecAllocatorOption {
	t.Helper()
	dir, err := os.MkdirTemp("", "volary-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The last of its processes may write for a moment after the first has ended.
		again := time.NewTicker(50 * time.Millisecond)
		defer again.Stop()
		err := os.RemoveAll(dir)
		for tries := 0; err != nil && tries < 200; tries++ {
			<-again.C
			err = os.RemoveAll(dir)
		}
		if err != nil {
			t.Errorf("remove what Chromium wrote: %v", err)
		}
	})
	return []chromedp.ExecAllocatorOption{chromedp.UserDataDir(filepath.Join(dir, "profile")), chromedp.Env("TMPDIR="+dir, "XDG_CONFIG_HOME="+dir, "XDG_CACHE_HOME="+dir)}
}
