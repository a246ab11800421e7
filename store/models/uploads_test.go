package models_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/floors"
	"volary.dev/store/models"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// uploader is an organization with one member.
func uploader(t *testing.T, db *floors.All, name string) (orgID, personID uuid.UUID) {
	t.Helper()
	orgID, err := db.People.CreateOrganization(t.Context(), uuid.Nil, name)
	if err != nil {
		t.Fatal(err)
	}
	personID, err = db.People.CreatePerson(t.Context(), uuid.Nil, people.NewPerson{Email: strings.ToLower(name) + "@example.org", Name: name, Password: "correct horse battery"})
	if err != nil {
		t.Fatal(err)
	}
	storetest.NoError(t, db.People.AddMember(t.Context(), uuid.Nil, orgID, personID, people.RoleOwner))
	return orgID, personID
}

// What was begun long ago makes no image by who may not bring one any more; it is kept, and a colleague finishes it.
func TestFinishUploadAuthorisesAnew(t *testing.T) {
	pool := storetest.Pool(t)
	db := storetest.Open(t, pool)
	org, owner := uploader(t, db, "Atlas")
	ben := colleague(t, db, "Ben")
	ctx := t.Context()
	exec := func(sql string, args ...any) func() error {
		return func() error { _, err := pool.Exec(ctx, sql, args...); return err }
	}
	for n, c := range []struct {
		end, again func() error
		code       string
	}{
		{exec(`DELETE FROM memberships WHERE person_id = $1`, ben), nil, "forbidden"},
		{exec(`UPDATE memberships SET role = 'billing' WHERE person_id = $1`, ben), nil, "forbidden"},
		{
			exec(`UPDATE people SET suspended_at = now(), suspended_reason = 'a stolen password' WHERE id = $1`, ben),
			exec(`UPDATE people SET suspended_at = NULL, suspended_reason = '' WHERE id = $1`, ben), "forbidden",
		},
		{
			exec(`UPDATE organizations SET suspended_at = now(), suspended_reason = 'an open invoice' WHERE id = $1`, org),
			exec(`UPDATE organizations SET suspended_at = NULL, suspended_reason = '' WHERE id = $1`, org), "suspended",
		},
	} {
		storetest.NoError(t, db.People.AddMember(ctx, uuid.Nil, org, ben, people.RoleMember))
		storetest.NoError(t, db.Models.CreateUpload(ctx, org, ben, hexID(n), "disk", 1))
		storetest.NoError(t, c.end())
		if _, err := db.Models.FinishUpload(ctx, ben, hexID(n), ""); !refusedWith(err, c.code) {
			t.Errorf("%d: %v, want %s", n, err, c.code)
		}
		if c.again != nil {
			storetest.NoError(t, c.again())
		}
		id := storetest.Must[uuid.UUID](t)(db.Models.FinishUpload(ctx, owner, hexID(n), ""))
		if i := storetest.Must[models.Image](t)(db.Models.Image(ctx, org, id)); i.Person != "Atlas" {
			t.Errorf("%d: the image is of %s", n, i.Person)
		}
	}
}

func colleague(t *testing.T, db *floors.All, name string) uuid.UUID {
	t.Helper()
	return storetest.Must[uuid.UUID](t)(db.People.CreatePerson(t.Context(), uuid.Nil, people.NewPerson{Email: strings.ToLower(name) + "@example.org", Name: name, Password: "correct horse battery"}))
}

func hexID(n int) string {
	return strings.ReplaceAll(uuid.NewSHA1(uuid.NameSpaceURL, []byte{byte(n)}).String(), "-", "")
}

