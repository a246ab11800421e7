package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"volary.dev/handlers/handlertest"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

// TestPoolFormDrawsAndComputes: the drawing stands there at once, follows what is typed, says in words what it shows, and the MTU
// that it computes is what clusters get.
func TestPoolFormDrawsAndComputes(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	b := a.SignIn(handlertest.Admin)
	says(t, "a new pool's form", b.Get("/provider/pools/new"), http.StatusOK, `role="img"`, "The networks of the pool", "1500 − 50 (VXLAN over IPv4) = 1450", "Guests go out to the world through their host.", `name="underlay_mtu"`)
	drawn := func(fields ...string) handlertest.Answer {
		q := url.Values{"prefix": {"10.64.0.0/12"}, "subnet_bits": {"24"}, "underlay": {"198.51.100.7/24"}, "underlay_mtu": {"9000"}, "management": {"203.0.113.0/24, 2001:db8::/32"}, "allowed": {""}}
		return b.Fragment("/provider/pools/new?"+form(q, fields...).Encode(), "drawing")
	}
	part := drawn()
	says(t, "what is typed", part, http.StatusOK, "9000 − 50 (VXLAN over IPv4) = 8950", "10.64.0.0/24", "198.51.100.0/24, MTU 9000", "198.51.100.1", "198.51.100.2", "4 096 clusters",
		"203.0.113.0/24 and 1 more", "Guests do not go out.", "MTU 8950")
	if strings.Contains(part.Body, "<html") || strings.Contains(part.Body, "machine_type") {
		t.Error("the whole page comes with the drawing")
	}
	says(t, "a way out", drawn("masquerade", "1"), http.StatusOK, "through their host")
	says(t, "an underlay of IPv6", drawn("underlay", "2001:db8::/64"), http.StatusOK, "9000 − 70 (VXLAN over IPv6) = 8930")
	says(t, "too small", drawn("underlay_mtu", "600"), http.StatusOK, "600 less 50 for VXLAN over IPv4 leaves 550 bytes; guests need 576 at least, so that the underlay needs 626.")
	says(t, "half typed", drawn("underlay", "198.", "prefix", "10.64.0.0/", "underlay_mtu", ""), http.StatusOK, "follows from the underlay’s", "its own subnet")
	says(t, "hostile", drawn("management", `<script>alert(1)</script>`), http.StatusOK, "closed to guests")
	if strings.Contains(drawn("management", `<script>alert(1)</script>`).Body, "<script>") {
		t.Error("what is typed is not escaped")
	}

	pool := url.Values{
		"name": {"jumbo"}, "prefix": {"10.64.0.0/12"}, "subnet_bits": {"24"}, "underlay": {"198.51.100.0/24"}, "underlay_mtu": {"9000"}, "storage": {"local"},
		"machine_type": {"q35"}, "test_vcpus": {"0"}, "max_lease": {"48"},
	}
	_, at := b.Status(http.MethodPost, "/provider/pools", pool)
	id, err := uuid.Parse(at[strings.LastIndex(at, "/")+1:])
	storetest.NoError(t, err)
	if kept := storetest.Must[machines.PoolRow](t)(a.Store.Machines.ProviderPool(t.Context(), w.North, id)); kept.MTU != 8950 {
		t.Errorf("clusters get an MTU of %d, want 8950", kept.MTU)
	}
	says(t, "its page", b.Get(at), http.StatusOK, "9000 − 50 (VXLAN over IPv4) = 8950")
	says(t, "its form", b.Get(at+"/edit"), http.StatusOK, `value="9000"`, "8950")
	a.Launch(w, "first", 0)
	used := form(pool, "name", "pool", "prefix", "10.90.0.0/16", "underlay", "192.0.2.0/24", "underlay_mtu", "1400", "masquerade", "1")
	says(t, "a pool in use", b.Post("/provider/pools/"+w.Pool.String(), used), http.StatusUnprocessableEntity, `id="underlay_mtu-error"`, "an MTU of 1450", `value="1400"`)
}
