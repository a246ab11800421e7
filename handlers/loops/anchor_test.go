package loops_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"volary.dev/billing"
	"volary.dev/provisioner/certificate"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/books"
	"volary.dev/store/storetest"
)

// TestHeadsOfANightAreSignedMailedAndCompared has a whole ledger's heads signed, reads them as everybody does, and has the next night find
// that an entry is another one than a signed head says, and that a signed head was changed.
func TestHeadsOfANightAreSignedMailedAndCompared(t *testing.T) {
	w := storetest.NewWorld(t)
	w.Grant(t, w.Organization, billing.ComputeHour)
	w.Exec(t, `UPDATE people SET platform_admin = true WHERE id = $1`, w.Person)
	worker, web := storetest.OpenAs(t, w.Pool, store.RoleWorker), storetest.OpenAs(t, w.Pool, store.RoleWeb)
	c := certifier(worker, storetest.MailIdentity())
	if line := auditLog(t, w); !strings.Contains(line, "whole") {
		t.Fatalf("logged %s", line)
	}
	if list, err := web.Books.Anchors(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("before they are signed %d anchors are listed, %v", len(list), err)
	}
	storetest.NoError(t, c.Look(t.Context()))
	storetest.NoError(t, c.Look(t.Context())) // again: nothing more
	list := storetest.Must[[]books.Anchor](t)(web.Books.Anchors(t.Context()))
	if len(list) != 1 || list[0].Journals != 1 {
		t.Fatalf("anchors %+v", list)
	}
	ring := storetest.Must[certificate.Ring](t)(web.Models.CertificateRing(t.Context()))
	for _, provider := range []uuid.UUID{uuid.Nil, w.Provider} {
		envelope := storetest.Must[string](t)(web.Books.Anchor(t.Context(), provider, list[0].Day))
		payload, signature, err := certificate.OpenPayload([]byte(envelope), billing.HeadsPayload, ring)
		storetest.NoError(t, err)
		day, heads, err := billing.ReadHeads(payload)
		storetest.NoError(t, err)
		if signature.State != certificate.SignatureValid || !day.Equal(list[0].Day) || len(heads) != 1 || strings.Contains(string(payload), w.Organization.String()) {
			t.Errorf("%s: signature %s, of %s, heads %+v", provider, signature.State, day, heads)
		}
		spoilt := strings.Replace(envelope, `"sig":"`, `"sig":"AA`, 1)
		if _, signature, err := certificate.OpenPayload([]byte(spoilt), billing.HeadsPayload, ring); err != nil || signature.State != certificate.SignatureBroken {
			t.Errorf("another signature is %s, %v", signature.State, err)
		}
	}
	var none *refusal.Error
	if _, err := web.Books.Anchor(t.Context(), uuid.New(), list[0].Day); !errors.As(err, &none) || none.Code != "not_found" {
		t.Errorf("of another provider: %v", err)
	}
	storetest.MailNotices(t, w.Pool)
	var mails int
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), `
		SELECT count(*) FROM mails m JOIN people p ON p.email = m.to_address
		 WHERE p.id = $1 AND m.kind = 'ledger_heads' AND m.data->>'lines' LIKE 'volary-head-1:%' AND m.data->>'sha256' = $2`, w.Person, list[0].SHA256).Scan(&mails))
	if mails != 1 {
		t.Errorf("%d mails with the heads to the platform's admin", mails)
	}
	if _, err := w.Pool.Exec(t.Context(), `UPDATE anchors SET heads = heads || ' '`); err == nil {
		t.Error("what was signed may be changed")
	}

	// What a head says of an older day is another entry than there is now.
	w.Exec(t, `UPDATE audit_runs SET day = day - 1`)
	w.Exec(t, `INSERT INTO anchors (id, day, journals, heads) SELECT gen_random_uuid(), day - 1, 1, regexp_replace(heads, '"hash":"[0-9a-f]{8}', '"hash":"00000000') FROM anchors WHERE provider_id IS NULL`)
	storetest.NoError(t, c.Look(t.Context()))
	if line := auditLog(t, w); !strings.Contains(line, "the ledger differs") || !strings.Contains(line, "entry 2: the hash by the heads of ") {
		t.Errorf("logged %s", line)
	}
	w.Exec(t, `ALTER TABLE anchors DISABLE TRIGGER ALL`)
	w.Exec(t, `DELETE FROM anchors WHERE heads LIKE '%"hash":"00000000%'`)
	w.Exec(t, `UPDATE audit_runs SET day = day - 10`)
	w.Exec(t, `UPDATE anchors SET envelope = replace(envelope, '"sig":"', '"sig":"AA')`)
	if line := auditLog(t, w); !strings.Contains(line, "the signature of the heads of ") {
		t.Errorf("logged %s", line)
	}
}

// A key may end between the signature and its keeping: the heads then wait for the next one.
func TestAnEndedKeyKeepsNoHeads(t *testing.T) {
	w := storetest.NewWorld(t)
	w.Grant(t, w.Organization, billing.ComputeHour)
	c := certifier(storetest.OpenAs(t, w.Pool, store.RoleWorker), storetest.MailIdentity())
	auditLog(t, w)
	waiting := storetest.Must[[]books.UnsignedAnchor](t)(w.DB.Books.UnsignedAnchors(t.Context(), 10))
	if len(waiting) != 2 {
		t.Fatalf("%d lists of heads wait", len(waiting))
	}
	storetest.NoError(t, c.Look(t.Context()))
	var key uuid.UUID
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), `SELECT DISTINCT key_id FROM anchors`).Scan(&key))
	w.Exec(t, `ALTER TABLE anchors DISABLE TRIGGER ALL`)
	w.Exec(t, `UPDATE anchors SET envelope = NULL, key_id = NULL, signed_at = NULL`)
	w.Exec(t, `INSERT INTO certificate_key_ends (key_id, kind, reason, person_id) VALUES ($1, 'retired', 'the year is over', $2)`, key, w.Person)
	storetest.NoError(t, w.DB.Books.SignAnchor(t.Context(), waiting[0].ID, key, []byte("{}")))
	if left := storetest.Must[[]books.UnsignedAnchor](t)(w.DB.Books.UnsignedAnchors(t.Context(), 10)); len(left) != 2 {
		t.Errorf("%d lists of heads wait after a signature by an ended key", len(left))
	}
}
