package pagetest

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"

	"volary.dev/handlers/handlertest"
	"volary.dev/store/storetest"
)

// What the first kilobytes of a file tell is said after the first piece, with what to do, and what was typed stays; what the quota has no
// room for and what the organization has already is said before a byte is sent.
func TestWhatIsSaidBeforeTheRestIsSent(t *testing.T) {
	ctx := chromium(t)
	app, world := portal(t, handlertest.Options{})
	wire := newLine(t, app)
	var sent atomic.Int64
	wire.befalls(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPatch {
			sent.Add(r.ContentLength)
		}
		return false
	})
	write := func(name, begin string) (path, digest string) {
		content := append([]byte(begin), make([]byte, 16*mib-len(begin))...)
		path = filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		return path, hex.EncodeToString(sum[:])
	}
	vhdx, ofVHDX := write("windows.vhdx", "vhdxfile")
	ada := arrive(t, ctx, wire.URL, handlertest.Member)
	ada.do("open the page", navigate(ada.base+"/org/images/new"))
	ada.until("see the field", `!document.querySelector("[data-upload]").hidden`)
	ada.until("see the quota", `document.querySelector(".quota").innerText.includes("of 256 GiB used")`)
	ada.presses("[data-digest] summary")
	ada.do("type the digest", chromedp.SendKeys(chromedp.CSS("[name=digest]"), ofVHDX), files(vhdx))
	ada.says("This is a VHDX disk (Hyper-V).")
	ada.says("qemu-img convert -f vhdx -O qcow2")
	ada.until("be asked for another file, with what was typed", `!document.querySelector(".upload-pick").hidden && document.querySelector("[name=digest]").value === "`+ofVHDX+`"`)
	ada.shoot("upload-vhdx")
	if n := sent.Load(); n == 0 || n > 64<<10 {
		t.Errorf("%d bytes of %d were sent before the refusal", n, 16*mib)
	}

	had, ofHad := write("debian.qcow2", "QFI\xfb\x00\x00\x00\x03")
	id := strings.Repeat("a1", 16)
	storetest.Arrived(t, app.Store, world.Organization, world.Person(handlertest.Member), id, "debian.qcow2", 16*mib)
	storetest.Must[bool](t)(app.Store.Models.RecordVerdict(t.Context(), id, storetest.DoneVerdict(ofHad)))
	image := storetest.ImageOf(t, app.Store, world.Organization, id)
	sent.Store(0)
	ada.do("give the digest of what is had", chromedp.SetValue(chromedp.CSS("[name=digest]"), ofHad), files(had))
	ada.says("You have it already")
	ada.shoot("upload-had")
	if n := sent.Load(); n != 0 || begun(t, app, "debian.qcow2") != 1 {
		t.Errorf("%d bytes were sent, %d uploads begun", n, begun(t, app, "debian.qcow2"))
	}
	ada.presses("[data-had-image]")
	ada.until("be at the image", `location.pathname === "/org/images/`+image.ID.String()+`"`)

	none := int64(0)
	storetest.NoError(t, app.Store.People.SetQuota(t.Context(), world.Person(handlertest.PlatformAdmin), world.Organization, &none))
	ada.chooses(had)
	ada.says("of the 0 B that it may keep")
	ada.says("ask the operator")
	ada.shoot("upload-quota")
	if n := sent.Load(); n != 0 {
		t.Errorf("%d bytes were sent over the quota", n)
	}
	empty := filepath.Join(t.TempDir(), "empty.img")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ada.chooses(empty)
	ada.says("empty.img is empty: it has 0 bytes.")
}
