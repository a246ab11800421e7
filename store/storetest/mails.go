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
