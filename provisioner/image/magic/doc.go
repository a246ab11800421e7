// Package magic is the table by which a file is known from its first kilobytes and its last 512 bytes: what it is, whether we take it, and
// where not, the command that makes of it a file that we take. It reads bytes that it is given, decompresses nothing and follows nothing
// but the names in a tar archive's first headers, so that the web server may ask it while a file still arrives. It is no
// inspection: what it lets pass is judged by package image, which alone may say that a disk is sound.
//
// # One format and only one
//
// Look names every format that a file could be taken for, and a file that is two at once is refused with both named: programs that
// disagree about what a file is are how a harmless header hides another disk. Two marks in one file are honest, and one kind is named, where
//
//   - the last sector of a disk that starts like a raw one is a VHD's footer or a DMG's trailer: that is how a fixed VHD and a DMG are made.
//     The footer has to be for a disk of just this size; a stray one, as a raw disk may keep that was a VHD once, makes it two;
//   - an optical disc has a boot sector: installers are made to start from a stick as well (isohybrid). It is an optical disc;
//   - compressed or encrypted bytes end the first sector with 55 AA by chance. A boot sector is named beside no such format.
//
// It is two at once where a qcow2, a VMDK, a dynamic VHD or a tar archive ends its first sector with 55 AA, since their headers are known to have
// zeros there, and where anything else has the mark of an optical disc at 0x8001 or, at its end, the trailer of another format. A
// guest's own data may lie there in a disk with small clusters; writing it anew (`qemu-img convert`) mends that, and so it is refused as well.
//
// # What the outside does not tell
//
// A Vagrant box is a tar archive in a gzip: its first kilobytes are those of any gzip. Whoever unpacks a wrapper asks Look again for
// what is inside, and is told then.
package magic
