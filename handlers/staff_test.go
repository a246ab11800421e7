package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"volary.dev/handlers/handlertest"
	"volary.dev/provisioner"
)

// refusedWith posts a form that has to be refused: with 422, the sentence, and what was typed shown again.
func refusedWith(t *testing.T, b *handlertest.Browser, path string, form url.Values, says, typed string) {
	t.Helper()
	got := b.Post(path, form)
	if got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.Body, says) || !strings.Contains(got.Body, typed) {
		t.Errorf("POST %s: %d, says %q: %v, typed %q: %v", path, got.Status, says, strings.Contains(got.Body, says), typed, strings.Contains(got.Body, typed))
	}
}

func TestStaffAddAHostByFields(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	b := a.SignIn(handlertest.Operator)
	good := url.Values{
		"pool": {w.Pool.String()}, "name": {"host-2"}, "scheme": {"tls"}, "address": {"host-2.north.example"}, "port": {"16514"},
		"underlay": {"192.0.2.12"}, "vcpus": {"24"}, "labels": {"rack=a1, room=2"},
	}
	for _, c := range []struct{ field, value, says string }{
		{"pool", w.South.String(), "no such pool"},
		{"scheme", "tcp", "Choose how the host is reached."},
		{"scheme", "memory", "Choose how the host is reached."},
		{"address", "qemu+ssh://root@host/system?command=id", "not a URI"},
		{"address", "ho st", "is not a DNS name"},
		{"port", "0", "between 1 and 65535"},
		{"underlay", "198.51.100.4", "is not in the pool"},
		{"underlay", "here", "Give the host&#39;s IPv4 address"},
		{"vcpus", "-1", "between 1 and 65536"},
		{"labels", "rack=a, rack=b", "is there twice"},
	} {
		bad := form(good, c.field, c.value)
		if c.says == "no such pool" {
			if got := b.Post("/provider/hosts", bad); got.Status != http.StatusNotFound {
				t.Errorf("another provider's pool: %d", got.Status)
			}
			continue
		}
		refusedWith(t, b, "/provider/hosts", bad, c.says, "")
	}
	done := b.Post("/provider/hosts", good)
	where := done.Header.Get("Location")
	if done.Status != http.StatusSeeOther || !strings.HasPrefix(where, "/provider/hosts/") {
		t.Fatalf("add a host: %d %s", done.Status, where)
	}
	if page := b.Get(where); !strings.Contains(page.Body, "/usr/local/lib/volary/volary hook enrol ") || !strings.Contains(page.Body, "Nothing is made on it before") || !strings.Contains(page.Body, "rack=a1, room=2") {
		t.Error("the host's page lacks its check or its labels")
	}
	refusedWith(t, b, "/provider/hosts", form(good, "name", "host-3"), "has been added already", `value="host-3"`)
	refusedWith(t, b, where+"/activate", nil, "has not passed its last check", "")
	if got := b.Post(where+"/cordon", url.Values{"reason": {"to be moved"}}); got.Status != http.StatusSeeOther {
		t.Errorf("cordon: %d", got.Status)
	}
	if page := b.Get("/provider/hosts?state=cordoned"); !strings.Contains(page.Body, "to be moved") || strings.Contains(page.Body, "host-1<") {
		t.Error("the list of cordoned hosts")
	}
	if got := b.Post(where+"/remove", nil); got.Status != http.StatusSeeOther || b.Get(where).Status != http.StatusNotFound {
		t.Errorf("remove: %d", got.Status)
	}
}

func TestStaffSeeAConsoleByConsentAlone(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{Worker: true})
	w := a.World()
	cluster, head := a.Launch(w, "first", 1)
	untilState(t, a, w, cluster, provisioner.ClusterReady)
	staff, member := a.SignIn(handlertest.Operator), a.SignIn(handlertest.Owner)
	console := "/provider/clusters/" + cluster.String() + "/nodes/" + head.String() + "/console"
	if got := staff.Get(console); got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.Body, "does not let staff see") {
		t.Errorf("without consent: %d", got.Status)
	}
	own := "/org/clusters/" + cluster.String()
	refusedWith(t, member, own+"/consent", url.Values{"consent_hours": {"9999"}}, "between 6 min and 720 h", `value="9999"`)
	if got := member.Post(own+"/consent", url.Values{"consent_hours": {"2"}}); got.Status != http.StatusSeeOther {
		t.Fatalf("consent: %d", got.Status)
	}
	if got := staff.Get(console); got.Status != http.StatusOK || !strings.Contains(got.Body, "volary: ready") || strings.Contains(got.Body, `href="/org`) {
		t.Errorf("with consent: %d", got.Status)
	}
	if page := member.Get(own); !strings.Contains(page.Body, "read the console log of head") {
		t.Error("the cluster's page does not name the look")
	}
	if page := member.Get("/org/log?verb=look+at+console"); !strings.Contains(page.Body, "looked at a console of") {
		t.Error("the organization's log does not name the look")
	}
	if got := member.Post(own+"/consent/withdraw", nil); got.Status != http.StatusSeeOther {
		t.Errorf("withdraw: %d", got.Status)
	}
	if got := staff.Post(console+"/ticket", nil); got.Status != http.StatusUnprocessableEntity {
		t.Errorf("a ticket after the consent was withdrawn: %d", got.Status)
	}
}

