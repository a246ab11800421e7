package loops_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"volary.dev/handlers/loops"
	"volary.dev/provisioner"
	"volary.dev/provisioner/certificate"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/floors"
	"volary.dev/store/models"
	"volary.dev/store/sealing"
	"volary.dev/store/storetest"
)

func certifier(db *floors.All, identity sealing.Identity) *loops.Certifier {
	return &loops.Certifier{Models: db.Models, Books: db.Books, Identity: identity, Log: slog.New(slog.DiscardHandler)}
}

// pass lets a test of the world's version pass or fail, as the worker ends it.
func pass(t *testing.T, w *storetest.World, worker *floors.All, passed bool) (test uuid.UUID) {
	t.Helper()
	test = storetest.Must[uuid.UUID](t)(w.DB.Machines.StartAcceptanceTest(t.Context(), w.Organization, w.Person, w.Version, w.PoolID))
	storetest.NoError(t, worker.Models.FinishAcceptanceTest(t.Context(), test, passed, provisioner.Report{Checks: []provisioner.ReportCheck{
		{Name: provisioner.CheckBoots, Title: "Every node boots", Result: provisioner.ResultPassed, Channel: provisioner.ChannelHost, Evidence: "secret words of a guest"},
		{Name: provisioner.CheckPings, Title: "Every pair of nodes reaches each other", Result: provisioner.NotObserved, Evidence: "Nobody looked."},
	}}))
	return test
}

// endTests plays the end of the clusters of tests that have ended.
func endTests(t *testing.T, w *storetest.World) {
	t.Helper()
	rows, _ := w.Pool.Query(t.Context(), `SELECT id FROM clusters WHERE kind = 'test' AND ended_at IS NULL`)
	for _, id := range storetest.Must[[]uuid.UUID](t)(pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])) {
		storetest.NoError(t, w.DB.Machines.MarkNodesGone(t.Context(), id))
	}
}

// verified reads a test's certificate by what is published.
func verified(t *testing.T, w *storetest.World, test uuid.UUID) certificate.Verified {
	t.Helper()
	row, ok, err := w.DB.Models.CertificateOfTest(t.Context(), w.Organization, test)
	storetest.NoError(t, err)
	if !ok || len(row.Address) != 43 {
		t.Fatalf("no certificate: %+v", row)
	}
	c, own, err := w.DB.Models.Certificate(t.Context(), row.Address)
	storetest.NoError(t, err)
	ring, err := w.DB.Models.CertificateRing(t.Context())
	storetest.NoError(t, err)
	v, err := certificate.Verify([]byte(c.Envelope), ring)
	storetest.NoError(t, err)
	if same, err := certificate.Verify([]byte(c.Envelope), own); err != nil || same.Valid() != v.Valid() {
		t.Errorf("by its own keys valid %v, %v", same.Valid(), err)
	}
	if row.ProviderGood != (v.Signatures[0].State == certificate.SignatureValid) || row.PlatformGood != (v.Signatures[1].State == certificate.SignatureValid) {
		t.Errorf("the list says %+v, the envelope %+v", row, v.Signatures)
	}
	if strings.Contains(c.Envelope, "secret words") {
		t.Error("what a guest said is in the certificate")
	}
	return v
}

