package models_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/models"
	"volary.dev/store/storetest"
)

// taker is another organization with a person in it.
func taker(t *testing.T, w *storetest.World, name string) (org uuid.UUID) {
	t.Helper()
	return storetest.Must[uuid.UUID](t)(w.DB.People.CreateOrganization(t.Context(), uuid.Nil, name))
}

func stored(t *testing.T, w *storetest.World, org uuid.UUID) int64 {
	t.Helper()
	return storetest.Must[models.Quota](t)(w.DB.Models.Quota(t.Context(), org)).Stored
}

// A model cluster reaches whom it is shared with and nobody else; a clone of it is the same document over the same bytes, and counts against nobody but
// who stores them.
func TestShareAndClone(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx, web := t.Context(), storetest.OpenAs(t, w.Pool, store.RoleWeb)
	named, other := taker(t, w, "Named Group"), taker(t, w, "Other Group")
	seen := func(org uuid.UUID) bool {
		t.Helper()
		list, total, err := web.Models.ListSharedModels(ctx, org, models.SharedModelFilter{})
		storetest.NoError(t, err)
		_, err = web.Models.SharedModel(ctx, org, w.Model)
		if r, ok := refusal.As(err); err != nil && (!ok || r.Code != "not_found") || (err == nil) != (total == 1) || len(list) != total {
			t.Fatalf("%d in the list, %v", total, err)
		}
		return err == nil
	}
	clone := func(org uuid.UUID, name string) (uuid.UUID, error) {
		return web.Models.CloneModel(ctx, org, w.Person, w.Version, name)
	}
	if seen(named) || seen(other) || seen(w.Organization) {
		t.Error("it reaches somebody before it is shared")
	}
	_, err := clone(named, "early")
	storetest.WantRefusal(t, err, "not_found")

	storetest.NoError(t, web.Models.ShareModel(ctx, w.Organization, w.Person, w.Model, "Named Group"))
	storetest.WantRefusal(t, web.Models.ShareModel(ctx, w.Organization, w.Person, w.Model, "Named Group"), "duplicate")
	storetest.WantRefusal(t, web.Models.ShareModel(ctx, named, w.Person, w.Model, "Other Group"), "not_found")
	if !seen(named) || seen(other) || seen(w.Organization) {
		t.Error("it has to reach whom it is shared with, and nobody else")
	}
	_, err = clone(other, "theirs")
	storetest.WantRefusal(t, err, "not_found")
	_, err = clone(w.Organization, "ours")
	storetest.WantRefusal(t, err, "not_found")

	source := storetest.Must[models.Version](t)(web.Models.Version(ctx, w.Organization, w.Version))
	made := storetest.Must[uuid.UUID](t)(clone(named, "a clone"))
	_, err = clone(named, "a clone")
	storetest.WantRefusal(t, err, "duplicate")
	v := storetest.Must[models.Version](t)(web.Models.Version(ctx, named, made))
	if v.DocumentDigest != source.DocumentDigest || v.State != models.VersionStatePublished || v.Groups[0].Digest != source.Groups[0].Digest || v.Groups[0].ImageID == source.Groups[0].ImageID {
		t.Errorf("the clone is %+v", v)
	}
	if v.Groups[0].ImageID != v.Groups[1].ImageID {
		t.Error("one image became two")
	}
	storetest.NoError(t, web.Models.WithdrawVersion(ctx, named, w.Person, made)) // it is theirs
	storetest.NoError(t, web.Models.RestoreVersion(ctx, named, w.Person, made))
	if own, theirs := stored(t, w, w.Organization), stored(t, w, named); own != 900 || theirs != 0 {
		t.Errorf("the owner stores %d bytes, who cloned %d", own, theirs)
	}

	if s := storetest.Must[models.ModelShares](t)(web.Models.ModelShares(ctx, w.Organization, w.Model)); len(s.List) != 1 || s.List[0].Name != "Named Group" || s.Clones != 1 {
		t.Errorf("the owner sees %+v", s)
	}
	storetest.WantRefusal(t, web.Models.WithdrawShare(ctx, w.Organization, w.Person, w.Model, uuid.Nil), "not_found")
	storetest.NoError(t, web.Models.WithdrawShare(ctx, w.Organization, w.Person, w.Model, named))
	if seen(named) {
		t.Error("it still reaches whom it was withdrawn from")
	}
	_, err = clone(named, "late")
	storetest.WantRefusal(t, err, "not_found")
	if again := storetest.Must[models.Version](t)(web.Models.Version(ctx, named, made)); again.ImagesThere() != nil || again.DocumentDigest != source.DocumentDigest {
		t.Error("the clone went with the share")
	}
}

