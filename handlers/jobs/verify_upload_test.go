package jobs_test

import (
	"bytes"
	"os"
	"strings"
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

// A file of another digest than was given is refused with both.
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
