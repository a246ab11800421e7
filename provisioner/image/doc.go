// Package image judges an uploaded disk and makes of it the one file that guests get. It is a security boundary:
// the bytes are a stranger's, and the programs that understand them are large.
//
//	uploaded file ──Inspect──▶ accepted ──qemu-img check──▶ ──convert──▶ raw ──hash──▶ ──convert──▶ canonical qcow2
//	                  │           (confined child)     (confined child)  (Go)       (confined child)
//	                  └──▶ refused, with the check that failed and how to repair it
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
// 2026-11-29: a verdict is on an upload, and lists the images that it holds; today's formats are one disk each, the list has one, and its
// member is empty. A digest that was given with the file is the first thing that is looked at, before what the header says: a file
// that was cut short is told as that, and not as the broken disk that it also is.
//
// 2026-11-30: VMDK (monolithicSparse and streamOptimized) and VHD (fixed and dynamic) are taken, each judged by a reader of our own as
// qcow2 is: every table once, every sector of the file named once, compressed data at most 20 times the file. What a VMDK's description says is
// judged where QEMU looks for it, whatever its header says: behind the first sector, up to the first zero. There may be no word of a parent in it, even in a
// comment, and one extent whose name is no path. A VHD's size is the one that it gives in bytes, and qemu-img is told so (Format.Source): its
// geometry cannot express every size, and qemu-img goes by it for the programs that it does not know, VirtualBox among them, and then the disk's end is lost.
//
// 2026-11-30: what a file is, package magic knows, from its first 40 KiB and its last sector. One format and only one may match; which pairs of marks are
// honest is written there. The list of a qcow2's header extensions has to have an end in its first cluster: QEMU writes one always, in version 2 as
// well, and where it has none, readers disagree about what belongs to it. A check that breaks off is a refusal, by the check "inspection".
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
