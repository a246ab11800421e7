package models_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"volary.dev/provisioner/typed"
	"volary.dev/provisioner/waittest"
	"volary.dev/store"
	"volary.dev/store/models"
	"volary.dev/store/storetest"
)

// Open pages are told how far a fetch is, and the whole address opens with the worker's identity alone.
func TestFetchesTellOpenPages(t *testing.T) {
	w := storetest.NewWorld(t)
	web, worker := storetest.OpenAs(t, w.Pool, store.RoleWeb), storetest.OpenAs(t, w.Pool, store.RoleWorker)
	ctx, end := context.WithCancel(t.Context())
	id := hexID(1)
	var begun, told atomic.Int32
	ended := make(chan error, 1)
	go func() {
		ended <- w.DB.Core.Listen(ctx, func(c store.Change) {
			switch {
			case c == store.Change{}:
				begun.Add(1)
			case c.Kind == "upload" && models.UploadOf(c.ID) == id && c.Organization == w.Organization:
				told.Add(1)
			}
		}, func() {})
	}()
	waittest.Until(t, "the listener", func() bool { return begun.Load() > 0 })
	at := storetest.Must[typed.WebAddress](t)(typed.ParseWebAddress("https://files.example/disk?signature=secret"))
	storetest.NoError(t, web.Models.BeginUpload(ctx, models.NewUpload{Organization: w.Organization, Person: w.Person, ID: id, Filename: "disk", Source: &at}))
	waittest.Until(t, "its beginning", func() bool { return told.Load() == 1 })
	storetest.NoError(t, worker.Models.StartFetch(ctx, id, 0, `"one"`, 1<<20))
	waittest.Until(t, "its start", func() bool { return told.Load() == 2 })
	storetest.NoError(t, worker.Models.RecordFetched(ctx, id, 1<<19, 1<<10))
	waittest.Until(t, "its progress", func() bool { return told.Load() == 3 })
	f := storetest.Must[models.FetchJob](t)(worker.Models.FetchForWorker(ctx, id))
	if text, err := storetest.MailIdentity().Open(f.Sealed); err != nil || text != at.Full || f.Received != 1<<19 || f.Begun != 1 || f.Length != 1<<20 {
		t.Errorf("%+v, %s, %v", f, text, err)
	}
	// Who may not, whatever the id: another organization, and what is sent.
	storetest.WantCode(t, web.Models.RetryFetch(ctx, uuid.New(), w.Person, id, ""), "not_found")
	storetest.NoError(t, web.Models.CreateUpload(ctx, w.Organization, w.Person, hexID(2), "sent", 1))
	storetest.WantCode(t, web.Models.RetryFetch(ctx, w.Organization, w.Person, hexID(2), ""), "conflict")
	if _, err := worker.Models.FetchForWorker(ctx, hexID(2)); err == nil {
		t.Error("what is sent is fetched")
	}
	end()
	waittest.Receive(t, "the end of listening", ended)
}

// An organization asks strangers' servers so often an hour, whatever became of its uploads.
func TestFetchesOfAnHour(t *testing.T) {
	w := storetest.NewWorld(t)
	at := storetest.Must[typed.WebAddress](t)(typed.ParseWebAddress("https://files.example/disk"))
	begin := func(n int) error {
		return w.DB.Models.BeginUpload(t.Context(), models.NewUpload{Organization: w.Organization, Person: w.Person, ID: hexID(n), Filename: "disk", Source: &at})
	}
	for n := range models.MaxFetchesAnHour - 1 {
		storetest.NoError(t, begin(n))
		storetest.Must[bool](t)(w.DB.Models.DiscardUpload(t.Context(), w.Person, hexID(n)))
	}
	storetest.NoError(t, begin(100))
	storetest.WantCode(t, begin(101), "uploads")
	storetest.NoError(t, w.DB.Models.FailFetch(t.Context(), hexID(100), models.FetchFailure{Why: "No.", Advice: "Wait."}))
	storetest.WantCode(t, w.DB.Models.RetryFetch(t.Context(), w.Organization, w.Person, hexID(100), ""), "uploads")
}

// What the page names is what is fetched: an operator who ends the job before it followed to another server does not lead it back.
func TestWhereAFetchFollowsItStays(t *testing.T) {
	w := storetest.NewWorld(t)
	web, worker := storetest.OpenAs(t, w.Pool, store.RoleWeb).Models, storetest.OpenAs(t, w.Pool, store.RoleWorker).Models
	address := func(s string) *typed.WebAddress {
		at := storetest.Must[typed.WebAddress](t)(typed.ParseWebAddress(s))
		return &at
	}
	id, leads := hexID(1), address("https://mirror.example/disk?signature=two")
	storetest.NoError(t, web.BeginUpload(t.Context(), models.NewUpload{Organization: w.Organization, Person: w.Person, ID: id, Filename: "disk", Source: address("https://files.example/disk?signature=one")}))
	storetest.NoError(t, worker.FailFetch(t.Context(), id, models.FetchFailure{Why: "It leads elsewhere.", Advice: "Follow.", Leads: leads}))
	storetest.NoError(t, web.RetryFetch(t.Context(), w.Organization, w.Person, id, leads.Shown))
	tx := storetest.Must[pgx.Tx](t)(w.Pool.Begin(t.Context()))
	storetest.NoError(t, models.CancelFetch(t.Context(), tx, id, "cancelled"))
	storetest.NoError(t, tx.Commit(t.Context()))
	storetest.NoError(t, web.RetryFetch(t.Context(), w.Organization, w.Person, id, ""))
	u := storetest.Must[models.Upload](t)(web.Upload(t.Context(), w.Organization, id))
	f := storetest.Must[models.FetchJob](t)(worker.FetchForWorker(t.Context(), id))
	if text, err := storetest.MailIdentity().Open(f.Sealed); err != nil || text != leads.Full || u.Source != leads.Shown || u.Given != "https://files.example/disk" {
		t.Errorf("the page names %s and %s, %s is fetched (%v)", u.Source, u.Given, text, err)
	}
	// Where it led leads on, and what was given stays what was given.
	further := address("https://third.example/disk?signature=three")
	storetest.NoError(t, worker.FailFetch(t.Context(), id, models.FetchFailure{Why: "It leads elsewhere.", Advice: "Follow.", Leads: further}))
	storetest.NoError(t, web.RetryFetch(t.Context(), w.Organization, w.Person, id, further.Shown))
	storetest.Must[models.FetchJob](t)(worker.FetchForWorker(t.Context(), id))
	storetest.NoError(t, worker.FailFetch(t.Context(), id, models.FetchFailure{Why: "Its signature is over.", Advice: "Begin again."}))
	storetest.WantCode(t, web.RetryFetch(t.Context(), w.Organization, w.Person, id, leads.Shown), "conflict")
	// By the address that was given it begins again, with its whole query, and that is all that is known then.
	given := storetest.Must[models.Upload](t)(web.Upload(t.Context(), w.Organization, id)).Given
	storetest.NoError(t, web.RetryFetch(t.Context(), w.Organization, w.Person, id, given))
	for range 2 {
		u = storetest.Must[models.Upload](t)(web.Upload(t.Context(), w.Organization, id))
		f = storetest.Must[models.FetchJob](t)(worker.FetchForWorker(t.Context(), id))
		if text, err := storetest.MailIdentity().Open(f.Sealed); err != nil || text != "https://files.example/disk?signature=one" || u.Source != "https://files.example/disk" || u.Given != "" || f.Mark != "" {
			t.Errorf("begun again: the page names %s and %q, %s is fetched (%v)", u.Source, u.Given, text, err)
		}
	}
}
