package handlers_test

import (
	"maps"
	"net/http"
	"net/url"
	"testing"
	"time"

	"volary.dev/handlers/handlertest"
)

// A launch says how its lease ends, with what is set aside and kept, before and after it; what is wrong stands at its field, as typed.
func TestLaunchSaysHowItsLeaseEnds(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	owner := a.SignIn(handlertest.Owner)
	form := func(change url.Values) url.Values {
		f := url.Values{"name": {"dated"}, "version": {w.Version.String()}, "pool": {w.Pool.String()}, "compute_count": {"1"}}
		maps.Copy(f, change)
		return f
	}
	zone, err := time.LoadLocation("Europe/Berlin") // its provider's
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now().In(zone).Add(30*time.Hour + time.Minute).Truncate(time.Minute)
	clock := func(t time.Time) string { return t.Format("2006-01-02T15:04") }
	quoted := func(change url.Values) handlertest.Answer {
		return owner.Get("/org/clusters/new?" + form(change).Encode())
	}
	const billed = "Stopping is billed until each machine is off."
	says(t, "hours", quoted(url.Values{"lease_hours": {"2"}}), http.StatusOK, "It ends 2 h after every node is ready. Then it is stopped; its disks of", "are kept for 1 day, free of charge", billed)
	says(t, "a date", quoted(url.Values{"lease": {"until"}, "lease_until": {clock(at)}, "at_end": {"delete"}}), http.StatusOK,
		"It ends at "+at.Format("2 Jan 2006, 15:04 MST")+", whenever it begins. Hours for", "Then it is deleted, with its disks.", `value="`+clock(at)+`"`)
	says(t, "until stopped", quoted(url.Values{"lease": {"stopped"}, "keep_days": {"3"}}), http.StatusOK,
		"It ends when you stop it. Hours for 2 h are set aside now, and while it runs an hour ahead", "4.00", "kept for 3 days")

	const no = http.StatusUnprocessableEntity
	for what, c := range map[string]struct {
		form  url.Values
		words []string
	}{
		"a date that is past":     {url.Values{"lease": {"until"}, "lease_until": {"2026-01-02T03:04"}}, []string{"2 January 2026 03:04 CET is past: it is", `value="2026-01-02T03:04"`}},
		"a date too far":          {url.Values{"lease": {"until"}, "lease_until": {"2031-01-02"}}, []string{"Until 3 January 2031 00:00 CET a lease takes 1 min to 720 h; ", `value="2031-01-02"`}},
		"no date":                 {url.Values{"lease": {"until"}}, []string{"Fill in the lease's end"}},
		"a time that clocks skip": {url.Values{"lease": {"until"}, "lease_until": {"2027-03-28T02:30"}}, []string{"There is no such time on that day in Europe/Berlin"}},
		"another end":             {url.Values{"lease": {"never"}}, []string{"Choose how the lease ends."}},
		"days of none":            {url.Values{"lease_hours": {"1"}, "keep_days": {"0"}}, []string{"must be between 1 and 365"}},
		"more days than are kept": {url.Values{"lease_hours": {"1"}, "keep_days": {"31"}}, []string{"Choose 1 to 30 days; 31 was given.", `value="31"`}},
	} {
		says(t, what, owner.Post("/org/clusters", form(c.form)), no, c.words...)
	}
	follow(t, owner, "until a date", owner.Post("/org/clusters", form(url.Values{"lease": {"until"}, "lease_until": {clock(at)}})), "Every node has a host.")
	var right bool
	if err := a.Pool.QueryRow(t.Context(), `SELECT lease_until = $1 FROM clusters WHERE name = 'dated'`, at).Scan(&right); err != nil || !right {
		t.Errorf("the lease's end is another: %v", err)
	}
}

