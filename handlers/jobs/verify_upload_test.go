package jobs_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"volary.dev/handlers/loops/loopstest"
	"volary.dev/provisioner"
	"volary.dev/store/blob"
)

func TestVerifyUploadMakesCanonical(t *testing.T) {
	u := loopstest.Upload(t, loopstest.BootSectorDisk())
	for range 2 { // as after a worker that died when all was done
		if err := u.Work(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	}
	i := u.Made()
	if up := u.Read(); up.State != provisioner.UploadDone || up.VerifiedAt == nil || i.VirtualSize != 2<<20 || i.GuestDigest == "" || up.Digest == "" || i.Format != "raw" {
		t.Fatalf("upload = %+v, image = %+v", up, i)
	}
	key, err := blob.ImageKey(i.CanonicalDigest)
	if err != nil {
		t.Fatal(err)
	}
	r, size, err := u.Blobs.Open(t.Context(), key)
	if err != nil || size != i.CanonicalSize {
		t.Fatalf("canonical image: %d bytes, %v", size, err)
	}
	r.Close()
	if !u.BytesGone() {
		t.Error("the uploaded bytes are still there")
	}
	if left, _ := os.ReadDir(u.Job.Verifier.Scratch); len(left) > 0 {
		t.Errorf("%d folders left in scratch", len(left))
	}
}

func TestVerifyUploadRefuses(t *testing.T) {
	u := loopstest.Upload(t, []byte(strings.Repeat("no image at all\n", 1000)))
	if err := u.Work(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	i := u.Read()
	if i.State != provisioner.UploadRefused || i.Reason == "" || len(i.Checks) == 0 || !u.BytesGone() {
		t.Errorf("upload = %+v, bytes gone: %t", i, u.BytesGone())
	}
}

func TestVerifyUploadWithoutQEMUImgKeepsTheUpload(t *testing.T) {
	u := loopstest.Upload(t, loopstest.BootSectorDisk())
	path := u.WithoutTools()
	if err := u.Work(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if i := u.Read(); i.State != provisioner.UploadUnverified || !strings.Contains(i.Reason, "qemu-img") || u.BytesGone() {
		t.Errorf("upload = %+v, bytes gone: %t", i, u.BytesGone())
	}
	t.Setenv("PATH", path)
	if err := u.Work(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if i := u.Read(); i.State != provisioner.UploadDone {
		t.Errorf("once qemu-img is there: %s %s", i.State, i.Reason)
	}
}

// Where there is never room, what was seen of the disk until then is on its page all the same.
func TestVerifyUploadKeepsWhatItSaw(t *testing.T) {
	u := loopstest.Upload(t, loopstest.BootSectorDisk())
	u.Job.Verifier.SpaceBy(func(string) (int64, int64, error) { return 1 << 20, 2 << 20, nil })
	loopstest.NoError(t, u.Work(t.Context(), 1))
	if i := u.Read(); i.State != provisioner.UploadUnverified || len(i.Checks) == 0 {
		t.Errorf("%s %s, %d checks", i.State, i.Reason, len(i.Checks))
	}
}

// What is unpacked until there is no room is not unpacked again before there is more.
func TestVerifyUploadUnpacksNothingInVain(t *testing.T) {
	noise := make([]byte, 58<<20) // what does not get smaller is as large in the image
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
	disk := append(loopstest.BootSectorDisk(), noise...)
	var packed bytes.Buffer
	w, _ := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	_, _ = w.Write(disk)
	_ = w.Close()
	u := loopstest.Upload(t, packed.Bytes())
	looks, free := 0, int64(110<<20) // what is unpacked fits above the tenth that stays free, the image beside it does not
	u.Job.Verifier.SpaceBy(func(folder string) (int64, int64, error) {
		looks++
		return free - diskUse(t, folder), 300 << 20, nil
	})
	snoozed(t, u, 1, "tried again")
	for range 2 {
		before := looks
		snoozed(t, u, 1, "tried again")
		if looks != before+1 {
			t.Errorf("room was asked for %d times, want once", looks-before)
		}
	}
	free = 300 << 20
	loopstest.NoError(t, u.Work(t.Context(), 1))
	if i := u.Read(); i.State != provisioner.UploadDone {
		t.Errorf("with room: %s %s", i.State, i.Reason)
	}
}

// diskUse sums what the files below a folder take of their disk.
func diskUse(t *testing.T, folder string) (bytes int64) {
	t.Helper()
	err := filepath.WalkDir(folder, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			bytes += info.Sys().(*syscall.Stat_t).Blocks * 512
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	return bytes
}

func TestVerifyUploadEndsWithItsLastAttempt(t *testing.T) {
	u := loopstest.Upload(t, loopstest.BootSectorDisk())
	u.Job.Verifier.Scratch = "/nonexistent"
	if err := u.Work(t.Context(), 1); err == nil {
		t.Error("a machine that fails was not reported")
	}
	if i := u.Read(); i.State != provisioner.UploadChecking {
		t.Errorf("after the first attempt: %s", i.State)
	}
	if err := u.Work(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	if i := u.Read(); i.State != provisioner.UploadUnverified || i.Reason == "" {
		t.Errorf("after the last attempt: %s %q", i.State, i.Reason)
	}
}

func TestVerifyUploadWithoutItsBytes(t *testing.T) {
	u := loopstest.Upload(t, loopstest.BootSectorDisk())
	if err := u.Blobs.Delete(t.Context(), blob.UploadKey(loopstest.UploadID)); err != nil {
		t.Fatal(err)
	}
	if err := u.Work(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if i := u.Read(); i.State != provisioner.UploadRefused {
		t.Errorf("upload = %+v", i)
	}
}

// What a power cut left of a disk is not that disk, whatever its header says.
func TestVerifyUploadOfWhichBytesAreLost(t *testing.T) {
	disk := loopstest.BootSectorDisk()
	u := loopstest.Upload(t, disk)
	_, err := u.Blobs.Put(t.Context(), blob.UploadKey(u.ID), bytes.NewReader(disk[:len(disk)-512]))
	loopstest.NoError(t, err)
	loopstest.NoError(t, u.Work(t.Context(), 1))
	if up := u.Read(); up.State != provisioner.UploadRefused || !strings.Contains(up.Reason, "2096640 of 2097152") {
		t.Errorf("the upload is %s: %s", up.State, up.Reason)
	}
}

// A file of another digest than was given is refused with both.
func TestVerifyUploadHoldsItsDigest(t *testing.T) {
	u := loopstest.Upload(t, loopstest.BootSectorDisk())
	given := strings.Repeat("0f", 32)
	if _, err := u.Pool.Exec(t.Context(), `UPDATE uploads SET expected_digest = $1`, given); err != nil {
		t.Fatal(err)
	}
	if err := u.Work(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	i := u.Read()
	if i.State != provisioner.UploadRefused || !strings.Contains(i.Reason, given) || !strings.Contains(i.Reason, i.Digest) || len(i.Digest) != 64 || i.Checks[0].Name != "digest" || !u.BytesGone() {
		t.Errorf("upload = %+v", i)
	}
}

// ovaOf is an OVA of machines whose disks are given, by their names.
func ovaOf(t *testing.T, machines map[string][]byte) []byte {
	t.Helper()
	var files, disks, systems string
	names := slices.Sorted(maps.Keys(machines))
	for _, name := range names {
		files += fmt.Sprintf(`<File ovf:href="%s.raw" ovf:id="f-%s"/>`, name, name)
		disks += fmt.Sprintf(`<Disk ovf:diskId="d-%s" ovf:fileRef="f-%s"/>`, name, name)
		systems += fmt.Sprintf(`<VirtualSystem ovf:id="%s"><VirtualHardwareSection><Item><rasd:ResourceType>3</rasd:ResourceType><rasd:VirtualQuantity>2</rasd:VirtualQuantity></Item>
			<Item><rasd:ResourceType>17</rasd:ResourceType><rasd:HostResource>ovf:/disk/d-%s</rasd:HostResource></Item></VirtualHardwareSection></VirtualSystem>`, name, name)
	}
	text := `<Envelope xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:rasd="rasd"><References>` + files + `</References><DiskSection>` + disks + `</DiskSection>
		<VirtualSystemCollection ovf:id="group">` + systems + `</VirtualSystemCollection></Envelope>`
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	add := func(name string, data []byte) {
		loopstest.NoError(t, w.WriteHeader(&tar.Header{Name: name, Size: int64(len(data)), Mode: 0o644}))
		_, err := w.Write(data)
		loopstest.NoError(t, err)
	}
	add("group.ovf", []byte(text))
	for _, name := range names {
		add(name+".raw", machines[name])
	}
	loopstest.NoError(t, w.Close())
	return b.Bytes()
}

// An OVA of several machines is several images, also where two of its disks are alike: these share their bytes.
func TestVerifyUploadMakesAnImageOfEachMachine(t *testing.T) {
	disk := loopstest.BootSectorDisk()
	other := bytes.Clone(disk)
	copy(other[1<<20:], "something of its own")
	u := loopstest.Upload(t, ovaOf(t, map[string][]byte{"compute": disk, "head": other, "login": disk}))
	loopstest.NoError(t, u.Work(t.Context(), 1))
	images, err := u.DB.Models.ImagesOfUpload(t.Context(), u.Org, u.ID)
	loopstest.NoError(t, err)
	up := u.Read()
	if up.State != provisioner.UploadDone || up.Format != "ova" || up.Progress != (provisioner.UploadProgress{}) || len(images) != 3 {
		t.Fatalf("%d images of %+v", len(images), up)
	}
	for n, name := range []string{"compute", "head", "login"} {
		if i := images[n]; i.Name != name || i.Member != name+".raw" || i.ProposedVCPUs != 2 || i.GuestDigest == "" || !u.Keeps(i.CanonicalDigest) {
			t.Errorf("image %d is %+v", n, i)
		}
	}
	if images[0].CanonicalDigest != images[2].CanonicalDigest || images[0].CanonicalDigest == images[1].CanonicalDigest {
		t.Error("the disks that are alike are not one file, or all are")
	}
	same, err := u.DB.Models.SameContent(t.Context(), images[0])
	loopstest.NoError(t, err)
	if len(same) != 1 || same[0].ID != images[2].ID {
		t.Errorf("of the same content: %+v", same)
	}
	if left, _ := os.ReadDir(u.Job.Verifier.Scratch); len(left) > 0 || !u.BytesGone() {
		t.Errorf("%d folders left in scratch, bytes gone: %t", len(left), u.BytesGone())
	}
	// The one's bytes stay while the other has them.
	loopstest.NoError(t, u.Remove(images[0])())
	if !u.Keeps(images[2].CanonicalDigest) {
		t.Error("the bytes of an image went with another image")
	}
}

// One disk that is refused refuses the whole: nobody asked for half of a group.
func TestVerifyUploadRefusesAnOVAWithOneBadDisk(t *testing.T) {
	u := loopstest.Upload(t, ovaOf(t, map[string][]byte{"a": loopstest.BootSectorDisk(), "b": bytes.Repeat([]byte("no disk\n"), 1<<18)}))
	loopstest.NoError(t, u.Work(t.Context(), 1))
	images, err := u.DB.Models.ImagesOfUpload(t.Context(), u.Org, u.ID)
	loopstest.NoError(t, err)
	if up := u.Read(); up.State != provisioner.UploadRefused || !strings.HasPrefix(up.Reason, "b.raw: ") || len(images) != 0 || !u.BytesGone() {
		t.Errorf("%d images of %s %q", len(images), up.State, up.Reason)
	}
	if left, _ := os.ReadDir(u.Job.Verifier.Scratch); len(left) > 0 {
		t.Errorf("%d folders left in scratch", len(left))
	}
}
