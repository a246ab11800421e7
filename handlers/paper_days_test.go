package handlers_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"volary.dev/handlers/handlertest"
)

// Until when an order's hours are good is one instant in one zone, the provider's, wherever it stands: order, invoice, wallet and
// what a search finds. Scripts leave it so (data-local).
func TestPapersAreInTheProvidersZone(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	s := a.Sell(w)
	var before string
	if err := a.Pool.QueryRow(t.Context(), `SELECT accounting_zone FROM providers WHERE id = $1`, w.North).Scan(&before); err != nil {
		t.Fatal(err)
	}
	issuedIn, err := time.LoadLocation(before) // which the invoice keeps
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Pool.Exec(t.Context(), `UPDATE providers SET accounting_zone = 'Pacific/Auckland' WHERE id = $1`, w.North); err != nil {
		t.Fatal(err)
	}
	auckland, err := time.LoadLocation("Pacific/Auckland")
	if err != nil {
		t.Fatal(err)
	}
	var until, issued time.Time
	if err := a.Pool.QueryRow(t.Context(), `SELECT o.good_until, i.issued_at FROM orders o JOIN invoice_lines l ON l.order_id = o.id JOIN invoices i ON i.id = l.invoice_id WHERE o.id = $1`,
		s.Approved).Scan(&until, &issued); err != nil {
		t.Fatal(err)
	}
	const clock = "2 Jan 2006, 15:04 MST"
	bills := a.SignIn(handlertest.Billing)
	for path, instant := range map[string]time.Time{
		"/org/orders/" + s.Approved.String(): until, "/org/invoices/" + s.Invoice.String(): until, "/org/wallet": until, "/org/search?q=NOR": issued,
	} {
		zone := auckland
		if strings.HasPrefix(path, "/org/invoices/") {
			zone = issuedIn
		}
		says(t, path, bills.Get(path), http.StatusOK, instant.In(zone).Format(clock))
	}
	left := regexp.MustCompile(`<time datetime="` + until.UTC().Format(time.RFC3339) + `"[^>]*>`)
	for _, path := range []string{"/org/orders/" + s.Approved.String(), "/org/wallet", "/org/wallet/purchases"} {
		for _, tag := range left.FindAllString(bills.Get(path).Body, -1) {
			if !regexp.MustCompile(` data-local`).MatchString(tag) {
				t.Errorf("%s: a script would change %s", path, tag)
			}
		}
	}
}

// The log is in UTC from its filter to its download, and scripts leave it so.
func TestTheLogIsInOneZone(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	id, _ := a.Launch(w, "first", 0)
	if err := a.Store.Machines.ExtendLease(t.Context(), w.Organization, w.Person(handlertest.Owner), id, 1800); err != nil {
		t.Fatal(err)
	}
	got := a.SignIn(handlertest.Owner).Get("/org/log")
	says(t, "the log", got, http.StatusOK, "When (UTC)", "From (UTC)", "longer by: 30 min")
	lacks(t, "the log", got, "add seconds")
	for _, tag := range regexp.MustCompile(`<time [^>]*>`).FindAllString(got.Body, -1) {
		if !regexp.MustCompile(` data-local`).MatchString(tag) {
			t.Errorf("a script would change %s", tag)
		}
	}
}
