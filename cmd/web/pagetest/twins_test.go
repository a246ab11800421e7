package pagetest

import (
	"testing"

	"github.com/google/uuid"

	"volary.dev/handlers/handlertest"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// TestTwinsOnThePage has one member begin a disk, and a colleague choose every other one of its name and size in a browser of
// their own. Whatever is pressed, no image has bytes of two.
func TestTwinsOnThePage(t *testing.T) {
	ctx := chromium(t)
	app, _ := portal(t, handlertest.Options{})
	l := newLine(t, app)
	ada, bea := arrive(t, ctx, l.URL, handlertest.Member), arrive(t, ctx, app.URL, handlertest.Manager)
	monday, tuesday, late := twins(t, 24*mib)
	l.befalls(stuckAfter(1))
	ada.chooses(monday)
	ada.says("(503)")
	ada.presses("[data-pause]")
	ada.says("Paused.")

	bea.chooses(tuesday)
	bea.says("An unfinished upload disk.raw (8.1 MiB of 24.0 MiB, begun by")
	bea.says("is of another file")
	bea.shoot("upload-twin")
	bea.presses("[data-as-new]")
	bea.arrives()
	all := arrived(t, app, "disk.raw")
	if len(all) != 2 || len(all[0]) != 8*mib+64<<10 {
		t.Fatalf("%d uploads, %d bytes of the first", len(all), len(all[0]))
	}
	wantSame(t, "the colleague's", all[1], tuesday)

	// The same name, size and samples: only the comparison of all that is here tells.
	bea.chooses(late)
	bea.says("is of another file")
	bea.presses("[data-leave]")
	bea.until("see the page anew", `document.querySelector(".upload-run").hidden && !document.querySelector("[data-upload]").hidden`)

	// A colleague with the very same file goes on with it, under whatever name.
	bea.chooses(monday)
	bea.arrives()
	all = arrived(t, app, "disk.raw")
	if len(all) != 2 {
		t.Errorf("%d uploads after a colleague went on with the first", len(all))
	}
	wantSame(t, "the first, by both", all[0], monday)
	// Who began it learns that it is done.
	ada.presses("[data-resume]")
	ada.arrives()
}

// TestTheOtherOfTwinsIsDiscarded takes the third way out of the question.
func TestTheOtherOfTwinsIsDiscarded(t *testing.T) {
	ctx := chromium(t)
	app, _ := portal(t, handlertest.Options{})
	l := newLine(t, app)
	ada := arrive(t, ctx, l.URL, handlertest.Member)
	monday, tuesday, _ := twins(t, 24*mib)
	l.befalls(stuckAfter(1))
	ada.chooses(monday)
	ada.says("(503)")
	bea := arrive(t, ctx, app.URL, handlertest.Manager)
	bea.chooses(tuesday)
	bea.presses("[data-instead]")
	bea.arrives()
	all := arrived(t, app, "disk.raw")
	if len(all) != 1 {
		t.Fatalf("%d uploads are left, one was discarded", len(all))
	}
	wantSame(t, "the one that was kept", all[0], tuesday)
	// The first page is told, and begins nothing by itself.
	l.befalls(nil)
	ada.says("This upload is gone")
	ada.shoot("upload-gone")
	if n := begun(t, app, "disk.raw"); n != 1 {
		t.Errorf("%d uploads before anybody asked for another", n)
	}
	ada.presses("[data-anew]")
	ada.arrives()
	wantSame(t, "from the start", arrived(t, app, "disk.raw")[1], monday)
}

// TestTwoTabsOfTwoOrganizations switches in one tab while another one uploads.
func TestTwoTabsOfTwoOrganizations(t *testing.T) {
	ctx := chromium(t)
	app, world := portal(t, handlertest.Options{})
	storetest.NoError(t, app.Store.People.AddMember(t.Context(), uuid.Nil, world.Other, world.Person(handlertest.Member), people.RoleMember))
	l := newLine(t, app)
	ada := arrive(t, ctx, l.URL, handlertest.Member)
	monday, tuesday, _ := twins(t, 24*mib)
	l.befalls(stuckAfter(1))
	ada.works(world.Organization)
	ada.chooses(monday)
	ada.says("(503)")
	ada.presses("[data-pause]")
	ada.says("Paused.")
	second := ada.again()
	second.works(world.Other)
	l.befalls(nil)
	ada.presses("[data-resume]")
	ada.says("You work elsewhere now")
	ada.shoot("upload-elsewhere")
	of := func(org uuid.UUID) (n int) {
		storetest.NoError(t, app.Pool.QueryRow(t.Context(), `SELECT count(*) FROM uploads WHERE organization_id = $1 AND filename = 'disk.raw'`, org).Scan(&n))
		return n
	}
	if n := of(world.Other); n != 0 {
		t.Fatalf("a paused upload of the one went on as %d of the other", n)
	}
	ada.presses("[data-elsewhere] button")
	ada.arrives()
	wantSame(t, "after switching back", arrived(t, app, "disk.raw")[0], monday)

	// The page was opened for the one, and the file is chosen after the switch.
	page := ada.again()
	page.do("open the page", navigate(l.URL+"/org/images/new"))
	second.works(world.Other)
	page.do("choose", files(tuesday))
	page.says("You work elsewhere now")
	page.presses("[data-elsewhere] button")
	page.arrives()
	if ours, theirs := of(world.Organization), of(world.Other); ours != 2 || theirs != 0 {
		t.Errorf("%d uploads of the one, %d of the other", ours, theirs)
	}
}
