package handlers_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/billing"
	"volary.dev/handlers/handlertest"
	"volary.dev/provisioner"
	"volary.dev/store/books"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

// TestAHostsHistory: who cordoned, drained and activated it, when and why, stands on its page, the last 20 of it; the log has all,
// narrowed to the host by a link that operators may follow.
func TestAHostsHistory(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	b := a.SignIn(handlertest.Operator)
	at := "/provider/hosts/" + w.Host.String()
	const link = `href="/provider/log?subject=host&of=`
	for n := range 10 {
		for _, do := range []string{"cordon", "drain", "activate"} {
			reason := fmt.Sprintf("%s number %d", do, n)
			if got := b.Post(at+"/"+do, url.Values{"reason": {reason}}); got.Status != http.StatusSeeOther {
				t.Fatalf("%s: %d %s", do, got.Status, got.Body)
			}
		}
	}
	page := b.Get(at)
	says(t, "the host's page", page, http.StatusOK, "History", "cordoned the host", "cordon number 9", "drain number 3", "began to empty the host", "activated the host", handlertest.Operator, link+w.Host.String())
	if strings.Contains(page.Body, "cordon number 2") {
		t.Error("more than 20 deeds stand on the page")
	}
	other := storetest.Must[uuid.UUID](t)(a.Store.Machines.AddHost(t.Context(), w.Person(handlertest.Admin), w.North, w.Pool, newHost("host-9", 9)))
	all := b.Get("/provider/log?subject=host&of=" + w.Host.String())
	says(t, "the log of the host", all, http.StatusOK, "cordon number 0", "Only what was done to the host", `name="of" value="`+w.Host.String())
	if strings.Contains(all.Body, "host-9") {
		t.Error("the log of one host speaks of another")
	}
	says(t, "the log of the other", b.Get("/provider/log?of="+other.String()), http.StatusOK, "host-9")
	says(t, "nonsense in the address", b.Get("/provider/log?of=nonsense"), http.StatusOK, "host-9")
}

func newHost(name string, last byte) machines.NewHost {
	return machines.NewHost{
		Name: name, Address: provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: name}, Underlay: netip.AddrFrom4([4]byte{192, 0, 2, last}),
	}
}

// TestOperatorsReadWhatIsAboutMachines: who cordoned a host and who ended a cluster, but nothing of prices, hours and staff, on the
// page and in the lines to download alike, and nobody's session, address and mail address. Admins and auditors read all, an accountant none.
func TestOperatorsReadWhatIsAboutMachines(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	session := uuid.New()
	a.Launch(w, "trial-1", 0)
	_, err := a.Store.Books.GrantHours(t.Context(), books.Grant{By: w.Person(handlertest.Admin), ProviderID: w.North, OrganizationID: w.Organization, Hours: billing.ComputeHour, Note: "for a try"})
	storetest.NoError(t, err)
	storetest.NoError(t, a.Store.Machines.CordonHost(t.Context(), w.Person(handlertest.Admin), w.North, w.Host, "a fan is loud"))
	// What is to be downloaded is a minute old.
	_, err = a.Pool.Exec(t.Context(), `INSERT INTO audit (id, at, provider_id, verb, subject, detail) SELECT gen_random_uuid(), now() - interval '1 hour', $1, x.verb, x.subject, '{}'
		FROM (VALUES ('cordon host', 'host'), ('grant hours', 'lot'), ('add staff', 'person'), ('set price', 'offer')) AS x (verb, subject)`, w.North)
	storetest.NoError(t, err)
	admin := w.Person(handlertest.Admin)
	_, err = a.Pool.Exec(t.Context(), `INSERT INTO audit (id, at, person_id, provider_id, session_id, address, verb, subject, subject_id, detail)
		VALUES (gen_random_uuid(), now() - interval '1 hour', $1, $2, $4, '192.0.2.99', 'cordon host', 'host', $3, '{"reason": "dust"}')`, admin, w.North, w.Host, session)
	storetest.NoError(t, err)
	_, err = a.Pool.Exec(t.Context(), `UPDATE people SET name = 'Nora' WHERE id = $1`, admin)
	storetest.NoError(t, err)
	for who, c := range map[string]struct{ machines, money bool }{
		handlertest.Operator: {true, false}, handlertest.Admin: {true, true}, handlertest.StaffAuditor: {true, true}, handlertest.Accountant: {},
	} {
		b := a.SignIn(who)
		page := b.Get("/provider/log")
		if !c.machines {
			if page.Status != http.StatusForbidden || b.Get("/provider/log.jsonl").Status != http.StatusForbidden || strings.Contains(b.Get("/provider").Body, "/provider/log") {
				t.Errorf("%s: %d", who, page.Status)
			}
			continue
		}
		says(t, who, page, http.StatusOK, "cordoned the host", "a fan is loud", "launched the cluster")
		lines := b.Get("/provider/log.jsonl").Body
		if strings.Contains(page.Body, "granted hours") != c.money || !strings.Contains(lines, "cordon host") {
			t.Errorf("%s reads of money: want %t", who, c.money)
		}
		if strings.Contains(page.Body, "192.0.2.99") != c.money || strings.Contains(lines, "192.0.2.99") != c.money || strings.Contains(lines, session.String()) != c.money {
			t.Errorf("%s reads of addresses and sessions: want %t", who, c.money)
		}
		if found := b.Get("/provider/log?person=" + url.QueryEscape(handlertest.Admin)); strings.Contains(found.Body, "a fan is loud") != c.money {
			t.Errorf("%s finds by a mail address: want %t", who, c.money)
		}
		for _, verb := range []string{"grant hours", "add staff", "set price"} {
			if strings.Contains(lines, verb) != c.money {
				t.Errorf("%s downloads %q: want %t", who, verb, c.money)
			}
		}
		if narrowed := b.Get("/provider/log?verb=grant+hours"); strings.Contains(narrowed.Body, "granted hours") != c.money {
			t.Errorf("%s finds what was granted: want %t", who, c.money)
		}
		if !strings.Contains(b.Get("/provider").Body, `href="/provider/log"`) {
			t.Errorf("%s: the menu has no log", who)
		}
	}
}

