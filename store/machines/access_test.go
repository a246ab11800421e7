package machines_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/machines"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// claimed are the nodes that a worker may tell now.
func claimed(t *testing.T, db *machines.DB, worker string, again bool) []machines.AccessClaim {
	t.Helper()
	return storetest.Must[[]machines.AccessClaim](t)(db.ClaimAccess(t.Context(), worker, again, 10, time.Minute))
}

// TestAccessIsToldUntilItIsThere is a node's way: it is told of a start, passed over, told of a change, told again where that was in
// vain, and left alone once it has all. Two workers never tell the same node, and a dead one's is another's.
func TestAccessIsToldUntilItIsThere(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	db := storetest.OpenAs(t, w.Pool, store.RoleWorker).Machines
	left, _, line := keyHolder(t, w, "left")
	id := w.Launch(t, "trial-1", 1)
	if got := claimed(t, db, "one", false); len(got) > 0 {
		t.Fatalf("before anything is ready %+v is told", got)
	}
	w.Ready(t, id)
	first := claimed(t, db, "one", false)
	if len(first) != 2 || first[0].Name != "compute-001" || first[0].StartID != storetest.StartID(first[0].NodeID) || len(first[0].Taken) > 0 {
		t.Fatalf("told first: %+v", first)
	}
	if got := claimed(t, db, "two", false); len(got) > 0 {
		t.Errorf("another worker tells %+v as well", got)
	}
	access := storetest.Must[machines.ClusterAccess](t)(db.ReadAccess(ctx, id))
	if access.Start != 1 || access.Accounts || len(access.Logins) > 0 || len(access.Keys) != 1 || access.Keys[0].Ended {
		t.Errorf("to be told is %+v", access)
	}
	storetest.NoError(t, db.PassAccess(ctx, "one", access.Generation, first))
	if got := claimed(t, db, "one", false); len(got) > 0 {
		t.Errorf("what was passed over is told: %+v", got)
	}

	storetest.NoError(t, w.DB.People.RemoveMember(ctx, w.Organization, w.Person, left))
	second := claimed(t, db, "one", false)
	access = storetest.Must[machines.ClusterAccess](t)(db.ReadAccess(ctx, id))
	if len(second) != 2 || len(access.Keys) != 1 || !access.Keys[0].Ended || !strings.HasPrefix(line, strings.Join(strings.Fields(access.Keys[0].PublicKey)[:2], " ")) {
		t.Fatalf("after a member left %+v are told %+v", second, access)
	}
	out := machines.AccessOutcome{
		Node: second[0].NodeID, Generation: access.Generation, StartID: second[0].StartID, Taken: []string{access.Keys[0].Fingerprint}, Whole: true,
	}
	vain := machines.AccessOutcome{
		Node: second[1].NodeID, Generation: access.Generation, StartID: second[1].StartID, Taken: out.Taken, Whole: true, Problem: "agent", RetryAfter: time.Hour,
	}
	storetest.NoError(t, db.RecordAccess(ctx, "two", out)) // whose claim it is not
	storetest.NoError(t, db.RecordAccess(ctx, "one", vain))
	d := storetest.Cluster(t, w, id)
	if k := d.EndedKeys; len(k) != 1 || k[0].Nodes != 2 || k[0].Taken != 0 || k[0].TakenAt != nil || !k[0].Opens() {
		t.Errorf("before anything was taken: %+v", k)
	}
	storetest.NoError(t, db.RecordAccess(ctx, "one", out))
	d = storetest.Cluster(t, w, id)
	if k := d.EndedKeys; len(k) != 1 || k[0].Taken != 1 || k[0].TakenAt == nil || !k[0].Opens() {
		t.Errorf("once it is taken out of one: %+v", k)
	}
	if u := d.Untold; len(u) != 1 || u[0].Name != "head" || u[0].Problem != "agent" || u[0].Since == nil || u[0].Next == nil {
		t.Errorf("not told: %+v", u)
	}
	if got := append(claimed(t, db, "one", false), claimed(t, db, "one", true)...); len(got) > 0 {
		t.Errorf("before its time %+v is told again", got)
	}
	// Something else is wanted: it is tried, but not more often than each five seconds.
	keyHolder(t, w, "comes")
	if got := claimed(t, db, "one", true); len(got) > 0 {
		t.Errorf("at once again: %+v", got)
	}
	w.Exec(t, `UPDATE node_access SET tried_at = tried_at - interval '6 seconds'`)
	again := claimed(t, db, "one", true)
	if len(again) != 1 || again[0].Name != "head" || again[0].Tries != 1 || again[0].Problem != "agent" {
		t.Fatalf("again: %+v", again)
	}
	w.Exec(t, `UPDATE node_access SET claimed_until = now() WHERE claimed_by IS NOT NULL`) // its worker died
	if got := claimed(t, db, "two", true); len(got) != 1 {
		t.Errorf("after its worker died: %+v", got)
	}
	storetest.NoError(t, db.ReleaseAccess(ctx, "two"))
	vain.Problem, vain.RetryAfter = "", 0
	_ = claimed(t, db, "one", true)
	storetest.NoError(t, db.RecordAccess(ctx, "one", vain))
	if k := storetest.Cluster(t, w, id).EndedKeys; len(k) != 1 || k[0].Taken != 2 || k[0].Opens() {
		t.Errorf("once it is taken out of all: %+v", k)
	}
	if got := storetest.Must[[]machines.OpenKey](t)(w.DB.Machines.KeysOpening(ctx, left)); len(got) != 1 || got[0].Opens() {
		t.Errorf("the person's page has %+v", got)
	}

	// A machine that starts anew has the seed's keys.
	w.Exec(t, `UPDATE nodes SET start_id = 'another' WHERE name = 'head'`)
	if k := storetest.Cluster(t, w, id).EndedKeys; k[0].Taken != 1 {
		t.Errorf("after a start of one machine: %+v", k)
	}
	if got := claimed(t, db, "one", false); len(got) != 2 || len(got[1].Taken) != 0 || got[1].StartID != "another" {
		t.Errorf("after a start of one machine %+v are told", got)
	}
}

