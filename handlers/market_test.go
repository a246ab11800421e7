package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"volary.dev/handlers/handlertest"
)

func TestMarketForEveryone(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	// South needs a pool and a shape to stand beside North.
	for _, sql := range []string{
		`INSERT INTO pools (id, provider_id, name, prefix, underlay, storage, machine_type, location, created_at)
			VALUES (gen_random_uuid(), $1, 'south pool', '10.91.0.0/16', '198.51.100.0/24', 'local', 'q35', 'Lyon, France', now())`,
		`INSERT INTO shapes (id, provider_id, name, vcpus, memory_mib, disk_gib, rate, created_at)
			VALUES (gen_random_uuid(), $1, 'wide', 2, 4096, 20, 2000, now())`,
	} {
		if _, err := a.Pool.Exec(t.Context(), sql, w.South); err != nil {
			t.Fatal(err)
		}
	}
	visitor := a.Browser()
	const need = "/market?nodes=2&vcpus=1&memory=0.25&disk=2&hours=2"
	for _, path := range []string{"/", need} {
		if got := visitor.Get(path); got.Status != http.StatusOK || !strings.Contains(got.Body, "Run your cluster on someone else") {
			t.Errorf("%s: %d", path, got.Status)
		}
	}
	got := visitor.Get(need).Body
	for _, want := range []string{"North", "South", "Lyon, France", "no public price", "/org/clusters/new?compute_count=1&amp;lease_hours=2&amp;pool=" + w.Pool.String()} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	if got := visitor.Get(need + "&location=Lyon%2C+France").Body; strings.Contains(got, w.Pool.String()) || !strings.Contains(got, "south pool") {
		t.Error("the location does not narrow the offers")
	}
	if got := visitor.Get("/market?nodes=0&price=cheap"); got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.Body, `value="cheap"`) ||
		!strings.Contains(got.Body, "The price has to be a number") || !strings.Contains(got.Body, "The number of nodes must be between 1 and 1000") {
		t.Errorf("a wrong need: %d", got.Status)
	}
	if got := a.SignIn(handlertest.Member).Get(need).Body; !strings.Contains(got, "Your hours") || !strings.Contains(got, `href="/org/clusters"`) {
		t.Error("a member does not see their hours, or loses their navigation")
	}
	if got := a.SignIn(handlertest.Operator).Get(need).Body; strings.Contains(got, "Launch here") {
		t.Error("staff are offered a launch that is closed to them")
	}
}

func TestOneProviderAloneIsNotCompared(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	if got := a.Browser().Get("/market").Body; !strings.Contains(got, "Measured, not promised") || strings.Contains(got, "Price at most") {
		t.Error("with one provider that has pools the market is not its page")
	}
	if _, err := a.Pool.Exec(t.Context(), `UPDATE providers SET state = 'suspended', state_reason = 'unpaid' WHERE id = $1`, w.North); err != nil {
		t.Fatal(err)
	}
	if got := a.Browser().Get("/market/providers/" + w.North.String()); got.Status != http.StatusNotFound {
		t.Errorf("a suspended provider: %d", got.Status)
	}
	if got := a.Browser().Get("/market"); !strings.Contains(got.Body, "No provider sells here yet") {
		t.Error("an empty market does not say so")
	}
}

// The time of a need is from six minutes to a year; what is outside is refused with both bounds, and stays typed.
func TestMarketBoundsTheTime(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	a.World()
	visitor := a.Browser()
	for hours, status := range map[string]int{
		"0.1": http.StatusOK, "8760": http.StatusOK,
		"0.0997": http.StatusUnprocessableEntity, "0": http.StatusUnprocessableEntity, "8760.001": http.StatusUnprocessableEntity, "8761": http.StatusUnprocessableEntity,
		"-1": http.StatusUnprocessableEntity, "1,000": http.StatusUnprocessableEntity, "99999999999999999999": http.StatusUnprocessableEntity,
	} {
		got := visitor.Get("/market?nodes=1&vcpus=1&memory=1&disk=1&hours=" + hours)
		says(t, "hours="+hours, got, status, `value="`+hours+`"`)
		if status != http.StatusOK {
			says(t, "hours="+hours, got, status, "between 6 min and 8760 h")
		}
	}
}
