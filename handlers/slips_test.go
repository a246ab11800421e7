package handlers_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"volary.dev/handlers/handlertest"
	"volary.dev/provisioner/waittest"
	"volary.dev/store/people"
)

// slipped are the fields of a form with a slip of its own.
func slipped(fields url.Values) url.Values {
	form := url.Values{"slip": {uuid.NewString()}}
	for name, values := range fields {
		form[name] = values
	}
	return form
}

// keptForm reads the fields of the form that a page keeps, to be sent as its button named button does.
func keptForm(t *testing.T, page handlertest.Answer, action, button string) url.Values {
	t.Helper()
	body := page.Body
	for {
		_, rest, more := strings.Cut(body, "<form")
		if body = rest; !more {
			t.Fatalf("no form to %s with a button %q: %s", action, button, page.Body)
		}
		one, _, _ := strings.Cut(body, "</form>")
		if !strings.Contains(one, `action="`+html.EscapeString(action)+`"`) || !strings.Contains(one, button) {
			continue
		}
		form := url.Values{}
		for _, m := range regexp.MustCompile(`<input[^>]* name="([^"]+)" value="([^"]*)"`).FindAllStringSubmatch(one, -1) {
			form.Add(m[1], html.UnescapeString(m[2]))
		}
		if m := regexp.MustCompile(`<button[^>]* name="([^"]+)" value="([^"]*)"`).FindStringSubmatch(one); m != nil {
			form.Set(m[1], html.UnescapeString(m[2]))
		}
		return form
	}
}

// notice is what the next page says once.
func notice(got handlertest.Answer) string {
	for _, cookie := range (&http.Response{Header: got.Header}).Cookies() {
		if cookie.Name == "volary_notice" {
			text, _ := url.QueryUnescape(cookie.Value)
			return text
		}
	}
	return ""
}

// doing is a form that is sent twice at once, and what counts its deeds.
type doing struct {
	name, path string
	by         *handlertest.Browser
	form       url.Values
	counts     string
}

func doings(t *testing.T, a *handlertest.App, w *handlertest.World) []doing {
	t.Helper()
	sold := a.Sell(w)
	running, _ := a.Launch(w, "running", 1)
	owner, bills, staff := a.SignIn(handlertest.Owner), a.SignIn(handlertest.Billing), a.SignIn(handlertest.Admin)
	launch := url.Values{"name": {"twice"}, "version": {w.Version.String()}, "pool": {w.Pool.String()}, "compute_count": {"1"}, "lease_hours": {"2"}}
	return []doing{
		{"order", "/org/orders", bills, ordered(t, bills, sold.Offer, "30"), `SELECT count(*) FROM orders`},
		{"grant", "/provider/grants", staff, url.Values{
			"organization": {"First Group"}, "hours": {"7"}, "purpose": {"course"}, "until": {"2099-01-01"},
		}, `SELECT count(*) FROM lots`},
		{"extension", "/org/clusters/" + running.String() + "/extend", owner, url.Values{"extend_hours": {"1"}}, `SELECT sum(lease_seconds) / 3600 FROM clusters`},
		{"invitation", "/org/invitations", owner, url.Values{"by": {"mail"}, "email": {"twice@first.example"}, "role": {"member"}}, `SELECT count(*) FROM invitations`},
		{"launch", "/org/clusters", owner, launch, `SELECT count(*) FROM clusters`},
		{"model cluster", "/org/models", owner, url.Values{"name": {"twice"}}, `SELECT count(*) FROM model_clusters`},
		{"shape", "/provider/shapes", staff, url.Values{"name": {"twice"}, "vcpus": {"1"}, "memory": {"512"}, "disk": {"2"}}, `SELECT count(*) FROM shapes`},
		{"announcement", "/provider/announcements", staff, url.Values{"title": {"Twice"}, "text": {"Twice"}, "tone": {"note"}}, `SELECT count(*) FROM announcements`},
		{"acceptance test", "/org/versions/" + w.Version.String() + "/test", owner, url.Values{"pool": {w.Pool.String()}}, `SELECT count(*) FROM acceptance_tests`},
		{"organization", "/account/organizations", owner, url.Values{"name": {"Twice"}}, `SELECT count(*) FROM organizations`},
	}
}

