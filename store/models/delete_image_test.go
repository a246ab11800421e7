package models_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/models"
	"volary.dev/store/storetest"
)

// draft makes a draft whose nodes boot from an image.
func draft(t *testing.T, w *storetest.World, image uuid.UUID, version string) error {
	t.Helper()
	gate := provisioner.Gate{Kind: provisioner.GateAddress, TimeoutSeconds: 120}
	_, err := w.DB.Models.SaveVersion(t.Context(), w.Organization, w.Person, storetest.Draft(w.Model, image, version, provisioner.Count{}, gate))
	return err
}

func count(t *testing.T, w *storetest.World, query string, args ...any) (n int) {
	t.Helper()
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), query, args...).Scan(&n))
	return n
}

func TestDeleteImageInUse(t *testing.T) {
	w := storetest.NewWorld(t)
	remove := func(org, image uuid.UUID, code, title, next string) {
		t.Helper()
		err := w.DB.Models.DeleteImage(t.Context(), org, w.Person, image)
		r, ok := refusal.As(err)
		if !ok || r.Code != code || !strings.Contains(r.Title, title) || !strings.Contains(r.Next, next) {
			t.Errorf("%v, want %s: %s %s", err, code, title, next)
		}
		if code != "image_used" {
			return
		}
		if shown, err := w.DB.Models.UseOfImage(t.Context(), org, image); err != nil || shown == nil || shown.Title != r.Title {
			t.Errorf("the page says %v, %v", shown, err)
		}
	}
	remove(w.Organization, w.Image, "image_used", `"sample.qcow2" is used by 1 version (trial 1.0).`, "Withdraw trial 1.0, and delete this image then.")
	w.Ready(t, w.Launch(t, "trial-1", 1))
	remove(w.Organization, w.Image, "image_used", "by 1 version (trial 1.0) and 1 cluster (trial-1).", "Delete what runs from it and withdraw trial 1.0, and")
	storetest.Must[uuid.UUID](t)(w.DB.Machines.StartAcceptanceTest(t.Context(), w.Organization, w.Person, w.Version, w.PoolID))
	remove(w.Organization, w.Image, "image_used", "1 cluster (trial-1) and 1 acceptance test (trial 1.0).", "wait for the end of what is tested")
	for n := 1; n <= 4; n++ {
		storetest.NoError(t, draft(t, w, w.Image, fmt.Sprintf("2.%d", n)))
	}
	remove(w.Organization, w.Image, "image_used", "5 versions (trial 1.0, trial 2.1, trial 2.2 and 2 more), 1 cluster", "withdraw trial 1.0 and give each draft another image, and")

	other := storetest.Must[uuid.UUID](t)(w.DB.People.CreateOrganization(t.Context(), uuid.Nil, "Birds"))
	remove(other, w.Image, "not_found", "", "")
	drafted := w.AddImage(t, w.Organization, w.Person)
	storetest.NoError(t, draft(t, w, drafted, "3.0"))
	remove(w.Organization, drafted, "image_used", "1 version (trial 3.0).", "another image")
	if n := count(t, w, `SELECT count(*) FROM images`); n != 2 {
		t.Errorf("%d images are left", n)
	}
}

