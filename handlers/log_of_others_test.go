package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"volary.dev/handlers/handlertest"
)

// What an organization and a provider both read of their common rows tells neither whence the other's people came, or their mail
// addresses letter by letter.
func TestSharedLogRowsTellNothingOfTheOthersPeople(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	if _, err := a.Pool.Exec(t.Context(), `UPDATE people SET name = 'Anna' WHERE email = $1`, handlertest.Admin); err != nil {
		t.Fatal(err)
	}
	launched := a.SignIn(handlertest.Owner).Post("/org/clusters", url.Values{
		"name": {"shared"}, "version": {w.Version.String()}, "pool": {w.Pool.String()}, "compute_count": {"1"}, "lease_hours": {"2"},
	})
	cluster := strings.TrimPrefix(launched.Header.Get("Location"), "/org/clusters/")
	staff := a.SignIn(handlertest.Admin)
	if got := staff.Post("/provider/clusters/"+cluster+"/end", url.Values{"reason": {"it mines coins"}}); got.Status != http.StatusSeeOther {
		t.Fatalf("end: %d %s", got.Status, got.Body)
	}
	for name, c := range map[string]struct {
		who, log, own, others, ownMail, othersMail string
	}{
		"provider":     {handlertest.Admin, "/provider/log", "end cluster", "launch cluster", "admin@north", "owner@first"},
		"organization": {handlertest.Owner, "/org/log", "launch cluster", "end cluster", "owner@first", "admin@north"},
	} {
		b := a.SignIn(c.who)
		page := func(query string) string { return b.Get(c.log + "?" + query).Body }
		const address = "127.0.0.1"
		if !strings.Contains(page("verb="+url.QueryEscape(c.own)), address) || strings.Contains(page("verb="+url.QueryEscape(c.others)), address) {
			t.Errorf("%s: its own people's addresses are hidden, or the other's are shown", name)
		}
		if got := page("verb=" + url.QueryEscape(c.own) + "&person=" + c.ownMail); !strings.Contains(got, address) {
			t.Errorf("%s: nothing is found by a mail address of its own", name)
		}
		if got := page("verb=" + url.QueryEscape(c.others) + "&person=" + c.othersMail); strings.Contains(got, "shared") {
			t.Errorf("%s: a mail address of the other's people is found", name)
		}
	}
}
