package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"volary.dev/handlers/handlertest"
)

// A suspended provider's pages say so and why, and its staff's forms come back as typed with the same reason.
func TestSuspendedProviderIsShown(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	s := a.Sell(w)
	root, admin, accountant := a.SignIn(handlertest.PlatformAdmin), a.SignIn(handlertest.Admin), a.SignIn(handlertest.Accountant)
	const no, why = http.StatusUnprocessableEntity, "unpaid since September"
	const since, ask = "North has been suspended since", "Ask the people who run this Volary to lift the suspension."
	says(t, "suspending", root.Post("/platform/providers/"+w.North.String()+"/suspend", url.Values{"reason": {why}}), http.StatusSeeOther)

	for _, path := range []string{"/provider", "/provider/hosts", "/provider/orders", "/provider/settings", "/provider/usage"} {
		says(t, path, admin.Get(path), http.StatusOK, "<bdi>North</bdi> is suspended.", why)
	}
	for _, c := range []struct {
		b *handlertest.Browser
		p string
	}{{admin, "/account"}, {a.SignIn(handlertest.Member), "/org"}, {a.SignIn(handlertest.OtherAdmin), "/provider"}} {
		lacks(t, c.p, c.b.Get(c.p), "is suspended.")
	}
	host, offer := "/provider/hosts/"+w.Host.String(), "/provider/offers/"+s.Offer.String()
	for _, c := range []struct {
		name, path string
		form       url.Values
		typed      string
	}{
		{"a host", "/provider/hosts", url.Values{"pool": {w.Pool.String()}, "scheme": {"tls"}, "name": {"late"}, "address": {"late.example"}, "underlay": {"192.0.2.99"}}, `value="late"`},
		{"a host's state", host + "/activate", nil, ""},
		{"a pool", "/provider/pools", url.Values{
			"name": {"late"}, "prefix": {"10.64.0.0/16"}, "subnet_bits": {"24"}, "underlay": {"192.0.2.0/24"}, "storage": {"local"},
			"machine_type": {"q35"}, "underlay_mtu": {"1500"}, "test_vcpus": {"0"}, "max_lease": {"48"},
		}, `value="late"`},
		{"a shape", "/provider/shapes", url.Values{"name": {"late"}, "vcpus": {"8"}, "memory": {"65536"}, "disk": {"100"}}, `value="late"`},
		{"an offer", "/provider/offers", url.Values{"name": {"late"}, "least_hours": {"5"}, "good_days": {"30"}, "price": {"0.0125"}}, `value="late"`},
		{"a price", offer + "/prices", url.Values{"price": {"0.03"}}, `value="0.03"`},
		{"withdrawing a price", offer + "/prices/" + s.Next.String() + "/withdraw", nil, ""},
		{"a grant", "/provider/grants", url.Values{"organization": {"First Group"}, "hours": {"5"}, "until": {"2999-12-31"}, "purpose": {"course"}}, `value="course"`},
		{"an announcement", "/provider/announcements", url.Values{"title": {"late"}, "text": {"Later."}, "tone": {"note"}}, `value="late"`},
		{"an invitation", "/provider/invitations", url.Values{"email": {"late@north.example"}, "role": {"operator"}, "by": {"mail"}}, `value="late@north.example"`},
	} {
		says(t, c.name, admin.Post(c.path, c.form), no, since, why, ask, c.typed)
	}
	order := "/provider/orders/" + s.Waiting.String()
	says(t, "an approval", accountant.Post(order+"/approve", nil), no, since, why, ask)
	says(t, "a rejection", accountant.Post(order+"/reject", url.Values{"reason": {"we are suspended"}}), http.StatusSeeOther)
	says(t, "a cordon", admin.Post(host+"/cordon", nil), http.StatusSeeOther)
	says(t, "the export", accountant.Get("/provider/usage.csv"), http.StatusOK)

	says(t, "lifting", root.Post("/platform/providers/"+w.North.String()+"/lift", nil), http.StatusSeeOther)
	lacks(t, "the overview, lifted", admin.Get("/provider"), "is suspended.")
	says(t, "the host again", admin.Post(host+"/activate", nil), http.StatusSeeOther)
}

// lacks is the opposite of says: the page stands, and does not have the words.
func lacks(t *testing.T, what string, got handlertest.Answer, words string) {
	t.Helper()
	if got.Status != http.StatusOK || strings.Contains(got.Body, words) {
		t.Errorf("%s: %d, says %q", what, got.Status, words)
	}
}
