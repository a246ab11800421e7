package models_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store/models"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

const gib = int64(1) << 30

// Of a hundred uploads that are announced at once exactly those are taken for which there is room.
func TestQuotaHoldsUnderConcurrency(t *testing.T) {
	db := storetest.New(t)
	org, owner := uploader(t, db, "Atlas")
	const room = 5
	senders := []uuid.UUID{owner}
	for n := range 9 {
		p := colleague(t, db, fmt.Sprintf("Colleague%d", n))
		storetest.NoError(t, db.People.AddMember(t.Context(), uuid.Nil, org, p, people.RoleMember))
		senders = append(senders, p)
	}
	allowed := room*gib + gib/2
	storetest.NoError(t, db.People.SetQuota(t.Context(), uuid.Nil, org, &allowed))
	var passed, refused atomic.Int32
	var all sync.WaitGroup
	for n := range 100 {
		all.Go(func() {
			err := db.Models.CreateUpload(t.Context(), org, senders[n%len(senders)], hexID(n), "disk", gib)
			switch {
			case err == nil:
				passed.Add(1)
			case refusedWith(err, "quota"), refusedWith(err, "uploads"): // one person's bound comes first
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if passed.Load() != room || refused.Load() != 100-room {
		t.Errorf("%d pass and %d are refused, with room for %d", passed.Load(), refused.Load(), room)
	}
	if q := storetest.Must[models.Quota](t)(db.Models.Quota(t.Context(), org)); q.Arriving != room*gib || q.Used() != room*gib || q.Allowed != allowed || !q.Own {
		t.Errorf("%+v", q)
	}
}

// What counts: images by their canonical digest, once in each organization; what arrives, as announced; what is being checked. A refusal
// has the numbers and what to do.
func TestQuotaCountsByKind(t *testing.T) {
	db := storetest.New(t)
	org, owner := uploader(t, db, "Atlas")
	other, stranger := uploader(t, db, "Borealis")
	quota := func() models.Quota { return storetest.Must[models.Quota](t)(db.Models.Quota(t.Context(), org)) }
	if q := quota(); q != (models.Quota{Allowed: 256 * gib}) {
		t.Errorf("of an organization that has nothing: %+v", q)
	}
	done := func(n int, of, by uuid.UUID, name, digest string, size int64) {
		storetest.Arrived(t, db, of, by, hexID(n), name, size)
		v := storetest.DoneVerdict(digest)
		v.Images[0].CanonicalSize = size
		storetest.Must[bool](t)(db.Models.RecordVerdict(t.Context(), hexID(n), v))
	}
	one, two := strings.Repeat("1", 64), strings.Repeat("2", 64)
	done(1, org, owner, "large", one, 40*gib)
	done(2, org, owner, "again", one, 40*gib)
	done(3, other, stranger, "theirs", two, 30*gib)
	done(4, org, owner, "small", two, 3*gib)
	storetest.Arrived(t, db, org, owner, hexID(5), "checked", 5*gib)
	storetest.NoError(t, db.Models.CreateUpload(t.Context(), org, owner, hexID(6), "arriving", 7*gib))
	if q := quota(); q != (models.Quota{Allowed: 256 * gib, Stored: 43 * gib, Checking: 5 * gib, Arriving: 7 * gib}) {
		t.Errorf("%+v", q)
	}
	storetest.Must[bool](t)(db.Models.RecordVerdict(t.Context(), hexID(5), provisioner.UploadVerdict{State: provisioner.UploadUnverified, Reason: "no tools"}))
	if q := quota(); q.Checking != 5*gib {
		t.Errorf("an unverified upload keeps its bytes: %+v", q)
	}
	storetest.Must[bool](t)(db.Models.RecordVerdict(t.Context(), hexID(5), provisioner.UploadVerdict{State: provisioner.UploadRefused, Reason: "no disk"}))
	if q := quota(); q.Checking != 0 {
		t.Errorf("a refused upload keeps no bytes: %+v", q)
	}
	err := db.Models.CreateUpload(t.Context(), org, owner, hexID(7), "next.img", 220*gib)
	r := storetest.WantRefusal(t, err, "quota")
	for _, want := range []string{"uses 50 GiB of the 256 GiB", "next.img needs 220 GiB"} {
		if !strings.Contains(r.Title, want) {
			t.Errorf("%q is missing of %s", want, r.Title)
		}
	}
	for _, want := range []string{"Delete images that nothing uses (again, 40 GiB; small, 3 GiB)", "unfinished uploads (7 GiB)", "ask the operator for a larger quota"} {
		if !strings.Contains(r.Next, want) {
			t.Errorf("%q is missing of %s", want, r.Next)
		}
	}
	if r := storetest.WantRefusal(t, db.Models.CreateUpload(t.Context(), org, owner, hexID(7), "vast.img", 300*gib), "quota"); !strings.Contains(r.Next, "No deletion makes room") {
		t.Errorf("more than is allowed in all: %s", r.Next)
	}
	storetest.NoError(t, db.Models.CreateUpload(t.Context(), org, owner, hexID(7), "fits.img", 206*gib))
	if q := quota(); q.Used() != q.Allowed || q.Over() {
		t.Errorf("filled to the last byte: %+v", q)
	}
}

// An upload whose size becomes known later keeps what it has where it is refused more.
func TestRaiseUploadReserves(t *testing.T) {
	db := storetest.New(t)
	org, owner := uploader(t, db, "Atlas")
	allowed := 10 * gib
	storetest.NoError(t, db.People.SetQuota(t.Context(), uuid.Nil, org, &allowed))
	storetest.NoError(t, db.Models.CreateUpload(t.Context(), org, owner, hexID(1), "by address", 1))
	size := func() int64 {
		return storetest.Must[models.Upload](t)(db.Models.Upload(t.Context(), org, hexID(1))).Size
	}
	storetest.NoError(t, db.Models.RaiseUpload(t.Context(), hexID(1), 10*gib))
	storetest.WantCode(t, db.Models.RaiseUpload(t.Context(), hexID(1), 10*gib+1), "quota")
	if size() != 10*gib {
		t.Errorf("%d bytes are reserved", size())
	}
	storetest.WantCode(t, db.Models.CreateUpload(t.Context(), org, owner, hexID(2), "next", 1), "quota")
	storetest.NoError(t, db.Models.RaiseUpload(t.Context(), hexID(1), 9*gib))
	storetest.NoError(t, db.Models.CreateUpload(t.Context(), org, owner, hexID(2), "next", gib))
	storetest.WantCode(t, db.Models.RaiseUpload(t.Context(), hexID(3), 1), "not_found")
}

// Sizes that become known at once, of several uploads, have the room that there is and no more.
func TestRaisedUploadsHoldTheQuota(t *testing.T) {
	db := storetest.New(t)
	org, owner := uploader(t, db, "Atlas")
	ben, eva := colleague(t, db, "Ben"), colleague(t, db, "Eva")
	const most, room = models.MaxOpenUploads, 3
	for n := range most {
		by := []uuid.UUID{owner, ben, eva}[n%3]
		storetest.NoError(t, db.Models.CreateUpload(t.Context(), org, by, hexID(n), "by address", 1))
	}
	allowed := room*gib + gib/2
	storetest.NoError(t, db.People.SetQuota(t.Context(), uuid.Nil, org, &allowed))
	var passed atomic.Int32
	var all sync.WaitGroup
	for n := range most {
		all.Go(func() {
			if err := db.Models.RaiseUpload(t.Context(), hexID(n), gib); err == nil {
				passed.Add(1)
			} else if !refusedWith(err, "quota") {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if q := storetest.Must[models.Quota](t)(db.Models.Quota(t.Context(), org)); passed.Load() != room || q.Over() {
		t.Errorf("%d are raised, with room for %d: %+v", passed.Load(), room, q)
	}
}

// Where nothing has room any more, no address is taken, though how large its file is nobody knows yet.
func TestAnAddressNeedsRoomAtAll(t *testing.T) {
	db := storetest.New(t)
	org, owner := uploader(t, db, "Atlas")
	at := storetest.Must[typed.WebAddress](t)(typed.ParseWebAddress("https://files.example/disk"))
	storetest.NoError(t, db.Models.CreateUpload(t.Context(), org, owner, hexID(1), "sent", gib))
	allowed := gib
	storetest.NoError(t, db.People.SetQuota(t.Context(), uuid.Nil, org, &allowed))
	give := func() error {
		return db.Models.BeginUpload(t.Context(), models.NewUpload{Organization: org, Person: owner, ID: hexID(2), Filename: "fetched", Source: &at})
	}
	err := give()
	if r, ok := refusal.As(err); !ok || r.Code != "quota" || !strings.Contains(r.Title, "1 GiB of the 1 GiB") || strings.Contains(r.Title, "needs") {
		t.Errorf("without room: %v", err)
	}
	allowed++
	storetest.NoError(t, db.People.SetQuota(t.Context(), uuid.Nil, org, &allowed))
	storetest.NoError(t, give())
}

// An upload that had room when it was begun is taken, although what is kept of it has none; the next one is refused.
func TestImagesLargerThanTheirUploadAreTaken(t *testing.T) {
	db := storetest.New(t)
	org, owner := uploader(t, db, "Atlas")
	allowed := 10 * gib
	storetest.NoError(t, db.People.SetQuota(t.Context(), uuid.Nil, org, &allowed))
	storetest.Arrived(t, db, org, owner, hexID(1), "disk.xz", gib)
	v := storetest.DoneVerdict(storetest.Digest)
	v.Images[0].CanonicalSize = 40 * gib
	if done := storetest.Must[bool](t)(db.Models.RecordVerdict(t.Context(), hexID(1), v)); !done {
		t.Fatal("no verdict is recorded")
	}
	u := storetest.Must[models.Upload](t)(db.Models.Upload(t.Context(), org, hexID(1)))
	last := u.Checks[len(u.Checks)-1]
	if u.State != provisioner.UploadDone || last.Name != "quota" || !last.Passed || !last.Warned || !strings.Contains(last.Detail, "40 GiB of the 10 GiB") {
		t.Errorf("%s, %+v", u.State, u.Checks)
	}
	if q := storetest.Must[models.Quota](t)(db.Models.Quota(t.Context(), org)); !q.Over() {
		t.Errorf("%+v", q)
	}
	storetest.WantCode(t, db.Models.CreateUpload(t.Context(), org, owner, hexID(2), "next", 1), "quota")
	i := storetest.ImageOf(t, db, org, hexID(1))
	storetest.NoError(t, db.Models.DeleteImage(t.Context(), org, owner, i.ID))
	storetest.NoError(t, db.Models.CreateUpload(t.Context(), org, owner, hexID(2), "next", 1))
}

// The same file is known by its digest, in its organization alone; what was sent nevertheless is taken, and says so.
func TestTheSameFileIsKnown(t *testing.T) {
	db := storetest.New(t)
	org, owner := uploader(t, db, "Atlas")
	other, _ := uploader(t, db, "Borealis")
	digest := storetest.Digest
	had := func(of uuid.UUID) bool {
		_, found, err := db.Models.UploadHad(t.Context(), of, digest)
		storetest.NoError(t, err)
		return found
	}
	storetest.Arrived(t, db, org, owner, hexID(1), "first", 900)
	if had(org) {
		t.Error("one that is being checked is had")
	}
	storetest.Must[bool](t)(db.Models.RecordVerdict(t.Context(), hexID(1), storetest.DoneVerdict(digest)))
	if !had(org) || had(other) {
		t.Errorf("had by its organization: %t, by another one: %t", had(org), had(other))
	}
	image := storetest.ImageOf(t, db, org, hexID(1)).CanonicalDigest
	storetest.Must[int](t)(db.Models.MarkBlob(t.Context(), image, models.BlobGone))
	if had(org) {
		t.Error("a file is had whose image has lost its bytes: bringing it anew is the way out")
	}
	storetest.Must[int](t)(db.Models.MarkBlob(t.Context(), image, models.BlobWhole))
	storetest.Arrived(t, db, org, owner, hexID(2), "second", 900)
	storetest.Must[bool](t)(db.Models.RecordVerdict(t.Context(), hexID(2), storetest.DoneVerdict(digest)))
	u := storetest.Must[models.Upload](t)(db.Models.Upload(t.Context(), org, hexID(2)))
	if last := u.Checks[len(u.Checks)-1]; last.Name != "same file" || !last.Passed || !strings.Contains(last.Detail, "first") {
		t.Errorf("%+v", u.Checks)
	}
	for n := 1; n <= 2; n++ {
		storetest.NoError(t, db.Models.DeleteImage(t.Context(), org, owner, storetest.ImageOf(t, db, org, hexID(n)).ID))
	}
	if had(org) {
		t.Error("a file is had whose images are deleted")
	}
}

// What is lost uses nothing; the file that brings it back passes a full quota, by its digest, once at a time and no larger.
func TestLostBytesComeBackIntoAFullQuota(t *testing.T) {
	db := storetest.New(t)
	org, owner := uploader(t, db, "Atlas")
	other, stranger := uploader(t, db, "Borealis")
	digest := storetest.Digest
	for n, by := range map[int][2]uuid.UUID{1: {org, owner}, 2: {other, stranger}} {
		storetest.Arrived(t, db, by[0], by[1], hexID(n), "disk.raw", 40*gib)
		v := storetest.DoneVerdict(digest)
		v.Images[0].CanonicalSize = 8 * gib
		storetest.Must[bool](t)(db.Models.RecordVerdict(t.Context(), hexID(n), v))
	}
	allowed := 8 * gib
	storetest.NoError(t, db.People.SetQuota(t.Context(), uuid.Nil, org, &allowed))
	stored := func() int64 { return storetest.Must[models.Quota](t)(db.Models.Quota(t.Context(), org)).Stored }
	begin := func(n int, size int64, digest string) error {
		return db.Models.BeginUpload(t.Context(), models.NewUpload{Organization: org, Person: owner, ID: hexID(n), Filename: "disk.raw", Size: size, ExpectedDigest: digest})
	}
	storetest.WantCode(t, begin(3, 40*gib, digest), "quota") // nothing is lost
	image := storetest.ImageOf(t, db, org, hexID(1)).CanonicalDigest
	storetest.Must[int](t)(db.Models.MarkBlob(t.Context(), image, models.BlobGone))
	if stored() != 0 {
		t.Errorf("what is lost uses %d bytes", stored())
	}
	storetest.WantCode(t, begin(3, 9*gib, ""), "quota")
	storetest.WantCode(t, begin(3, 40*gib, strings.Repeat("e", 64)), "quota") // nobody's
	storetest.WantCode(t, begin(3, 40*gib+1, digest), "quota")                // larger than it was
	third, cleo := uploader(t, db, "Cygnus")
	var nothing int64
	storetest.NoError(t, db.People.SetQuota(t.Context(), uuid.Nil, third, &nothing))
	storetest.WantCode(t, db.Models.BeginUpload(t.Context(), models.NewUpload{Organization: third, Person: cleo, ID: hexID(4), Filename: "disk.raw", Size: 1, ExpectedDigest: digest}), "quota") // others'
	var passed atomic.Int32
	var all sync.WaitGroup
	for n := range 20 {
		all.Go(func() {
			if err := begin(10+n, 40*gib, digest); err == nil {
				passed.Add(1)
			} else if !refusedWith(err, "quota") && !refusedWith(err, "uploads") {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if passed.Load() != 1 {
		t.Errorf("%d uploads bring the same file back at once", passed.Load())
	}
	r := storetest.WantRefusal(t, begin(3, 1, ""), "quota") // the one on its way counts
	if !strings.Contains(r.Next, "inish or discard") || strings.Contains(r.Next, "elete images") {
		t.Errorf("the deletion of what is lost makes room: %s", r.Next)
	}
	storetest.Must[int](t)(db.Models.MarkBlob(t.Context(), image, models.BlobWhole))
	if stored() != 8*gib {
		t.Errorf("what is whole again uses %d bytes", stored())
	}
}

// By address nobody knows the size at first; what becomes known is judged as what is announced is.
func TestLostBytesComeBackByAddress(t *testing.T) {
	db := storetest.New(t)
	org, owner := uploader(t, db, "Atlas")
	at := storetest.Must[typed.WebAddress](t)(typed.ParseWebAddress("https://files.example/disk"))
	storetest.Arrived(t, db, org, owner, hexID(1), "disk.raw", 40*gib)
	storetest.Must[bool](t)(db.Models.RecordVerdict(t.Context(), hexID(1), storetest.DoneVerdict(storetest.Digest)))
	storetest.NoError(t, db.Models.CreateUpload(t.Context(), org, owner, hexID(2), "next", gib))
	allowed := gib
	storetest.NoError(t, db.People.SetQuota(t.Context(), uuid.Nil, org, &allowed))
	give := func(n int) error {
		return db.Models.BeginUpload(t.Context(), models.NewUpload{Organization: org, Person: owner, ID: hexID(n), Filename: "disk.raw", Source: &at, ExpectedDigest: storetest.Digest})
	}
	storetest.WantCode(t, give(3), "quota")
	storetest.Must[int](t)(db.Models.MarkBlob(t.Context(), storetest.ImageOf(t, db, org, hexID(1)).CanonicalDigest, models.BlobGone))
	storetest.NoError(t, give(3))
	storetest.WantCode(t, give(4), "quota") // the second at once
	storetest.WantCode(t, db.Models.RaiseUpload(t.Context(), hexID(3), 40*gib+1), "quota")
	storetest.NoError(t, db.Models.RaiseUpload(t.Context(), hexID(3), 40*gib))
	storetest.WantCode(t, db.Models.RaiseUpload(t.Context(), hexID(2), gib+1), "quota")
}
