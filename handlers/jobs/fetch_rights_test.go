package jobs_test

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"volary.dev/handlers/loops/loopstest"
	"volary.dev/provisioner/waittest"
	"volary.dev/store/models"
)

// A right that ends ends the fetch that needs it, where it runs and where it waits: its server is asked for nothing more.
func TestFetchUploadEndsWithTheRight(t *testing.T) {
	for name, c := range map[string]struct{ takes, gives, says string }{
		"the membership":   {`DELETE FROM memberships`, `INSERT INTO memberships (organization_id, person_id, role, created_at) SELECT o.id, p.id, 'owner', now() FROM organizations o, people p`, "asked for it, and may bring no images"},
		"the organization": {`UPDATE organizations SET suspended_at = now(), suspended_reason = 'For a test.'`, `UPDATE organizations SET suspended_at = NULL, suspended_reason = ''`, "suspended"},
	} {
		t.Run(name, func(t *testing.T) {
			i := newImporter(t)
			do := func(statement string) {
				_, err := i.pool.Exec(t.Context(), statement)
				loopstest.NoError(t, err)
			}
			started, end := make(chan struct{}), make(chan struct{})
			var asked atomic.Int32
			i.mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", strconv.Itoa(32<<20))
				_, _ = w.Write(pattern(1 << 20))
				_ = http.NewResponseController(w).Flush()
				if asked.Add(1) == 1 {
					close(started)
				}
				select {
				case <-r.Context().Done():
				case <-end:
				}
			})
			t.Cleanup(func() { close(end) })
			i.give("/slow", "")
			do(c.takes)
			loopstest.NoError(t, i.work())
			if u := i.read(); u.FetchState != models.FetchFailed || !strings.Contains(u.Reason, c.says) || u.Advice == "" || asked.Load() != 0 {
				t.Errorf("while it waited: %+v, the server was asked %d times", u, asked.Load())
			}
			do(c.gives)
			loopstest.NoError(t, i.db.Models.RetryFetch(t.Context(), i.org, i.person, i.id, ""))
			ended := make(chan error, 1)
			go func() { ended <- i.workIn(context.WithoutCancel(t.Context())) }()
			waittest.Receive(t, "the fetch", started)
			do(c.takes)
			if err, _ := waittest.Receive(t, "the end of the fetch", ended); err != nil {
				t.Errorf("it ends by %v", err)
			}
			if u := i.read(); u.FetchState != models.FetchFailed || !strings.Contains(u.Reason, c.says) || u.Advice == "" || asked.Load() != 1 {
				t.Errorf("while it ran: %+v, the server was asked %d times", u, asked.Load())
			}
		})
	}
}