// The bytes of a clone stay when the owner deletes the image, and count in the quota of who keeps them then.
func TestAClonesBytesStay(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx, web := t.Context(), storetest.OpenAs(t, w.Pool, store.RoleWeb)
	named := taker(t, w, "Named Group")
	storetest.NoError(t, web.Models.ShareModel(ctx, w.Organization, w.Person, w.Model, ""))
	storetest.Must[uuid.UUID](t)(web.Models.CloneModel(ctx, named, w.Person, w.Version, "a clone"))
	storetest.NoError(t, web.Models.WithdrawVersion(ctx, w.Organization, w.Person, w.Version))
	if _, err := web.Models.SharedModel(ctx, named, w.Model); err == nil {
		t.Error("a withdrawn version is shown")
	}
	storetest.NoError(t, web.Models.DeleteImage(ctx, w.Organization, w.Person, w.Image))
	unused := storetest.Must[[]models.ImageCopy](t)(w.DB.Models.CopiesOfNoImage(ctx, []string{storetest.Digest}))
	if len(unused) != 0 {
		t.Errorf("bytes that a clone refers to are nobody's: %+v", unused)
	}
	if own, theirs := stored(t, w, w.Organization), stored(t, w, named); own != 0 || theirs != 900 {
		t.Errorf("the owner stores %d bytes, who cloned %d", own, theirs)
	}
}

// What servers may not do by themselves: images and certificates of others are theirs by no row that web writes.
func TestWebClonesNothingUnshared(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx, web := t.Context(), storetest.PoolAs(t, w.Pool, store.RoleWeb)
	named := taker(t, w, "Named Group")
	var made bool
	storetest.NoError(t, web.QueryRow(ctx, `SELECT clone_image($1, $2, 0, $3, $4, 'mine')`, uuid.New(), w.Version, named, w.Person).Scan(&made))
	if made || count(t, w, `SELECT count(*) FROM images WHERE organization_id = $1`, named) != 0 {
		t.Error("an image that is not shared was cloned")
	}
	if _, err := web.Exec(ctx, `INSERT INTO given_certificates SELECT $1, id FROM certificates`, named); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("web gives certificates: %v", err)
	}
}

// What an organization of the platform's own shares with everyone is a starter model, and first in everybody's list; nothing of a suspended one is spread.
func TestStarterModels(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx, web := t.Context(), storetest.OpenAs(t, w.Pool, store.RoleWeb)
	named := taker(t, w, "Named Group")
	storetest.NoError(t, web.Models.ShareModel(ctx, w.Organization, w.Person, w.Model, ""))
	first := func() models.SharedModel {
		t.Helper()
		list, _, err := web.Models.ListSharedModels(ctx, named, models.SharedModelFilter{})
		storetest.NoError(t, err)
		if len(list) != 1 {
			t.Fatalf("%d shared", len(list))
		}
		return list[0]
	}
	if m := first(); m.Starter || !m.Everyone || m.Size != 900 || m.Certified {
		t.Errorf("%+v", m)
	}
	storetest.NoError(t, web.People.SetStarters(ctx, w.Person, w.Organization, true))
	storetest.NoError(t, web.People.SetStarters(ctx, w.Person, w.Organization, true))
	if m := first(); !m.Starter {
		t.Errorf("%+v", m)
	}
	if n := count(t, w, `SELECT count(*) FROM audit WHERE verb = 'make starters'`); n != 1 {
		t.Errorf("%d lines in the log", n)
	}
	storetest.NoError(t, web.People.SuspendOrganization(ctx, w.Person, w.Organization, "a case is looked into"))
	if _, total, err := web.Models.ListSharedModels(ctx, named, models.SharedModelFilter{}); err != nil || total != 0 {
		t.Errorf("a suspended organization spreads %d, %v", total, err)
	}
}
