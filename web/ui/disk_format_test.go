package ui_test

import (
	"testing"

	"volary.dev/web/ui"
)

// What qemu-img calls a format is nothing that a page says.
func TestFormatsHavePeoplesNames(t *testing.T) {
	for format, want := range map[string]string{
		"": "", "qcow2": "qcow2", "raw": "raw", "vmdk": "VMDK", "vpc": "VHD", "ova": "OVA", "raw in xz": "raw in xz", "vpc in gzip": "VHD in gzip", "vmdk in zstd": "VMDK in zstd", " in xz": "compressed with xz",
	} {
		if got := ui.DiskFormat(format); got != want {
			t.Errorf("%q: %q, want %q", format, got, want)
		}
	}
}
