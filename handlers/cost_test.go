package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"volary.dev/handlers/handlertest"
)

// TestCostStandsThereAtOnce: the forms of an order and of a launch show what they come to before anything is pressed, and follow
// what is typed without being sent.
func TestCostStandsThereAtOnce(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	s := a.Sell(w)
	owner := a.SignIn(handlertest.Owner)

	first := owner.Get("/org/orders/new")
	says(t, "the form of an order", first, http.StatusOK, "Amount, net", "for 0.45", s.Offer.String())
	if hidden(t, first.Body, "shown_offer") != s.Offer.String() || hidden(t, first.Body, "shown_hours") != "10" {
		t.Errorf("the amount is shown of offer %s and %s hours", hidden(t, first.Body, "shown_offer"), hidden(t, first.Body, "shown_hours"))
	}
	asked := "/org/orders/new?" + url.Values{"offer": {s.Offer.String()}, "hours": {"20"}}.Encode()
	part := owner.Fragment(asked, "amount")
	says(t, "another amount", part, http.StatusOK, `id="amount"`, `id="order"`, "20.00", "0.90")
	if strings.Contains(part.Body, "<html") || strings.Contains(part.Body, `name="note"`) {
		t.Errorf("the whole page comes with the amount: %.300s", part.Body)
	}
	wrong := owner.Fragment(strings.Replace(asked, "hours=20", "hours=1%2C000", 1), "amount")
	says(t, "an amount that cannot be read", wrong, http.StatusOK, "1,000", "The button to order appears with the amount")
	says(t, "the same as a page", owner.Get(strings.Replace(asked, "hours=20", "hours=1%2C000", 1)), http.StatusUnprocessableEntity, `value="1,000"`)

	says(t, "the form of a launch", owner.Get("/org/clusters/new"), http.StatusOK, "Set aside for the lease", "Per hour it runs", "It fits", ">0.36 EUR<", ">0.18 EUR<", "at 0.045 EUR a compute hour")
	tooMany := url.Values{"name": {"much"}, "version": {w.Version.String()}, "pool": {w.Pool.String()}, "compute_count": {"8"}, "lease_hours": {"719"}}
	says(t, "a refused launch", owner.Post("/org/clusters", tooMany), http.StatusUnprocessableEntity, ">291.20 EUR<", "hours are")
	more := owner.Fragment("/org/clusters/new?"+url.Values{"version": {w.Version.String()}, "pool": {w.Pool.String()}, "compute_count": {"9999"}, "lease_hours": {"2"}}.Encode(), "quote")
	says(t, "a launch that cannot be", more, http.StatusOK, "between 0 and 1000")
	for what, body := range map[string]string{"order": wrong.Body, "launch": more.Body} {
		if strings.Contains(body, "data-focus") {
			t.Errorf("the refusal beside the %s's fields takes the focus from who types", what)
		}
	}
}