// A test that passed has one certificate, by the provider's key and the platform's, whatever becomes of its version and images; one that
// failed has none.
func TestPassedTestIsCertified(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	worker := storetest.OpenAs(t, w.Pool, store.RoleWorker)
	w.Exec(t, `INSERT INTO uploads (id, organization_id, person_id, filename, size, created_at, finished_at, finished_by, verified_at, state, digest)
		SELECT repeat('ab', 16), organization_id, person_id, 'disk', 1, now(), now(), person_id, now(), 'done', repeat('cd', 32) FROM images LIMIT 1`)
	w.Exec(t, `UPDATE images SET upload_id = repeat('ab', 16)`)
	storetest.NoError(t, certifier(worker, storetest.MailIdentity()).Look(ctx)) // keys alone
	failed := pass(t, w, worker, false)
	endTests(t, w)
	test := pass(t, w, worker, true)
	endTests(t, w)
	storetest.NoError(t, w.DB.Models.WithdrawVersion(ctx, w.Organization, w.Person, w.Version))

	// A worker that cannot open the keys leaves it to another.
	other := storetest.Must[sealing.Identity](t)(sealing.NewIdentity())
	if err := certifier(worker, other).Look(ctx); !errors.Is(err, sealing.ErrForeign) {
		t.Fatalf("another identity: %v", err)
	}
	for range 2 {
		storetest.NoError(t, certifier(worker, storetest.MailIdentity()).Look(ctx))
	}
	v := verified(t, w, test)
	got := v.Statement.Predicate.Test
	if !v.Valid() || len(v.Signatures) != 2 || v.Signatures[0].Key.Of.ID != w.Provider.String() || !v.Signatures[1].Key.Platform() {
		t.Errorf("%+v", v.Signatures)
	}
	before := storetest.Must[models.AcceptanceTest](t)(w.DB.Models.AcceptanceTest(ctx, w.Organization, test))
	if got.Model != "trial" || got.Version != "1.0" || got.Document != before.DocumentDigest || got.Pool != "main" || got.Provider.Name != "North" || got.Machine.Type == "" ||
		len(got.Images) != 1 || got.Images[0].Canonical == "" || got.Images[0].Uploaded != strings.Repeat("cd", 32) || strings.Join(got.Images[0].Groups, " ") != "head compute" ||
		len(got.Hosts) == 0 || len(got.Nodes) != 2 || got.Nodes[0] != (certificate.Nodes{Group: "head", Count: 1}) || len(got.NotObserved) == 0 {
		t.Errorf("%+v", got)
	}
	var count int
	storetest.NoError(t, w.Pool.QueryRow(ctx, `SELECT count(*) FROM certificates`).Scan(&count))
	if _, ok, err := w.DB.Models.CertificateOfTest(ctx, w.Organization, failed); ok || err != nil || count != 1 {
		t.Errorf("%d certificates, one of the failed test: %v, %v", count, ok, err)
	}
	if _, ok, err := w.DB.Models.CertificateOfTest(ctx, uuid.New(), test); ok || err != nil {
		t.Errorf("another organization sees it: %v", err)
	}
}

// Keys are changed and revoked: certificates of a key that is retired stay valid, of one that is revoked they are not by it; its admins are told.
func TestKeysEnd(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	worker := storetest.OpenAs(t, w.Pool, store.RoleWorker)
	sign := certifier(worker, storetest.MailIdentity())
	w.Exec(t, `INSERT INTO staff (provider_id, person_id, role, created_at) VALUES ($1, $2, 'admin', now())`, w.Provider, w.Person)
	storetest.NoError(t, sign.Look(ctx))
	storetest.NoError(t, sign.Look(ctx))
	test := pass(t, w, worker, true)
	storetest.NoError(t, sign.Look(ctx))
	keys := storetest.Must[[]models.CertificateKey](t)(w.DB.Models.CertificateKeys(ctx, w.Provider))
	if len(keys) != 1 || !keys[0].Signs() {
		t.Fatalf("%+v", keys)
	}
	storetest.WantCode(t, w.DB.Models.RetireCertificateKey(ctx, w.Person, uuid.Nil, keys[0].ID), "not_found") // it is not the platform's
	storetest.NoError(t, w.DB.Models.RetireCertificateKey(ctx, w.Person, w.Provider, keys[0].ID))
	storetest.WantCode(t, w.DB.Models.RetireCertificateKey(ctx, w.Person, w.Provider, keys[0].ID), "state")
	storetest.NoError(t, sign.Look(ctx))
	now := storetest.Must[[]models.CertificateKey](t)(w.DB.Models.CertificateKeys(ctx, w.Provider))
	if v := verified(t, w, test); len(now) != 2 || !now[0].Signs() || now[1].Signs() || v.Signatures[0].State != certificate.SignatureValid {
		t.Fatalf("%+v, %+v", now, v.Signatures)
	}
	storetest.WantCode(t, w.DB.Models.RevokeCertificateKey(ctx, w.Person, w.Provider, keys[0].ID, " x "), "invalid")
	storetest.NoError(t, w.DB.Models.RevokeCertificateKey(ctx, w.Person, w.Provider, keys[0].ID, "a disk was stolen"))
	storetest.WantCode(t, w.DB.Models.RevokeCertificateKey(ctx, w.Person, w.Provider, keys[0].ID, "a disk was stolen"), "state")
	if to := storetest.MailsTo(t, w.Pool, store.MailCertificateKey); len(to) != 2 {
		t.Errorf("mailed to %q", to)
	}
	v := verified(t, w, test)
	if !v.Valid() || v.Signatures[0].State != certificate.SignatureRevoked || v.Signatures[0].Key.Revoked.Reason != "a disk was stolen" {
		t.Errorf("%+v", v.Signatures)
	}
	platform := storetest.Must[[]models.CertificateKey](t)(w.DB.Models.CertificateKeys(ctx, uuid.Nil))
	storetest.NoError(t, w.DB.Models.RevokeCertificateKey(ctx, w.Person, uuid.Nil, platform[0].ID, "a disk was stolen"))
	if v := verified(t, w, test); v.Valid() {
		t.Errorf("valid though both are revoked: %+v", v.Signatures)
	}
	// What was signed by a key that ended meanwhile is not kept.
	err := worker.Models.SignCertificate(ctx, test, keys[0].ID, platform[0].ID, []byte("{}"))
	if !errors.Is(err, models.ErrKeyEnded) {
		t.Errorf("signed by a key that has ended: %v", err)
	}
	for range 8 { // with the two above ten
		storetest.NoError(t, sign.Look(ctx))
		k := storetest.Must[[]models.CertificateKey](t)(w.DB.Models.CertificateKeys(ctx, w.Provider))
		storetest.NoError(t, w.DB.Models.RetireCertificateKey(ctx, w.Person, w.Provider, k[0].ID))
	}
	storetest.NoError(t, sign.Look(ctx))
	k := storetest.Must[[]models.CertificateKey](t)(w.DB.Models.CertificateKeys(ctx, w.Provider))
	storetest.WantCode(t, w.DB.Models.RetireCertificateKey(ctx, w.Person, w.Provider, k[0].ID), "key_limit")
}