// TestAHostBeforeItsEnrolment is not called active anywhere, and is counted by itself.
func TestAHostBeforeItsEnrolment(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	b := a.SignIn(handlertest.Operator)
	id := storetest.Must[uuid.UUID](t)(a.Store.Machines.AddHost(t.Context(), w.Person(handlertest.Admin), w.North, w.Pool, newHost("host-9", 9)))
	at := "/provider/hosts/" + id.String()
	for path, words := range map[string]string{
		at: "waits for enrolment", "/provider/hosts": "waits for enrolment", "/provider/hosts?state=waiting": "host-9",
		"/provider/pools": "waits for enrolment", "/provider/pools/" + w.Pool.String(): "1 of 2 hosts take nodes, 1 waits for enrolment", "/provider": "1 of 2 hosts take nodes, 1 waits for enrolment",
	} {
		says(t, path, b.Get(path), http.StatusOK, words)
	}
	if marked(b.Get(at).Body, "active") {
		t.Error("a host that waits for its enrolment is called active")
	}
	if !marked(b.Get("/provider/hosts/"+w.Host.String()).Body, "active") {
		t.Error("a host that is enrolled is not called active")
	}
	for state, there := range map[string]bool{"active": false, "waiting": true, "unfit": true, "takes": false} {
		if got := strings.Contains(b.Get("/provider/hosts?state="+state).Body, `href="`+at+`"`); got != there {
			t.Errorf("among hosts that are %s it stands: %t", state, got)
		}
	}
	says(t, "its page", b.Get(at), http.StatusOK, "It waits for enrolment and takes no nodes")
	storetest.Enrol(t, a.Store, id)
	if page := b.Get(at).Body; !marked(page, "active") || marked(page, "waits for enrolment") {
		t.Error("it is enrolled, and its page does not say so")
	}
}

// marked tells whether a page has a mark with that word.
func marked(page, word string) bool {
	return regexp.MustCompile(`</svg>\s*<span>` + word + `</span>`).MatchString(page)
}

// TestAHostsBaseImages stand on its page, with their size, last use and nodes, and are part of what is taken of its disk.
func TestAHostsBaseImages(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	b := a.SignIn(handlertest.Operator)
	at := "/provider/hosts/" + w.Host.String()
	says(t, "a host without any", b.Get(at), http.StatusOK, "Base images", "An image is copied to a host once")
	unused, part := strings.Repeat("cd", 32), strings.Repeat("ef", 32)
	cluster, _ := a.Launch(w, "trial-1", 1)
	now := storetest.Must[time.Time](t)(a.Store.Core.Now(t.Context()))
	var digest string
	storetest.NoError(t, a.Pool.QueryRow(t.Context(), `UPDATE images SET canonical_size = 3::bigint << 29 WHERE id = $1 RETURNING canonical_digest`, w.Image).Scan(&digest))
	_, err := a.Store.Machines.RecordImages(t.Context(), w.Host, now, provisioner.HostImages{Size: 200 << 30, Free: 150 << 30, List: []provisioner.HostImage{
		{Digest: digest, Whole: true, Bytes: 3 << 29}, {Digest: unused, Whole: true, Bytes: 7 << 30}, {Digest: part, Bytes: 1 << 20},
	}})
	storetest.NoError(t, err)
	page := b.Get(at)
	says(t, "its page", page, http.StatusOK, digest[:12], unused[:12], part[:12], "1.5 GiB", "7 GiB", "in use", "not in use", "only a part of it is there", "150 GiB free then",
		"6 of 200 GiB", "1.5 GiB of it by base images, beside it 7 GiB by base images that no node uses, which go first", "30 days after its last use")
	says(t, "the pool", b.Get("/provider/pools/"+w.Pool.String()), http.StatusOK, "194 of 200 GiB", "7 GiB more by images that no node uses")
	if links := strings.Count(page.Body, `href="/provider/clusters/`+cluster.String()+`"`); links != 2 {
		t.Errorf("links from nodes to their cluster: %d", links)
	}
	storetest.NoError(t, a.Store.Machines.DrainHost(t.Context(), w.Person(handlertest.Admin), w.North, w.Host, "to be moved"))
	if links := strings.Count(b.Get(at).Body, `href="/provider/clusters/`+cluster.String()+`"`); links != 3 {
		t.Errorf("%d links lead to what is still on it", links)
	}
	says(t, "the cluster", b.Get("/provider/clusters/"+cluster.String()), http.StatusOK, "trial-1")
}
