package handlers_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"volary.dev/handlers/handlertest"
	"volary.dev/provisioner"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

// lineOn is the first line to paste on a page.
func lineOn(t *testing.T, page handlertest.Answer) string {
	t.Helper()
	m := regexp.MustCompile(`<code>(/usr/local/lib/volary/volary hook enrol [A-Z2-7]{26})</code>`).FindStringSubmatch(page.Body)
	if m == nil {
		t.Fatalf("no line to paste: %d %.2000s", page.Status, page.Body)
	}
	return m[1]
}

// TestTheLineComesFirst: the line to paste stands on the form for a host, above its fields; a refusal does not change it, and the
// host that is added waits for its code. Another form has another line.
func TestTheLineComesFirst(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	b := a.SignIn(handlertest.Admin)
	first := b.Get("/provider/hosts/new")
	line := lineOn(t, first)
	if strings.Index(first.Body, line) > strings.Index(first.Body, `name="pool"`) || !strings.Contains(first.Body, `data-copy="`+line+`"`) {
		t.Error("the line does not stand before the fields, with its button")
	}
	if lineOn(t, b.Get("/provider/hosts/new")) == line {
		t.Error("two forms have one line")
	}
	f := url.Values{"enrolment": {hidden(t, first.Body, "enrolment")}, "pool": {w.Pool.String()}, "scheme": {"tls"}, "address": {"ho st"}, "underlay": {"192.0.2.12"}}
	refused := b.Post("/provider/hosts", f)
	if refused.Status != http.StatusUnprocessableEntity || lineOn(t, refused) != line {
		t.Errorf("a refusal, %d, changes the line", refused.Status)
	}
	// Neither name nor address on the underlay have to be typed where the address is both.
	f.Set("address", "192.0.2.12")
	f.Del("underlay")
	_, at := b.Status(http.MethodPost, "/provider/hosts", f)
	page := b.Get(at)
	says(t, "the host's page", page, http.StatusOK, ">192.0.2.12<", "On its way in", "Its hook reports the code", "The machine was not asked yet")
	if lineOn(t, page) != line {
		t.Error("the host waits for another code than its form showed")
	}

	// What has arrived is said as it arrives, with what is to be done.
	id := uuid.MustParse(strings.TrimPrefix(at, "/provider/hosts/"))
	_, err := a.Store.Machines.EnrolmentUnanswered(t.Context(), id, "It does not answer: is libvirt running there?")
	storetest.NoError(t, err)
	says(t, "one that does not answer", b.Get(at), http.StatusOK, "Seen so far: It does not answer: is libvirt running there?")
	h := storetest.Must[machines.Host](t)(a.Store.Machines.HostForWorker(t.Context(), id))
	_, err = a.Store.Machines.EnrolHost(t.Context(), id, provisioner.Enrolment{
		Machine: provisioner.Machine{UUID: uuid.New(), Key: uuid.New()}, Hook: provisioner.HookAnswers, Code: provisioner.CodeHash(h.Code),
	})
	storetest.NoError(t, err)
	after := b.Get(at)
	says(t, "one that has reported its code", after, http.StatusOK, "On its way in", "step-done", "Its check passes")
	if strings.Contains(after.Body, line) || strings.Contains(b.Get("/provider/hosts/"+w.Host.String()).Body, "On its way in") {
		t.Error("a host that is in is on its way in")
	}
}

// TestAHostCheckedBeforeSaysWhatComesAtTheNextCheck: it has no processors until then.
func TestAHostCheckedBeforeSaysWhatComesAtTheNextCheck(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	b := a.SignIn(handlertest.Admin)
	if _, err := a.Pool.Exec(t.Context(), `UPDATE hosts SET processors = 0, cpu_model = ''`); err != nil {
		t.Fatal(err)
	}
	says(t, "a host without processors", b.Get("/provider/hosts/"+w.Host.String()), http.StatusOK, "not known yet: at the next check", "stands here and on the market at the next check")
	facts := provisioner.HostFacts{VCPUs: 16, CPUModel: "EPYC", MemoryMiB: 16384, DiskGiB: 200, DiskFreeGiB: 200, HookAnswers: true}
	storetest.NoError(t, a.Store.Machines.HostCheckDone(t.Context(), w.Host, facts, provisioner.AccelerationTCG, nil, true))
	if page := b.Get("/provider/hosts/" + w.Host.String()).Body; strings.Contains(page, "next check") {
		t.Error("a host whose processors are known speaks of its next check")
	}
}
