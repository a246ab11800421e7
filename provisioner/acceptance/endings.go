package acceptance

import (
	"bytes"

	"volary.dev/provisioner"
)

// Ending is a known way in which a boot goes wrong, by what the console shows.
type Ending struct {
	Name   string // "kernel panic"
	Remedy string // a sentence
	// Row is the check that it explains. What ends a boot is CheckBoots, also where the guest came as far as taking an address.
	Row  string
	Text string // what the console shows
}

// Sentence is the ending as a report tells it.
func (e Ending) Sentence() string { return "The console shows " + e.Name + ". " + e.Remedy }

// Endings are all known endings, the more telling before the less: a kernel without its root device panics, too.
func Endings() []Ending {
	const boots, seed, address = provisioner.CheckBoots, provisioner.CheckSeed, provisioner.CheckAddress
	noLoader := "The disk has no boot loader for BIOS: install one, or say that UEFI starts the image."
	noUEFI := "The EFI system partition has no EFI/BOOT/BOOTX64.EFI that starts: copy the loader there."
	noVirtio := "Put virtio_blk and virtio_pci into the initramfs: the disk is a virtio device."
	emergency := "A unit or a mount of /etc/fstab failed at boot: name disks by UUID, and mark what may be missing with nofail."
	full := "The image's file system has no room: give the node a larger disk, and let cloud-init grow the partition."
	noSeed := "Let cloud-init's datasource_list have NoCloud, and its kernel have iso9660 and virtio_blk: the seed is a disk labelled cidata."
	noClient := "Run a DHCP client on the first network interface, whatever its name, and have virtio_net in the image."
	return []Ending{
		{"no bootable device", noLoader, boots, "No bootable device"},
		{"no bootable device", noLoader, boots, "Boot failed: not a bootable disk"},
		{"UEFI's shell", noUEFI, boots, "UEFI Interactive Shell"},
		{"that UEFI found nothing to start", noUEFI, boots, "No bootable option or device was found"},
		{"that UEFI stopped before the kernel ran", "Give the nodes more memory, or the image another loader.", boots, "!!!! X64 Exception Type"},
		{"GRUB's rescue prompt", "Its files are missing, or the disk has another UUID than it looks for: install it anew.", boots, "grub rescue>"},
		{"that the kernel's timer check failed on a busy host", "Add no_timer_check to the kernel's command line.", boots, "IO-APIC + timer doesn't work"},
		{"that the root device was not found: there is no virtio driver", noVirtio, boots, "VFS: Unable to mount root fs"},
		{"that the root device was not found: there is no virtio driver", noVirtio, boots, "ALERT!  /dev/"},
		{"that the root device was not found: there is no virtio driver", noVirtio, boots, "dracut-initqueue timeout"},
		{"that the root device was not found: the initramfs waits at its prompt", noVirtio, boots, "(initramfs)"},
		{"that the kernel found no init", "The root file system has no /sbin/init that runs on this processor.", boots, "No working init found"},
		{"a kernel panic", "Try the image under plain QEMU with the same machine type; the excerpt below has the kernel's last words.", boots, "Kernel panic - not syncing"},
		{"systemd's emergency mode", emergency, boots, "You are in emergency mode"},
		{"systemd's emergency mode", emergency, boots, "Entering emergency mode"},
		{"that a disk is full", full, seed, "No space left on device"},
		{"that cloud-init found no datasource", noSeed, seed, "DataSourceNone"},
		{"that cloud-init found no datasource", noSeed, seed, "No local datasource found"},
		{"that cloud-init is disabled", noSeed, seed, "cloud-init is disabled"},
		{"that there is no network interface", noClient, address, "Cannot find device \"eth0\""},
		{"that there is no network interface", noClient, address, "No such device: eth0"},
		{"that the DHCP client did not start", noClient, address, "dhclient: not found"},
	}
}

// EndingOf gives the ending that a console shows and that explains a failed check.
func EndingOf(row string, console []byte) (Ending, bool) {
	seen := provisioner.VisibleText(console)
	for _, e := range Endings() {
		if e.Row == row && bytes.Contains(seen, []byte(e.Text)) {
			return e, true
		}
	}
	return Ending{}, false
}
