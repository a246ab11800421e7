package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/google/uuid"

	"volary.dev/store"
	"volary.dev/store/floors"
)

// anotherDisk is a disk that boots as the sample does, which itself no host lets go of: its checks boot it.
func anotherDisk(t *testing.T, v *volary) string {
	t.Helper()
	content, err := os.ReadFile(v.sample)
	if err != nil {
		t.Fatal(err)
	}
	path := v.path("variant.qcow2")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	// No file is there: the disk is of 1 GiB, and the sample's files lie at its beginning.
	if out, err := exec.CommandContext(t.Context(), "qemu-io", "-f", "qcow2", "-c", "write -P 0x5a 1000M 4k", path).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// imageGoes withdraws the version whose cluster is gone and deletes its image while hosts have copies of it: bytes, quota and copies follow.
// The same file then makes the same image, with which the version is published again as it was.
func (b *browser) imageGoes(v *volary, file string) {
	t := b.t
	var digest, image, version string
	if err := v.pool.QueryRow(t.Context(), `SELECT i.canonical_digest, i.id, r.version_id FROM images i JOIN version_roles r ON r.image_id = i.id
		WHERE i.name LIKE 'variant%' AND r.group_name = 'head'`).Scan(&digest, &image, &version); err != nil {
		t.Fatal(err)
	}
	blob := v.path("blob", "images", digest+".qcow2")
	if _, err := os.Stat(blob); err != nil || v.copies(t, digest) == 0 {
		t.Fatalf("hosts have %d copies; the bytes: %v", v.copies(t, digest), err)
	}
	stored := v.stored(t)

	b.open("/org/images/" + image)
	b.press("Delete")
	b.see("is used by 1 version")
	b.see("and delete this image then.")
	b.shoot("image-kept")
	b.press("Withdraw journey 1")
	b.see("It lets go of")
	b.shoot("withdraw")
	b.press("Withdraw 1")
	b.see("holds no images")
	b.shoot("withdrawn")
	b.open("/org/images/" + image + "/delete")
	b.do("confirm", chromedp.Click(`//main//form//button`, chromedp.NodeVisible))
	b.see("The image is deleted")
	b.wait("see the bytes gone from the store", func() bool { _, err := os.Stat(blob); return errors.Is(err, fs.ErrNotExist) })
	b.wait("see the copies gone from the hosts", func() bool { return v.copies(t, digest) == 0 })
	if now := v.stored(t); now >= stored {
		t.Errorf("the organization keeps %d bytes after %d", now, stored)
	}
	b.open("/org/versions/" + version)
	b.see("cannot be published again without it")
	b.shoot("withdrawn-without-image")

	b.upload(file)
	if now := v.stored(t); now != stored {
		t.Errorf("the organization keeps %d bytes, and %d before", now, stored)
	}
	b.open("/org/versions/" + version)
	b.press("Publish 1 again")
	b.see("Frozen since")
}

// copies counts the hosts whose storage has a base image.
func (v *volary) copies(t *testing.T, digest string) (n int) {
	t.Helper()
	for _, h := range v.lab.Hosts() {
		if strings.Contains(virsh(t.Context(), t, "qemu+tcp://"+h.Address.Name+"/system", "vol-list", "--pool", "volary"), digest) {
			n++
		}
	}
	return n
}

// stored is what Ada's organization keeps of images, as its quota counts.
func (v *volary) stored(t *testing.T) int64 {
	t.Helper()
	var org uuid.UUID
	if err := v.pool.QueryRow(t.Context(), `SELECT m.organization_id FROM memberships m JOIN people p ON p.id = m.person_id WHERE p.email = 'ada@tidal.example'`).Scan(&org); err != nil {
		t.Fatal(err)
	}
	q, err := floors.New(v.pool, store.Options{}).Models.Quota(t.Context(), org)
	if err != nil {
		t.Fatal(err)
	}
	return q.Stored
}
