package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"volary.dev/store"
	"volary.dev/store/floors"
	"volary.dev/store/sealing"
	"volary.dev/store/storetest"
)

// TestMailShow opens a link that lies here because no mail can be sent, which is not done in secret.
func TestMailShow(t *testing.T) {
	file := filepath.Join(t.TempDir(), "identity")
	var out bytes.Buffer
	storetest.NoError(t, mailKey{File: file}.run(&out))
	_, line, _ := strings.Cut(out.String(), "VOLARY_MAIL_RECIPIENT=")
	to := storetest.Must[sealing.Recipient](t)(sealing.ParseRecipient(line))
	w := storetest.NewWorld(t)
	db := floors.New(storetest.PoolAs(t, w.Pool, store.RoleWeb), store.Options{MailRecipient: to})
	var email string
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), `SELECT email FROM people WHERE id = $1`, w.Person).Scan(&email))
	storetest.NoError(t, db.People.RequestReset(t.Context(), email, ""))

	t.Setenv("DATABASE_URL", w.Pool.Config().ConnString())
	t.Setenv("VOLARY_PUBLIC_URL", "https://volary.example")
	t.Setenv("VOLARY_MAIL_IDENTITY_FILE", "")
	if err := (mailShow{Address: email}).run(t.Context(), &out); err == nil || !strings.Contains(err.Error(), "VOLARY_MAIL_IDENTITY_FILE") {
		t.Errorf("without an identity: %v", err)
	}
	t.Setenv("VOLARY_MAIL_IDENTITY_FILE", file)
	out.Reset()
	storetest.NoError(t, mailShow{Address: strings.ToUpper(email)}.run(t.Context(), &out))
	if got := out.String(); !strings.HasPrefix(got, "https://volary.example/reset/choose?token=") {
		t.Errorf("shown: %q", got)
	}
	var told, logged int
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), `
		SELECT (SELECT count(*) FROM mails WHERE kind = 'link_shown' AND lower(to_address) = $1), (SELECT count(*) FROM audit WHERE verb = 'show link of mail')`, email).
		Scan(&told, &logged))
	if told != 1 || logged != 1 {
		t.Errorf("told %d times, logged %d times; want 1 and 1", told, logged)
	}
	// The domain as it is read finds what is kept in its ASCII form.
	_, err := w.Pool.Exec(t.Context(), `UPDATE people SET email = 'ulrike@xn--mller-kva.example' WHERE id = $1`, w.Person)
	storetest.NoError(t, err)
	storetest.NoError(t, db.People.RequestReset(t.Context(), "ulrike@müller.example", ""))
	storetest.NoError(t, mailShow{Address: "Ulrike@Müller.example"}.run(t.Context(), &out))
	if err := (mailShow{Address: "nobody@example.org"}).run(t.Context(), &out); err == nil {
		t.Error("a link of nobody is shown")
	}
}
