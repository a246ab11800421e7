package handlers_test

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"volary.dev/handlers/handlertest"
)

// words is what a page says, without its marks.
func words(got handlertest.Answer) string {
	text := regexp.MustCompile(`</?bdi>`).ReplaceAllString(got.Body, "")
	text = regexp.MustCompile(`<[^>]*>`).ReplaceAllString(text, " ")
	return strings.Join(strings.Fields(strings.NewReplacer("\u00a0", " ", "\u2068", "", "\u2069", "").Replace(text)), " ")
}

func saysInWords(t *testing.T, what string, got handlertest.Answer, want ...string) {
	t.Helper()
	text := words(got)
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("%s does not say %q in %.3000s", what, w, text[strings.Index(text, "Skip to content"):])
		}
	}
}

// The head of a cluster's page says what is left of its lease and what it cost, whatever state it is in, and counts by seconds.
func TestClusterHeadSaysWhatIsLeft(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	id, head := a.Launch(w, "first", 1)
	member, path := a.SignIn(handlertest.Member), "/org/clusters/"+id.String()
	set := func(sql string, args ...any) {
		t.Helper()
		if _, err := a.Pool.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	got := member.Get(path)
	saysInWords(t, "a launch", got, "Lease 1 h from the moment every node is ready", "Cost so far 0.00 CH", "Still set aside 2.00 CH", "Per hour it runs 2.00 CH")
	lacks(t, "a launch", got, "data-left")

	set(`UPDATE nodes SET state = 'ready', state_at = now(), ready_at = now() WHERE cluster_id = $1`, id)
	for _, c := range []struct{ left, shown, hidden, said string }{
		{"50 min", "", "soon last", "49 min 5"}, {"9 min", "soon", "last", "8 min 5"}, {"90 s", "last", "soon", "1 min 2"}, {"0 s", "", "soon last", "over"},
	} {
		set(`UPDATE clusters SET ready_at = now(), lease_ends_at = now() + $2::text::interval WHERE id = $1`, id, c.left)
		got := member.Get(path)
		saysInWords(t, c.left, got, "Time left "+c.said)
		m := regexp.MustCompile(`data-last="120" data-left="(-?\d+)" data-soon="600"`).FindStringSubmatch(got.Body)
		if m == nil {
			t.Fatalf("%s: nothing to count by", c.left)
		}
		if left, _ := strconv.Atoi(m[1]); left > 3000 {
			t.Errorf("%s: %d s are left", c.left, left)
		}
		for _, mark := range strings.Fields(c.hidden) {
			says(t, c.left, got, http.StatusOK, "data-left-"+mark+" hidden")
		}
		if c.shown != "" {
			says(t, c.left, got, http.StatusOK, "data-left-"+c.shown+">")
		}
	}

	// 18 seconds of a node were booked and 18 were not, at a rate that makes 1 CH of each.
	set(`INSERT INTO runs (id, wallet_id, cluster_id, node_id, start_id, rate, started_at, ended_at, ends_by, proven_at)
		SELECT gen_random_uuid(), w.id, $1, $2, 's', 200000, date_trunc('second', now()) - interval '36 s', date_trunc('second', now()), date_trunc('second', now()), now() FROM wallets w
		WHERE w.organization_id = $3`, id, head, w.Organization)
	set(`ALTER TABLE holds DISABLE TRIGGER USER`)
	set(`UPDATE holds SET used = 3600000 WHERE cluster_id = $1`, id)
	saysInWords(t, "what it cost", member.Get(path), "Cost so far 2.00 CH 1.00 CH of it not booked yet up to ")

	set(`UPDATE clusters SET desired = 'paused', paused_at = now(), paused_why = 'why', paused_until = now() + interval '7 days', lease_ends_at = now() + interval '31 min' WHERE id = $1`, id)
	set(`UPDATE nodes SET state = 'paused' WHERE cluster_id = $1`, id)
	got = member.Get(path)
	saysInWords(t, "paused", got, "Time left 31 min 0 s stands while the cluster is paused")
	lacks(t, "paused", got, "data-left")
	says(t, "an auditor", a.SignIn(handlertest.Auditor).Get(path), http.StatusOK, "stands while the cluster is paused")
}

// The task log stands below the head with times to the second, and whole on a page of its own.
func TestTaskLogOfACluster(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	id, _ := a.Launch(w, "first", 4)
	member, path := a.SignIn(handlertest.Member), "/org/clusters/"+id.String()
	got := member.Get(path)
	saysInWords(t, "a launch", got, "head, compute-001, compute-002 and 2 more: placed on host-1", "Launch asked by Owner lease 1 h · 5.00 CH set aside")
	says(t, "a launch", got, http.StatusOK, `href="`+path+`/tasks">`)
	if !regexp.MustCompile(`data-near data-seconds>\d\d:\d\d:\d\d UTC</time>`).MatchString(got.Body) {
		t.Error("no time to the second")
	}
	for i := range 6 {
		for _, s := range []string{"starting", "reserved"} {
			if _, err := a.Pool.Exec(t.Context(), `UPDATE nodes SET state = $2, state_at = now() + make_interval(secs => $3), reason = 'host_lost', reason_detail = '' WHERE cluster_id = $1`, id, s, i+1); err != nil {
				t.Fatal(err)
			}
		}
	}
	says(t, "many tasks", member.Get(path), http.StatusOK, `href="`+path+`/tasks">All 14 tasks`)
	whole := member.Get(path + "/tasks")
	saysInWords(t, "the whole log", whole, "Launch asked by Owner", "14 tasks")
	if n := strings.Count(whole.Body, `class="task"`); n != 14 {
		t.Errorf("%d tasks are shown", n)
	}
	if got := a.SignIn(handlertest.OtherOwner).Get(path + "/tasks"); got.Status != http.StatusNotFound {
		t.Errorf("another organization: %d", got.Status)
	}
}
