package image

import "bytes"

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

// firmware judges what can start the disk. Nodes have a BIOS: what only UEFI starts is refused. What nothing starts that we
// know is taken with a warning, and so is what BIOS may start: a test shows it, and a wrong refusal shows nothing.
func (i *inspection) firmware(t diskTable) {
	const name = "firmware"
	esp := false
	for _, p := range t.parts {
		esp = esp || p.esp
	}
	switch how, why := t.bios(&i.file); {
	case how == biosNever && esp:
		i.check(name, false, "Only UEFI can start this disk: it has an EFI system partition, and "+why+". Nodes start by BIOS.", t.addLoader())
	case how == biosNever:
		i.warn(name, "Nothing can start this disk as far as we see: "+why+", and it has no EFI system partition.",
			"If nodes are to start from it, install a boot loader for BIOS in it: in the machine `grub-install --target=i386-pc /dev/vda` (Debian: package grub-pc-bin).")
	case how == biosUnsure && esp:
		i.warn(name, "UEFI can start this disk. For BIOS "+why+". Nodes start by BIOS: test it before you publish it.", t.addLoader())
	case how == biosUnsure:
		i.check(name, true, "Its first sector holds code for BIOS.", "")
	case esp:
		i.check(name, true, "BIOS and UEFI can start it.", "")
	default:
		i.check(name, true, "BIOS can start it.", "")
	}
}

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
		instead = ". Or take the distribution's image that starts by both, as Debian's genericcloud does; images for ARM have no loader for BIOS."
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
