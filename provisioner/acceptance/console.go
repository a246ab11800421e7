package acceptance

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	excerptLines = 60
	excerptBytes = 6 << 10
)

// escape is what terminals take for commands: ECMA-48 control sequences and operating system commands.
var escape = regexp.MustCompile("\x1b(\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(\x07|\x1b\\\\)|[@-Z\\\\^_])")

// Excerpt makes the end of a console log printable: without control sequences, one line a line, not too long.
func Excerpt(console []byte) string {
	text := escape.ReplaceAllString(strings.ToValidUTF8(string(console), "\uFFFD"), "")
	text = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return -1
	}, strings.ReplaceAll(text, "\r\n", "\n"))
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	text = strings.Join(lines[max(0, len(lines)-excerptLines):], "\n")
	for from := max(0, len(text)-excerptBytes); from < len(text); from++ {
		if utf8.RuneStart(text[from]) {
			return text[from:]
		}
	}
	return ""
}

// endings are the ways in which a boot is known to end badly, by what the console shows.
func endings() [][2]string {
	return [][2]string{
		{"No bootable device", "no bootable device: the disk has no boot loader for BIOS"},
		{"Boot failed: not a bootable disk", "not a bootable disk: the disk has no boot loader for BIOS"},
		{"UEFI Interactive Shell", "UEFI's shell: the EFI system partition has no EFI/BOOT/BOOTX64.EFI that starts"},
		{"No bootable option or device was found", "UEFI found nothing to start: the EFI system partition has no EFI/BOOT/BOOTX64.EFI that starts"},
		{"!!!! X64 Exception Type", "UEFI stopped before the kernel ran: give the nodes more memory, or another loader"},
		{"IO-APIC + timer doesn't work", "the kernel's timer check failed on a busy host: add no_timer_check to the kernel's command line"},
		{"VFS: Unable to mount root fs", "the kernel found no root file system: its initramfs needs virtio_blk"},
		{"Kernel panic", "kernel panic"},
		{"You are in emergency mode", "systemd's emergency mode: a unit or mount failed at boot"},
		{"Entering emergency mode", "systemd's emergency mode: a unit or mount failed at boot"},
		{"grub rescue>", "GRUB's rescue prompt: its files are missing"},
		{"(initramfs)", "the initramfs prompt: the root file system was not found"},
	}
}

// Ending names a classic way in which a boot ended badly, or is empty.
func Ending(console []byte) string {
	text := string(console)
	for _, e := range endings() {
		if strings.Contains(text, e[0]) {
			return e[1]
		}
	}
	return ""
}
