package handlers_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"volary.dev/handlers/handlertest"
	"volary.dev/provisioner"
)

// TestDeleteImagePage deletes an image that nothing uses, and is refused one that a version has, before the press and at it.
func TestDeleteImagePage(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	upload := strings.Repeat("12", 16)
	if err := a.Store.Models.CreateUpload(t.Context(), w.Organization, w.Person(handlertest.Member), upload, "spare.img", 3<<20); err != nil {
		t.Fatal(err)
	}
	spare, err := a.Store.Models.FinishUpload(t.Context(), w.Person(handlertest.Member), upload, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Store.Models.RecordImageWaits(t.Context(), spare, "Another image is checked first."); err != nil {
		t.Fatal(err)
	}
	member := a.SignIn(handlertest.Member)
	path := func(id uuid.UUID) string { return "/org/images/" + id.String() }

	says(t, "why it waits", member.Get(path(spare)), http.StatusOK, "Another image is checked first.", path(spare)+"/delete")
	says(t, "unused ones first", member.Get("/org/images?sort=use"), http.StatusOK, "unused", "in use", "4 MiB")
	says(t, "what goes", member.Get(path(spare)+"/delete"), http.StatusOK, "Delete <bdi>spare.img</bdi>?", "3 MiB", "cannot be undone")
	used := member.Get(path(w.Image) + "/delete")
	says(t, "what keeps it", used, http.StatusOK, "is used by 2 versions (trial 1, trial 2)", "never changes and keeps its image")
	if strings.Contains(used.Body, "button-danger") {
		t.Error("an image in use has a button to delete it")
	}
	says(t, "the refusal", member.Post(path(w.Image)+"/delete", url.Values{}), http.StatusUnprocessableEntity, "is used by 2 versions (trial 1, trial 2)")

	if got := member.Post(path(spare)+"/delete", url.Values{}); got.Status != http.StatusSeeOther || got.Header.Get("Location") != "/org/images" {
		t.Errorf("the deletion: %d to %q", got.Status, got.Header.Get("Location"))
	}
	says(t, "the list after it", member.Get("/org/images"), http.StatusOK, "The image is deleted.", "sample.qcow2", "1 MiB")
	says(t, "the image after it", member.Get(path(spare)), http.StatusNotFound, "no such image")
	says(t, "its deletion after it", member.Get(path(spare)+"/delete"), http.StatusNotFound, "no such image")
}

// TestImagePageSaysWhatStartsADisk shows what the verdict found out about firmware, with the repair, refused and warned.
func TestImagePageSaysWhatStartsADisk(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	member := a.SignIn(handlertest.Member)
	for i, c := range []struct {
		state provisioner.ImageState
		check provisioner.ImageCheck
		says  []string
	}{
		{provisioner.ImageRefused, provisioner.ImageCheck{Name: "firmware", Detail: "Only UEFI can start this disk.", Repair: "Add a loader."}, []string{"This image was refused", "check-failed", "Only UEFI can start this disk.", "Add a loader."}},
		{provisioner.ImageReady, provisioner.ImageCheck{Name: "firmware", Passed: true, Warned: true, Detail: "Nothing can start it.", Repair: "Install one."}, []string{"Taken, with a warning", "check-warning", "Nothing can start it.", "Install one."}},
	} {
		upload := strings.Repeat("a"+strconv.Itoa(i), 16)
		if err := a.Store.Models.CreateUpload(t.Context(), w.Organization, w.Person(handlertest.Member), upload, "disk.raw", 3<<20); err != nil {
			t.Fatal(err)
		}
		id, err := a.Store.Models.FinishUpload(t.Context(), w.Person(handlertest.Member), upload, "")
		if err != nil {
			t.Fatal(err)
		}
		digest := strings.Repeat("ab", 32)
		verdict := provisioner.ImageVerdict{
			State: c.state, Reason: c.check.Detail, Checks: []provisioner.ImageCheck{c.check}, Format: "raw", VirtualSize: 3 << 20, CanonicalSize: 1 << 20,
			UploadedDigest: digest, CanonicalDigest: digest, ContentDigest: digest,
		}
		if err := a.Store.Models.RecordVerdict(t.Context(), id, verdict); err != nil {
			t.Fatal(err)
		}
		says(t, string(c.state), member.Get("/org/images/"+id.String()), http.StatusOK, c.says...)
	}
}
