package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"volary.dev/handlers/handlertest"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
	"volary.dev/store/models"
	"volary.dev/store/storetest"
)

// TestUploadByAddress gives an address, and takes the upload through what its page and the list of images show of its fetching.
func TestUploadByAddress(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	member, auditor := a.SignIn(handlertest.Member), a.SignIn(handlertest.Auditor)
	worker := storetest.OpenAs(t, a.Pool, store.RoleWorker)
	ctx := t.Context()
	says(t, "the form", member.Get("/org/images/new"), http.StatusOK, "From an address", `action="/org/uploads"`, "SHA256SUMS")
	if got := auditor.Get("/org/images/new"); strings.Contains(got.Body, `action="/org/uploads"`) {
		t.Error("an auditor has the form of an address")
	}
	for typedIn, want := range map[string]string{
		"": "This address is empty", "http://files.example/a": "anybody on the way", "https://127.0.0.1/": "by a number", "https://files.example:22/": "port 22", "https://ada:pw@files.example/": "before the @", "https://files.example/#x": "after #",
	} {
		got := member.Post("/org/uploads", url.Values{"address": {typedIn}, "name": {"trixie"}, "sha256": {"abc"}})
		says(t, typedIn, got, http.StatusUnprocessableEntity, want, "This digest has 3 hex digits", `value="trixie"`, `value="abc"`, `value="`+typedIn+`"`)
	}
	digest := strings.Repeat("ab", 32)
	got := member.Post("/org/uploads", url.Values{"address": {" https://files.example/images/debian.qcow2?signature=kept-quiet "}, "name": {"trixie"}, "sha256": {digest + "  debian.qcow2"}})
	page := got.Header.Get("Location")
	if got.Status != http.StatusSeeOther || !strings.HasPrefix(page, "/org/uploads/") {
		t.Fatalf("an address: %d %s", got.Status, page)
	}
	id := strings.TrimPrefix(page, "/org/uploads/")
	shown := func(what string, words ...string) {
		t.Helper()
		got := member.Get(page)
		says(t, what, got, http.StatusOK, append(words, "https://files.example/images/debian.qcow2", "trixie", digest)...)
		if strings.Contains(got.Body, "kept-quiet") {
			t.Errorf("%s: the page has the query", what)
		}
	}
	shown("waiting", "Being fetched", "Nothing is here yet", page+"/discard")
	says(t, "the list", member.Get("/org/images"), http.StatusOK, "fetching", "https://files.example/images/debian.qcow2")
	if got := member.Get("/org/images/new"); strings.Contains(got.Body, id) {
		t.Error("it is among those that are gone on with by a file")
	}
	storetest.NoError(t, worker.Models.StartFetch(ctx, id, 0, `"one"`, 3<<30))
	storetest.NoError(t, worker.Models.RaiseUpload(ctx, id, 3<<30))
	storetest.NoError(t, worker.Models.RecordFetched(ctx, id, 1<<30, 20<<20))
	shown("coming", "1 GiB of 3 GiB are here", "20 MiB/s", "1 min 42 s", "goes on by itself")
	storetest.NoError(t, worker.Models.RecordFetchWaits(ctx, id, models.FetchWait{Why: "The line to files.example is cut. It goes on by itself.", Cuts: 1}))
	shown("cut", "The line to files.example is cut.")
	leads := storetest.Must[typed.WebAddress](t)(typed.ParseWebAddress("https://mirror.example/debian.qcow2?signature=kept-quiet"))
	storetest.NoError(t, worker.Models.FailFetch(ctx, id, models.FetchFailure{Why: "files.example leads elsewhere.", Advice: "Fetch from there if you trust it.", Leads: &leads}))
	shown("failed", "It was not fetched", "files.example leads elsewhere.", "Fetch from there if you trust it.", "https://mirror.example/debian.qcow2", "Fetch it from there", page+"/retry", "/org/images/new?address=https%3A%2F%2Ffiles.example%2Fimages%2Fdebian.qcow2&name=trixie&sha256="+digest)
	says(t, "the list, failed", member.Get("/org/images"), http.StatusOK, "not fetched", "files.example leads elsewhere.")
	says(t, "prefilled", member.Get("/org/images/new?address=https%3A%2F%2Ffiles.example%2Fimages%2Fdebian.qcow2&name=trixie"), http.StatusOK, `value="https://files.example/images/debian.qcow2"`, `value="trixie"`)
	if got := auditor.Get(page); strings.Contains(got.Body, page+"/retry") {
		t.Error("an auditor may try again")
	}
	says(t, "elsewhere by now", member.Post(page+"/retry", url.Values{"follow": {"https://other.example/"}}), http.StatusConflict, "leads somewhere else by now", "It was not fetched")
	if got := member.Post(page+"/retry", url.Values{"follow": {leads.Shown}}); got.Status != http.StatusSeeOther {
		t.Errorf("from there: %d", got.Status)
	}
	says(t, "from there", member.Get(page), http.StatusOK, "Being fetched", "https://mirror.example/debian.qcow2", "Address that was given", "https://files.example/images/debian.qcow2")
	says(t, "twice", member.Post(page+"/retry", nil), http.StatusConflict, "did not fail")
	if got := member.Do(http.MethodHead, "/uploads/"+id, nil, http.Header{"Tus-Resumable": {"1.0.0"}}); got.Status != http.StatusConflict {
		t.Errorf("it is asked for as one that is sent: %d", got.Status)
	}
	storetest.NoError(t, worker.Models.FailFetch(ctx, id, models.FetchFailure{Why: "At this address is a web page.", Advice: "Give the file's.", Final: true}))
	says(t, "refused", member.Get(page), http.StatusOK, "This upload was refused", "At this address is a web page.", "Give the file's.", "Give an address again")
	says(t, "discarded", member.Post(page+"/discard", nil), http.StatusSeeOther)
	says(t, "gone", member.Get(page), http.StatusNotFound, "no such upload")
	// A file that the organization has is fetched from nowhere.
	had := strings.Repeat("1f", 16)
	storetest.Arrived(t, a.Store, w.Organization, w.Person(handlertest.Member), had, "had.qcow2", 900)
	storetest.Must[bool](t)(worker.Models.RecordVerdict(ctx, had, storetest.DoneVerdict(strings.Repeat("ef", 32))))
	got = member.Post("/org/uploads", url.Values{"address": {"https://files.example/"}, "sha256": {strings.Repeat("EF", 32)}})
	if where := got.Header.Get("Location"); got.Status != http.StatusSeeOther || where != "/org/uploads/"+had {
		t.Errorf("what is had: %d %s", got.Status, where)
	}
	says(t, "what is had", member.Get("/org/uploads/"+had), http.StatusOK, "nothing is fetched", "What came of it")
	// One that a worker fetches at this moment.
	page = member.Post("/org/uploads", url.Values{"address": {"https://files.example/"}}).Header.Get("Location")
	says(t, "without a file's name", member.Get(page), http.StatusOK, "files.example")
	says(t, "discarded before its first byte", member.Post(page+"/discard", nil), http.StatusSeeOther)
	// What was set aside for a file of unknown length is not its size, also after it was refused.
	page = member.Post("/org/uploads", url.Values{"address": {"https://files.example/page"}}).Header.Get("Location")
	id = strings.TrimPrefix(page, "/org/uploads/")
	storetest.NoError(t, worker.Models.RaiseUpload(ctx, id, 64<<20))
	storetest.NoError(t, worker.Models.FailFetch(ctx, id, models.FetchFailure{Why: "At this address is a web page.", Advice: "Give the file's.", Final: true}))
	if got := member.Get(page); !strings.Contains(got.Body, "not known") || strings.Contains(got.Body, "64 MiB") {
		t.Error("the page says how large a file is that never came")
	}
}
