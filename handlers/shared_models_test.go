package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"volary.dev/handlers/handlertest"
	"volary.dev/store/models"
)

// TestShareAndClonePages goes the way from a model cluster that nobody else sees to a clone of it in another organization, with its certificate, and
// back to where nobody new finds it.
func TestShareAndClonePages(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	certificate, _ := a.Certify(w)
	owner, member, taker := a.SignIn(handlertest.Owner), a.SignIn(handlertest.Member), a.SignIn(handlertest.OtherOwner)
	page, theirs := "/org/models/"+w.Model.String(), "/org/shared-models/"+w.Model.String()
	clone := url.Values{"version": {w.Version.String()}, "name": {"our trial"}}

	says(t, "its page", owner.Get(page), http.StatusOK, "Nobody else sees this model cluster.", page+"/share")
	lacks(t, "a member's page", member.Get(page), page+"/share")
	says(t, "the list of nothing", taker.Get("/org/shared-models"), http.StatusOK, "Nothing is shared with you yet")
	says(t, "what is not shared", taker.Get(theirs), http.StatusNotFound)
	says(t, "a clone of it", taker.Post(theirs+"/clone", clone), http.StatusNotFound)
	says(t, "an organization that is none", owner.Post(page+"/share", url.Values{"organization": {"Nowhere"}}), http.StatusUnprocessableEntity, "There is no organization called", `value="Nowhere"`)
	says(t, "its own", owner.Post(page+"/share", url.Values{"organization": {"First Group"}}), http.StatusUnprocessableEntity, "your own organization")

	follow(t, owner, "sharing", owner.Post(page+"/share", url.Values{"organization": {"Second Group"}}), "It is shared.")
	says(t, "its page when shared", member.Get(page), http.StatusOK, "Second Group", "Sharing")
	says(t, "the list", taker.Get("/org/shared-models"), http.StatusOK, theirs, "trial", "First Group", "valid")
	says(t, "the shared model", taker.Get(theirs), http.StatusOK, "Shared by", "/certificates/"+certificate, "sample.qcow2", "Clone it")
	lacks(t, "the shared model", taker.Get(theirs), w.Draft.String())
	says(t, "a draft's clone", taker.Post(theirs+"/clone", url.Values{"version": {w.Draft.String()}, "name": {"a draft"}}), http.StatusNotFound)
	made := taker.Post(theirs+"/clone", clone)
	follow(t, taker, "cloning", made, "Cloned: this version is yours")
	id := uuid.MustParse(made.Header.Get("Location")[strings.LastIndex(made.Header.Get("Location"), "/")+1:])
	says(t, "the clone", taker.Get("/org/versions/"+id.String()), http.StatusOK, "/certificates/"+certificate, "Run a free test")
	v, err := a.Store.Models.Version(t.Context(), w.Other, id)
	if err != nil {
		t.Fatal(err)
	}
	saysInWords(t, "where it came from", taker.Get("/org/models/"+v.ModelClusterID.String()), "A clone of trial 1 of First Group.")
	saysInWords(t, "the owner's page", owner.Get(page), "1 clone was made of it.")
	third, err := a.Store.People.CreateOrganization(t.Context(), uuid.Nil, "Third Group")
	if err != nil {
		t.Fatal(err)
	}
	for org, want := range map[uuid.UUID]bool{w.Organization: true, w.Other: true, third: false} {
		if ok, err := models.CertifiedFor(t.Context(), a.Pool, org, w.North, v.DocumentDigest, models.TakesOwn); err != nil || ok != want {
			t.Errorf("a launch of %s is certified: %v, %v", org, ok, err)
		}
	}

	follow(t, owner, "withdrawing", owner.Post(page+"/share/withdraw", url.Values{"with": {w.Other.String()}}), "The share is withdrawn.")
	says(t, "what was withdrawn", taker.Get(theirs), http.StatusNotFound)
	says(t, "the clone afterwards", taker.Get("/org/versions/"+id.String()), http.StatusOK, "Run a free test")
}

// TestStarterModelPages publishes a starter model: an organization of the platform's own shares with everyone.
func TestStarterModelPages(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	admin, owner, taker := a.SignIn(handlertest.PlatformAdmin), a.SignIn(handlertest.Owner), a.SignIn(handlertest.OtherOwner)
	organization := "/platform/organizations/" + w.Organization.String()
	says(t, "the organization", admin.Get(organization), http.StatusOK, "This one is none.", organization+"/starters")
	follow(t, admin, "marking it", admin.Post(organization+"/starters", url.Values{"starters": {"yes"}}), "are starter models from now on")
	says(t, "the owner's page", owner.Get("/org/models/"+w.Model.String()), http.StatusOK, "Publish it as a starter model for everyone")
	follow(t, owner, "publishing", owner.Post("/org/models/"+w.Model.String()+"/share", url.Values{"everyone": {"yes"}}), "It is shared.")
	says(t, "the list", taker.Get("/org/shared-models"), http.StatusOK, "starter model")
	saysInWords(t, "the model", taker.Get("/org/shared-models/"+w.Model.String()), "A starter model of First Group.")
	if err := a.Store.People.SuspendOrganization(t.Context(), w.Person(handlertest.PlatformAdmin), w.Organization, "a case is looked into"); err != nil {
		t.Fatal(err)
	}
	says(t, "of one that is suspended", taker.Get("/org/shared-models/"+w.Model.String()), http.StatusNotFound)
}
