package handlers_test

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"volary.dev/handlers/handlertest"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/books"
)

// Every form with a number refuses what can be read in two ways, names both readings, and keeps what was typed.
func TestAmbiguousNumbersAreRefusedInEveryField(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	s := a.Sell(w)
	cluster, _ := a.Launch(w, "first", 1)
	owner, admin := a.SignIn(handlertest.Owner), a.SignIn(handlertest.Admin)
	member := w.Person(handlertest.Member).String()
	for _, c := range []struct {
		by    *handlertest.Browser
		path  string
		field string
		form  url.Values
	}{
		{owner, "/org/orders", "hours", url.Values{"offer": {s.Offer.String()}}},
		{owner, "/org/clusters", "lease_hours", url.Values{"compute_count": {"1"}}},
		{owner, "/org/clusters", "compute_count", url.Values{"lease_hours": {"2"}}},
		{owner, "/org/clusters", "keep_days", url.Values{"lease_hours": {"2"}, "compute_count": {"1"}}},
		{owner, "/org/clusters/" + cluster.String() + "/lease", "keep_days", url.Values{"until_stopped": {"no"}}},
		{admin, "/provider/settings/kept-disks", "kept_days", url.Values{}},
		{admin, "/provider/settings/kept-disks", "kept_gib", url.Values{"kept_days": {"3"}}},
		{owner, "/org/members/" + member + "/cap", "cap", url.Values{}},
		{owner, "/org/clusters/" + cluster.String() + "/extend", "extend_hours", url.Values{}},
		{owner, "/org/clusters/" + cluster.String() + "/scale", "count", url.Values{"group": {"compute"}}},
		{owner, "/org/clusters/" + cluster.String() + "/consent", "consent_hours", url.Values{}},
		{admin, "/provider/grants", "hours", url.Values{"organization": {"First Group"}}},
		{admin, "/provider/offers", "least_hours", url.Values{"name": {"another"}}},
		{admin, "/provider/offers", "price", url.Values{"name": {"another"}}},
		{admin, "/provider/offers", "good_days", url.Values{"name": {"another"}}},
		{admin, "/provider/offers/" + s.Offer.String() + "/prices", "price", url.Values{}},
		{admin, "/provider/shapes", "memory", url.Values{"name": {"large"}}},
		{admin, "/provider/shapes", "rate", url.Values{"name": {"large"}}},
		{admin, "/provider/pools", "underlay_mtu", url.Values{"name": {"another"}}},
		{admin, "/provider/pools", "max_lease", url.Values{"name": {"another"}}},
		{admin, "/provider/hosts", "vcpus", url.Values{"name": {"another"}}},
	} {
		for _, typed := range []string{"1,000", "1.000", "10,000"} {
			c.form.Set(c.field, typed)
			got := c.by.Post(c.path, c.form)
			small, _, _ := strings.Cut(strings.ReplaceAll(typed, ",", "."), ".")
			says(t, c.field+" of "+c.path, got, http.StatusUnprocessableEntity, typed+" can be "+small+" or "+small+"000: write "+small+" or "+small+"000")
			if strings.Contains(got.Body, refusal.Marked) && !strings.Contains(got.Body, `aria-invalid="true"`) {
				t.Errorf("%s of %s: the refusal speaks of marked fields, and none is", c.field, c.path)
			}
			if !strings.Contains(html.UnescapeString(got.Body), `value="`+typed+`"`) {
				t.Errorf("%s of %s: %s is not shown again", c.field, c.path, typed)
			}
		}
	}
	for _, field := range []string{"nodes", "vcpus", "memory", "disk", "hours", "price"} {
		says(t, field+" of the market", a.Browser().Get("/market?"+field+"=1,000"), http.StatusUnprocessableEntity, "1,000 can be 1 or 1000", `value="1,000"`)
	}
}

// A refusal of a number repeats what was typed, and not how it was read.
func TestRefusalsOfNumbersRepeatWhatWasTyped(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	s := a.Sell(w)
	owner, admin := a.SignIn(handlertest.Owner), a.SignIn(handlertest.Admin)
	member := w.Person(handlertest.Member).String()
	for _, c := range []struct {
		by    *handlertest.Browser
		path  string
		field string
		typed string
		says  string
	}{
		{admin, "/provider/shapes", "memory", "4,5", "4,5 is not a whole number."},
		{admin, "/provider/shapes", "memory", "32", "must be between 64 and 16777216; “32” was typed."},
		{admin, "/provider/shapes", "vcpus", "99999999999999999999", "; “99999999999999999999” was typed."},
		{admin, "/provider/shapes", "rate", "some", "“some” was typed."},
		{admin, "/provider/pools", "subnet_bits", "2,4,", "“2,4,” was typed."},
		{admin, "/provider/offers", "least_hours", "0,123456", "0,123456 has 6."},
		{admin, "/provider/offers", "price", "-1,5", "“-1,5” was typed."},
		{admin, "/provider/grants", "hours", "0", "; “0” was typed."},
		{owner, "/org/orders", "hours", "1e3", "1e3 is written with an exponent"},
		{owner, "/org/members/" + member + "/cap", "cap", "x \u20631", "“x  1” was typed."},
		{admin, "/provider/offers/" + s.Offer.String() + "/prices", "price", "9999999999999", "“9999999999999” was typed."},
	} {
		got := c.by.Post(c.path, url.Values{c.field: {c.typed}})
		says(t, c.field+" of "+c.path, got, http.StatusUnprocessableEntity, c.says)
	}
	says(t, "the market", a.Browser().Get("/market?memory=0,5x&hours=9999999"), http.StatusUnprocessableEntity, "“0,5x” was typed.", "“9999999” was typed.")
}

