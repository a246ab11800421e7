package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"volary.dev/handlers/handlertest"
	"volary.dev/provisioner"
	"volary.dev/store/storetest"
)

// TestWithdrawVersionPages goes the way from an image that a published version keeps to one that is deleted, by pages, and back as far as it leads.
func TestWithdrawVersionPages(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	spare := spareImage(t, a, w)
	version := publishedOf(t, a, w, spare, "3")
	w.Version = version
	cluster, _ := a.Launch(w, "first", 1)
	member := a.SignIn(handlertest.Member)
	page, image := "/org/versions/"+version.String(), "/org/images/"+spare.String()

	says(t, "its page", member.Get(page), http.StatusOK, page+"/withdraw", "Launch")
	says(t, "the image's refusal", member.Get(image+"/delete"), http.StatusOK, "Delete what runs from it and withdraw trial 3, and delete this image then.", page+"/withdraw")
	used := member.Get(page + "/withdraw")
	saysInWords(t, "what uses it", used, "trial 3 is used by 1 cluster (first).", "Delete its clusters")
	lacks(t, "what uses it", used, "button-danger")
	says(t, "the refusal", member.Post(page+"/withdraw", nil), http.StatusUnprocessableEntity, "is used by 1 cluster (first)")
	follow(t, member, "deleting", member.Post("/org/clusters/"+cluster.String()+"/delete", nil), "The deletion is asked for.")
	if err := a.Store.Machines.MarkNodesGone(t.Context(), cluster); err != nil {
		t.Fatal(err)
	}

	says(t, "what it does", member.Get(page+"/withdraw"), http.StatusOK, "Withdraw <bdi>trial</bdi> 3?", "spare.img", "can be published again", "button-danger")
	follow(t, member, "withdrawing", member.Post(page+"/withdraw", nil), "Withdrawn: this version holds its images no more")
	withdrawn := member.Get(page)
	saysInWords(t, "its page after", withdrawn, "withdrawn", "by member", "Publish 3 again", "spare.img")
	for _, not := range []string{">Launch<", "Run a free test", page + "/withdraw", "Edit draft"} {
		lacks(t, "its page after", withdrawn, not)
	}
	says(t, "the list", member.Get("/org/models/"+w.Model.String()+"?state=withdrawn"), http.StatusOK, ">3</a>", "withdrawn")
	saysInWords(t, "the model clusters", member.Get("/org/models"), "1 withdrawn")
	lacks(t, "launches", member.Get("/org/clusters/new?version="+version.String()), version.String()+`" selected`)
	launch := url.Values{"name": {"late"}, "version": {version.String()}, "pool": {w.Pool.String()}, "compute_count": {"1"}, "lease_hours": {"1"}}
	says(t, "a launch all the same", member.Post("/org/clusters", launch), http.StatusUnprocessableEntity, "This version was withdrawn")

	follow(t, member, "publishing again", member.Post(page+"/restore", nil), "Published again, as it was")
	says(t, "twice", member.Post(page+"/restore", nil), http.StatusUnprocessableEntity, "is not withdrawn")
	follow(t, member, "withdrawing again", member.Post(page+"/withdraw", nil), "Withdrawn: this version")
	follow(t, member, "deleting the image", member.Post(image+"/delete", nil), "The image is deleted")
	gone := member.Get(page)
	saysInWords(t, "its page without the image", gone, "was deleted: trial 3 cannot be published again without it.", "spare.img deleted")
	lacks(t, "its page without the image", gone, "Publish 3 again")
	says(t, "publishing it again", member.Post(page+"/restore", nil), http.StatusUnprocessableEntity, "was deleted")
	says(t, "a new version of it", member.Get("/org/models/"+w.Model.String()+"/versions/new"), http.StatusOK, "Choose an image", `value="4"`)
	saysInWords(t, "the cluster that ran", member.Get("/org/clusters/"+cluster.String()), "first", "Gone")
	says(t, "the log", a.SignIn(handlertest.Owner).Get("/org/log?verb=withdraw+version"), http.StatusOK, "withdrew the version")
	says(t, "another's", a.SignIn(handlertest.OtherOwner).Get(page+"/withdraw"), http.StatusNotFound, "no such version")
}

func spareImage(t *testing.T, a *handlertest.App, w *handlertest.World) uuid.UUID {
	t.Helper()
	upload := strings.Repeat("12", 16)
	storetest.Arrived(t, a.Store, w.Organization, w.Person(handlertest.Member), upload, "spare.img", 3<<20)
	storetest.Must[bool](t)(a.Store.Models.RecordVerdict(t.Context(), upload, storetest.DoneVerdict(strings.Repeat("ab", 32))))
	return storetest.ImageOf(t, a.Store, w.Organization, upload).ID
}

func publishedOf(t *testing.T, a *handlertest.App, w *handlertest.World, image uuid.UUID, version string) uuid.UUID {
	t.Helper()
	d := storetest.Draft(w.Model, image, version, provisioner.Count{Most: 4}, provisioner.Gate{Kind: provisioner.GateAddress, TimeoutSeconds: 120})
	id := storetest.Must[uuid.UUID](t)(a.Store.Models.SaveVersion(t.Context(), w.Organization, w.Person(handlertest.Owner), d))
	storetest.NoError(t, a.Store.Models.PublishVersion(t.Context(), w.Organization, w.Person(handlertest.Owner), id, 1))
	return id
}
