package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

// tellMany tells the World's owner of n clusters.
func tellMany(t *testing.T, w *storetest.World, n int) {
	t.Helper()
	var list []store.Happening
	for i := range n {
		list = append(list, store.Happening{
			Place: w.Organization, Subject: uuid.Must(uuid.NewV7()), Mark: "start 1", Whose: w.Person, Kind: store.MailClusterFailed,
			Data: map[string]string{"cluster": fmt.Sprintf("c-%d", i), "path": "/org/clusters"},
		})
	}
	storetest.NoError(t, w.DB.Core.Tx(t.Context(), func(tx pgx.Tx) error { return w.DB.Core.Tell(t.Context(), tx, store.EventClusterFailed, list...) }))
}

// A storm is twenty mails, of which the last says so, and then one with the rest every ten minutes.
func TestAStormIsSummedUp(t *testing.T) {
	w := storetest.NewWorld(t)
	count := func(kind store.MailKind) (n int) {
		t.Helper()
		storetest.NoError(t, w.Pool.QueryRow(t.Context(), `SELECT count(*) FROM mails WHERE kind = $1`, kind).Scan(&n))
		return n
	}
	tellMany(t, w, 150)
	if n := storetest.MailNotices(t, w.Pool); n != store.MostNotices {
		t.Errorf("%d mails at once", n)
	}
	var last int
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), `SELECT count(*) FROM mails WHERE data->>'many' = '20'`).Scan(&last))
	if last != 1 {
		t.Errorf("%d mails say that they are the last", last)
	}
	// What is left waits for its time, though it is looked at again and again, and others do not wait behind it.
	worker := storetest.OpenAs(t, w.Pool, store.RoleWorker).Core
	for range 3 {
		if n := storetest.Must[int](t)(worker.MailNotices(t.Context())); n != 0 {
			t.Errorf("%d mails more", n)
		}
	}
	other := storetest.Member(t, w, "bo@example.org")
	storetest.NoError(t, w.DB.Core.Tx(t.Context(), func(tx pgx.Tx) error {
		return w.DB.Core.Tell(t.Context(), tx, store.EventClusterReady, store.Happening{Place: w.Organization, Subject: w.Image, Mark: "start 1", Whose: other, Kind: store.MailClusterReady})
	}))
	if n := storetest.Must[int](t)(worker.MailNotices(t.Context())); n != 1 {
		t.Errorf("%d mails to another", n)
	}
	w.Exec(t, `UPDATE notices SET ended_at = ended_at - interval '11 minutes' WHERE ended_at IS NOT NULL`)
	if n := storetest.MailNotices(t, w.Pool); n != 1 || count(store.MailSummary) != 1 {
		t.Errorf("%d mails after ten minutes, %d summaries", n, count(store.MailSummary))
	}
	var said, more, items string
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), `SELECT data->>'count', data->>'more', data->>'items' FROM mails WHERE kind = 'summary'`).Scan(&said, &more, &items))
	if said != "130" || more != "110" || strings.Count(items, `"kind"`) != 20 {
		t.Errorf("a summary of %s, %s not named: %s", said, more, items)
	}
	// An hour later each comes by itself again.
	w.Exec(t, `UPDATE notices SET ended_at = ended_at - interval '2 hours' WHERE ended_at IS NOT NULL`)
	tellMany(t, w, 2)
	if n := storetest.MailNotices(t, w.Pool); n != 2 {
		t.Errorf("%d mails an hour later", n)
	}
}

// Nothing is told where its transaction is not committed, and what was told is forgotten at its time, but not what waits.
func TestNoticesComeAndGo(t *testing.T) {
	w := storetest.NewWorld(t)
	err := w.DB.Core.Tx(t.Context(), func(tx pgx.Tx) error {
		storetest.NoError(t, w.DB.Core.Tell(t.Context(), tx, store.EventClusterReady, store.Happening{Place: w.Organization, Subject: w.Image, Mark: "x", Whose: w.Person, Kind: store.MailClusterReady}))
		return fmt.Errorf("undone")
	})
	if n := storetest.MailNotices(t, w.Pool); n != 0 || err == nil {
		t.Errorf("%d mails of what was undone, %v", n, err)
	}
	tellMany(t, w, 2)
	storetest.MailNotices(t, w.Pool)
	tellMany(t, w, 1)
	w.Exec(t, `UPDATE notices SET ended_at = now() - interval '61 days', created_at = now() - interval '61 days' WHERE ended_at IS NOT NULL`)
	w.Exec(t, `INSERT INTO told VALUES ('lease_ends', $1, 'old', now() - interval '61 days'), ('lease_ends', $1, 'new', now())`, w.Image)
	storetest.NoError(t, storetest.OpenAs(t, w.Pool, store.RoleWorker).Core.ForgetNotices(t.Context(), 10))
	var notices, told int
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM notices), (SELECT count(*) FROM told)`).Scan(&notices, &told))
	if notices != 1 || told != 1 {
		t.Errorf("%d notices and %d tellings are left", notices, told)
	}
}

// What was told to a role that sees it is not mailed to one that does not see it any more.
func TestNoticesOfALostRoleAreNotMailed(t *testing.T) {
	for role, want := range map[string]int{"owner": 1, "auditor": 1, "billing": 0} {
		w := storetest.NewWorld(t)
		tellMany(t, w, 1)
		w.Exec(t, `INSERT INTO memberships (organization_id, person_id, role, created_at) SELECT $1, id, 'owner', now() FROM people WHERE id <> $2 LIMIT 1 ON CONFLICT DO NOTHING`, w.Organization, w.Person)
		w.Exec(t, `UPDATE memberships SET role = $2 WHERE person_id = $1`, w.Person, role)
		if n := storetest.MailNotices(t, w.Pool); n != want {
			t.Errorf("%d mails to who is %s now, want %d", n, role, want)
		}
	}
}
