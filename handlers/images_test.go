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
	"volary.dev/store"
	"volary.dev/store/models"
	"volary.dev/store/storetest"
)

// TestDeleteImagePage deletes an image that nothing uses, and is refused one that a version has, before the press and at it.
func TestDeleteImagePage(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	upload := strings.Repeat("12", 16)
	storetest.Arrived(t, a.Store, w.Organization, w.Person(handlertest.Member), upload, "spare.img", 3<<20)
	verdict := storetest.DoneVerdict(strings.Repeat("ab", 32))
	verdict.Images[0].CanonicalSize = 3 << 20
	storetest.Must[bool](t)(a.Store.Models.RecordVerdict(t.Context(), upload, verdict))
	spare := storetest.ImageOf(t, a.Store, w.Organization, upload).ID
	member := a.SignIn(handlertest.Member)
	path := func(id uuid.UUID) string { return "/org/images/" + id.String() }

	says(t, "the image", member.Get(path(spare)), http.StatusOK, "/org/uploads/"+upload, "Verdict", "qcow2, version 3", path(spare)+"/delete")
	says(t, "unused ones first", member.Get("/org/images?sort=use"), http.StatusOK, "unused", "in use", "3 MiB")
	says(t, "what goes", member.Get(path(spare)+"/delete"), http.StatusOK, "Delete <bdi>spare.img</bdi>?", "3 MiB", "cannot be undone")
	used := member.Get(path(w.Image) + "/delete")
	says(t, "what keeps it", used, http.StatusOK, "is used by 2 versions (trial 1, trial 2)", "Withdraw trial 1 and give each draft another image", "/org/versions/"+w.Version.String()+"/withdraw", "keeps its images until it is withdrawn")
	if strings.Contains(used.Body, "button-danger") {
		t.Error("an image in use has a button to delete it")
	}
	says(t, "the refusal", member.Post(path(w.Image)+"/delete", url.Values{}), http.StatusUnprocessableEntity, "is used by 2 versions (trial 1, trial 2)")

	if got := member.Post(path(spare)+"/delete", url.Values{}); got.Status != http.StatusSeeOther || got.Header.Get("Location") != "/org/images" {
		t.Errorf("the deletion: %d to %q", got.Status, got.Header.Get("Location"))
	}
	after := member.Get("/org/images")
	says(t, "the list after it", after, http.StatusOK, "The image is deleted, and with it its bytes", "sample.qcow2")
	if strings.Contains(after.Body, "spare.img") {
		t.Error("the list has the image, or its upload, still")
	}
	says(t, "the image after it", member.Get(path(spare)), http.StatusNotFound, "no such image")
	says(t, "its deletion after it", member.Get(path(spare)+"/delete"), http.StatusNotFound, "no such image")
	says(t, "its upload after it", member.Get("/org/uploads/"+upload), http.StatusNotFound, "no such upload")
}

// TestLostImagePages has an image lose its bytes: its page, the list and the platform say so, and what would start from it is refused
// before anything starts.
func TestLostImagePages(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	worker := storetest.OpenAs(t, a.Pool, store.RoleWorker)
	member, admin := a.SignIn(handlertest.Member), a.SignIn(handlertest.PlatformAdmin)
	image := storetest.Must[models.Image](t)(a.Store.Models.Image(t.Context(), w.Organization, w.Image))
	mark := func(loss models.BlobLoss, want int) {
		t.Helper()
		if n := storetest.Must[int](t)(worker.Models.MarkBlob(t.Context(), image.CanonicalDigest, loss)); n != want {
			t.Errorf("%d images are marked %q, want %d", n, loss, want)
		}
	}
	page := "/org/images/" + w.Image.String()
	const gone = "are gone from the store"
	for _, quiet := range []string{page, "/org/images"} {
		if strings.Contains(member.Get(quiet).Body, gone) {
			t.Errorf("%s says that whole bytes are gone", quiet)
		}
	}
	if strings.Contains(admin.Get("/platform").Body, gone) {
		t.Error("the platform's page says that whole bytes are gone")
	}
	mark(models.BlobGone, 1)
	mark(models.BlobGone, 0)
	says(t, "the image", member.Get(page), http.StatusOK, "Its bytes "+gone, "It is used by 2 versions (", "this image is whole again by itself", "Upload it again")
	says(t, "the list", member.Get("/org/images"), http.StatusOK, "its bytes "+gone)
	says(t, "the platform", admin.Get("/platform"), http.StatusOK, "The bytes of 1 image "+gone, "volary blobs verify")
	says(t, "where it is chosen", member.Get("/org/models/"+w.Model.String()+"/versions/new"), http.StatusOK, image.Name+" (its bytes "+gone+")")
	says(t, "a launch", member.Get("/org/clusters/new?version="+w.Version.String()+"&pool="+w.Pool.String()), http.StatusOK, gone, "Upload the same file again")
	says(t, "a test", member.Post("/org/versions/"+w.Version.String()+"/test", url.Values{"pool": {w.Pool.String()}}), http.StatusUnprocessableEntity, gone)
	mark(models.BlobOther, 1)
	says(t, "with others", member.Get(page), http.StatusOK, "in the store are not those that were kept")
	mark(models.BlobWhole, 1)
	if strings.Contains(member.Get(page).Body, "Upload it again") {
		t.Error("the page says that bytes are lost which are back")
	}
}

