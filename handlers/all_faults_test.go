package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"volary.dev/handlers/handlertest"
)

// What a command would refuse of a form's fields is said together with what could not be read of it, and not once that is right.
func TestAllFaultsOfAFormAreToldAtOnce(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	sold := a.Sell(w)
	owner, admin := a.SignIn(handlertest.Owner), a.SignIn(handlertest.Admin)
	for _, c := range []struct {
		by   *handlertest.Browser
		path string
		form url.Values
		says []string
	}{
		{
			admin, "/provider/hosts",
			url.Values{"pool": {w.Pool.String()}, "scheme": {"tls"}, "address": {"fe80::1%eth0"}, "underlay": {"198.51.100.4"}, "port": {"many"}, "name": {"host-9"}},
			[]string{"“many” was typed", "is not a DNS name or IP address", "198.51.100.4 is not in the pool's underlay network"},
		},
		{
			admin, "/provider/hosts",
			url.Values{"pool": {w.Pool.String()}, "scheme": {"tls"}, "address": {"fe80::1%eth0"}, "underlay": {"198.51.100.4"}, "name": {"host-9"}},
			[]string{"is not a DNS name or IP address", "198.51.100.4 is not in the pool's underlay network"},
		},
		{
			admin, "/provider/pools",
			url.Values{"name": {"second"}, "prefix": {"192.0.0.0/16"}, "underlay": {"192.0.2.0/24"}, "subnet_bits": {"many"}, "storage": {"local"}, "machine_type": {"q 35"}, "test_vcpus": {"4"}, "max_lease": {"720"}},
			[]string{"“many” was typed", "overlaps the underlay 192.0.2.0/24", "Write a machine type such as q35"},
		},
		{
			admin, "/provider/announcements",
			url.Values{"title": {""}, "text": {"x"}, "tone": {"note"}, "from_at": {"2999-01-02"}, "until_at": {"2999-01-01"}},
			[]string{"Fill in a title", "The end has to come after the beginning."},
		},
		{
			owner, "/org/models/" + w.Model.String() + "/versions", form(grown(w), "head_gate_timeout", "soon", "head_user_data", "echo head"),
			[]string{"“soon” was typed", "user-data"},
		},
		{
			admin, "/provider/offers/" + sold.Offer.String() + "/prices",
			url.Values{"price": {"cheap"}, "from": {"2001-01-02"}},
			[]string{"“cheap” was typed", "A price begins now or later"},
		},
		{
			owner, "/provider-application",
			url.Values{"name": {"X"}, "currency": {"EURO"}, "accounting_zone": {"Mars/Base"}, "terms": {strings.Repeat("terms ", 20000)}},
			[]string{"is no currency", "The terms ", "Write 2 to 80 characters"},
		},
		{
			owner, "/org/uploads",
			url.Values{"address": {"ftp://example.org/x"}, "name": {"\u200b"}},
			[]string{"This address ", "This name "},
		},
	} {
		says(t, "a form for "+c.path, c.by.Post(c.path, c.form), http.StatusUnprocessableEntity, c.says...)
	}
}
