package books_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/store"
	"volary.dev/store/books"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// payers is a World with those who may and may not hear of its hours.
func payers(t *testing.T) (*storetest.World, *books.DB) {
	t.Helper()
	w := storetest.NewWorld(t)
	for name, role := range map[string]people.OrganizationRole{"manager": people.RoleManager, "member": people.RoleMember, "billing": people.RoleBilling, "auditor": people.RoleAuditor} {
		id := storetest.Must[uuid.UUID](t)(w.DB.People.CreatePerson(t.Context(), uuid.Nil, people.NewPerson{Email: name + "@example.org", Name: name, Password: storetest.Password}))
		storetest.NoError(t, w.DB.People.AddMember(t.Context(), uuid.Nil, w.Organization, id, role))
	}
	return w, storetest.OpenAs(t, w.Pool, store.RoleWorker).Books
}

var whoPays = []string{"ada@example.org", "billing@example.org", "manager@example.org"}

// tellHours looks twice: what was told is not told again.
func tellHours(t *testing.T, worker *books.DB, want int) {
	t.Helper()
	for _, n := range []int{want, 0} {
		if got := storetest.Must[int](t)(worker.TellHours(t.Context())); got != n {
			t.Errorf("told of %d, want %d", got, n)
		}
	}
}

func wantTold(t *testing.T, w *storetest.World, kind store.MailKind, times int) {
	t.Helper()
	var want []string
	for range times {
		want = append(want, whoPays...)
	}
	slices.Sort(want)
	if to := storetest.MailsTo(t, w.Pool, kind); !slices.Equal(to, want) {
		t.Errorf("%s to %q, want %q", kind, to, want)
	}
}

func lastOf(t *testing.T, w *storetest.World, kind store.MailKind, key string) (value string) {
	t.Helper()
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), `SELECT coalesce(data->>$2, '') FROM mails WHERE kind = $1 ORDER BY created_at DESC, id DESC LIMIT 1`, kind, key).Scan(&value))
	return value
}

// 100 hours are the whole. A threshold is told of once, the lower of two at once alone, and anew after a grant, or a day after
// what was set aside came back.
func TestTellHoursLow(t *testing.T) {
	w, worker := payers(t)
	set := func(hours int64) {
		t.Helper()
		conn, err := w.Pool.Acquire(t.Context())
		storetest.NoError(t, err)
		defer conn.Release()
		for _, s := range []string{`SET session_replication_role = replica`, `UPDATE lots SET used = bought, available = 0, held = 0`} {
			_, err = conn.Exec(t.Context(), s)
			storetest.NoError(t, err)
		}
		_, err = conn.Exec(t.Context(), `UPDATE lots SET used = bought - $1, available = $1 WHERE id = (SELECT id FROM lots ORDER BY created_at, id LIMIT 1)`, hours*int64(billing.ComputeHour))
		storetest.NoError(t, err)
		_, err = conn.Exec(t.Context(), `SET session_replication_role = origin`)
		storetest.NoError(t, err)
	}
	tellHours(t, worker, 0)
	set(21)
	tellHours(t, worker, 0)
	set(20)
	tellHours(t, worker, 1)
	wantTold(t, w, store.MailHoursLow, 1)
	if p, l, f := lastOf(t, w, store.MailHoursLow, "percent"), lastOf(t, w, store.MailHoursLow, "left"), lastOf(t, w, store.MailHoursLow, "full"); p != "20" || l != "20.00" || f != "100.00" {
		t.Errorf("%s %% of %s: %s", p, f, l)
	}
	set(6)
	tellHours(t, worker, 0)
	set(5)
	tellHours(t, worker, 1)
	if p := lastOfMailed(t, w, "percent"); p != "5" {
		t.Errorf("%s %%", p)
	}
	set(0)
	tellHours(t, worker, 0)
	// What was set aside comes back and goes again: at once nothing, a day later it is told of again.
	set(50)
	tellHours(t, worker, 0)
	set(4)
	tellHours(t, worker, 0)
	w.Exec(t, `UPDATE hour_marks SET told_at = now() - interval '25 hours'`)
	set(50)
	if n := storetest.Must[int](t)(worker.TellHours(t.Context())); n != 0 {
		t.Errorf("told of %d while half is left", n)
	}
	set(4)
	tellHours(t, worker, 1)
	wantTold(t, w, store.MailHoursLow, 3)
	// A grant: 54 hours are the whole now.
	w.Grant(t, w.Organization, 50*billing.ComputeHour)
	tellHours(t, worker, 0)
	set(2) // below both at once
	tellHours(t, worker, 1)
	wantTold(t, w, store.MailHoursLow, 4)
	if p := lastOfMailed(t, w, "percent"); p != "5" {
		t.Errorf("%s %%", p)
	}
	// Who chose none gets none.
	storetest.NoError(t, w.DB.People.ChooseMails(t.Context(), w.Person, func(_ uuid.UUID, e store.MailEvent) (store.MailScope, bool) {
		return store.ScopeNone, e == store.EventHoursLow
	}))
	w.Grant(t, w.Organization, 50*billing.ComputeHour)
	set(1)
	tellHours(t, worker, 1)
	if to := storetest.MailsTo(t, w.Pool, store.MailHoursLow); len(to) != 14 {
		t.Errorf("%d mails", len(to))
	}
}

