package pagetest

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"volary.dev/handlers/handlertest"
	"volary.dev/store/storetest"
)

// TestDigestOnThePage types what is no digest: nothing is sent, what was typed stands there to be corrected, and the file goes on from there.
func TestDigestOnThePage(t *testing.T) {
	ctx := chromium(t)
	app, _ := portal(t, handlertest.Options{})
	ada := arrive(t, ctx, app.URL, handlertest.Member)
	monday, _, _ := twins(t, 8*mib)
	ada.do("open the page", navigate(ada.base+"/org/images/new"))
	ada.until("see the field", `!document.querySelector("[data-upload]").hidden`)
	ada.presses("[data-digest] summary")
	ada.do("type what is none", chromedp.SendKeys(chromedp.CSS("[name=digest]"), "ab\u0661cd"), files(monday))
	ada.says("The SHA-256 that was given is not taken.")
	ada.says("Nothing was sent.")
	ada.until("find it as it was typed", `document.querySelector("[name=digest]").value === "ab\u0661cd" && document.querySelector("[data-digest]").open`)
	ada.shoot("upload-digest")
	if n := begun(t, app, "disk.raw"); n != 0 {
		t.Fatalf("%d uploads were begun", n)
	}
	content, err := os.ReadFile(monday)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	digest := hex.EncodeToString(sum[:])
	ada.do("correct it", chromedp.SetValue(chromedp.CSS("[name=digest]"), digest+"  disk.raw"))
	ada.presses("[data-resume]")
	ada.arrives()
	var kept string
	if err := app.Pool.QueryRow(t.Context(), `SELECT expected_digest FROM uploads WHERE filename = 'disk.raw'`).Scan(&kept); err != nil || kept != digest {
		t.Errorf("kept is %q, %v", kept, err)
	}
}

// TestDigestOfWhatIsHadMeanwhile pauses an upload, has the same file brought by somebody else, and gives its digest: nothing more is sent, the image
// is shown, and what had arrived is gone.
func TestDigestOfWhatIsHadMeanwhile(t *testing.T) {
	ctx := chromium(t)
	app, world := portal(t, handlertest.Options{})
	line := newLine(t, app)
	ada := arrive(t, ctx, line.URL, handlertest.Member)
	monday, _, _ := twins(t, 24*mib)
	line.befalls(stuckAfter(1))
	ada.chooses(monday)
	ada.says("(503)")
	ada.presses("[data-pause]")
	ada.says("Paused.")
	if n := begun(t, app, "disk.raw"); n != 1 {
		t.Fatalf("%d uploads were begun", n)
	}

	content, err := os.ReadFile(monday)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	id, digest := strings.Repeat("a1", 16), hex.EncodeToString(sum[:])
	storetest.Arrived(t, app.Store, world.Organization, world.Person(handlertest.Manager), id, "monday.raw", int64(len(content)))
	storetest.Must[bool](t)(app.Store.Models.RecordVerdict(t.Context(), id, storetest.DoneVerdict(digest)))
	image := storetest.ImageOf(t, app.Store, world.Organization, id)
	ada.do("give its digest", chromedp.SetValue(chromedp.CSS("[name=digest]"), digest))
	ada.presses("[data-resume]")
	ada.says("You have it already")
	if n := begun(t, app, "disk.raw"); n != 0 {
		t.Errorf("%d uploads are left of the file that is had", n)
	}
	ada.presses("[data-had-image]")
	ada.until("be at the image", `location.pathname === "/org/images/`+image.ID.String()+`"`)
}
