package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/provisioner/certificate"
	"volary.dev/store/storetest"
)

// TestLedgerVerifyNeedsNoDatabase checks a downloaded ledger with signed heads and a paper, where no database is named; and the database with the same.
func TestLedgerVerifyNeedsNoDatabase(t *testing.T) {
	pool := market(t)
	noError(t, grantCommand{Provider: "North", Organization: "Astronomy", Hours: "12.5"}.Run(t.Context()))
	db := storetest.Open(t, pool)
	var org uuid.UUID
	noError(t, pool.QueryRow(t.Context(), `SELECT id FROM organizations`).Scan(&org))
	dir, key := t.TempDir(), newSigner(t)
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		noError(t, os.WriteFile(path, b, 0o600))
		return path
	}
	var b bytes.Buffer
	noError(t, db.Books.ExportLedgerOfOrganization(t.Context(), org, &b))
	ledger := write("ledger.jsonl", b.Bytes())
	report, err := db.Books.VerifyLedger(t.Context())
	noError(t, err)
	list, err := billing.WriteHeads(time.Now(), time.Now(), report.Heads)
	noError(t, err)
	signed := func(payload []byte) string {
		envelope, err := certificate.SignPayload(t.Context(), billing.HeadsPayload, payload, key)
		noError(t, err)
		return write(uuid.NewString(), envelope)
	}
	ring, err := certificate.Ring{Keys: []certificate.Key{{ID: certificate.KeyID(key.Public()), Public: key.Public()}}}.Write()
	noError(t, err)
	keys, heads, paper := write("keys.json", ring), signed(list), write("invoice.html", []byte("<code>"+report.Heads[0].Mark()+"</code>"))
	other := report.Heads[0]
	other.Hash[0] ^= 1
	changed, err := billing.WriteHeads(time.Now(), time.Now(), []billing.Head{other})
	noError(t, err)
	other = report.Heads[0]
	other.Journal.OrganizationID = uuid.New()
	url := os.Getenv("DATABASE_URL")
	for _, c := range []struct {
		line []string
		want string // empty: it ends well
	}{
		{[]string{ledger, "--heads", heads, "--keys", keys, "--statement", paper}, ""},
		{[]string{ledger, "--heads", heads}, ""}, // says that the signature is unchecked
		{[]string{ledger, "--heads", signed(changed), "--keys", keys}, "entry 1: the hash by the heads of "},
		{[]string{ledger, "--statement", write("other.html", []byte(other.Mark()))}, "none of the 1 older head given is of a journal"},
		{[]string{ledger, "--statement", keys}, "no heads of a ledger"},
		{[]string{ledger, "--heads", heads, "--keys", write("none.json", []byte(`{"_type":"`+certificate.KeysType+`","keys":[{"keyid":"","public":""}]}`))}, "is not the one of its id"},
		{[]string{ledger, "--heads", paper}, "no certificate"},
		{[]string{paper}, "it is no JSON"},
		{[]string{"--heads", heads, "--keys", keys, "--statement", paper}, ""},
		{[]string{"--heads", heads}, "is unknown: nothing it says counts"}, // by the database's own keys
		{[]string{"--statement", write("gone.html", []byte(other.Mark()))}, "the journal "},
	} {
		database := url
		if c.line[0] != "" && !strings.HasPrefix(c.line[0], "-") {
			database = "postgres://nobody@127.0.0.1:1/nothing"
		}
		t.Setenv("DATABASE_URL", database)
		err := run(t, append([]string{"ledger", "verify"}, c.line...)...)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: want %q, got %v", c.line, c.want, err)
		}
	}
}

func newSigner(t *testing.T) certificate.Private {
	t.Helper()
	key, err := certificate.NewKey()
	noError(t, err)
	return key
}