// A cluster's page says what becomes of it, warns of its end, and changes both.
func TestClusterPageChangesItsLease(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	id, _ := a.Launch(w, "first", 0)
	owner, path := a.SignIn(handlertest.Owner), "/org/clusters/"+id.String()
	set := func(sql string) {
		t.Helper()
		if _, err := a.Pool.Exec(t.Context(), sql, id); err != nil {
			t.Fatal(err)
		}
	}
	saysInWords(t, "a launch", owner.Get(path), "it is stopped; its disks are kept for 1 day and deleted after that.", "Stopping is billed until each machine is off.")
	set(`UPDATE nodes SET state = 'ready', state_at = now(), ready_at = now() WHERE cluster_id = $1`)
	set(`UPDATE clusters SET ready_at = now(), lease_ends_at = now() + interval '9 min' WHERE id = $1`)
	saysInWords(t, "ten minutes before", owner.Get(path), "Its lease ends in 8 min 5", "Extend the lease to keep it.")
	follow(t, owner, "terms", owner.Post(path+"/lease", url.Values{"until_stopped": {"yes"}, "at_end": {"delete"}, "keep_days": {"4"}}), "Saved. It counts for this lease.")
	got := owner.Get(path)
	saysInWords(t, "one that extends itself", got, "it is deleted, with its disks.", "until stopped set aside until", "End of the lease changed by Owner deleted at its end · extends itself until it is stopped")
	lacks(t, "one that extends itself", got, "Its lease ends in")
	set(`UPDATE clusters SET lease_stays = '3.00 compute hours are needed.' WHERE id = $1`)
	saysInWords(t, "one that cannot", owner.Get(path), "Its lease ends in 8 min 5", "It was to extend itself, and cannot: 3.00 compute hours are needed.")
	says(t, "a date that is past", owner.Post(path+"/extend", url.Values{"extend_until": {"2026-01-02T03:04"}}), http.StatusUnprocessableEntity, "is past: it is", `value="2026-01-02T03:04"`)
	berlin, err := time.LoadLocation("Europe/Berlin") // its provider's
	if err != nil {
		t.Fatal(err)
	}
	later := time.Now().In(berlin).Add(5 * time.Hour)
	follow(t, owner, "a date", owner.Post(path+"/extend", url.Values{"extend_until": {later.Format("2006-01-02T15:04")}}), "The lease is longer by 4")

	set(`UPDATE nodes SET desired = 'stopped', state = 'stopped' WHERE cluster_id = $1`)
	set(`UPDATE clusters SET desired = 'stopped', reason = 'lease_ended', kept_until = now() + interval '3 days' WHERE id = $1`)
	saysInWords(t, "one that is kept", owner.Get(path), "Its lease is over", "Its disks are kept until", "it has the same disks, names and addresses.")
	saysInWords(t, "the list", owner.Get("/org/clusters"), "GiB of disks of 1 stopped cluster, free of charge.")
	staff := a.SignIn(handlertest.Admin)
	saysInWords(t, "its provider", staff.Get("/provider/clusters/"+id.String()), "Disks kept until", "then it is deleted, unless its organization starts it before")
	saysInWords(t, "its organization there", staff.Get("/provider/organizations/"+w.Organization.String()), "GiB of 1 stopped cluster; 0 GiB are promised", "You set no bound.")

	says(t, "no days", staff.Post("/provider/settings/kept-disks", url.Values{"kept_days": {"0"}, "kept_gib": {"1,000"}}), http.StatusUnprocessableEntity, "between 1 and 365", `value="1,000"`)
	follow(t, staff, "what is kept", staff.Post("/provider/settings/kept-disks", url.Values{"kept_days": {"9"}, "kept_gib": {"1"}}), "Saved.")
	says(t, "settings", staff.Get("/provider/settings"), http.StatusOK, `value="9"`)
	launch := url.Values{"name": {"more"}, "version": {w.Version.String()}, "pool": {w.Pool.String()}, "compute_count": {"0"}, "lease_hours": {"1"}}
	says(t, "beyond what is kept", owner.Post("/org/clusters", launch), http.StatusUnprocessableEntity, "keeps at most 1 GiB of your organization's disks", "GiB of stopped clusters lie there")
	until := time.Now().In(berlin).Add(2 * time.Hour)
	follow(t, owner, "a start", owner.Post(path+"/start", url.Values{"lease": {"until"}, "lease_until": {until.Format("2006-01-02T15:04")}, "at_end": {"keep"}, "keep_days": {"2"}}), "The start is accepted")
	saysInWords(t, "started", owner.Get(path), "at most, until", "its disks are kept for 2 days")
}
