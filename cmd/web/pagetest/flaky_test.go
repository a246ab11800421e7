package pagetest

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"

	"volary.dev/handlers/handlertest"
)

// TestAGatewayThatFailsBeginsNothingAnew cuts the first large piece of an upload, and has a gateway answer the next questions how much
// arrived, and the creation, in every way that gateways do while the portal is restarted.
func TestAGatewayThatFailsBeginsNothingAnew(t *testing.T) {
	ctx := chromium(t)
	app, _ := portal(t, handlertest.Options{})
	l := newLine(t, app)
	ada := arrive(t, ctx, l.URL, handlertest.Member)
	for _, status := range []int{http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusNotFound} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			ada.t = t
			name := "disk-" + strconv.Itoa(status) + ".raw"
			file := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(file, disk(strconv.Itoa(status)+"-", 24*mib), 0o600); err != nil {
				t.Fatal(err)
			}
			var cuts, bads, creations atomic.Int32
			l.befalls(func(w http.ResponseWriter, r *http.Request) bool {
				switch {
				case r.Method == http.MethodPost && creations.Add(1) == 1: // it is made, and nobody hears of it
					l.proxy.ServeHTTP(httptest.NewRecorder(), r)
					gateway(w, status)
				case r.Method == http.MethodPatch && r.ContentLength > 3*mib && bads.Load() == 0: // in its middle; a browser may send it again by itself
					cuts.Add(1)
					l.cut(w, r, 3*mib)
				case r.Method == http.MethodHead && cuts.Load() > 0 && bads.Add(1) <= 2:
					gateway(w, status)
				default:
					return false
				}
				return true
			})
			ada.chooses(file)
			ada.says("The server does not answer now (" + strconv.Itoa(status) + "). Asking again in")
			if status == http.StatusBadGateway {
				ada.shoot("upload-waits")
			}
			ada.arrives()
			if n := begun(t, app, name); n != 1 || bads.Load() < 2 || creations.Load() < 2 {
				t.Errorf("%d uploads were begun, one was wanted; %d questions were answered by the gateway", n, bads.Load())
			}
			wantSame(t, "after a cut", arrived(t, app, name)[0], file)
		})
	}
}

// TestUploadGoesOn cuts an upload again and again: by itself the page goes on, and so does another tab after this one was
// killed and the portal started anew.
func TestUploadGoesOn(t *testing.T) {
	ctx := chromium(t)
	app, _ := portal(t, handlertest.Options{})
	l := newLine(t, app)
	ada := arrive(t, ctx, l.URL, handlertest.Member)
	monday, _, _ := twins(t, 24*mib)
	var cuts atomic.Int32
	l.befalls(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPatch || r.ContentLength <= mib || cuts.Add(1) > 2 { // in the middle of a piece
			return false
		}
		l.cut(w, r, mib)
		return true
	})
	ada.chooses(monday)
	ada.arrives()
	if n := begun(t, app, "disk.raw"); n != 1 {
		t.Errorf("%d uploads were begun, one was wanted", n)
	}
	wantSame(t, "cut twice", arrived(t, app, "disk.raw")[0], monday)

	_, tuesday, _ := twins(t, 24*mib)
	l.befalls(stuckAfter(1))
	tab := ada.again()
	tab.chooses(tuesday)
	tab.says("(503)")
	tab.leaves()
	app.Restart()
	l.befalls(nil)
	ada.chooses(tuesday)
	ada.arrives()
	if n := begun(t, app, "disk.raw"); n != 2 {
		t.Errorf("%d uploads were begun, two files were chosen", n)
	}
	wantSame(t, "after a restart", arrived(t, app, "disk.raw")[1], tuesday)
}

// TestTheFirstPieceIsLost cuts the line before anything of an upload's first piece is there. That one is small for what is looked at in it: that it
// is lost says nothing of larger ones, and all that follow are as large as ever.
func TestTheFirstPieceIsLost(t *testing.T) {
	ctx := chromium(t)
	app, _ := portal(t, handlertest.Options{})
	l := newLine(t, app)
	ada := arrive(t, ctx, l.URL, handlertest.Member)
	monday, _, _ := twins(t, 24*mib)
	var pieces atomic.Int32
	var second atomic.Int64
	l.befalls(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPatch {
			return false
		}
		switch pieces.Add(1) {
		case 1, 2:
			panic(http.ErrAbortHandler)
		case 4:
			second.Store(r.ContentLength)
		}
		return false
	})
	ada.chooses(monday)
	ada.arrives()
	if second.Load() != 8*mib {
		t.Errorf("after two cuts of the first piece the next has %d bytes", second.Load())
	}
	wantSame(t, "the first piece lost", arrived(t, app, "disk.raw")[0], monday)
}