func TestAnAnnouncementStandsAboveThePagesUntilDismissed(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	a.World()
	staff, member, stranger := a.SignIn(handlertest.Operator), a.SignIn(handlertest.Member), a.SignIn(handlertest.OtherOwner)
	refusedWith(t, staff, "/provider/announcements", url.Values{"title": {"Cooling"}, "tone": {"note"}}, "Write what is to be told.", `value="Cooling"`)
	refusedWith(t, staff, "/provider/announcements", url.Values{"title": {"Cooling"}, "text": {"x"}, "tone": {"note"}, "until_at": {"soon"}}, "date and time like", `value="soon"`)
	if got := staff.Post("/provider/announcements", url.Values{"title": {"Cooling & more"}, "text": {"<b>On Tuesday</b>"}, "tone": {"warning"}}); got.Status != http.StatusSeeOther {
		t.Fatalf("announce: %d", got.Status)
	}
	page := member.Get("/org/clusters")
	if !strings.Contains(page.Body, "Cooling &amp; more") || !strings.Contains(page.Body, "&lt;b&gt;On Tuesday") {
		t.Error("a member does not see it, or as markup")
	}
	if strings.Contains(stranger.Get("/org").Body, "Cooling") {
		t.Error("an organization that has nothing there sees it")
	}
	_, rest, _ := strings.Cut(page.Body, `action="/org/announcements/`)
	id, _, _ := strings.Cut(rest, "/")
	if got := stranger.Post("/org/announcements/"+id+"/dismiss", nil); got.Status != http.StatusNotFound {
		t.Errorf("a stranger dismisses it: %d", got.Status)
	}
	if got := member.Post("/org/announcements/"+id+"/dismiss", nil); got.Status != http.StatusSeeOther || strings.Contains(member.Get("/org").Body, "Cooling") {
		t.Errorf("dismissed, and still there: %d", got.Status)
	}
	if !strings.Contains(a.SignIn(handlertest.Owner).Get("/org").Body, "Cooling") {
		t.Error("one member dismissed it for all")
	}
}

func TestFromApplicationToTheChecklist(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	a.World()
	applicant, platform := a.SignIn(handlertest.Nobody), a.SignIn(handlertest.PlatformAdmin)
	good := url.Values{
		"name": {"West"}, "currency": {"eur"}, "legal_name": {"West Compute Ltd"}, "tax_id": {""}, "invoice_prefix": {"WE"}, "accounting_zone": {"Europe/London"},
		"support_contact": {"help@west.example"}, "about": {"Us."}, "terms": {"Pay."},
	}
	for field, c := range map[string]struct{ value, says string }{
		"name": {"North", "named &#34;North&#34; already"}, "currency": {"gold", "is no currency"}, "invoice_prefix": {"we", "capital letters"},
		"accounting_zone": {"Mars", "is no time zone"}, "legal_name": {"", "Write 2 to 120 characters"},
	} {
		refusedWith(t, applicant, "/provider-application", form(good, field, c.value), c.says, `value="help@west.example"`)
	}
	if got := applicant.Post("/provider-application", good); got.Status != http.StatusSeeOther {
		t.Fatalf("apply: %d", got.Status)
	}
	refusedWith(t, applicant, "/provider-application", form(good, "name", "West 2", "invoice_prefix", "W2"), "waits for the platform", "West 2")
	list := platform.Get("/platform/providers?state=applied")
	_, rest, found := strings.Cut(list.Body, `href="/platform/providers/`)
	id, _, _ := strings.Cut(rest, `"`)
	if !found || !strings.Contains(list.Body, "West") {
		t.Fatal("the platform's admin does not find it")
	}
	refusedWith(t, platform, "/platform/providers/"+id+"/reject", url.Values{"reason": {""}}, "Write 3 to 500 characters", "")
	if got := platform.Post("/platform/providers/"+id+"/reject", url.Values{"reason": {"The tax id is missing."}}); got.Status != http.StatusSeeOther {
		t.Errorf("reject: %d", got.Status)
	}
	if page := applicant.Get("/provider-application"); !strings.Contains(page.Body, "The tax id is missing.") || !strings.Contains(page.Body, `value="West Compute Ltd"`) {
		t.Error("the applicant does not see why, or what to correct")
	}
	if got := applicant.Post("/provider-application", form(good, "tax_id", "GB1")); got.Status != http.StatusSeeOther {
		t.Errorf("apply again: %d", got.Status)
	}
	if got := platform.Post("/platform/providers/"+id+"/approve", nil); got.Status != http.StatusSeeOther {
		t.Errorf("approve: %d", got.Status)
	}
	if got := applicant.Post("/switch", url.Values{"to": {"provider:" + id}}); got.Status != http.StatusSeeOther {
		t.Errorf("switch: %d", got.Status)
	}
	page := applicant.Get("/provider")
	for _, step := range []string{"To your first sale", "A pool", "A host that passed its check", "A shape", "A price", "A test share"} {
		if !strings.Contains(page.Body, step) {
			t.Errorf("the checklist lacks %q", step)
		}
	}
}

func TestStaffStreamsTellOfTheirOwn(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	a.Listen()
	north, south := openStream(t, a, a.SignIn(handlertest.Operator)), openStream(t, a, a.SignIn(handlertest.OtherAdmin))
	north.until(t, "event: change") // what came before is unknown
	south.until(t, "event: change")
	if got := a.SignIn(handlertest.Operator).Post("/provider/hosts/"+w.Host.String()+"/cordon", nil); got.Status != http.StatusSeeOther {
		t.Fatalf("cordon: %d", got.Status)
	}
	if line := north.until(t, `data: {"of":"provider","kind":"host"`); !strings.Contains(line, w.Host.String()) {
		t.Errorf("told %s", line)
	}
	for line := range south.lines {
		if strings.Contains(line, `"kind"`) {
			t.Errorf("another provider's staff hear %s", line)
		}
		if strings.HasPrefix(line, ": still here") {
			return
		}
	}
}
