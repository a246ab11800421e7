package webtest

import (
	"time"

	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/web/org"
	"volary.dev/web/ui"
)

func imageSamples() []Sample {
	uploads := uploadRows()
	return []Sample{
		{"images", org.ImageList(org.ImageListProps{Layout: orgLayout(), Images: imageRows(), List: ui.ListProps{Path: "/org/images", PerPage: 50, Total: 3}, Size: 3_000_000_000, Quota: someQuota(), Uploads: uploads, MoreUploads: 1, MayUpload: true})},
		{"images-empty", org.ImageList(org.ImageListProps{Layout: orgLayout(), Quota: ui.QuotaProps{Allowed: 256 * gib}, MayUpload: true})},
		{"image-new", org.ImageNew(org.ImageNewProps{MayUpload: true, Fetched: true, Layout: orgLayout(), Endpoint: "/uploads/", MaxBytes: 64 * gib, Quota: someQuota(), Uploads: uploads[:1]})},
		{"image-new-digest", org.ImageNew(org.ImageNewProps{MayUpload: true, Fetched: true, Layout: orgLayout(), Endpoint: "/uploads/", MaxBytes: 64 * gib, Quota: ui.QuotaProps{Allowed: 256 * gib, Stored: 205 * gib, Arriving: gib}, Digest: digest(5)})},
		{"image-new-address", org.ImageNew(org.ImageNewProps{MayUpload: true, Fetched: true, Layout: orgLayout(), Endpoint: "/uploads/", MaxBytes: 64 * gib, Quota: someQuota(), Address: org.AddressForm{
			Form: ui.Form{Refusal: refusal.Invalid(map[string]string{
				"address": "This address begins with http://, where anybody on the way may change the file; give one with https://.", "sha256": "This digest has 40 hex digits, as a SHA-1 has; a SHA-256 has 64.",
			})},
			Address: "http://cloud.debian.org/images/cloud/trixie/latest/debian-13-genericcloud-amd64.qcow2", Name: "Debian 13", SHA256: digest(1)[:40],
		}})},
		{"image-new-unverified", org.ImageNew(org.ImageNewProps{MayUpload: true, Layout: simulatedLayout(), Endpoint: "/uploads/", MaxBytes: 64 * gib, Quota: ui.QuotaProps{Allowed: 10 * gib, Stored: 40 * gib}, Unverified: true})},
		{"image-ready", org.ImageShow(imageReady())},
		{"image-warned", org.ImageShow(imageWarned())},
		{"image-lost", org.ImageShow(imageLost())},
		{"image-of-several", org.ImageShow(imageOfSeveral())},
		{"image-delete", org.ImageDelete(org.ImageDeleteProps{Layout: orgLayout(), ID: id(1), Name: "debian-12-slurm.qcow2", Frees: 598_000_000, Unused: true})},
		{"image-delete-lost", org.ImageDelete(org.ImageDeleteProps{Layout: orgLayout(), ID: id(3), Name: "rocky-9-mpi.qcow2", Frees: 900_000_000, Unused: true, Lost: "are gone from the store"})},
		{"image-delete-used", org.ImageDelete(org.ImageDeleteProps{Layout: orgLayout(), ID: id(1), Name: "debian-12-slurm.qcow2", Form: ui.Form{Refusal: &refusal.Error{
			Code: "image_used", Title: `"debian-12-slurm.qcow2" is used by 5 versions (mpi-lab 1, slurm-lab 1, slurm-lab 2 and 2 more) and 1 cluster (trial-1).`,
			Next: "Delete what runs from it, withdraw mpi-lab 1 and slurm-lab 1 and give each draft another image, and delete this image then.",
		}}, Published: []org.VersionLink{{ID: id(20), ModelName: "mpi-lab", Version: "1"}, {ID: id(21), ModelName: "slurm-lab", Version: "1"}}})},
	}
}

func someQuota() ui.QuotaProps {
	return ui.QuotaProps{Allowed: 256 * gib, Stored: 12 * gib, Arriving: 3 * gib, Checking: 1_300_000_000}
}