// follow opens where a deed led to.
func follow(t *testing.T, b *handlertest.Browser, what string, done handlertest.Answer, words ...string) {
	t.Helper()
	if done.Status != http.StatusSeeOther {
		t.Errorf("%s: status %d", what, done.Status)
		return
	}
	says(t, what, b.Get(done.Header.Get("Location")), http.StatusOK, words...)
}

func TestNoticesRepeatTheAmount(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	s := a.Sell(w)
	owner, admin := a.SignIn(handlertest.Owner), a.SignIn(handlertest.Admin)
	grant := url.Values{"organization": {"First Group"}, "hours": {"1'000,5"}, "until": {"2999-12-31"}, "purpose": {"course"}}
	follow(t, admin, "a grant", admin.Post("/provider/grants", grant), "1 000.50 compute hours are in the wallet of First Group, good until the end of 2999-12-31.")
	follow(t, owner, "an order", owner.Post("/org/orders", ordered(t, owner, s.Offer, "20,25")), "The order of 20.25 compute hours for 0.91 EUR waits for North.")
	follow(t, owner, "a cap", owner.Post("/org/members/"+w.Person(handlertest.Member).String()+"/cap", url.Values{"cap": {"1000"}}), "The cap is 1 000.00 compute hours")
	offer := url.Values{"name": {"second"}, "least_hours": {"1000"}, "good_days": {"30"}, "price": {"1,5"}}
	follow(t, admin, "an offer", admin.Post("/provider/offers", offer), "from 1 000.00 compute hours on, good for 30 days, at 1.50 EUR an hour.")
	shape := url.Values{"name": {"wide"}, "vcpus": {"1 000"}, "memory": {"2048"}, "disk": {"10"}}
	follow(t, admin, "a shape", admin.Post("/provider/shapes", shape), "1 000 vCPUs, 2 GiB of memory, 10 GiB of disk.")
}

// A price from today on begins now; one from a later day with the day, whole where clocks skip midnight.
func TestDaysOfPricesAndGrants(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	admin := a.SignIn(handlertest.Admin)
	if _, err := a.Pool.Exec(t.Context(), `UPDATE providers SET accounting_zone = 'Atlantic/Azores' WHERE id = $1`, w.North); err != nil {
		t.Fatal(err)
	}
	azores, err := time.LoadLocation("Atlantic/Azores")
	if err != nil {
		t.Fatal(err)
	}
	offer, err := a.Store.Books.CreateOffer(t.Context(), w.Person(handlertest.Admin), w.North, books.NewOffer{Name: "days", LeastHours: 3_600_000, GoodDays: 30})
	if err != nil {
		t.Fatal(err)
	}
	prices := "/provider/offers/" + offer.String() + "/prices"
	today := time.Now().In(azores).Format(time.DateOnly)
	follow(t, admin, "a price from today", admin.Post(prices, url.Values{"price": {"0.05"}, "from": {today}}), "The price of a compute hour is 0.05 EUR from now on.")
	follow(t, admin, "a price from a later day", admin.Post(prices, url.Values{"price": {"0.06"}, "from": {"2028-03-26"}}), "0.06 EUR from 26 Mar 2028, 01:00 Atlantic/Azores on.")
	var begun, whole bool
	if err := a.Pool.QueryRow(t.Context(), `
		SELECT bool_or(lower(during) <= now()), bool_or(lower(during) = '2028-03-26T01:00Z') FROM offer_prices WHERE offer_id = $1`, offer).Scan(&begun, &whole); err != nil {
		t.Fatal(err)
	}
	if !begun || !whole {
		t.Errorf("the price from today holds: %v; the one of 26 March begins at its first instant: %v", begun, whole)
	}
	for zone, day := range map[string][2]string{
		"Atlantic/Azores": {"2028-03-25", "2028-03-26T01:00:00Z"}, "Africa/Cairo": {"2028-04-27", "2028-04-28T01:00:00+03:00"},
		"America/Santiago": {"2027-09-04", "2027-09-05T01:00:00-03:00"}, "America/Havana": {"2028-03-11", "2028-03-12T01:00:00-04:00"},
		"Asia/Beirut": {"2028-03-25", "2028-03-26T01:00:00+03:00"},
	} {
		if _, err := a.Pool.Exec(t.Context(), `UPDATE providers SET accounting_zone = $2 WHERE id = $1`, w.North, zone); err != nil {
			t.Fatal(err)
		}
		form := url.Values{"organization": {"First Group"}, "hours": {"1"}, "until": {day[0]}, "purpose": {zone}}
		says(t, "a grant in "+zone, admin.Post("/provider/grants", form), http.StatusSeeOther)
		var ends time.Time
		if err := a.Pool.QueryRow(t.Context(), `SELECT expires_at FROM lots WHERE purpose = $1`, zone).Scan(&ends); err != nil {
			t.Fatal(err)
		}
		if want, _ := time.Parse(time.RFC3339, day[1]); !ends.Equal(want) {
			t.Errorf("a grant until %s in %s ends at %s, not %s", day[0], zone, ends.UTC(), want.UTC())
		}
	}
}