func lastOfMailed(t *testing.T, w *storetest.World, key string) string {
	t.Helper()
	storetest.MailNotices(t, w.Pool)
	return lastOf(t, w, store.MailHoursLow, key)
}

// What is set aside is not left.
func TestTellHoursSetAside(t *testing.T) {
	w, worker := payers(t)
	w.Exec(t, `UPDATE hour_marks SET full_hours = 6 * $1::bigint`, int64(billing.ComputeHour))
	// With web's rights alone, which move the mark.
	g := books.Grant{ProviderID: w.Provider, OrganizationID: w.Organization, Hours: 10 * billing.ComputeHour} // 110 in all
	storetest.Must[uuid.UUID](t)(storetest.OpenAs(t, w.Pool, store.RoleWeb).Books.GrantHours(t.Context(), g))
	w.Exec(t, `UPDATE pools SET max_lease_hours = 200`)
	r := storetest.OneHour(w, "long", 0)
	r.LeaseSeconds = 100 * 3600
	storetest.Must[uuid.UUID](t)(w.DB.Machines.LaunchCluster(t.Context(), w.Organization, w.Person, r))
	tellHours(t, worker, 1)
	wantTold(t, w, store.MailHoursLow, 1)
	if l, h := lastOf(t, w, store.MailHoursLow, "left"), lastOf(t, w, store.MailHoursLow, "held"); l != "10.00" || h != "100.00" {
		t.Errorf("left %s, set aside %s", l, h)
	}
}

// Days are the provider's: Europe/Berlin puts its clocks forward within them.
func TestTellHoursExpire(t *testing.T) {
	w, worker := payers(t)
	berlin, err := time.LoadLocation("Europe/Berlin")
	storetest.NoError(t, err)
	until := func(d time.Duration) {
		t.Helper()
		at := time.Now().In(berlin).Add(d)
		storetest.Must[uuid.UUID](t)(w.DB.Books.GrantHours(t.Context(), books.Grant{ProviderID: w.Provider, OrganizationID: w.Organization, Hours: 7 * billing.ComputeHour, ExpiresAt: &at}))
		w.Exec(t, `ALTER TABLE lots DISABLE TRIGGER USER`)
		w.Exec(t, `UPDATE lots SET created_at = now() - interval '60 days' WHERE expires_at IS NOT NULL`)
		w.Exec(t, `ALTER TABLE lots ENABLE TRIGGER USER`)
	}
	move := func(d time.Duration) {
		t.Helper()
		w.Exec(t, `ALTER TABLE lots DISABLE TRIGGER USER`)
		w.Exec(t, `UPDATE lots SET expires_at = $1 WHERE expires_at IS NOT NULL`, time.Now().Add(d))
		w.Exec(t, `ALTER TABLE lots ENABLE TRIGGER USER`)
	}
	const day = 24 * time.Hour
	until(31 * day)
	tellHours(t, worker, 0)
	move(29 * day)
	tellHours(t, worker, 1)
	if d := lastOfExpiring(t, w, "days"); d != "30 days" {
		t.Errorf("in %s", d)
	}
	if at := lastOfExpiring(t, w, "until"); at[len(at)-3:] != "CET" && at[len(at)-4:] != "CEST" {
		t.Errorf("at %s", at)
	}
	move(8 * day)
	tellHours(t, worker, 0)
	move(6 * day)
	tellHours(t, worker, 1)
	move(23 * time.Hour)
	tellHours(t, worker, 1)
	wantTold(t, w, store.MailHoursExpire, 3)
	move(time.Hour)
	tellHours(t, worker, 0)
	// Two that end at one time are one mail; what came late is not told of by notices of before.
	move(-time.Minute)
	at := time.Now().Add(6 * day)
	for range 2 {
		storetest.Must[uuid.UUID](t)(w.DB.Books.GrantHours(t.Context(), books.Grant{ProviderID: w.Provider, OrganizationID: w.Organization, Hours: 3 * billing.ComputeHour, ExpiresAt: &at}))
	}
	tellHours(t, worker, 0)
	w.Exec(t, `ALTER TABLE lots DISABLE TRIGGER USER`)
	w.Exec(t, `UPDATE lots SET created_at = now() - interval '60 days' WHERE expires_at > now()`)
	w.Exec(t, `ALTER TABLE lots ENABLE TRIGGER USER`)
	tellHours(t, worker, 1)
	wantTold(t, w, store.MailHoursExpire, 4)
	if h := lastOfExpiring(t, w, "hours"); h != "6.00" {
		t.Errorf("%s hours", h)
	}
}

func lastOfExpiring(t *testing.T, w *storetest.World, key string) string {
	t.Helper()
	storetest.MailNotices(t, w.Pool)
	return lastOf(t, w, store.MailHoursExpire, key)
}