// TestDeleteImage also has another organization's image with the same bytes, which keeps them.
func TestDeleteImage(t *testing.T) {
	w := storetest.NewWorld(t)
	other := storetest.Must[uuid.UUID](t)(w.DB.People.CreateOrganization(t.Context(), uuid.Nil, "Birds"))
	mine, theirs := w.AddImage(t, w.Organization, w.Person), w.AddImage(t, other, w.Person)
	digest := strings.Repeat("cd", 32)
	w.Exec(t, `UPDATE images SET canonical_digest = '`+digest+`' WHERE id <> '`+w.Image.String()+`'`)
	_, _, before, err := w.DB.Models.ListImages(t.Context(), w.Organization, models.ImageFilter{})
	storetest.NoError(t, err)
	web := storetest.OpenAs(t, w.Pool, store.RoleWeb)
	begun := storetest.Must[[]models.ImageCopy](t)(w.DB.Models.CopiesOfNoImage(t.Context(), []string{digest, storetest.Digest, strings.Repeat("0", 64)}))
	if len(begun) != 1 || begun[0].Digest != strings.Repeat("0", 64) || begun[0].Gone {
		t.Errorf("copies of no image: %v", begun)
	}

	storetest.NoError(t, web.Models.DeleteImage(t.Context(), w.Organization, w.Person, mine))
	list, _, after, err := w.DB.Models.ListImages(t.Context(), w.Organization, models.ImageFilter{})
	if err != nil || len(list) != 1 || before-after != 900 || !list[0].Used {
		t.Errorf("%d images with %d bytes, %d before; %v", len(list), after, before, err)
	}
	if n := count(t, w, `SELECT count(*) FROM gone_images`); n != 0 {
		t.Error("the digest counts as gone although another image has it")
	}
	if err := web.Models.DeleteImage(t.Context(), w.Organization, w.Person, mine); !refusedWith(err, "not_found") {
		t.Errorf("a second time: %v", err)
	}
	storetest.NoError(t, web.Models.DeleteImage(t.Context(), other, w.Person, theirs))
	gone := storetest.Must[[]models.ImageCopy](t)(w.DB.Models.CopiesOfNoImage(t.Context(), []string{digest}))
	if len(gone) != 1 || !gone[0].Gone {
		t.Errorf("after the last one: %v", gone)
	}
	if n := count(t, w, `SELECT count(*) FROM river_job WHERE kind = 'delete_image' AND queue = 'hosts' AND args ->> 'canonical_digest' = $1`, digest); n != 2 {
		t.Errorf("%d jobs", n)
	}
	if n := count(t, w, `SELECT count(*) FROM audit WHERE verb = 'delete image'`); n != 2 {
		t.Errorf("%d lines in the log", n)
	}
	w.AddImage(t, other, w.Person)
	w.Exec(t, `UPDATE images SET canonical_digest = '`+digest+`' WHERE id <> '`+w.Image.String()+`'`)
	if back := storetest.Must[[]models.ImageCopy](t)(w.DB.Models.CopiesOfNoImage(t.Context(), []string{digest})); len(back) != 0 {
		t.Errorf("brought anew: %v", back)
	}
}

// TestDeleteImagesOfOneUpload deletes the two images of an upload, one after the other and at once: it goes with the last one.
func TestDeleteImagesOfOneUpload(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	two := func(upload string) (ids []uuid.UUID) {
		storetest.Arrived(t, w.DB, w.Organization, w.Person, upload, "group.ova", 1)
		recordTwo(t, w.DB, upload)
		for _, i := range storetest.Must[[]models.Image](t)(w.DB.Models.ImagesOfUpload(ctx, w.Organization, upload)) {
			ids = append(ids, i.ID)
		}
		return ids
	}
	web := storetest.OpenAs(t, w.Pool, store.RoleWeb)
	ids := two(hexID(1))
	storetest.NoError(t, web.Models.DeleteImage(ctx, w.Organization, w.Person, ids[0]))
	if left := storetest.Must[[]models.Image](t)(w.DB.Models.ImagesOfUpload(ctx, w.Organization, hexID(1))); len(left) != 1 || left[0].ID != ids[1] {
		t.Errorf("left of the upload: %+v", left)
	}
	storetest.NoError(t, web.Models.DeleteImage(ctx, w.Organization, w.Person, ids[1]))
	if n := count(t, w, `SELECT count(*) FROM uploads`); n != 0 {
		t.Error("the upload outlives its images")
	}
	for n := range 10 {
		ids := two(hexID(10 + n))
		var both sync.WaitGroup
		for _, id := range ids {
			both.Go(func() { storetest.NoError(t, w.DB.Models.DeleteImage(ctx, w.Organization, w.Person, id)) })
		}
		both.Wait()
		if n := count(t, w, `SELECT count(*) FROM uploads`); n != 0 {
			t.Fatal("the upload outlives its images, which were deleted at once")
		}
	}
}

// TestDeleteImageAtOnce has a draft take an image up while it is deleted: one of the two is refused.
func TestDeleteImageAtOnce(t *testing.T) {
	w := storetest.NewWorld(t)
	for n := range 10 {
		image := w.AddImage(t, w.Organization, w.Person)
		var saved, deleted error
		var both sync.WaitGroup
		both.Go(func() { saved = draft(t, w, image, fmt.Sprintf("2.%d", n)) })
		both.Go(func() { deleted = w.DB.Models.DeleteImage(t.Context(), w.Organization, w.Person, image) })
		both.Wait()
		if (saved == nil) == (deleted == nil) || saved != nil && !refusedWith(saved, "invalid") || deleted != nil && !refusedWith(deleted, "image_used") {
			t.Errorf("saved: %v; deleted: %v", saved, deleted)
		}
	}
}