// A provider that wants a certificate launches nothing without one that it takes, and a revoked one is none.
func TestLaunchWantsACertificate(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	worker := storetest.OpenAs(t, w.Pool, store.RoleWorker)
	sign := certifier(worker, storetest.MailIdentity())
	launch := func(name string) error {
		q, err := w.DB.Machines.Quote(ctx, w.Organization, storetest.OneHour(w, name, 0))
		storetest.NoError(t, err)
		_, err = w.DB.Machines.LaunchCluster(ctx, w.Organization, w.Person, storetest.OneHour(w, name, 0))
		if r, _ := refusal.As(err); (r == nil) != (q.Refusal == nil) || r != nil && r.Code != q.Refusal.Code {
			t.Errorf("%s: the quote says %v, the launch %v", name, q.Refusal, err)
		}
		return err
	}
	takes := func(what string) {
		t.Helper()
		storetest.NoError(t, w.DB.People.RequireCertificates(ctx, w.Person, w.Provider, what))
	}
	storetest.WantCode(t, w.DB.People.RequireCertificates(ctx, w.Person, w.Provider, "all"), "invalid")
	for _, what := range []string{"own", "platform", "any"} {
		takes(what)
		r := storetest.WantRefusal(t, launch("trial-1"), "certificate")
		if !strings.Contains(r.Title, "North") || !strings.Contains(r.Title, "trial") || !strings.Contains(r.Next, "Test the version") {
			t.Errorf("%s: %+v", what, r)
		}
	}
	pass(t, w, worker, true) // tests want none
	storetest.WantRefusal(t, launch("trial-1"), "certificate")
	storetest.NoError(t, sign.Look(ctx))
	for i, what := range []string{"own", "platform", "any"} {
		takes(what)
		storetest.NoError(t, launch([]string{"trial-1", "trial-2", "trial-3"}[i]))
	}
	keys := storetest.Must[[]models.CertificateKey](t)(w.DB.Models.CertificateKeys(ctx, w.Provider))
	storetest.NoError(t, w.DB.Models.RevokeCertificateKey(ctx, w.Person, w.Provider, keys[0].ID, "a disk was stolen"))
	takes("own")
	storetest.WantRefusal(t, launch("trial-4"), "certificate")
	takes("any") // the platform's signature is still good
	storetest.NoError(t, launch("trial-4"))
	platform := storetest.Must[[]models.CertificateKey](t)(w.DB.Models.CertificateKeys(ctx, uuid.Nil))
	storetest.NoError(t, w.DB.Models.RevokeCertificateKey(ctx, w.Person, uuid.Nil, platform[0].ID, "a disk was stolen"))
	storetest.WantRefusal(t, launch("trial-5"), "certificate")
	takes("none")
	storetest.NoError(t, launch("trial-5"))
}
