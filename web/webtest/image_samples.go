package webtest

import (
	"time"

	"volary.dev/provisioner/refusal"
	"volary.dev/web/org"
	"volary.dev/web/ui"
)

func imageSamples() []Sample {
	uploads := []org.UploadRow{{ID: "0f1e2d3c4b5a69788796a5b4c3d2e1f0", Filename: "rocky-9-mpi.qcow2", Size: 3 * gib, Offset: 1_300_000_000, Created: ago(3 * time.Hour), Person: "Ada Brandt"}}
	return []Sample{
		{"images", org.ImageList(org.ImageListProps{Layout: orgLayout(), Images: imageRows(), List: ui.ListProps{Path: "/org/images", PerPage: 50, Total: 4}, Size: 11 * gib, Uploads: uploads, MayUpload: true})},
		{"images-empty", org.ImageList(org.ImageListProps{Layout: orgLayout(), MayUpload: true})},
		{"image-new", org.ImageNew(org.ImageNewProps{MayUpload: true, Layout: orgLayout(), Endpoint: "/uploads/", MaxBytes: 64 * gib, Uploads: uploads})},
		{"image-new-unverified", org.ImageNew(org.ImageNewProps{MayUpload: true, Layout: simulatedLayout(), Endpoint: "/uploads/", MaxBytes: 64 * gib, Unverified: true})},
		{"image-ready", org.ImageShow(imageReady())},
		{"image-refused", org.ImageShow(imageRefused())},
		{"image-warned", org.ImageShow(imageWarned())},
		{"image-uefi-only", org.ImageShow(imageUEFIOnly())},
		{"image-delete", org.ImageDelete(org.ImageDeleteProps{Layout: orgLayout(), ID: id(1), Name: "debian-12-slurm.qcow2", State: "ready", Frees: 598_000_000, Size: 612_000_000, Unused: true})},
		{"image-delete-used", org.ImageDelete(org.ImageDeleteProps{Layout: orgLayout(), ID: id(1), Name: "debian-12-slurm.qcow2", State: "ready", Form: ui.Form{Refusal: &refusal.Error{
			Code: "image_used", Title: `"debian-12-slurm.qcow2" is used by 5 versions (mpi-lab 1, slurm-lab 1, slurm-lab 2 and 2 more) and 1 cluster (trial-1).`,
			Next: "A published version never changes and keeps its image.",
		}}})},
		{"image-waiting", org.ImageShow(org.ImageShowProps{Layout: orgLayout(), List: ui.ListProps{Path: "/org/images/5", PerPage: 50}, ID: id(5), Name: "second.img", State: "checking", Reason: "Another image of your organization is checked first.", Size: 400_000_000, Created: ago(time.Minute), Person: "Ada Brandt", MayUse: true})},
		{"image-checking", org.ImageShow(org.ImageShowProps{Layout: orgLayout(), List: ui.ListProps{Path: "/org/images/3", PerPage: 50}, ID: id(3), Name: "fresh.img", State: "checking", Size: 900_000_000, Created: ago(time.Minute), Person: "Ada Brandt", Checks: []ui.Check{
			{Name: "Header", State: "passed", Detail: "raw, 2 GiB, GPT partition table", Took: 4 * time.Millisecond},
			{Name: "qemu-img check", State: "running"},
			{Name: "Canonical copy", State: "waiting"},
		}})},
	}
}

func imageRows() []org.ImageRow {
	return []org.ImageRow{
		{ID: id(1), Name: "debian-12-slurm.qcow2", State: "ready", Format: "qcow2", Size: 612_000_000, VirtualSize: 8 * gib, Created: ago(50 * time.Hour), Person: "Ada Brandt", Used: true},
		{ID: id(2), Name: "ada-laptop-export-with-a-very-long-file-name-2026-11.qcow2", State: "refused", Reason: "It names a backing file: /var/lib/base.qcow2", Format: "qcow2", Size: 91_000_000, Created: ago(30 * time.Hour), Person: "Ada Brandt"},
		{ID: id(3), Name: "fresh.img", State: "checking", Size: 900_000_000, Created: ago(time.Minute), Person: "Ada Brandt"},
		{ID: id(4), Name: "old.raw", State: "unverified", Reason: "qemu-img is missing on the worker", Format: "raw", Size: 2 * gib, VirtualSize: 2 * gib, Created: ago(900 * time.Hour), Person: "Ilse Roth"},
	}
}

