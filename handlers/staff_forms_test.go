package handlers_test

import (
	"net/http"
	"net/url"
	"testing"

	"volary.dev/handlers/handlertest"
)

func TestStaffFormsRefuseBadInput(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	a.Launch(w, "first", 1)
	b := a.SignIn(handlertest.Admin)
	pool := url.Values{
		"name": {"second"}, "location": {"Oslo"}, "prefix": {"10.64.0.0/16"}, "subnet_bits": {"24"}, "underlay": {"192.0.2.0/24"}, "storage": {"local"},
		"machine_type": {"q35"}, "underlay_mtu": {"1500"}, "test_vcpus": {"0"}, "max_lease": {"48"}, "masquerade": {"1"},
	}
	shape := url.Values{"name": {"wide"}, "vcpus": {"8"}, "memory": {"65536"}, "disk": {"100"}}
	settings := url.Values{"legal_name": {"North GmbH"}, "invoice_prefix": {"NC"}, "accounting_zone": {"Europe/Berlin"}, "support_contact": {"help@north.example"}}
	for _, c := range []struct {
		path        string
		form        url.Values
		says, typed string
	}{
		{"/provider/pools", form(pool, "prefix", "everything"), "Give an IPv4 prefix", `value="everything"`},
		{"/provider/pools", form(pool, "management", "198.51.100.0/24, there"), "Give prefixes such as", `value="198.51.100.0/24, there"`},
		{"/provider/pools", form(pool, "underlay_mtu", "70000"), "70000 less 50 for VXLAN over IPv4 leaves 69950 bytes; guests may have 9166 at most, which is 9216 on the underlay.", `value="70000"`},
		{"/provider/pools", form(pool, "underlay_mtu", "625"), "625 less 50 for VXLAN over IPv4 leaves 575 bytes; guests need 576 at least, so that the underlay needs 626.", `value="625"`},
		{"/provider/pools", form(pool, "underlay_mtu", "645", "underlay", "2001:db8::/64"), "645 less 70 for VXLAN over IPv6 leaves 575 bytes", `value="645"`},
		{"/provider/pools", form(pool, "underlay_mtu", "1,500"), "underlay_mtu-error", `value="1,500"`},
		{"/provider/pools", form(pool, "storage", "tape"), "Choose local.", `value="Oslo"`},
		{"/provider/pools", form(pool, "storage", "shared"), "does not work yet", `value="Oslo"`},
		{"/provider/pools", form(pool, "name", "pool"), "There is a pool named", `value="pool"`},
		{"/provider/pools/" + w.Pool.String(), pool, "stay as they are meanwhile", `value="10.64.0.0/16"`},
		{"/provider/shapes", form(shape, "vcpus", "0"), "between 1 and 1024", `value="0"`},
		{"/provider/shapes", form(shape, "rate", "-5"), "must be between 1", `value="-5"`},
		{"/provider/shapes", form(shape, "name", "tiny"), "There is a shape named", `value="tiny"`},
		{"/provider/shapes/" + w.Shape.String() + "/retire", nil, "is the shape of 2 nodes now", ""},
		{"/provider/settings", form(settings, "legal_name", ""), "Write 2 to 120 characters", `value="help@north.example"`},
		{"/provider/settings", form(settings, "accounting_zone", "Europe/Oslo"), "closed periods would change", `value="Europe/Oslo"`},
		{"/provider/staff/" + w.Person(handlertest.Admin).String() + "/role", url.Values{"role": {"operator"}}, "only admin", ""},
		{"/provider/staff/" + w.Person(handlertest.Admin).String() + "/remove", nil, "only admin", ""},
		{"/provider/invitations", url.Values{"role": {"operator"}, "by": {"mail"}, "email": {"nobody"}}, "e-mail address", `value="nobody"`},
		{"/provider/hosts/" + w.Host.String() + "/remove", nil, "still carries 2 nodes", ""},
	} {
		refusedWith(t, b, c.path, c.form, c.says, c.typed)
	}
	if got := b.Post("/provider/pools", pool); got.Status != http.StatusSeeOther {
		t.Errorf("a good pool: %d %s", got.Status, got.Body)
	}
	if got := b.Post("/provider/shapes", shape); got.Status != http.StatusSeeOther {
		t.Errorf("a good shape: %d", got.Status)
	}
	if got := b.Post("/provider/settings", settings); got.Status != http.StatusSeeOther {
		t.Errorf("good settings: %d", got.Status)
	}
	if got := b.Get("/provider/log?from_at=yesterday"); got.Status != http.StatusUnprocessableEntity {
		t.Errorf("a log from yesterday in words: %d", got.Status)
	}
}
