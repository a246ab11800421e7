package handlers_test

import (
	"net/http"
	"net/url"
	"testing"

	"volary.dev/handlers/handlertest"
)

// Staff end a cluster with a reason, and its organization reads on its page and in its list who did and why, and cannot
// start it until staff allow it.
func TestEndedClusterIsShown(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	id, _ := a.Launch(w, "first", 1)
	operator, member := a.SignIn(handlertest.Operator), a.SignIn(handlertest.Member)
	staff, org := "/provider/clusters/"+id.String(), "/org/clusters/"+id.String()
	const why = "it sends 400 000 mails an hour"

	says(t, "the form", operator.Get(staff), http.StatusOK, "End this cluster", "kept for 7 days")
	says(t, "without a reason", operator.Post(staff+"/end", url.Values{"reason": {"x"}}), http.StatusUnprocessableEntity, `value="x"`, "The reason has 1 character")
	says(t, "with a line break", operator.Post(staff+"/end", url.Values{"reason": {"two\nlines"}}), http.StatusUnprocessableEntity, "characters that cannot be shown")
	says(t, "ending", operator.Post(staff+"/end", url.Values{"reason": {why}}), http.StatusSeeOther)
	says(t, "ending twice", operator.Post(staff+"/end", url.Values{"reason": {why}}), http.StatusUnprocessableEntity, "It was ended already.")
	says(t, "staff's page", operator.Get(staff), http.StatusOK, "Ended by your staff", why, "Allow it again")
	lacks(t, "staff's page", operator.Get(staff), "End this cluster")

	says(t, "the organization's page", member.Get(org), http.StatusOK, "ended this cluster", why, "cannot be started again unless")
	says(t, "the organization's list", member.Get("/org/clusters"), http.StatusOK, "ended by the provider", why)
	says(t, "the organization's log", a.SignIn(handlertest.Owner).Get("/org/log"), http.StatusOK, "ended, as its provider, the cluster", why)
	says(t, "the provider's log", a.SignIn(handlertest.Admin).Get("/provider/log"), http.StatusOK, "ended, as its provider, the cluster", why)
	lacks(t, "the organization's page", member.Get(org), org+"/start")

	says(t, "allowing", operator.Post(staff+"/allow", nil), http.StatusSeeOther)
	lacks(t, "the organization's page, allowed", member.Get(org), "cannot be started again")
}
