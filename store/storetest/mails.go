package storetest

import (
	"context"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"volary.dev/store"
	"volary.dev/store/sealing"
)

// MailIdentity opens the secret links of the mails that the handles of Open and OpenAs write: one for all of a process.
var MailIdentity = sync.OnceValue(func() sealing.Identity {
	i, err := sealing.NewIdentity()
	if err != nil {
		panic(err)
	}
	return i
})

// LastMail is the kind of the newest mail to an address, and the page of ours that its link opens, a secret one or not.
func LastMail(t testing.TB, pool *pgxpool.Pool, to string) (kind store.MailKind, path string) {
	t.Helper()
	var sealed []byte
	err := pool.QueryRow(context.Background(), `
		SELECT kind, coalesce(data->>'path', ''), sealed FROM mails WHERE to_address = $1 ORDER BY created_at DESC, id DESC LIMIT 1`, to).
		Scan(&kind, &path, &sealed)
	if err != nil {
		t.Fatalf("mail to %s: %v", to, err)
	}
	if sealed != nil {
		path = OpenLink(t, sealed)
	}
	return kind, path
}

// OpenLink is what was sealed.
func OpenLink(t testing.TB, sealed []byte) string {
	t.Helper()
	path, err := MailIdentity().Open(sealed)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// MailNotices makes mails of what was told, as the worker does, and as if the time to gather it were over. It returns how many.
func MailNotices(t testing.TB, pool *pgxpool.Pool) int {
	t.Helper()
	if _, err := pool.Exec(context.Background(), `UPDATE notices SET due_at = now() WHERE ended_at IS NULL`); err != nil {
		t.Fatal(err)
	}
	return check[int](t)(OpenAs(t, pool, store.RoleWorker).Core.MailNotices(context.Background()))
}

// MailsTo are the addresses that mails of a kind went to, in their order, each as often as it got one.
func MailsTo(t testing.TB, pool *pgxpool.Pool, kind store.MailKind) (to []string) {
	t.Helper()
	MailNotices(t, pool)
	err := pool.QueryRow(context.Background(), `SELECT coalesce(array_agg(to_address ORDER BY to_address), '{}') FROM mails WHERE kind = $1`, kind).Scan(&to)
	noError(t, err)
	return to
}
