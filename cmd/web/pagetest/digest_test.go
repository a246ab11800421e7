package pagetest

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"testing"

	"github.com/chromedp/chromedp"

	"volary.dev/handlers/handlertest"
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