func TestFinishUploadMakesOneImageAndOneJob(t *testing.T) {
	pool := storetest.Pool(t)
	db := storetest.Open(t, pool)
	org, person := uploader(t, db, "Atlas")
	other, _ := uploader(t, db, "Borealis")
	if err := db.Models.CreateUpload(t.Context(), org, person, hexID(1), "disk.qcow2", 4096); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Models.Upload(t.Context(), other, hexID(1)); !refusedWith(err, "not_found") {
		t.Errorf("another organization's upload: %v", err)
	}
	if list, err := db.Models.Uploads(t.Context(), org); err != nil || len(list) != 1 || list[0].Filename != "disk.qcow2" || list[0].Person != "Atlas" {
		t.Fatalf("Uploads = %v, %v", list, err)
	}
	first, err := db.Models.FinishUpload(t.Context(), person, hexID(1), "")
	if err != nil {
		t.Fatal(err)
	}
	second, err := db.Models.FinishUpload(t.Context(), person, hexID(1), "again")
	if err != nil || first != second {
		t.Errorf("a second finish gave %s, %v; want %s", second, err, first)
	}
	var jobs int
	if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM river_job WHERE kind = 'verify_image'`).Scan(&jobs); err != nil || jobs != 1 {
		t.Errorf("%d jobs, %v; want 1", jobs, err)
	}
	image, err := db.Models.Image(t.Context(), org, first)
	if err != nil || image.Name != "disk.qcow2" || image.State != provisioner.ImageChecking || image.Size != 4096 || image.UploadID != hexID(1) {
		t.Errorf("Image = %+v, %v", image, err)
	}
	if _, err := db.Models.Image(t.Context(), other, first); !refusedWith(err, "not_found") {
		t.Errorf("another organization's image: %v", err)
	}
	if list, err := db.Models.Uploads(t.Context(), org); err != nil || len(list) != 0 {
		t.Errorf("finished upload still listed: %v, %v", list, err)
	}
	if was, err := db.Models.DiscardUpload(t.Context(), person, hexID(1)); err != nil || was {
		t.Errorf("a finished upload was deleted: %t, %v", was, err)
	}
	if _, err := db.Models.FinishUpload(t.Context(), person, hexID(2), ""); !refusedWith(err, "not_found") {
		t.Errorf("finish of nothing: %v", err)
	}
}

func TestCreateUploadRefusals(t *testing.T) {
	db := storetest.New(t)
	org, person := uploader(t, db, "Atlas")
	for name, call := range map[string]struct {
		file string
		size int64
	}{"no name": {"", 1}, "no bytes": {"disk", 0}, "long name": {strings.Repeat("x", 256), 1}} {
		if err := db.Models.CreateUpload(t.Context(), org, person, hexID(0), call.file, call.size); !refusedWith(err, "invalid") {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
	// Nobody takes all that the organization may have, and nobody takes more.
	all := []uuid.UUID{person, colleague(t, db, "Bea"), colleague(t, db, "Cem")}
	for n := range models.MaxOpenUploads {
		if err := db.Models.CreateUpload(t.Context(), org, all[n/models.MaxOpenUploadsEach], hexID(n), "disk", 1); err != nil {
			t.Fatal(err)
		}
	}
	for who, says := range map[uuid.UUID]string{person: "3 uploads of yours", all[2]: "8 uploads of your organization"} {
		if err := db.Models.CreateUpload(t.Context(), org, who, hexID(100), "disk", 1); !refusedWith(err, "uploads") || !strings.Contains(err.Error(), says) {
			t.Errorf("one upload too many: %v, want %q", err, says)
		}
	}
	if list, err := db.Models.AnnouncedUploads(t.Context()); err != nil || len(list) != models.MaxOpenUploads || list[0].Size != 1 {
		t.Errorf("AnnouncedUploads = %v, %v", list, err)
	}
	for _, want := range []bool{true, false} {
		if was, err := db.Models.DiscardUpload(t.Context(), person, hexID(1)); err != nil || was != want {
			t.Fatalf("DiscardUpload = %t, %v; want %t", was, err, want)
		}
	}
	if err := db.Models.CreateUpload(t.Context(), org, person, hexID(100), "disk", 1); err != nil {
		t.Errorf("after one was discarded: %v", err)
	}
	stale, err := db.Models.StaleUploads(t.Context(), time.Now().Add(time.Hour))
	if err != nil || len(stale) != models.MaxOpenUploads {
		t.Errorf("StaleUploads = %v, %v", stale, err)
	}
}

func TestVerdictIsFinal(t *testing.T) {
	db := storetest.New(t)
	org, person := uploader(t, db, "Atlas")
	if err := db.Models.CreateUpload(t.Context(), org, person, hexID(1), "disk", 512); err != nil {
		t.Fatal(err)
	}
	id, err := db.Models.FinishUpload(t.Context(), person, hexID(1), "Debian 12")
	if err != nil {
		t.Fatal(err)
	}
	checks := []provisioner.ImageCheck{{Name: "format", Passed: true, Detail: "qcow2 version 3"}}
	if err := db.Models.RecordImageChecks(t.Context(), id, checks); err != nil {
		t.Fatal(err)
	}
	digest := strings.Repeat("ab", 32)
	for _, v := range []provisioner.ImageVerdict{
		{State: provisioner.ImageUnverified, Reason: "no qemu-img", Checks: checks},
		{State: provisioner.ImageReady, Checks: checks, Format: "qcow2", VirtualSize: 1 << 30, CanonicalSize: 99, UploadedDigest: digest, CanonicalDigest: digest, ContentDigest: digest},
		{State: provisioner.ImageRefused, Reason: "too late"},
	} {
		if err := db.Models.RecordVerdict(t.Context(), id, v); err != nil {
			t.Fatal(err)
		}
	}
	image, err := db.Models.ImageForWorker(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if image.State != provisioner.ImageReady || image.VerifiedAt == nil || image.CanonicalDigest != digest || len(image.Checks) != 1 || image.Name != "Debian 12" {
		t.Errorf("image = %+v", image)
	}
	if list, err := db.Models.Images(t.Context(), org, store.Page{}); err != nil || len(list) != 1 {
		t.Errorf("Images = %v, %v", list, err)
	}
	if list, total, err := db.Models.VersionsOfImage(t.Context(), org, id, models.ImageVersionFilter{}); err != nil || len(list) != 0 || total != 0 {
		t.Errorf("VersionsOfImage = %v of %d, %v", list, total, err)
	}
}

func refusedWith(err error, code string) bool {
	var r *refusal.Error
	return errors.As(err, &r) && r.Code == code
}
