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
		if err := db.Models.FinishUpload(ctx, ben, hexID(n)); !refusedWith(err, c.code) {
			t.Errorf("%d: %v, want %s", n, err, c.code)
		}
		if c.again != nil {
			storetest.NoError(t, c.again())
		}
		storetest.NoError(t, db.Models.FinishUpload(ctx, owner, hexID(n)))
		if u := storetest.Must[models.Upload](t)(db.Models.Upload(ctx, org, hexID(n))); u.FinishedBy != "Atlas" || u.Person != "Ben" {
			t.Errorf("%d: begun by %s, finished by %s", n, u.Person, u.FinishedBy)
		}
		storetest.Must[bool](t)(db.Models.RecordVerdict(ctx, hexID(n), storetest.DoneVerdict(storetest.Digest)))
		if i := storetest.ImageOf(t, db, org, hexID(n)); i.Person != "Atlas" {
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

func TestFinishUploadAsksForOneVerification(t *testing.T) {
	pool := storetest.Pool(t)
	db := storetest.OpenAs(t, pool, store.RoleWeb)
	org, person := uploader(t, db, "Atlas")
	other, _ := uploader(t, db, "Borealis")
	ctx := t.Context()
	storetest.NoError(t, db.Models.CreateUpload(ctx, org, person, hexID(1), "disk.qcow2", 4096))
	if _, err := db.Models.Upload(ctx, other, hexID(1)); !refusedWith(err, "not_found") {
		t.Errorf("another organization's upload: %v", err)
	}
	if list, err := db.Models.ArrivingUploads(ctx, org); err != nil || len(list) != 1 || list[0].Filename != "disk.qcow2" || list[0].Person != "Atlas" || list[0].State != provisioner.UploadArriving {
		t.Fatalf("ArrivingUploads = %v, %v", list, err)
	}
	for range 2 {
		storetest.NoError(t, db.Models.FinishUpload(ctx, person, hexID(1)))
	}
	var jobs int
	if err := pool.QueryRow(ctx, `SELECT count(*) FROM river_job WHERE kind = 'verify_upload' AND (args ->> 'upload_id')::uuid = $1::uuid`, hexID(1)).Scan(&jobs); err != nil || jobs != 1 {
		t.Errorf("%d jobs, %v; want 1", jobs, err)
	}
	u, err := db.Models.Upload(ctx, org, hexID(1))
	if err != nil || u.Name != "disk.qcow2" || u.State != provisioner.UploadChecking || u.Size != 4096 || u.FinishedAt == nil || u.FinishedBy != "Atlas" || u.VerifiedAt != nil {
		t.Errorf("Upload = %+v, %v", u, err)
	}
	if list, err := db.Models.ImagesOfUpload(ctx, org, hexID(1)); err != nil || len(list) != 0 {
		t.Errorf("images before the verdict: %v, %v", list, err)
	}
	if list, err := db.Models.ArrivingUploads(ctx, org); err != nil || len(list) != 0 {
		t.Errorf("it arrives still: %v, %v", list, err)
	}
	if was, err := db.Models.DiscardUpload(ctx, person, hexID(1)); err != nil || was {
		t.Errorf("a finished upload was discarded as unfinished: %t, %v", was, err)
	}
	storetest.WantCode(t, db.Models.FinishUpload(ctx, person, hexID(2)), "not_found")
}

// recordTwo records the verdict on an upload that holds two disks.
func recordTwo(t *testing.T, db *floors.All, upload string) {
	t.Helper()
	v := storetest.DoneVerdict(strings.Repeat("c1", 32))
	v.Images[0].Member, v.Images[0].Name = "head.vmdk", "head"
	second := v.Images[0]
	second.Member, second.Name = "2", "\u202e" // no name: it turns the line around
	second.CanonicalDigest = strings.Repeat("c2", 32)
	v.Images = append(v.Images, second)
	if recorded, err := db.Models.RecordVerdict(t.Context(), upload, v); err != nil || !recorded {
		t.Fatalf("recorded %t, %v", recorded, err)
	}
}

// An upload that holds two disks is two images, each known by its member, with one verdict.
func TestVerdictMakesSeveralImages(t *testing.T) {
	pool := storetest.Pool(t)
	db := storetest.Open(t, pool)
	worker := storetest.OpenAs(t, pool, store.RoleWorker)
	org, person := uploader(t, db, "Atlas")
	other, _ := uploader(t, db, "Borealis")
	ctx := t.Context()
	storetest.NoError(t, db.Models.BeginUpload(ctx, models.NewUpload{Organization: org, Person: person, ID: hexID(1), Filename: "group.ova", Name: "Our group", Size: 1}))
	storetest.NoError(t, db.Models.FinishUpload(ctx, person, hexID(1)))
	twice := storetest.DoneVerdict(storetest.Digest)
	twice.Images = append(twice.Images, twice.Images[0])
	if _, err := worker.Models.RecordVerdict(ctx, hexID(1), twice); !store.UniqueViolation(err, "images_upload_id_member_key") {
		t.Errorf("two images with one member: %v", err)
	}
	if _, err := worker.Models.RecordVerdict(ctx, hexID(1), provisioner.UploadVerdict{State: provisioner.UploadDone}); err == nil {
		t.Error("an upload is done with no image")
	}
	if u := storetest.Must[models.Upload](t)(db.Models.Upload(ctx, org, hexID(1))); u.State != provisioner.UploadChecking || u.Name != "Our group" {
		t.Fatalf("after a verdict that was not recorded: %+v", u)
	}
	recordTwo(t, worker, hexID(1))
	list := storetest.Must[[]models.Image](t)(db.Models.ImagesOfUpload(ctx, org, hexID(1)))
	if len(list) != 2 || list[0].Name != "head" || list[0].Member != "head.vmdk" || list[1].Name != "Our group 2" || list[1].Member != "2" ||
		list[1].CanonicalDigest != strings.Repeat("c2", 32) || list[1].UploadID != hexID(1) || list[1].Format != "qcow2" || list[1].Person != "Atlas" {
		t.Errorf("images %+v", list)
	}
	if list, total, err := db.Models.Uploads(ctx, org); err != nil || len(list) != 0 || total != 0 {
		t.Errorf("under way still: %v of %d, %v", list, total, err)
	}
	if list := storetest.Must[[]models.Image](t)(db.Models.ImagesOfUpload(ctx, other, hexID(1))); len(list) != 0 {
		t.Errorf("another organization sees %v", list)
	}
	var rows int
	if err := pool.QueryRow(ctx, `SELECT count(*) FROM audit WHERE verb = 'make image' AND organization_id = $1 AND person_id IS NULL`, org).Scan(&rows); err != nil || rows != 2 {
		t.Errorf("%d rows of the log, %v", rows, err)
	}
}

// What is under way or was refused is listed, removed by who may, and forgotten a while after it was refused.
func TestUploadsThatAreNoImages(t *testing.T) {
	pool := storetest.Pool(t)
	db := storetest.OpenAs(t, pool, store.RoleWeb)
	worker := storetest.OpenAs(t, pool, store.RoleWorker)
	org, person := uploader(t, db, "Atlas")
	other, _ := uploader(t, db, "Borealis")
	ctx := t.Context()
	storetest.NoError(t, db.Models.CreateUpload(ctx, org, person, hexID(0), "arriving.raw", 1))
	for n, state := range []provisioner.UploadState{provisioner.UploadChecking, provisioner.UploadUnverified, provisioner.UploadRefused, provisioner.UploadDone} {
		id := hexID(n + 1)
		storetest.Arrived(t, db, org, person, id, string(state)+".raw", 1)
		verdict := provisioner.UploadVerdict{State: state, Reason: "As it is.", Checks: []provisioner.ImageCheck{{Name: "format"}}}
		if state == provisioner.UploadDone {
			verdict = storetest.DoneVerdict(storetest.Digest)
		}
		if state != provisioner.UploadChecking {
			storetest.Must[bool](t)(worker.Models.RecordVerdict(ctx, id, verdict))
		}
	}
	list, total, err := db.Models.Uploads(ctx, org)
	storetest.NoError(t, err)
	var names []string
	for _, u := range list {
		names = append(names, u.Name)
	}
	if want := "refused.raw unverified.raw checking.raw arriving.raw"; strings.Join(names, " ") != want || total != 4 || list[0].Reason != "As it is." || len(list[0].Checks) != 1 {
		t.Errorf("%q of %d, %+v", names, total, list[0])
	}
	exec := func(sql string) {
		_, err := pool.Exec(ctx, sql)
		storetest.NoError(t, err)
	}
	remove := func(org uuid.UUID, n int) error { return db.Models.RemoveUpload(ctx, org, person, hexID(n)) }
	storetest.WantCode(t, remove(other, 3), "not_found")
	storetest.WantCode(t, db.Models.RemoveUpload(ctx, org, person, "nothing"), "not_found")
	storetest.WantCode(t, remove(org, 0), "conflict")
	storetest.WantCode(t, remove(org, 4), "conflict")
	exec(`UPDATE river_job SET state = 'running', attempted_at = now() WHERE kind = 'verify_upload'`)
	storetest.WantCode(t, remove(org, 1), "upload_checking")
	storetest.WantCode(t, remove(org, 2), "upload_checking")
	storetest.NoError(t, remove(org, 3)) // its verdict is final
	exec(`UPDATE river_job SET state = 'scheduled' WHERE kind = 'verify_upload'`)
	storetest.NoError(t, remove(org, 1))
	storetest.NoError(t, remove(org, 2))
	storetest.WantCode(t, remove(org, 2), "not_found")
	var jobs, rows int
	storetest.NoError(t, pool.QueryRow(ctx, `SELECT count(*) FROM river_job WHERE kind = 'discard_upload'`).Scan(&jobs))
	storetest.NoError(t, pool.QueryRow(ctx, `SELECT count(*) FROM audit WHERE verb = 'discard upload' AND person_id = $1`, person).Scan(&rows))
	if jobs != 3 || rows != 3 {
		t.Errorf("%d jobs, %d rows of the log", jobs, rows)
	}
	if recorded, err := worker.Models.RecordVerdict(ctx, hexID(1), storetest.DoneVerdict(storetest.Digest)); err != nil || recorded {
		t.Errorf("a verdict on an upload that is gone: %t, %v", recorded, err)
	}

	storetest.Arrived(t, db, org, person, hexID(5), "old.raw", 1)
	storetest.Must[bool](t)(worker.Models.RecordVerdict(ctx, hexID(5), provisioner.UploadVerdict{State: provisioner.UploadRefused, Reason: "No."}))
	for _, c := range []struct {
		before time.Duration
		want   int
	}{{-time.Hour, 0}, {time.Hour, 1}, {time.Hour, 0}} {
		if ids, err := worker.Models.ForgetUploads(ctx, time.Now().Add(c.before)); err != nil || len(ids) != c.want {
			t.Errorf("forgotten: %v, %v; want %d", ids, err, c.want)
		}
	}
}

// A digest that is given is kept in one form; one that is none is refused before there is an upload.
func TestExpectedDigest(t *testing.T) {
	db := storetest.New(t)
	org, person := uploader(t, db, "Atlas")
	ctx := t.Context()
	u := models.NewUpload{Organization: org, Person: person, ID: hexID(1), Filename: "disk", Size: 1, ExpectedDigest: "abcdef"}
	r := storetest.WantRefusal(t, db.Models.BeginUpload(ctx, u), "invalid")
	if !strings.Contains(r.Fields["digest"], "6 hex digits") {
		t.Errorf("%+v", r)
	}
	u.ExpectedDigest = " SHA256:" + strings.Repeat("AB", 32)
	storetest.NoError(t, db.Models.BeginUpload(ctx, u))
	read := func() string {
		return storetest.Must[models.Upload](t)(db.Models.Upload(ctx, org, hexID(1))).ExpectedDigest
	}
	if read() != strings.Repeat("ab", 32) {
		t.Errorf("kept as %q", read())
	}
	storetest.NoError(t, db.Models.TakeUpload(ctx, hexID(1), "", ""))
	if read() != strings.Repeat("ab", 32) {
		t.Errorf("a sender who says none took it away: %q", read())
	}
	storetest.NoError(t, db.Models.TakeUpload(ctx, hexID(1), "", strings.Repeat("cd", 32)))
	if read() != strings.Repeat("cd", 32) {
		t.Errorf("a sender who says another: %q", read())
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

// An upload is found by the name its sender gives the file, taken by another sender, and discarded with a row of the log.
func TestUploadHasASender(t *testing.T) {
	pool := storetest.Pool(t)
	db := storetest.OpenAs(t, pool, store.RoleWeb)
	all := storetest.Open(t, pool)
	org, person := uploader(t, all, "Atlas")
	bea := colleague(t, all, "Bea")
	ctx := t.Context()
	u := models.NewUpload{
		Organization: org, Person: person, ID: hexID(1), Filename: "Universita\u0308t.raw", Size: 9,
		Fingerprint: "s1-" + strings.Repeat("ab", 32), Sender: strings.Repeat("a", 32),
	}
	storetest.NoError(t, db.Models.BeginUpload(ctx, u))
	again := u
	again.ID = hexID(2)
	storetest.WantCode(t, db.Models.BeginUpload(ctx, again), "busy")
	for name, bad := range map[string]models.NewUpload{"fingerprint": {Fingerprint: "ab"}, "sender": {Sender: "<script>-<script>"}} {
		bad.Organization, bad.Person, bad.ID, bad.Filename, bad.Size = org, person, hexID(3), "disk", 9
		if err := db.Models.BeginUpload(ctx, bad); !refusedWith(err, "malformed") {
			t.Errorf("%s: %v", name, err)
		}
	}
	found, err := db.Models.UploadOfSender(ctx, org, person, u.Sender)
	if err != nil || found.ID != u.ID || found.Fingerprint != u.Fingerprint || found.Sender != u.Sender || found.Filename != "Universit\u00e4t.raw" {
		t.Errorf("UploadOfSender = %+v, %v", found, err)
	}
	for _, other := range []struct {
		person uuid.UUID
		sender string
	}{{bea, u.Sender}, {person, strings.Repeat("b", 32)}, {person, ""}} {
		if _, err := db.Models.UploadOfSender(ctx, org, other.person, other.sender); !refusedWith(err, "not_found") {
			t.Errorf("of %v: %v", other, err)
		}
	}
	storetest.NoError(t, db.Models.TakeUpload(ctx, u.ID, strings.Repeat("b", 32), ""))
	if taken := storetest.Must[models.Upload](t)(db.Models.Upload(ctx, org, u.ID)); taken.Sender != strings.Repeat("b", 32) {
		t.Errorf("taken by %q", taken.Sender)
	}
	// A person discards it, or the worker one that stood still.
	storetest.NoError(t, db.Models.CreateUpload(ctx, org, person, hexID(4), "disk", 1))
	worker := storetest.OpenAs(t, pool, store.RoleWorker)
	for _, d := range []struct {
		db *floors.All
		by uuid.UUID
		id string
	}{{db, bea, u.ID}, {worker, uuid.Nil, hexID(4)}} {
		for _, want := range []bool{true, false} {
			if was, err := d.db.Models.DiscardUpload(ctx, d.by, d.id); err != nil || was != want {
				t.Errorf("DiscardUpload = %t, %v; want %t", was, err, want)
			}
		}
		var rows int
		if err := pool.QueryRow(ctx, `SELECT count(*) FROM audit WHERE verb = 'discard upload' AND subject_id::text = $1 AND coalesce(person_id, $2) = $2`,
			uuid.MustParse(d.id).String(), d.by).Scan(&rows); err != nil || rows != 1 {
			t.Errorf("%d rows of the log for %s, %v", rows, d.id, err)
		}
	}
}

func TestVerdictIsFinal(t *testing.T) {
	pool := storetest.Pool(t)
	db := storetest.Open(t, pool)
	worker := storetest.OpenAs(t, pool, store.RoleWorker)
	org, person := uploader(t, db, "Atlas")
	ctx := t.Context()
	storetest.Arrived(t, db, org, person, hexID(1), "Debian 12", 512)
	checks := []provisioner.ImageCheck{{Name: "format", Passed: true, Detail: "qcow2 version 3"}}
	storetest.NoError(t, worker.Models.RecordUploadChecks(ctx, hexID(1), checks))
	digest := strings.Repeat("ab", 32)
	for _, c := range []struct {
		verdict provisioner.UploadVerdict
		want    bool
	}{
		{provisioner.UploadVerdict{State: provisioner.UploadUnverified, Reason: "no qemu-img", Checks: checks}, true},
		{storetest.DoneVerdict(digest), true},
		{provisioner.UploadVerdict{State: provisioner.UploadRefused, Reason: "too late"}, false},
		{storetest.DoneVerdict(digest), false},
	} {
		if recorded, err := worker.Models.RecordVerdict(ctx, hexID(1), c.verdict); err != nil || recorded != c.want {
			t.Errorf("%s: recorded %t, %v", c.verdict.State, recorded, err)
		}
	}
	u, err := worker.Models.UploadForWorker(ctx, hexID(1))
	if err != nil || u.State != provisioner.UploadDone || u.VerifiedAt == nil || u.Digest != digest || len(u.Checks) != 1 || u.Reason != "" {
		t.Errorf("upload = %+v, %v", u, err)
	}
	image := storetest.ImageOf(t, db, org, hexID(1))
	if image.CanonicalDigest != digest || image.Name != "Debian 12" || image.Member != "" {
		t.Errorf("image = %+v", image)
	}
	if list, err := db.Models.Images(ctx, org, store.Page{}); err != nil || len(list) != 1 {
		t.Errorf("Images = %v, %v", list, err)
	}
	if list, total, err := db.Models.VersionsOfImage(ctx, org, image.ID, models.ImageVersionFilter{}); err != nil || len(list) != 0 || total != 0 {
		t.Errorf("VersionsOfImage = %v of %d, %v", list, total, err)
	}
}

func refusedWith(err error, code string) bool {
	var r *refusal.Error
	return errors.As(err, &r) && r.Code == code
}