func uploadSamples() []Sample {
	uploads := uploadRows()
	arriving := org.UploadShowProps{Layout: orgLayout(), MayUpload: true, Subject: id(60), UploadRow: uploads[0], Filename: uploads[0].Name, ExpectedDigest: digest(7)}
	unknown := arriving
	unknown.Unknown, unknown.Offset = true, 0
	waiting := org.UploadShowProps{Layout: orgLayout(), MayUpload: true, Subject: id(62), UploadRow: uploads[2], Filename: uploads[2].Name, FinishedBy: "Ilse Roth", Finished: ago(time.Minute)}
	checking := waiting
	checking.UploadRow, checking.Filename, checking.Subject = uploads[1], uploads[1].Name, id(61)
	checking.Verdict = []org.CheckGroup{{Checks: []ui.Check{
		{Name: "header", State: "passed", Detail: "raw, 2 GiB, GPT partition table", Took: 4 * time.Millisecond},
		{Name: "structure", State: "running"},
	}}}
	checking.Progress = org.UploadProgress{Step: "Making the image", Done: 900_000_000, Total: 2 * gib}
	unverified := waiting
	unverified.UploadRow, unverified.Filename, unverified.Subject, unverified.Format = uploads[3], uploads[3].Name, id(63), "raw"
	busy := checking
	busy.Form = ui.Form{Refusal: &refusal.Error{Code: "upload_checking", Title: "fresh.img is being checked at this moment.", Next: "Wait for its verdict, and discard it then."}}
	return []Sample{
		{"upload-arriving", org.UploadShow(arriving)},
		{"upload-unknown", org.UploadShow(unknown)},
		{"upload-waiting", org.UploadShow(waiting)},
		{"upload-checking", org.UploadShow(checking)},
		{"upload-busy", org.UploadShow(busy)},
		{"upload-unverified", org.UploadShow(unverified)},
		{"upload-refused", org.UploadShow(uploadRefused())},
		{"upload-for-arm", org.UploadShow(uploadForARM())},
		{"image-uefi", org.ImageShow(imageUEFI())},
		{"upload-other-digest", org.UploadShow(uploadOtherDigest())},
		{"upload-of-several", org.UploadShow(uploadOfSeveral())},
		{"upload-refused-ova", org.UploadShow(uploadRefusedOVA())},
		{"upload-nested", org.UploadShow(uploadNested())},
		{"upload-done", org.UploadShow(uploadDone())},
		{"upload-fetched", org.UploadShow(uploadFetched())},
		{"upload-fetch-waits", org.UploadShow(uploadFetchWaits())},
		{"upload-leads", org.UploadShow(uploadLeads())},
		{"upload-not-fetched", org.UploadShow(uploadNotFetched())},
		{"upload-no-image", org.UploadShow(uploadNoImage())},
	}
}

func uploadFetched() org.UploadShowProps {
	return org.UploadShowProps{
		Layout: orgLayout(), MayUpload: true, Subject: id(65), Filename: "debian-13-genericcloud-amd64.qcow2", ExpectedDigest: digest(6), Rate: 21_000_000,
		UploadRow: uploadRows()[5],
	}
}

func uploadFetchWaits() org.UploadShowProps {
	p := uploadFetched()
	p.Fetch, p.Offset, p.Rate, p.Unsized, p.Size = "waiting", 0, 0, true, 0
	p.Reason = "Another upload of your organization is fetched first."
	return p
}

func uploadLeads() org.UploadShowProps {
	p := uploadFetched()
	p.Fetch, p.Offset, p.Rate, p.Unsized, p.Size = "failed", 0, 0, true, 0
	p.Reason = "cloud.debian.org leads to https://mirrors.north.example/debian-cdimage/cloud/trixie/latest/debian-13-genericcloud-amd64.qcow2. Redirects are not followed."
	p.Advice = "Fetch from there if you trust that address, or give another one."
	p.Leads = "https://mirrors.north.example/debian-cdimage/cloud/trixie/latest/debian-13-genericcloud-amd64.qcow2"
	return p
}

func uploadNotFetched() org.UploadShowProps {
	p := uploadFetched()
	p.Fetch, p.Rate = "failed", 0
	p.Reason, p.Advice = "cloud.debian.org cannot give the file now (503 Service Unavailable).", "Try again later."
	return p
}

func uploadNoImage() org.UploadShowProps {
	p := uploadFetched()
	p.Fetch, p.State, p.Offset, p.Rate, p.Size = "ended", "refused", 5_120, 0, 5_120
	p.Reason = "At this address is a web page (HTML), and no disk."
	p.Verdict = []org.CheckGroup{{Checks: []ui.Check{{Name: "address", State: "failed", Detail: p.Reason, Repair: "Open it in a browser, and give the address of the file that the page leads to."}}}}
	p.Finished, p.Verified = ago(time.Minute), ago(time.Minute)
	return p
}

