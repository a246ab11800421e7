package handlers_test

import (
	"net/http"
	"net/url"
	"testing"

	"volary.dev/handlers/handlertest"
)

// Staff pause a cluster with a reason; its organization reads who did, why, and what that means, and can change nothing of
// it until staff let it go on.
func TestPausedClusterIsShown(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	id, head := a.Launch(w, "first", 1)
	operator, member := a.SignIn(handlertest.Operator), a.SignIn(handlertest.Member)
	staff, org := "/provider/clusters/"+id.String(), "/org/clusters/"+id.String()
	if _, err := a.Pool.Exec(t.Context(), `UPDATE nodes SET state = 'ready', ready_at = now() WHERE cluster_id = $1`, id); err != nil {
		t.Fatal(err)
	}
	const why = "it sends 400 000 mails an hour"

	says(t, "the form", operator.Get(staff), http.StatusOK, "Pause this cluster", "After 7 days it is ended")
	says(t, "without a reason", operator.Post(staff+"/pause", url.Values{"pause_reason": {"x"}}), http.StatusUnprocessableEntity, `value="x"`, "The reason has 1 character")
	says(t, "pausing", operator.Post(staff+"/pause", url.Values{"pause_reason": {why}}), http.StatusSeeOther)
	says(t, "pausing twice", operator.Post(staff+"/pause", url.Values{"pause_reason": {why}}), http.StatusUnprocessableEntity, "It was paused already.")
	says(t, "staff's page", operator.Get(staff), http.StatusOK, "Paused by your staff", why, "Let it go on", "2 nodes may still run", "End this cluster", "without running again")
	lacks(t, "staff's page", operator.Get(staff), "Pause this cluster")

	says(t, "the organization's page", member.Get(org), http.StatusOK, "paused this cluster", why, "It is not billed while it is paused", "ask them")
	for _, gone := range []string{org + "/stop", org + "/start", org + "/extend", org + "/delete", "/console"} {
		lacks(t, "the organization's page", member.Get(org), gone)
	}
	says(t, "the organization's list", member.Get("/org/clusters?state=paused"), http.StatusOK, "paused by the provider", why)
	says(t, "the provider's list", operator.Get("/provider/clusters?state=paused"), http.StatusOK, "first")
	says(t, "stopping", member.Post(org+"/stop", nil), http.StatusUnprocessableEntity, "paused this cluster", why, "to let it go on")
	says(t, "deleting", member.Post(org+"/delete", nil), http.StatusUnprocessableEntity, "paused this cluster", "to let it go on")
	says(t, "extending", member.Post(org+"/extend", url.Values{"extend_hours": {"1"}}), http.StatusUnprocessableEntity, "paused this cluster", "to let it go on")
	says(t, "starting", member.Post(org+"/start", url.Values{"lease_hours": {"1"}}), http.StatusUnprocessableEntity, "paused this cluster", "to let it go on")
	says(t, "a console", member.Get(org+"/nodes/"+head.String()+"/console"), http.StatusOK, "paused this cluster", "to let it go on")
	says(t, "the organization's log", a.SignIn(handlertest.Owner).Get("/org/log"), http.StatusOK, "paused, as its provider, the cluster", why)
	says(t, "the platform's log", a.SignIn(handlertest.PlatformAdmin).Get("/platform/log"), http.StatusOK, "paused, as its provider, the cluster", why)

	says(t, "going on", operator.Post(staff+"/resume", nil), http.StatusSeeOther)
	says(t, "going on twice", operator.Post(staff+"/resume", nil), http.StatusUnprocessableEntity, "Only one that you paused goes on.")
	lacks(t, "the organization's page, gone on", member.Get(org), "paused this cluster")
	says(t, "the provider's log", a.SignIn(handlertest.Admin).Get("/provider/log"), http.StatusOK, "let go on, after its pause, the cluster")
}