// TestUploadPage takes an upload through its states as its page and the list of images show them.
func TestUploadPage(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	member, auditor, other := a.SignIn(handlertest.Member), a.SignIn(handlertest.Auditor), a.SignIn(handlertest.OtherOwner)
	worker := storetest.OpenAs(t, a.Pool, store.RoleWorker)
	upload, ctx := strings.Repeat("12", 16), t.Context()
	page := "/org/uploads/" + upload
	listed := func(says ...string) {
		t.Helper()
		got := member.Get("/org/images")
		for _, what := range append(says, page) {
			if !strings.Contains(got.Body, what) {
				t.Errorf("the list of images does not say %q", what)
			}
		}
	}
	storetest.NoError(t, a.Store.Models.CreateUpload(ctx, w.Organization, w.Person(handlertest.Member), upload, "spare.img", 3<<20))
	says(t, "arriving", member.Get(page), http.StatusOK, "Bytes are missing", "of 3 MiB are here", "choose the same file", page+"/discard", "/org/images/new")
	listed("arriving")
	got := auditor.Get(page)
	says(t, "to an auditor", got, http.StatusOK, "Bytes are missing")
	if strings.Contains(got.Body, "/discard") {
		t.Error("an auditor is shown how to discard it")
	}
	says(t, "another organization's", other.Get(page), http.StatusNotFound, "no such upload")
	says(t, "the id as it is told to open pages", member.Get("/org/uploads/"+uuid.MustParse(upload).String()), http.StatusOK, "Bytes are missing")
	says(t, "no id", member.Get("/org/uploads/nothing"), http.StatusNotFound, "no such upload")

	storetest.NoError(t, a.Store.Models.FinishUpload(ctx, w.Person(handlertest.Manager), upload))
	storetest.NoError(t, worker.Models.RecordUploadWaits(ctx, upload, "Another upload is checked first."))
	says(t, "waiting", member.Get(page), http.StatusOK, "Being checked", "Another upload is checked first.", "sent to its end by <bdi>"+handlertest.Manager)
	listed("checking", "Another upload is checked first.")
	storetest.NoError(t, worker.Models.RecordUploadChecks(ctx, upload, []provisioner.ImageCheck{{Name: "format", Passed: true, Detail: "It is raw."}}))
	says(t, "checking", member.Get(page), http.StatusOK, "Being checked", "Verdict", "It is raw.")
	storetest.NoError(t, worker.Models.RecordUploadProgress(ctx, upload, provisioner.UploadProgress{Step: "Unpacking xz", Member: "<node>.vmdk", Number: 2, Of: 3, Done: 41 << 20, Total: 100 << 20}))
	says(t, "how far", member.Get(page), http.StatusOK, "Disk 2 of 3, <bdi><node>.vmdk</bdi>: ", "Unpacking xz: 41 % of 100 MiB", `<progress max="100" value="41" aria-label="Unpacking xz">`)
	_, err := a.Pool.Exec(ctx, `UPDATE river_job SET state = 'running', attempted_at = now() WHERE kind = 'verify_upload'`)
	storetest.NoError(t, err)
	says(t, "discarded meanwhile", member.Post(page+"/discard", nil), http.StatusUnprocessableEntity, "is being checked at this moment", "It is raw.")

	storetest.Must[bool](t)(worker.Models.RecordVerdict(ctx, upload, provisioner.UploadVerdict{State: provisioner.UploadUnverified, Reason: "No qemu-img here."}))
	says(t, "unverified", member.Get(page), http.StatusOK, "Not verified", "No qemu-img here.", "tried again")
	listed("unverified", "No qemu-img here.")
	digest := strings.Repeat("ab", 32)
	_, err = a.Pool.Exec(ctx, `UPDATE uploads SET expected_digest = $1 WHERE id = $2`, strings.Repeat("cd", 32), upload)
	storetest.NoError(t, err)
	storetest.Must[bool](t)(worker.Models.RecordVerdict(ctx, upload, provisioner.UploadVerdict{
		State: provisioner.UploadRefused, Reason: "Another digest.", Digest: digest, Checks: []provisioner.ImageCheck{{Name: "digest", Detail: "Another digest.", Repair: "Fetch it again."}},
	}))
	says(t, "refused", member.Get(page), http.StatusOK, "This upload was refused", "Another digest.", "Fetch it again.", "Upload again", digest, strings.Repeat("cd", 32))
	listed("refused", "Another digest.")
	says(t, "found", member.Get("/org/search?q=spare"), http.StatusOK, "Uploads", "/org/uploads/"+uuid.MustParse(upload).String())
	if got := member.Post(page+"/discard", nil); got.Status != http.StatusSeeOther || got.Header.Get("Location") != "/org/images" {
		t.Errorf("discarded: %d to %q", got.Status, got.Header.Get("Location"))
	}
	says(t, "gone", member.Get(page), http.StatusNotFound, "no such upload")
}

