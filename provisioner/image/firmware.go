package image

import (
	"bytes"
	"strings"

	"volary.dev/provisioner"
)

// bootCode is how much of a disk's first sector a BIOS' loader has, in bytes: behind it are the disk's id and the table.
const bootCode = 440

// chainMarks are found in boot code that starts the active partition and nothing else: that of Windows and SYSLINUX by their
// words, that of parted by its first instructions.
var chainMarks = [][]byte{
	[]byte("Missing operating system"), []byte("Missing OS"), []byte("Error loading operating system"),
	[]byte("\xfa\xb8\x00\x10\x8e\xd0\xbc\x00\xb0"),
}

// noLoader is what mkfs.fat writes where a loader would be.
var noLoader = []byte("This is not a bootable disk")

// biosStart is whether a BIOS can start a disk.
type biosStart int

const (
	biosStarts biosStart = iota
	biosUnsure           // there is code, and nothing that it would usually load
	biosNever
)

// needsOVMF is what a disk that starts by UEFI costs.
const needsOVMF = "Nodes start from it by UEFI, on hosts that have UEFI firmware (OVMF) alone, some seconds later than by BIOS. Secure Boot is not offered yet."

// firmware finds what starts the disk. What both can start is started by BIOS, which every host has; a disk that UEFI alone
// starts for sure is started by UEFI. What nothing starts that we know is taken with a warning: a test shows it, and a wrong
// refusal shows nothing. Refused is only what is made for another machine.
func (i *inspection) firmware(t diskTable) {
	const name = "firmware"
	l := t.loaders(&i.file)
	i.Firmware = provisioner.FirmwareBIOS
	switch how, why := t.bios(&i.file); {
	case how == biosNever && l.esp && !l.may():
		i.uefiWithout(l, why, t.addLoader())
	case how == biosNever && l.esp:
		i.Firmware = provisioner.FirmwareUEFI
		i.check(name, true, "Only UEFI can start this disk: it has an EFI system partition, and "+why+". "+needsOVMF+" To have it start on every host: "+uncapital(t.addLoader()), "")
	case how == biosNever:
		i.warn(name, "Nothing can start this disk as far as we see: "+why+", and it has no EFI system partition.",
			"If nodes are to start from it, install a boot loader for BIOS in it: in the machine `grub-install --target=i386-pc /dev/vda` (Debian: package grub-pc-bin).")
	case how == biosUnsure && l.may():
		i.Firmware = provisioner.FirmwareUEFI
		i.warn(name, "UEFI can start this disk. Whether BIOS can is doubtful: "+why+". "+needsOVMF, t.addLoader())
	case how == biosUnsure:
		i.check(name, true, "Its first sector holds code for BIOS.", "")
	case l.may():
		i.Firmware = provisioner.FirmwareBoth
		i.check(name, true, "BIOS and UEFI can start it. Nodes start by BIOS.", "")
	default:
		i.check(name, true, "BIOS can start it.", "")
	}
}

// uefiWithout judges a disk that only UEFI could start, and which has not what a node's would start.
func (i *inspection) uefiWithout(l loaders, why, both string) {
	const name = "firmware"
	if l.foreign != "" {
		i.check(name, false, "Only UEFI can start this disk, and it is for another machine: its EFI system partition has "+l.foreign+" and not "+loaderOfNodes+". Nodes are x86-64.",
			"Take the same image for x86-64, which is also called amd64.")
		return
	}
	i.Firmware = provisioner.FirmwareUEFI
	i.warn(name, "Only UEFI can start this disk: it has an EFI system partition, and "+why+". But that has no "+loaderOfNodes+", and a node looks for no other: what a machine's own UEFI was told to start stays in that machine.",
		"Install the loader under that name, too: in the machine `grub-install --target=x86_64-efi --removable` (Debian: package grub-efi-amd64-bin). Or for both: "+uncapital(both))
}

// uncapital is for a sentence that becomes part of another.
func uncapital(s string) string { return strings.ToLower(s[:1]) + s[1:] }

// bios tells whether a BIOS can start the disk, and where not, why, as a part of a sentence.
func (t diskTable) bios(file *boundedReader) (biosStart, string) {
	code := t.first[:bootCode]
	if empty(code) {
		return biosNever, "its first sector holds no boot code"
	}
	if len(t.parts) == 0 && !t.gpt && bytes.Contains(t.first, noLoader) {
		return biosNever, "its first sector says only that it is not a bootable disk"
	}
	for _, mark := range chainMarks {
		if bytes.Contains(code, mark) {
			return t.chain(file, code)
		}
	}
	if !t.gpt {
		return biosStarts, ""
	}
	for _, p := range t.parts {
		if p.bios || p.active && !p.full || p.fromMBR && !p.full {
			return biosStarts, ""
		}
	}
	return biosUnsure, "its first sector holds code, but there is neither a BIOS boot partition (GRUB) nor one marked for BIOS (SYSLINUX)"
}

// chain follows boot code that starts another partition.
func (t diskTable) chain(file *boundedReader, code []byte) (biosStart, string) {
	for _, p := range t.parts {
		if !p.active || p.full {
			continue
		}
		if sector := file.bytes(p.first, sectorSize); !bootSector(sector) || empty(sector[:bootCode]) || bytes.Contains(sector, noLoader) {
			return biosNever, "its boot code starts the active partition, which holds no boot code itself"
		}
		return biosStarts, ""
	}
	for _, p := range t.parts {
		// SYSLINUX looks for an active one among the logical ones, too.
		if p.extended {
			return biosStarts, ""
		}
	}
	if code[bootCode-1] != 0 {
		return biosStarts, "" // SYSLINUX' altmbr: the number of the partition to start is in the last byte
	}
	return biosNever, "its boot code starts the active partition, and no partition is active"
}

func empty(code []byte) bool { return len(bytes.Trim(code, "\x00")) == 0 }

// addLoader is how a disk for UEFI becomes one that BIOS can start as well.
func (t diskTable) addLoader() string {
	const (
		install = "`grub-install --target=i386-pc /dev/vda` (Debian: package grub-pc-bin)"
		instead = ". Or take the distribution's image that starts by both, as Debian's genericcloud does."
	)
	if !t.gpt {
		return "Install a loader for BIOS beside it, in the machine: " + install + instead
	}
	// Where the first partition begins at 1 MiB, as it does by default, there is room before it.
	table := "--set-alignment=1 --new=0:34:2047"
	for _, p := range t.parts {
		if !p.full && p.first < 1<<20 {
			table = "--new=0:0:+1M"
		}
		if p.bios {
			return "Install a loader for BIOS into the BIOS boot partition that it has, in the machine: " + install + instead
		}
	}
	return "Add a BIOS boot partition and a loader for BIOS, in the machine: `sgdisk " + table + " --typecode=0:ef02 /dev/vda`, then " + install + instead
}
