// Package image judges an uploaded disk and makes of it the one file that guests get. It is a security boundary:
// the bytes are a stranger's, and the programs that understand them are large.
//
//	uploaded file ──Inspect──▶ accepted ──qemu-img check──▶ ──convert──▶ raw ──hash──▶ ──convert──▶ canonical qcow2
//	                  │           (confined child)     (confined child)  (Go)       (confined child)
//	                  └──▶ refused, with the check that failed and how to repair it
//
// Inspect reads headers with our own code, a bounded number of bytes at bounded places, and refuses everything
// that could make a later program open another file, decrypt, or take absurd space or time. Only what passed is
// shown to qemu-img, in a child process that Landlock confines to that one file and one output, with limits on
// memory, processor time and file size, and with the formats always named: nothing ever guesses a format.
//
// 2026-11-29: the second-level and reference count tables are Inspect's to judge as well, each read once, before anything is
// hashed or shown to qemu-img: 384 KiB whose tables name one cluster a million times were 2 TiB of scratch. A file may name
// a cluster once, and its compressed data unfolds to at most 20 times the file. With that the data of a disk is bounded by
// the file, and a verification knows before it begins what it will write: it begins only where a tenth stays free.
//
// 2026-11-29: a disk has to be one that a node can start. A node's disk has sectors of 512 bytes: one whose partition table is for
// sectors of 4096 bytes is refused with the repair (check "sector size"). What is doubtful, and a disk that nothing starts (it may
// be meant for data), is taken with a warning; code that we do not know is believed. The tables are read within bounds, GPTs only
// with right checksums.
//
// 2026-11-30: what starts a disk is found and recorded (check "firmware"): BIOS, UEFI or both. What both start is started by BIOS,
// which every host has and which is faster; a disk is UEFI's alone where its boot code is none, or known to start a partition that
// is not there, and where it is doubtful. A node's UEFI begins with empty variables, so that it starts EFI/BOOT/BOOTX64.EFI and
// nothing else: the FAT of the EFI system partition is read that far, within bounds. A disk with a loader for another processor
// alone is refused, one without that file is taken with a warning, and a FAT that cannot be read says nothing.
//
// 2026-11-29: a verdict is on an upload, and lists the images that it holds; today's formats are one disk each, the list has one, and its
// member is empty. A digest that was given with the file is the first thing that is looked at, before what the header says: a file
// that was cut short is told as that, and not as the broken disk that it also is.
//
// # Three digests, all SHA-256
//
//   - uploaded: of the file as it came;
//   - content: of the bytes a guest reads, from the first to the last of the virtual disk, holes as zeros: what
//     `qemu-img convert -O raw` followed by `sha256sum` gives, whatever format the disk came in;
//     Holes are not read, but their zeros are hashed, from memory: the value has to stay what it is, for certificates
//     name it, and SHA-256 cannot pass over zeros. What bounds the time is the size of the disk, which is at most that of
//     the largest shape, and that one image of an organization is verified at a time (2026-11-29);
//   - canonical: of the qcow2 we made of the content. It depends on the content and on our version of qemu-img.
//
// # The child
//
// Verify runs this very executable again with an environment marker. A program that calls Verify must call Main
// first thing in its main function: in the child it does the confined work and never returns.
package image