func (d doing) count(t *testing.T, a *handlertest.App) (n int) {
	t.Helper()
	if err := a.Pool.QueryRow(t.Context(), d.counts).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Two of the same form, both of which are inside the portal before either is done, are one deed; both answers lead to it.
func TestAFormSentTwiceAtOnceIsDoneOnce(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	for _, d := range doings(t, a, w) {
		before, again := d.count(t, a), 0
		answers := atOnce(t, a, d)
		for _, got := range answers {
			if got.Status != http.StatusSeeOther || got.Header.Get("Location") != answers[0].Header.Get("Location") {
				t.Errorf("%s: %d to %s: %s", d.name, got.Status, got.Header.Get("Location"), got.Body)
			}
			if strings.HasPrefix(notice(got), "This was done already, at ") {
				again++
			}
		}
		if n := d.count(t, a); n != before+1 || again != 1 {
			t.Errorf("%s: %d before and %d after, %d answers that say so", d.name, before, n, again)
		}
	}
}

// atOnce sends a form twice, and keeps both from ending before both have begun: whoever writes the log waits, the first inside its
// transaction, and the second for the first.
func atOnce(t *testing.T, a *handlertest.App, d doing) (answers [2]handlertest.Answer) {
	t.Helper()
	hold, err := a.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Rollback(t.Context()) //nolint:errcheck // it only held the lock
	if _, err := hold.Exec(t.Context(), `LOCK TABLE audit IN EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	form, answered := slipped(d.form), atomic.Int32{}
	var both sync.WaitGroup
	for i := range answers {
		both.Go(func() { answers[i] = d.by.Post(d.path, form); answered.Add(1) })
	}
	waittest.Until(t, "both forms of "+d.name+" waiting", func() bool {
		var waiting int32
		err := a.Pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting)
		return err != nil || waiting+answered.Load() >= 2
	})
	if n := answered.Load(); n > 0 {
		t.Errorf("%s: %d of two were answered before they could be done", d.name, n)
	}
	if err := hold.Rollback(t.Context()); err != nil {
		t.Error(err)
	}
	both.Wait()
	return answers
}

func TestAFormSentAgain(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	a.World()
	owner, manager := a.SignIn(handlertest.Owner), a.SignIn(handlertest.Manager)
	count := doing{counts: `SELECT count(*) FROM model_clusters`}
	form := slipped(url.Values{"name": {"new one"}})
	says(t, "a refused form", owner.Post("/org/models", url.Values{"name": {""}, "slip": form["slip"]}), http.StatusUnprocessableEntity)
	first := owner.Post("/org/models", form)
	says(t, "the same slip after the refusal", first, http.StatusSeeOther)
	n := count.count(t, a)
	second := owner.Post("/org/models", form)
	if second.Status != http.StatusSeeOther || second.Header.Get("Location") != first.Header.Get("Location") || !strings.Contains(notice(second), "not once more") ||
		!strings.Contains(notice(second), notice(first)) {
		t.Errorf("sent again: %d to %s, %q after %q", second.Status, second.Header.Get("Location"), notice(second), notice(first))
	}

	other := url.Values{"name": {"<other>"}, "slip": form["slip"]}
	refused := owner.Post("/org/models", other)
	says(t, "other contents", refused, http.StatusConflict, "sent_otherwise", "held something else", "Look at what was done", "What you typed")
	if !strings.Contains(refused.Body, first.Header.Get("Location")) {
		t.Error("the page does not lead to what was done")
	}
	if got := count.count(t, a); got != n {
		t.Errorf("%d model clusters after %d", got, n)
	}
	kept := keptForm(t, refused, "/org/models", "Send it as another one")
	if kept.Get("name") != "<other>" || kept.Get("slip") == form.Get("slip") {
		t.Errorf("kept: %v", kept)
	}
	kept.Set("name", "other")
	says(t, "as another one", owner.Post("/org/models", kept), http.StatusSeeOther)

	// A slip is its person's: another one's form of the same id is its own, and learns nothing.
	stranger := manager.Post("/org/models", url.Values{"name": {"mine"}, "slip": form["slip"]})
	if stranger.Status != http.StatusSeeOther || strings.Contains(notice(stranger), "already") || stranger.Header.Get("Location") == first.Header.Get("Location") {
		t.Errorf("another person's: %d %q", stranger.Status, notice(stranger))
	}
	says(t, "no slip at all", owner.Post("/org/models", url.Values{"name": {"by a script"}}), http.StatusSeeOther)
	says(t, "a slip that is none", owner.Post("/org/models", url.Values{"name": {"x"}, "slip": {"7"}}), http.StatusBadRequest)

	// After a day the form is one as any other.
	if _, err := a.Pool.Exec(t.Context(), `UPDATE slips SET at = at - interval '25 hours'`); err != nil {
		t.Fatal(err)
	}
	says(t, "after a day", owner.Post("/org/models", form), http.StatusUnprocessableEntity, "new one")
}

// A process that dies between the deed and the note of its answer leaves a slip that leads to the page above.
func TestAnAnswerThatNobodyNoted(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	owner := a.SignIn(handlertest.Owner)
	cluster, _ := a.Launch(w, "running", 1)
	// A page that showed a secret is not shown again.
	link := slipped(url.Values{"by": {"link"}, "role": {"member"}})
	says(t, "an invitation by link", owner.Post("/org/invitations", link), http.StatusOK, "/invitations/")
	got := owner.Post("/org/invitations", link)
	if got.Status != http.StatusSeeOther || got.Header.Get("Location") != "/org/invitations" || !strings.Contains(notice(got), "not shown again") {
		t.Errorf("the link again: %d %q", got.Status, notice(got))
	}
	// In their order: the last one works for another place.
	for _, c := range [][2]string{
		{"/org/models", "/org/models"},
		{"/org/clusters/" + cluster.String() + "/stop", "/org/clusters/" + cluster.String()},
		{"/org/members/" + w.Extra.String() + "/cap", "/org/members"},
		{"/org/clusters/" + cluster.String() + "/delete", "/org/clusters"},
		{"/account/organizations", "/account"},
	} {
		path, want := c[0], c[1]
		form := slipped(url.Values{"name": {"crashed"}, "cap": {"3"}})
		first := owner.Post(path, form)
		says(t, path, first, http.StatusSeeOther)
		if _, err := a.Pool.Exec(t.Context(), `UPDATE slips SET location = NULL, notice = NULL`); err != nil {
			t.Fatal(err)
		}
		got := owner.Post(path, form)
		if got.Status != http.StatusSeeOther || got.Header.Get("Location") != want || !strings.Contains(notice(got), "done already") {
			t.Errorf("%s: %d to %s, want %s: %q", path, got.Status, got.Header.Get("Location"), want, notice(got))
		}
	}
}

// unslipped are the forms that are done as often as they are sent, with why.
func unslipped() map[string]string {
	return map[string]string{
		"POST /sign-in": "each is meant", "POST /sign-out": "twice is once", "POST /switch": "each is meant",
		"POST /uploads/": "an upload has an id of its own",
	}
}

// Every route that takes forms takes each of them once, and for the place it was made for.
func TestEveryFormIsTakenOnceAndForItsPlace(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	paths := worldPaths(a, w)
	browsers := map[who]*handlertest.Browser{}
	for _, p := range signedIn() {
		browsers[p] = a.SignIn(string(p))
	}
	before := countRows(t, a)
	for _, r := range matrix() {
		method, pattern, _ := strings.Cut(r.route, " ")
		if method != http.MethodPost || unslipped()[r.route] != "" {
			continue
		}
		p, path := signedInOf(r.may), paths(pattern)
		person, id := w.Person(string(p)), uuid.NewString()
		if _, err := a.Pool.Exec(t.Context(), `INSERT INTO slips (person_id, id, route, digest, at, location, notice) VALUES ($1, $2, '/', sha256(''), now(), '/roles', '')`, person, id); err != nil {
			t.Fatal(err)
		}
		if got := browsers[p].Post(path, url.Values{"slip": {id}, "typed": {"as <typed>"}}); got.Status != http.StatusConflict ||
			!strings.Contains(got.Body, "sent_otherwise") || !strings.Contains(got.Body, `name="typed" value="as &lt;typed&gt;"`) {
			t.Errorf("%s as %s with a slip that was taken: %d", r.route, p, got.Status)
		}
		area, _, _ := strings.Cut(strings.TrimPrefix(pattern, "/"), "/")
		if !slices.Contains([]string{"org", "provider", "platform"}, area) {
			continue
		}
		for _, other := range []string{"org:" + uuid.NewString(), "provider:" + uuid.NewString(), "nobody"} {
			if got := browsers[p].Post(path, url.Values{"made_for": {other}, "typed": {"as <typed>"}}); got.Status != http.StatusConflict ||
				!strings.Contains(got.Body, "other_place") || !strings.Contains(got.Body, "as &lt;typed&gt;") || strings.Contains(got.Body, "work_for") {
				t.Errorf("%s as %s made for %s: %d", r.route, p, other, got.Status)
			}
		}
	}
	if _, err := a.Pool.Exec(t.Context(), `DELETE FROM slips`); err != nil {
		t.Fatal(err)
	}
	if after := countRows(t, a); after != before {
		t.Errorf("rows before:\n%s\nand after:\n%s", before, after)
	}
}

// What every route of the world's people does goes along with its slip, and what is refused leaves none.
func TestDeedsTakeTheirSlipAlong(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	paths := worldPaths(a, w)
	browsers := map[who]*handlertest.Browser{}
	for _, p := range signedIn() {
		browsers[p] = a.SignIn(string(p))
	}
	for _, r := range matrix() {
		method, pattern, _ := strings.Cut(r.route, " ")
		if method != http.MethodPost || unslipped()[r.route] != "" {
			continue
		}
		p := signedInOf(r.may)
		form := slipped(forms()[r.route])
		got := browsers[p].Post(paths(pattern), form)
		var taken, noted int
		err := a.Pool.QueryRow(t.Context(), `SELECT count(*), count(location) FROM slips WHERE person_id = $1 AND id = $2`, w.Person(string(p)), form.Get("slip")).Scan(&taken, &noted)
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		if got.Status < http.StatusBadRequest {
			want = 1
		}
		if strings.HasSuffix(pattern, "/ticket") || strings.HasPrefix(pattern, "/sign-up") || pattern == "/reset" {
			continue // a ticket is asked for by the page itself, and who signs up is nobody yet
		}
		if taken != want || noted != want {
			t.Errorf("%s as %s: answered %d to %s, %d slips taken and %d noted", r.route, p, got.Status, got.Header.Get("Location"), taken, noted)
		}
	}
}

func TestTwoTabsOfTwoOrganizations(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	sold := a.Sell(w)
	if err := a.Store.People.AddMember(t.Context(), uuid.Nil, w.Other, w.Person(handlertest.Owner), people.RoleMember); err != nil {
		t.Fatal(err)
	}
	first, second := "org:"+w.Organization.String(), "org:"+w.Other.String()
	b := a.SignIn(handlertest.Owner)
	work := func(place string) {
		t.Helper()
		says(t, "working for "+place, b.Post("/switch", url.Values{"to": {place}}), http.StatusSeeOther)
	}
	work(first)
	order := ordered(t, b, sold.Offer, "30")
	for _, c := range []struct {
		name, page, path string
		form             url.Values
		counts           string
	}{
		{"order", "/org/orders/new", "/org/orders", order, `SELECT count(*) FROM orders`},
		{"launch", "/org/clusters/new", "/org/clusters", url.Values{
			"name": {"tabbed"}, "version": {w.Version.String()}, "pool": {w.Pool.String()}, "compute_count": {"1"}, "lease_hours": {"2"},
		}, `SELECT count(*) FROM clusters`},
		{"invite", "/org/invitations", "/org/invitations", url.Values{"by": {"mail"}, "email": {"tabs@first.example"}, "role": {"member"}}, `SELECT count(*) FROM invitations`},
		{"role", "/org/members", "/org/members/" + w.Extra.String() + "/role", url.Values{"role": {"billing"}}, `SELECT count(*) FROM audit WHERE verb = 'change role'`},
	} {
		work(first)
		page := b.Get(c.page)
		form := url.Values{"made_for": {hidden(t, page.Body, "made_for")}, "slip": {hidden(t, page.Body, "slip")}}
		for name, values := range c.form {
			form[name] = values
		}
		if form.Get("made_for") != first {
			t.Fatalf("%s is made for %q", c.name, form.Get("made_for"))
		}
		work(second)
		count := doing{counts: c.counts}
		n, rows := count.count(t, a), countRows(t, a)
		got := b.Post(c.path, form)
		says(t, c.name+" in the other's name", got, http.StatusConflict, "This form was made for", "First Group", "You work for", "Second Group", "Work for <bdi>First Group</bdi> and send it", "Go on for <bdi>Second Group</bdi>")
		if after := countRows(t, a); after != rows {
			t.Errorf("%s: something was done:\n%s\nand before:\n%s", c.name, after, rows)
		}
		kept := keptForm(t, got, c.path, "and send it")
		for name := range form {
			if !slices.Equal(kept[name], form[name]) {
				t.Errorf("%s: %s was %q, and is kept as %q", c.name, name, form[name], kept[name])
			}
		}
		// The button goes on through the question for the password, too.
		age(t, a)
		done := b.Post(c.path, kept)
		if done.Status == http.StatusUnauthorized {
			again := keptForm(t, done, c.path, "password_again")
			if again.Has("work_for") {
				t.Errorf("%s: the switch is asked for again: %v", c.name, again)
			}
			again.Set("password_again", handlertest.Password)
			done = b.Post(c.path, again)
		}
		says(t, c.name+" by the button", done, http.StatusSeeOther)
		if after := count.count(t, a); after != n+1 {
			t.Errorf("%s: %d before and %d after", c.name, n, after)
		}
		says(t, c.name+": where it leads", b.Get(done.Header.Get("Location")), http.StatusOK, "First Group")
	}
	// A step that only asks is stopped, too: else its next one is the other's.
	work(second)
	asked := b.Get("/org/orders/new?" + url.Values{"offer": {sold.Offer.String()}, "hours": {"30"}, "made_for": {first}, "slip": {uuid.NewString()}}.Encode())
	says(t, "a step in the other's name", asked, http.StatusConflict, "First Group", "and open it")
	moved := b.Post("/switch", keptForm(t, asked, "/switch", "and open it"))
	says(t, "opening it", moved, http.StatusSeeOther)
	if to := moved.Header.Get("Location"); !strings.HasPrefix(to, "/org/orders/new?") || !strings.Contains(to, "hours=30") || strings.Contains(to, "slip") {
		t.Errorf("it opens %s", to)
	}
	says(t, "opened", b.Get(moved.Header.Get("Location")), http.StatusOK, "Printable quote")
	// Who does not belong there any more is not told its name, and has no button.
	work(first)
	page := b.Get("/org/models/new")
	form := url.Values{"made_for": {hidden(t, page.Body, "made_for")}, "slip": {hidden(t, page.Body, "slip")}, "name": {"typed for nothing"}}
	work(second)
	if _, err := a.Pool.Exec(t.Context(), `DELETE FROM memberships WHERE organization_id = $1 AND person_id = $2`, w.Organization, w.Person(handlertest.Owner)); err != nil {
		t.Fatal(err)
	}
	for _, form := range []url.Values{form, {"made_for": form["made_for"], "work_for": form["made_for"], "name": form["name"]}} {
		got := b.Post("/org/models", form)
		says(t, "what one left", got, http.StatusConflict, "was made for another place", "typed for nothing", "Go on for <bdi>Second Group</bdi>")
		if strings.Contains(got.Body, "First Group") || strings.Contains(got.Body, "Work for") {
			t.Errorf("the page names it: %s", got.Body)
		}
	}
}

// A form's password counts, and is kept nowhere.
func TestASlipKnowsAnotherPassword(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	a.World()
	b := a.SignIn(handlertest.Member)
	form := slipped(url.Values{"current": {"not it at all"}, "password": {"another one for the test"}})
	says(t, "a wrong password, which is counted", b.Post("/account/password", form), http.StatusUnprocessableEntity, "This is not your password.")
	form.Set("current", handlertest.Password)
	says(t, "changing it", b.Post("/account/password", form), http.StatusSeeOther)
	says(t, "the same again", b.Post("/account/password", form), http.StatusSeeOther)
	form.Set("password", "a third one for the test")
	got := b.Post("/account/password", form)
	says(t, "another password", got, http.StatusConflict, "held something else")
	if strings.Contains(got.Body, "for the test") {
		t.Error("the page shows a password")
	}
}