func uploadRows() []org.UploadRow {
	return []org.UploadRow{
		{ID: "0f1e2d3c4b5a69788796a5b4c3d2e1f0", Name: "rocky-9-mpi.qcow2", Filename: "rocky-9-mpi.qcow2", State: "arriving", Size: 3 * gib, Offset: 1_300_000_000, Created: ago(3 * time.Hour), Person: "Ada Brandt"},
		{ID: "1f1e2d3c4b5a69788796a5b4c3d2e1f0", Name: "fresh.img", Filename: "fresh.img", State: "checking", Size: 900_000_000, Offset: 900_000_000, Created: ago(time.Minute), Person: "Ada Brandt"},
		{ID: "2f1e2d3c4b5a69788796a5b4c3d2e1f0", Name: "second.img", Filename: "second.img", State: "checking", Reason: "Another upload of your organization is checked first.", Size: 400_000_000, Offset: 400_000_000, Created: ago(time.Minute), Person: "Ada Brandt"},
		{ID: "3f1e2d3c4b5a69788796a5b4c3d2e1f0", Name: "old.raw", Filename: "old.raw", State: "unverified", Reason: "qemu-img is not installed (Debian: qemu-utils).", Size: 2 * gib, Offset: 2 * gib, Created: ago(900 * time.Hour), Person: "Ilse Roth"},
		{ID: "4f1e2d3c4b5a69788796a5b4c3d2e1f0", Name: "ada-laptop-export-with-a-very-long-file-name-2026-11.qcow2", Filename: "ada-laptop-export-with-a-very-long-file-name-2026-11.qcow2", State: "refused", Reason: "It names a backing file: /var/lib/base.qcow2", Size: 91_000_000, Offset: 91_000_000, Created: ago(30 * time.Hour), Person: "Ada Brandt"},
		{ID: "6f1e2d3c4b5a69788796a5b4c3d2e1f0", Name: "Debian 13", Filename: "debian-13-genericcloud-amd64.qcow2", State: "arriving", Size: 348_000_000, Offset: 190_000_000, Created: ago(10 * time.Second), Person: "Ilse Roth", Source: "https://cloud.debian.org/images/cloud/trixie/latest/debian-13-genericcloud-amd64.qcow2", Fetch: "fetching"},
	}
}

func imageRows() []org.ImageRow {
	return []org.ImageRow{
		{ID: id(1), Name: "debian-12-slurm.qcow2", Format: "qcow2", Size: 598_000_000, VirtualSize: 8 * gib, Created: ago(50 * time.Hour), Person: "Ada Brandt", Used: true},
		{ID: id(2), Name: "the-head-of-our-group-with-a-very-long-name-2026-11", Format: "vpc in xz", UEFI: true, Size: 1_500_000_000, VirtualSize: 20 * gib, Created: ago(900 * time.Hour), Person: "Ilse Roth"},
		{ID: id(3), Name: "rocky-9-mpi.qcow2", Format: "qcow2", Size: 900_000_000, VirtualSize: 10 * gib, Created: ago(2000 * time.Hour), Person: "Ada Brandt", Used: true, Lost: "in the store are not as many as were kept"},
	}
}

func imageReady() org.ImageShowProps {
	return org.ImageShowProps{
		Layout: orgLayout(), ID: id(1), Name: "debian-12-slurm.qcow2", Format: "qcow2", MayUse: true,
		Upload: "5f1e2d3c4b5a69788796a5b4c3d2e1f0", UploadName: "debian-12-slurm.qcow2", UploadSize: 612_000_000, UploadDigest: digest(1), VirtualSize: 8 * gib, CanonicalSize: 598_000_000, CanonicalDigest: digest(2), GuestDigest: digest(3),
		Person: "Ada Brandt", Created: ago(50 * time.Hour), Verified: ago(50*time.Hour - 40*time.Second),
		Verdict: []org.CheckGroup{{Checks: []ui.Check{
			{Name: "Header", State: "passed", Detail: "qcow2 version 3, 8 GiB, 64 KiB clusters", Took: 3 * time.Millisecond},
			{Name: "Self-contained", State: "passed", Detail: "no backing file, no data file, no encryption, no snapshots"},
			{Name: "Tables inside the file", State: "passed", Detail: "L1 at 0x30000, refcounts at 0x10000"},
			{Name: "qemu-img check", State: "passed", Detail: "no errors, 0 leaked clusters", Took: 1300 * time.Millisecond},
			{Name: "Canonical copy", State: "passed", Detail: "570.3 MiB written and hashed", Took: 21 * time.Second},
		}}},
		List: ui.ListProps{Path: "/org/images/1", PerPage: 50, Total: 2},
		UsedBy: []org.ImageVersion{
			{Version: org.VersionLink{ID: id(20), ModelName: "slurm-lab", Version: "2"}, State: "draft", Created: ago(2 * time.Hour)},
			{Version: org.VersionLink{ID: id(21), ModelName: "slurm-lab", Version: "1"}, State: "published", Created: ago(40 * time.Hour)},
		},
	}
}

