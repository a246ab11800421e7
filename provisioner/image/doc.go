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
// # Three digests, all SHA-256
//
//   - uploaded: of the file as it came;
//   - content: of the bytes a guest reads, from the first to the last of the virtual disk, holes as zeros: what
//     `qemu-img convert -O raw` followed by `sha256sum` gives, whatever format the disk came in;
//   - canonical: of the qcow2 we made of the content. It depends on the content and on our version of qemu-img.
//
// # The child
//
// Verify runs this very executable again with an environment marker. A program that calls Verify must call Main
// first thing in its main function: in the child it does the confined work and never returns.
package image
