package handlers_test

import (
	"net/url"
	"strings"
	"testing"

	"volary.dev/billing"
	"volary.dev/handlers/handlertest"
)

// The first page shows what runs with the time that is left, the next to end first, and what is at rest apart from it.
func TestHomeShowsWhatRunsByItsEnd(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	set := func(sql string, args ...any) {
		t.Helper()
		if _, err := a.Pool.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	later, _ := a.Launch(w, "later", 0)
	rested, _ := a.Launch(w, "rested", 0)
	soon, _ := a.Launch(w, "soon", 1)
	a.Launch(w, "begins", 0)
	a.Stopped(rested)
	set(`UPDATE nodes SET state = 'ready' WHERE cluster_id IN ($1, $2)`, soon, later)
	set(`UPDATE clusters SET ready_at = now(), lease_ends_at = now() + interval '9 min 59 s' WHERE id = $1`, soon)
	set(`UPDATE clusters SET ready_at = now(), lease_ends_at = now() + interval '40 min' WHERE id = $1`, later)

	got := a.SignIn(handlertest.Member).Get("/org")
	text := words(got)
	saysInWords(t, "the first page", got, "What runs All clusters", "9 min 5", "ends soon", "39 min 5", "1 h from when it is ready", "At rest")
	at := func(name string) int { return strings.Index(text, " "+name+" ") }
	if at("soon") < 0 || at("soon") > at("later") || at("later") > at("begins") || at("begins") > strings.Index(text, "At rest") || strings.Index(text, "At rest") > at("rested") {
		t.Errorf("not in the order of their ends: %.2000s", text)
	}
	if n := strings.Count(got.Body, "data-left-soon>"); n != 1 {
		t.Errorf("%d leases are warned of", n)
	}
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		a.Launch(w, name, 0)
	}
	saysInWords(t, "many", a.SignIn(handlertest.Member).Get("/org"), "1 more cluster runs, with leases that end later.")
	if text := words(a.SignIn(handlertest.Billing).Get("/org")); strings.Contains(text, "What runs") {
		t.Error("who reads usage alone sees clusters")
	}
	if text := words(a.SignIn(handlertest.Auditor).Get("/org")); !strings.Contains(text, "What runs") || strings.Contains(text, "Launch a cluster") {
		t.Errorf("an auditor reads %.2000s", text)
	}
}

// It warns of hours that end in words, at the shares that mails go out at, and says until when what runs has hours.
func TestHomeWarnsOfHoursThatEnd(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	set := func(sql string, args ...any) {
		t.Helper()
		if _, err := a.Pool.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	owner, billingOnly := a.SignIn(handlertest.Owner), a.SignIn(handlertest.Billing)
	const left = 1000 * int64(billing.ComputeHour)
	for _, c := range []struct {
		full int64
		says string
	}{
		{left, ""},
		{5*left - 1, ""},
		{5 * left, "20 % or less left of the 5 000.00 CH when hours last came"},
		{20*left - 20, "20 % or less left"},
		{20 * left, "5 % or less left of the 20 000.00 CH when hours last came"},
	} {
		set(`UPDATE hour_marks SET full_hours = $1`, c.full)
		got := owner.Get("/org")
		if text := words(got); (c.says == "") == strings.Contains(text, "or less") || !strings.Contains(text, c.says) {
			t.Errorf("of %d: does not say %q alone: %.1500s", c.full, c.says, text[strings.Index(text, "Overview"):])
		}
	}
	saysInWords(t, "who orders", owner.Get("/org"), "1 000.00 CH left at North: 5 % or less of what there was Order hours", "Needs attention")
	saysInWords(t, "who reads usage", billingOnly.Get("/org"), "5 % or less")
	lacks(t, "nothing runs", owner.Get("/org"), "At what runs now")

	id, head := a.Launch(w, "first", 0)
	run := func(rate int64) {
		set(`INSERT INTO runs (id, wallet_id, cluster_id, node_id, start_id, rate, started_at, ended_at, ends_by, proven_at)
			SELECT gen_random_uuid(), w.id, $1, $2, 's', $4, date_trunc('second', now()), date_trunc('second', now()), date_trunc('second', now()), now() FROM wallets w
			WHERE w.organization_id = $3`, id, head, w.Organization, rate)
	}
	run(10_000)
	saysInWords(t, "something runs", owner.Get("/org"), "At what runs now, 10.00 CH an hour, the hours last until")
	lacks(t, "they last for days", owner.Get("/org"), "within a day")
	set(`ALTER TABLE runs DISABLE TRIGGER USER`)
	set(`UPDATE runs SET rate = 100000`)
	saysInWords(t, "much runs", owner.Get("/org"), "At what runs now, 100.00 CH an hour, the hours last until", "within a day")
	set(`UPDATE hour_marks SET full_hours = 0`)
	saysInWords(t, "a wallet of before there were marks", owner.Get("/org"), "the hours last until")
	lacks(t, "a wallet of before there were marks", owner.Get("/org"), "or less")
}

// TestHomeSaysTheReadersOwnCapAndKey has a member's own bound before the group's hours, and tells who has no key where to add one.
func TestHomeSaysTheReadersOwnCapAndKey(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	limit := billing.Hours(20 * 3_600_000)
	if err := a.Store.Machines.SetCap(t.Context(), w.Organization, w.Person(handlertest.Owner), w.Person(handlertest.Member), &limit); err != nil {
		t.Fatal(err)
	}
	got := a.SignIn(handlertest.Member).Get("/org")
	saysInWords(t, "a member with a cap", got, "20.00 CH left of your 20.00 CH")
	lacks(t, "a member with a key", got, "You have no SSH key")
	if text := words(got); strings.Index(text, "Your own cap") > strings.Index(text, "Compute hours left") {
		t.Errorf("the group's hours come first: %.2000s", text)
	}
	owner := a.SignIn(handlertest.Owner).Get("/org")
	saysInWords(t, "an owner without a key", owner, "You have no SSH key", "Add an SSH key")
	lacks(t, "an owner", owner, "Your own cap")
	lacks(t, "an auditor, who launches nothing", a.SignIn(handlertest.Auditor).Get("/org"), "You have no SSH key")
}

// TestSignUpTellsAllFaultsAtOnce answers a form with two faults with both, and keeps what was typed.
func TestSignUpTellsAllFaultsAtOnce(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	got := a.Browser().Post("/sign-up", url.Values{"name": {""}, "email": {"ulrike@example.org"}, "organization": {"Plasma"}, "password": {"short"}})
	saysInWords(t, "two faults", got, "Fill in your name.", "characters; these are 5.")
	if !strings.Contains(got.Body, "ulrike@example.org") || strings.Count(got.Body, `aria-invalid="true"`) != 2 {
		t.Errorf("not both faults are told: %.3000s", got.Body)
	}
}