func imageLost() org.ImageShowProps {
	p := imageReady()
	p.Lost, p.LostAt = "are gone from the store", ago(20*time.Minute)
	p.Users = "2 versions (slurm-lab 1, slurm-lab 2) and 1 cluster (trial-1)"
	return p
}

func imageOfSeveral() org.ImageShowProps {
	p := imageReady()
	p.Name, p.UploadName, p.Member, p.Format = "head", "our group of two machines.ova", "group-disk-1.vmdk", "ova"
	p.Verdict, p.ProposedVCPUs, p.ProposedMemoryMiB = verdictOfSeveral()[:2], 2, 4096
	p.Same = []org.UploadImage{{ID: id(2), Name: "the head of last year"}, {ID: id(3), Name: "head-copy.qcow2"}}
	return p
}

func verdictOfSeveral() []org.CheckGroup {
	disk := func(member string) org.CheckGroup {
		return org.CheckGroup{Member: member, Checks: []ui.Check{
			{Name: "tables", State: "passed", Detail: "Each part of the file is named once: 9120 grains of data."},
			{Name: "structure", State: "passed", Detail: "Every table is sound."},
			{Name: "data", State: "passed", Detail: "Every cluster was read."},
			{Name: "canonical form", State: "passed", Detail: "A clean qcow2 of 570.3 MiB was made; guests get that and never the upload."},
		}}
	}
	return []org.CheckGroup{
		{Checks: []ui.Check{
			{Name: "OVA", State: "passed", Detail: "It holds 5 files and describes 2 machines: head, compute."},
			{Name: "manifest", State: "passed", Detail: "3 files are as its manifest says."},
			{Name: "disks", State: "warning", Detail: "head has 2 disks. Its image is made of the first, group-disk-1.vmdk; the others are left out: group-data.vmdk.", Repair: "A node has one disk. Put what the others hold into the first, or upload one of them on its own if it boots."},
			{Name: "disks", State: "passed", Detail: "The image of compute is made of group-disk-2.vmdk."},
		}},
		disk("group-disk-1.vmdk"), disk("group-disk-2.vmdk"),
	}
}

// uploadOfSeveral is being checked, the second of its disks.
func uploadOfSeveral() org.UploadShowProps {
	p := uploadRefused()
	p.UploadRow = org.UploadRow{ID: "6f1e2d3c4b5a69788796a5b4c3d2e1f0", Name: "group.ova", State: "checking", Size: 3 * gib, Offset: 3 * gib, Created: ago(time.Hour), Person: "Ada Brandt"}
	p.Filename, p.Format, p.Verified, p.Digest = "group.ova", "", time.Time{}, ""
	p.Verdict = verdictOfSeveral()[:2]
	p.Progress = org.UploadProgress{Step: "Unpacking gzip", Member: "group-disk-2-of-a-machine-with-a-long-name.vmdk.gz", Number: 2, Of: 2, Done: 1_100_000_000, Total: 2_700_000_000}
	return p
}

func uploadRefusedOVA() org.UploadShowProps {
	p := uploadRefused()
	p.UploadRow.Name, p.Filename, p.Format = "group.ova", "group.ova", "ova"
	p.Reason = "The SHA256 of group-disk-1.vmdk is " + digest(4) + ", and its manifest says " + digest(5) + "."
	p.UploadRow.Reason = p.Reason
	p.Verdict = []org.CheckGroup{{Checks: []ui.Check{
		{Name: "OVA", State: "passed", Detail: "It holds 5 files and describes 2 machines: head, compute."},
		{Name: "manifest", State: "failed", Detail: p.Reason, Repair: "The file changed after the OVA was made. Copy the OVA again from where it was made; if you changed the file on purpose, leave the manifest out: `tar cf machine.ova machine.ovf machine-disk1.vmdk`."},
	}}}
	return p
}

// uploadNested is a wrapper in a wrapper.
func uploadNested() org.UploadShowProps {
	p := uploadRefused()
	p.UploadRow.Name, p.Filename, p.Format = "disk.vmdk.gz.xz", "disk.vmdk.gz.xz", ""
	p.Reason = "This is a file compressed with xz, in it a file compressed with gzip, in it a VMDK disk (VMware). One compression around one disk is taken."
	p.UploadRow.Reason = p.Reason
	p.Verdict = []org.CheckGroup{{Checks: []ui.Check{
		{Name: "file size", State: "passed", Detail: "86.8 MiB"},
		{Name: "format", State: "failed", Detail: p.Reason, Repair: "Take every wrapper off where the file was made: `xz -dc FILE | gzip -dc > disk.vmdk`, and upload disk.vmdk, as it is or compressed once: `gzip disk.vmdk`."},
	}}}
	return p
}

