// Package image judges an uploaded disk and makes of it the one file that guests get. It is a security boundary:
// the bytes are a stranger's, and the programs that understand them are large.
//
//	upload ──first bytes──▶ a disk ─────────────────────────────────┐
//	              ├───────▶ gzip, xz, zstd ──unpack (child)──▶ file ──┤
//	              ├───────▶ bundle ──list (child), every digest──▶ each image's disk
//	              ├───────▶ OVA ──list (child)──▶ each machine's disk ┘
//	              │                                   (and its one compression)
//	              └──▶ refused: what it is, and the whole way to a file that is taken
//
//	a disk ──Inspect──▶ accepted ──qemu-img check──▶ ──convert──▶ raw ──write──▶ canonical qcow2 ──Inspect, qemu-img check──▶ image
//	           │            (child)                  (child)       │   (child)                          (child)
//	           └──▶ refused, with the check and the repair         └──guest-visible digest
//
// A raw disk in a wrapper is written while it is unpacked, before Inspect has seen it as a whole.
//
// verify.go has the way of an upload, disk.go that of one disk, unwrap.go and ova.go what is around it.
//
// Inspect reads headers with our own code, a bounded number of bytes at bounded places, and refuses everything
// that could make a later program open another file, decrypt, or take absurd space or time. Only what passed is
// shown to qemu-img, in a child process that is confined to that one file and one output (below), and with the formats always named: nothing ever guesses a format.
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
// 2026-11-29: a verdict is on an upload, and lists the images that it holds; one that is a disk has one, whose member is empty. A
// digest that was given with the file is the first thing that is looked at: a file that was cut short is told as that, and not as the
// broken disk that it also is.
//
// 2026-11-30: one compression around one disk is taken, and an OVA, whose disks may have one each. What is deeper is looked into for
// five layers, one megabyte of each, and told whole with the commands; so is an OVA in a gzip. The child only reads: what it unpacks comes
// out of its standard output, and we write it, zeros as holes, having reserved the room for each 64 MiB before they are written. Bytes
// are bounded and not their ratio, for an empty disk of 1 TiB honestly packs ten thousand times: with holes by the largest disk and a fiftieth,
// without them by a hundred times the file. A dictionary or window over 128 MiB is refused.
//
// 2026-11-30: xz is the program of Debian, confined as qemu-img is, and gzip and zstd are Go's in the child. Of a raw disk of 300 MiB in 80 MiB
// Go's xz (ulikunitz/xz v0.5.17) took 20.4 s of one processor where `xz -dc` took 5.7 s. The upload is hashed beside the unpacking, and
// what a guest reads beside the making of the image.
//
// 2026-11-30: a file of several blocks (`xz -T`) is unpacked by several threads, within the 128 MiB that one may take: larger blocks, and
// files of one block, by one.
//
// 2026-11-30: of each machine in an OVA the disk that it starts from is the image, for a node has one disk; the others are
// named in a warning. It is the first one (AddressOnParent) at the first controller: of one type by its Address, types in the order in which the
// description has them. Where the place of one of a machine's disks is not said the order of the description stands. The order of files says nothing. A machine's number of processors and its memory are kept as a proposal. A certificate is not looked at, and said.
//
// 2026-11-30: VMDK (monolithicSparse and streamOptimized) and VHD (fixed and dynamic) are taken, each judged by a reader of our own as
// qcow2 is: every table once, every sector of the file named once, compressed data at most 20 times the file. What a VMDK's description says is
// judged where QEMU looks for it, whatever its header says: behind the first sector, up to the first zero. There may be no word of a parent in it, even in a
// comment, and one extent whose name is no path. A VHD's size is the one that it gives in bytes, and qemu-img is told so (Format.Source): its
// geometry cannot express every size, and qemu-img goes by it for the programs that it does not know, VirtualBox among them, and then the disk's end is lost.
//
// 2026-11-30: a bundle's blobs are compared with their names before anything of them is looked at, in the reading in which the whole is hashed, so that a byte that
// changed is named with its blob. Its images are a stranger's like any other: each is judged and made anew, and refused where a guest reads something else of it than the
// document says.
//
// 2026-11-30: what a file is, package magic knows, from its first 40 KiB and its last sector. One format and only one may match; which pairs of marks are
// honest is written there. The list of a qcow2's header extensions has to have an end in its first cluster: QEMU writes one always, in version 2 as
// well, and where it has none, readers disagree about what belongs to it. A check that breaks off is a refusal, by the check "inspection".
//
// 2026-11-30: what comes out of a wrapper has holes of any size, which cost its maker nothing. Such a file is judged by the bytes in it that are no
// zeros (Limits.Data): compressed data unfolds to at most 20 times these, and the room that a disk is promised is by these. Tables are followed in
// files of at most 2^29 clusters or sectors, 64 MiB of memory for each set of them.
//
// 2026-11-30: Look is for the machine of whoever brings the file (`volary try`): the same Inspect, and then what a guest reads of a raw disk or a
// qcow2 by a reader of our own (qcow2_read.go), which follows only tables that Inspect has passed. Nothing is written and no program started,
// so that it is not confined; a worker does not call it. Other formats are to be converted first.
//
// 2026-11-30: Landlock's four calls are made here (landlock.go): the library that has them brings C along for another way of making them, and
// `volary`, which looks at images now, has none.
//
// 2026-12-01: an image in a bundle, and a disk that Look is given, may unfold to a hundred times its file and 16 GiB: a portal makes such canonical forms
// of raw disks, and refused its own bundles of them.
//
// # Three digests, all SHA-256
//
//   - uploaded: of the file as it came;
//   - guest-visible: of what a guest reads of the disk, the same whatever format and wrapper it came in, and however its file lay;
//   - canonical: of the qcow2 we made of the content. It depends on the content and on our version of the zstd library
//     (github.com/klauspost/compress); of images from before 2026-11-30 on that of qemu-img.
//
// # The guest-visible digest, byte by byte
//
// The disk has size bytes, numbered from 0. It is cut at the multiples of 1 MiB into pieces, and each piece at the multiples of 4 KiB into
// blocks; the last piece and the last block may be shorter. An extent is a run of neighbouring blocks of one piece, none of which is all
// zeros, that cannot be made longer within the piece. The digest is SHA-256 over, for each extent in the order of the disk:
//
//	8 bytes   where it begins, in bytes, big-endian
//	8 bytes   its length in bytes, big-endian
//	length    its bytes
//
// and at the end:
//
//	8 bytes   size, big-endian
//	8 bytes   zeros
//
// Holes and written zeros are the same, and neither costs anything: 1 TiB of them is passed over. No extent crosses a multiple of 1 MiB, so
// that who computes it needs 1 MiB of memory. Vectors (x is the byte 78, all others are zeros; digest_test.go has them as well):
//
//	size       x at               digest
//	1048576    nowhere            babe6c808271fe64a7dfbbbace8ad2af8d06bc89875c721edee6af2831802c4a
//	2097152    0                  50c90d33cefb35079a9e64ab422a1fda66870e5b3d34235e0732596fd39c3b60
//	2097152    4095, 4096         321b153e1ed44b429bd2348f22e608b55fe52c407feef770f14e540a89534ea2
//	2097152    1048575, 1048576   6b2662693fdbcedaad4917c0d9feaecc6da933d377a3c9cdeb5a70926617e1ec
//	1049088    1049087            21f263e06df22a0a75402fdbd4b2e2a84a29b851b8139d1d0752760bc1eceaae
//
// 2026-11-30: it replaces the hash of every byte, which was 1 TiB of work for a disk of that size. Images from before have none: nothing
// tells the one from the other, and what was recorded cannot be converted.
//
// # The canonical form, byte by byte
//
// A qcow2 of version 3 with clusters of 64 KiB, reference counts of 16 bits and zstd; all numbers are big-endian. In the file lie, in this order:
//
//	header        one cluster; at byte
//	              0 "QFI\xfb"  4 version 3 (4)  20 cluster bits 16 (4)  24 the disk's size (8)  36 entries of the first-level table (4)
//	              40 where that lies (8)  48 where the reference count table lies (8)  56 its clusters (4)  72 incompatible
//	              features 8, which is another compression than zlib (8)  96 order of the reference counts 4 (4)  100 length of
//	              the header 112 (4)  104 compression 1, which is zstd (1); all else is zeros, so that the list of extensions ends at 112
//	data          the disk's clusters in their order, without those in which no block of 4 KiB has a byte that is no zero; the last one is
//	              filled with zeros. And after the last that it names, each second-level table
//	first level   an entry of 8 bytes for each 512 MiB of the disk, the last perhaps in part: where its table lies, with bit 63;
//	              0 where it has no cluster
//	counts' table where each block of reference counts lies
//	counts        those of the header and of all before and of themselves, up to the last block's end
//
// A cluster is compressed by itself, to a frame of zstd with its size and without a checksum, at the library's level "fastest". Where that has at most 60 KiB it
// begins behind what is before it, at any byte, and its entry is: where it begins, bit 62, and from bit 54 on how many sectors of 512
// bytes it reaches into beside its first. Another is stored as it is, and its entry is where it lies, with bit 63. This, and each table, begins at a
// whole cluster, and what is left free before it is zeros; so is the end of a table's last cluster. The count of a cluster of the file is that of the clusters
// of the disk with a byte in it, and 1 of a table's or the header's.
//
// 2026-11-30: until today qemu-img made it (convert -c), when the whole disk lay there, and neither could begin while it was unpacked. Now a child of ours
// (writeCanonical) is given exactly the bytes that the guest-visible digest is of, as they come, and the worker hashes the same bytes beside it. The file is
// written from its second cluster to its end, with nothing in memory but a table and the counts: second-level tables could not be held for a disk of
// 16 TiB. The header comes last, since a compressed disk does not say how large it is; hence the canonical digest needs a reading of its own, two thirds of a
// second for a GiB in memory, which runs beside qemu-img's check. All formats take the same way: one content has one canonical
// digest, in whatever it came, and what is kept twice is kept once.
//
// 2026-11-30: it is compressed, as before. A cluster of 64 KiB may hold one block of data, and uncompressed a disk of such clusters would be 16 times what
// was reserved for it. The level: of 700 MiB of a Debian's files "fastest" leaves 338 MiB, "default" 324 and qemu-img's zstd 323, but of
// 790 MiB, half of them noise, it takes 1.0 s of a processor where "default" takes 5.6 and qemu-img 5.7: who waits for a verdict waits for a
// processor of ours. The disk of `bench upload`, whose words are of noise, is the price: 786 MiB where qemu-img left 652.
// Images of before stay what they are, under the digests that they have; uploaded anew, their content becomes an image with another canonical digest.
//
// # The child
//
// Verify runs this very executable again with an environment marker. A program that calls Verify must call Main
// first thing in its main function: in the child it does the confined work and never returns. The work is a program (qemu-img) or a
// task: Go code of this package that unpacks or takes apart, by its name in tasks.
//
//	worker ──fork──▶ setup ──one thread: new root, limits, user, Landlock──┬─ filter ─▶ exec qemu-img: opens the two files by their names
//	                 (its own namespaces)                                  └─ exec itself ─▶ filter ─▶ task: has the two files, opened
//
// 2026-11-30: until today a child was held by Landlock and limits alone, and saw every process, the network and the names of all files. The walls, each of
// which a test breaks through the others to see (sandbox_test.go):
//
//   - namespaces: user, mount, network, process, IPC, host name, control groups. In its own it is process 1, so that its end ends all in it.
//   - root: libraries, read-only, and for a program the program, its two files, /dev/null and /dev/urandom. No /proc, nothing that can be
//     written but the output. Another file is not forbidden, it does not exist.
//   - user: where the worker is root another user and group (childUser), without supplementary groups; otherwise the worker's. No capability; a program that
//     works as another user than its files' keeps CAP_DAC_OVERRIDE to open them, which counts for the owners of these files alone.
//   - Landlock: version 2 or nothing is opened (landlockFloor), no best effort. Later versions are taken where they are.
//   - calls: a seccomp list of what is allowed, all else is EPERM. No process can be made, no socket, no mapping of new code in a task.
//   - limits: of memory a program's address space and a task's writable memory (RLIMIT_DATA: Go sets far more addresses aside than it uses, so a
//     bound on addresses would end it at its start), processor time, the output, 128 threads (counted in the child's own user namespace),
//     descriptors; by the clock two hours and eight times the processor time, a net under what waits for ever.
//
// What a child says is bounded as well: its answer, its progress, its words. A refusal of the file, a crash, and a limit that was hit are the file's fault
// and are not tried again; only what fails of the machine is an error. A program of the child that the kernel kills for want of memory of
// the whole machine is the machine's.
//
// Confinement is set for one thread, which then becomes the whole process by exec. Setting it for all threads of a running Go program needs /proc where C is linked in
// (as libvirt is in the worker), and the child has none; and an exec leaves nothing of the worker's memory. For the same reason the filter of a task,
// which alone is set after the exec, takes the kernel's own way to reach all threads.
//
// What a machine does not grant is refused and said (CheckSandbox at the worker's start, "worker sandbox" at any time) with the setting to change.
package image
