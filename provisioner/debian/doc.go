// Package debian makes disk images from Debian's packages, for the sample and the starter models: it fetches packages without
// installing them, makes file systems without mounting them, and puts a disk together that BIOS starts by SYSLINUX.
//
// Nothing that is fetched is unchecked: apt-get download compares each file with the signed lists of the machine that builds.
package debian