func uploadRefused() org.UploadShowProps {
	return org.UploadShowProps{
		Layout: orgLayout(), MayUpload: true, Subject: id(64), UploadRow: uploadRows()[4], Filename: "ada-laptop-export-with-a-very-long-file-name-2026-11.qcow2", Format: "qcow2",
		Digest: digest(4), FinishedBy: "Ada Brandt", Finished: ago(30 * time.Hour), Verified: ago(30 * time.Hour),
		Verdict: []org.CheckGroup{{Checks: []ui.Check{
			{Name: "Header", State: "passed", Detail: "qcow2 version 3, 20 GiB"},
			{Name: "Self-contained", State: "failed", Detail: "The header names a backing file of 20 bytes: /var/lib/base.qcow2", Repair: "qemu-img convert -O qcow2 ada-laptop.qcow2 whole.qcow2 writes one file that needs no other; upload that."},
			{Name: "qemu-img check", State: "skipped"},
		}}},
	}
}

func uploadOtherDigest() org.UploadShowProps {
	p := uploadRefused()
	p.ExpectedDigest = digest(5)
	p.Reason = "The SHA-256 of the file is " + digest(4) + ", and " + digest(5) + " was given."
	p.Verdict = []org.CheckGroup{{Checks: []ui.Check{{Name: "digest", State: "failed", Detail: p.Reason, Repair: "See on the machine that has it whether `sha256sum FILE` gives what its source says. If not, fetch it again; if so, correct what you give. Then upload it again."}}}}
	return p
}

func uploadDone() org.UploadShowProps {
	p := uploadRefused()
	p.UploadRow = org.UploadRow{ID: "5f1e2d3c4b5a69788796a5b4c3d2e1f0", Name: "our group of two machines", State: "done", Size: 3 * gib, Offset: 3 * gib, Created: ago(30 * time.Hour), Person: "Ada Brandt"}
	p.Filename, p.Format, p.Verdict = "group.ova", "ova", verdictOfSeveral()
	p.Images = []org.UploadImage{{ID: id(1), Name: "head", Member: "group-disk-1.vmdk", VirtualSize: 8 * gib}, {ID: id(2), Name: "compute", Member: "group-disk-2.vmdk", VirtualSize: 4 * gib}}
	return p
}

func imageWarned() org.ImageShowProps {
	p := imageReady()
	p.Verdict[0].Checks = append(p.Verdict[0].Checks, ui.Check{
		Name: "firmware", State: "warning", Detail: "Nothing can start this disk as far as we see: its first sector holds no boot code, and it has no EFI system partition.",
		Repair: "If nodes are to start from it, install a boot loader for BIOS in it: in the machine `grub-install --target=i386-pc /dev/vda` (Debian: package grub-pc-bin).",
	})
	return p
}

func imageUEFI() org.ImageShowProps {
	p := imageReady()
	p.Firmware = provisioner.FirmwareUEFI
	p.Verdict[0].Checks = append(p.Verdict[0].Checks, ui.Check{
		Name: "firmware", State: "passed", Detail: "Only UEFI can start this disk: it has an EFI system partition, and its first sector holds no boot code. Nodes start from it by UEFI, on hosts that have UEFI firmware (OVMF) alone, some seconds later than by BIOS. Secure Boot is not offered yet. To have it start on every host: add a BIOS boot partition and a loader for BIOS, in the machine: `sgdisk --set-alignment=1 --new=0:34:2047 --typecode=0:ef02 /dev/vda`, then `grub-install --target=i386-pc /dev/vda` (Debian: package grub-pc-bin).",
	})
	return p
}

func uploadForARM() org.UploadShowProps {
	p := uploadRefused()
	p.Reason = "Only UEFI can start this disk, and it is for another machine: its EFI system partition has EFI/BOOT/BOOTAA64.EFI (64-bit ARM) and not EFI/BOOT/BOOTX64.EFI. Nodes are x86-64."
	p.Verdict = []org.CheckGroup{{Checks: []ui.Check{
		{Name: "partition table", State: "passed", Detail: "The partition table ends at byte 67108864, the file has 67108864."},
		{
			Name: "firmware", State: "failed", Detail: p.Reason,
			Repair: "Take the same image for x86-64, which is also called amd64.",
		},
	}}}
	return p
}