// TestLoginsAreForEver gives each member a login that no other has or gets, whatever they are called.
func TestLoginsAreForEver(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	login := func(person uuid.UUID) people.Login {
		t.Helper()
		return storetest.Must[people.Login](t)(w.DB.People.Login(ctx, w.Organization, person))
	}
	var all []people.Login
	for _, c := range []struct{ email, name string }{
		{"ada.brandt@example.org", "ada-brandt"},
		{"ada-brandt@elsewhere.example", "ada-brandt-2"},
		{"ada_brandt@third.example", "ada-brandt-3"},
		{"root@example.org", "root-2"},
		{"debian@example.org", "debian-2"},
		{"systemd-x@example.org", "usystemd-x"},
		{"42@example.org", "u42"},
		{"-@example.org", "u"},
		{"'; reboot #@example.org", ""},
		{"a$(reboot)@example.org", "a-reboot"},
		{strings.Repeat("long", 15) + "@example.org", "longlonglonglonglonglong"},
		{"zoë@example.org", "zo"},
	} {
		if c.name == "" {
			continue
		}
		id := uuid.New()
		// What the rules for addresses would refuse is no name either.
		w.Exec(t, `INSERT INTO people (id, email, name, password_hash, created_at) VALUES ($1, $2, 'x', '', now())`, id, c.email)
		storetest.NoError(t, w.DB.People.AddMember(ctx, w.Person, w.Organization, id, people.RoleMember))
		l := login(id)
		if l.Name != c.name || l.UID < provisioner.LeastUID || l.UID > provisioner.MostUID || l.Keys != 0 {
			t.Errorf("%s has %+v, want %s", c.email, l, c.name)
		}
		if slices.ContainsFunc(all, func(o people.Login) bool { return o.Name == l.Name || o.UID == l.UID }) {
			t.Errorf("%s shares %+v", c.email, l)
		}
		if _, err := (provisioner.Access{Accounts: true, Logins: []provisioner.Login{{Name: l.Name, UID: l.UID}}}).Text(); err != nil {
			t.Errorf("%s: %v", c.email, err)
		}
		all = append(all, l)
	}

	back := storetest.Member(t, w, "back@example.org")
	was := login(back)
	storetest.NoError(t, w.DB.People.RemoveMember(ctx, w.Organization, w.Person, back))
	w.Exec(t, `UPDATE people SET email = 'other@example.org' WHERE id = $1`, back)
	next := login(storetest.Member(t, w, "back@example.org"))
	if next.Name == was.Name || next.UID == was.UID {
		t.Errorf("who came after %+v has %+v", was, next)
	}
	storetest.NoError(t, w.DB.People.AddMember(ctx, w.Person, w.Organization, back, people.RoleMember))
	if got := login(back); got != was {
		t.Errorf("who came back has %+v and had %+v", got, was)
	}
	for _, change := range []string{`UPDATE logins SET uid = 70999`, `UPDATE logins SET login = 'x'`, `DELETE FROM logins`, `TRUNCATE logins`} {
		if _, err := w.Pool.Exec(ctx, change); err == nil || !strings.Contains(err.Error(), "never") {
			t.Errorf("%s: %v", change, err)
		}
	}
}

// TestAccessChangesAreCounted takes what changes who may sign in, and what does not.
func TestAccessChangesAreCounted(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	person, key, _ := keyHolder(t, w, "cleo")
	generation := func() (n int64) {
		storetest.NoError(t, w.Pool.QueryRow(ctx, `SELECT generation FROM access_changes WHERE organization_id = $1`, w.Organization).Scan(&n))
		return n
	}
	for _, c := range []struct {
		what   string
		counts bool
		do     func() error
	}{
		{"a cap", false, func() error { storetest.SetCap(t, w, person, 5); return nil }},
		{"a name", false, func() error { w.Exec(t, `UPDATE people SET name = 'Ada' WHERE id = $1`, person); return nil }},
		{"another role", true, func() error {
			return w.DB.People.ChangeMember(ctx, w.Organization, w.Person, person, people.RoleManager)
		}},
		{"a suspension", true, func() error {
			w.Exec(t, `UPDATE people SET suspended_at = now(), suspended_reason = 'x' WHERE id = $1`, person)
			return nil
		}},
		{"its end", true, func() error {
			w.Exec(t, `UPDATE people SET suspended_at = NULL, suspended_reason = '' WHERE id = $1`, person)
			return nil
		}},
		{"a key less", true, func() error { return w.DB.People.DeleteSSHKey(ctx, person, key) }},
		{"a key more", true, func() error {
			_, err := w.DB.People.AddSSHKey(ctx, person, "x", sshKey(t, "x"))
			return err
		}},
		{"a key of a stranger", false, func() error {
			id, err := w.DB.People.CreatePerson(ctx, uuid.Nil, people.NewPerson{Email: "s@example.org", Name: "s", Password: storetest.Password})
			if err == nil {
				_, err = w.DB.People.AddSSHKey(ctx, id, "x", sshKey(t, "x"))
			}
			return err
		}},
		{"a member less", true, func() error { return w.DB.People.RemoveMember(ctx, w.Organization, w.Person, person) }},
	} {
		before := generation()
		storetest.NoError(t, c.do())
		if got := generation() > before; got != c.counts {
			t.Errorf("%s counts: %t", c.what, got)
		}
	}
}