// TestUploadPageOfSeveralImages shows what came of an upload, each with its page.
func TestUploadPageOfSeveralImages(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	member := a.SignIn(handlertest.Member)
	upload := strings.Repeat("12", 16)
	storetest.Arrived(t, a.Store, w.Organization, w.Person(handlertest.Member), upload, "group.ova", 3<<20)
	verdict := storetest.DoneVerdict(strings.Repeat("ab", 32))
	verdict.Images = append(verdict.Images, verdict.Images[0])
	verdict.Images[0].Member, verdict.Images[0].Name, verdict.Images[1].Member, verdict.Images[1].Name = "disk-1.vmdk", "head", "disk-2.vmdk", "compute"
	storetest.Must[bool](t)(a.Store.Models.RecordVerdict(t.Context(), upload, verdict))
	got := member.Get("/org/uploads/" + upload)
	says(t, "done", got, http.StatusOK, "What came of it", "<bdi>head</bdi>", "disk-1.vmdk", "<bdi>compute</bdi>", "disk-2.vmdk")
	if strings.Contains(got.Body, "/discard") {
		t.Error("an upload that is done may be discarded")
	}
	says(t, "discard it all the same", member.Post("/org/uploads/"+upload+"/discard", nil), http.StatusConflict, "Images came of")
	for _, i := range storetest.Must[[]models.Image](t)(a.Store.Models.ImagesOfUpload(t.Context(), w.Organization, upload)) {
		says(t, i.Name, member.Get("/org/images/"+i.ID.String()), http.StatusOK, "/org/uploads/"+upload, i.Member, "qcow2, version 3")
		if !strings.Contains(got.Body, "/org/images/"+i.ID.String()) {
			t.Errorf("no link to %s", i.Name)
		}
	}
}

// TestUploadPageSaysWhatStartsADisk shows what the verdict found out about firmware, with the repair, refused and warned.
func TestUploadPageSaysWhatStartsADisk(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	member := a.SignIn(handlertest.Member)
	for i, c := range []struct {
		state provisioner.UploadState
		check provisioner.ImageCheck
		says  []string
	}{
		{provisioner.UploadRefused, provisioner.ImageCheck{Name: "firmware", Detail: "It is for another machine.", Repair: "Take the other."}, []string{"This upload was refused", "check-failed", "It is for another machine.", "Take the other."}},
		{provisioner.UploadDone, provisioner.ImageCheck{Name: "firmware", Passed: true, Detail: "Only UEFI can start this disk."}, []string{"check-passed", "Only UEFI can start this disk."}},
		{provisioner.UploadDone, provisioner.ImageCheck{Name: "firmware", Passed: true, Warned: true, Detail: "Nothing can start it.", Repair: "Install one."}, []string{"Taken, with a warning", "check-warning", "Nothing can start it.", "Install one."}},
	} {
		upload := strings.Repeat("a"+strconv.Itoa(i), 16)
		storetest.Arrived(t, a.Store, w.Organization, w.Person(handlertest.Member), upload, "disk.raw", 3<<20)
		verdict := storetest.DoneVerdict(strings.Repeat("ab", 32))
		if verdict.State, verdict.Checks = c.state, []provisioner.ImageCheck{c.check}; c.state == provisioner.UploadRefused {
			verdict.Reason, verdict.Images = c.check.Detail, nil
		}
		if c.state == provisioner.UploadDone {
			verdict.Images[0].Firmware = provisioner.FirmwareUEFI
		}
		storetest.Must[bool](t)(a.Store.Models.RecordVerdict(t.Context(), upload, verdict))
		says(t, string(c.state), member.Get("/org/uploads/"+upload), http.StatusOK, c.says...)
		if c.state == provisioner.UploadDone {
			says(t, "the list", member.Get("/org/images"), http.StatusOK, ">UEFI</span>")
			c.says = append(c.says, "on hosts that have UEFI firmware (OVMF) alone; Secure Boot is not offered yet")
			image := storetest.ImageOf(t, a.Store, w.Organization, upload)
			says(t, "its image", member.Get("/org/images/"+image.ID.String()), http.StatusOK, c.says...)
		}
	}
}