func imageReady() org.ImageShowProps {
	return org.ImageShowProps{
		Layout: orgLayout(), ID: id(1), Name: "debian-12-slurm.qcow2", State: "ready", Format: "qcow2", MayUse: true,
		Size: 612_000_000, VirtualSize: 8 * gib, CanonicalSize: 598_000_000, UploadedDigest: digest(1), CanonicalDigest: digest(2), ContentDigest: digest(3),
		Person: "Ada Brandt", Created: ago(50 * time.Hour), Verified: ago(50*time.Hour - 40*time.Second),
		Checks: []ui.Check{
			{Name: "Header", State: "passed", Detail: "qcow2 version 3, 8 GiB, 64 KiB clusters", Took: 3 * time.Millisecond},
			{Name: "Self-contained", State: "passed", Detail: "no backing file, no data file, no encryption, no snapshots"},
			{Name: "Tables inside the file", State: "passed", Detail: "L1 at 0x30000, refcounts at 0x10000"},
			{Name: "qemu-img check", State: "passed", Detail: "no errors, 0 leaked clusters", Took: 1300 * time.Millisecond},
			{Name: "Canonical copy", State: "passed", Detail: "570.3 MiB written and hashed", Took: 21 * time.Second},
		},
		List: ui.ListProps{Path: "/org/images/1", PerPage: 50, Total: 2},
		UsedBy: []org.ImageVersion{
			{Version: org.VersionLink{ID: id(20), ModelName: "slurm-lab", Version: "2"}, State: "draft", Created: ago(2 * time.Hour)},
			{Version: org.VersionLink{ID: id(21), ModelName: "slurm-lab", Version: "1"}, State: "published", Created: ago(40 * time.Hour)},
		},
	}
}

func imageRefused() org.ImageShowProps {
	return org.ImageShowProps{
		Layout: orgLayout(), List: ui.ListProps{Path: "/org/images/2", PerPage: 50}, ID: id(2), Name: "ada-laptop-export-with-a-very-long-file-name-2026-11.qcow2", State: "refused", Format: "qcow2", Size: 91_000_000,
		Reason: "It names a backing file: /var/lib/base.qcow2", UploadedDigest: digest(4), Person: "Ada Brandt", Created: ago(30 * time.Hour), Verified: ago(30 * time.Hour),
		Checks: []ui.Check{
			{Name: "Header", State: "passed", Detail: "qcow2 version 3, 20 GiB"},
			{Name: "Self-contained", State: "failed", Detail: "The header names a backing file of 20 bytes: /var/lib/base.qcow2", Repair: "qemu-img convert -O qcow2 ada-laptop.qcow2 whole.qcow2 writes one file that needs no other; upload that."},
			{Name: "qemu-img check", State: "skipped"},
		},
	}
}

func imageWarned() org.ImageShowProps {
	p := imageReady()
	p.Checks = append(p.Checks, ui.Check{
		Name: "firmware", State: "warning", Detail: "Nothing can start this disk as far as we see: its first sector holds no boot code, and it has no EFI system partition.",
		Repair: "If nodes are to start from it, install a boot loader for BIOS in it: in the machine `grub-install --target=i386-pc /dev/vda` (Debian: package grub-pc-bin).",
	})
	return p
}

func imageUEFIOnly() org.ImageShowProps {
	p := imageRefused()
	p.Reason = "Only UEFI can start this disk: it has an EFI system partition, and its first sector holds no boot code. Nodes start by BIOS."
	p.Checks = []ui.Check{
		{Name: "partition table", State: "passed", Detail: "The partition table ends at byte 67108864, the file has 67108864."},
		{
			Name: "firmware", State: "failed", Detail: p.Reason,
			Repair: "Add a BIOS boot partition and a loader for BIOS, in the machine: `sgdisk --set-alignment=1 --new=0:34:2047 --typecode=0:ef02 /dev/vda`, then `grub-install --target=i386-pc /dev/vda` (Debian: package grub-pc-bin).",
		},
	}
	return p
}
