package provisioner

// Firmware is what can start a disk.
type Firmware string

// The firmware of images. The zero value is FirmwareBIOS: what was recorded before firmware was looked at starts by it.
const (
	FirmwareBIOS Firmware = "bios" // BIOS starts it, or nothing that we know
	FirmwareUEFI Firmware = "uefi" // only UEFI starts it for sure
	FirmwareBoth Firmware = "both" // both do
)

// NeedsUEFI tells whether a node of such a disk starts by UEFI, which needs a host that has it. All others start by BIOS, which
// every host has and which is faster.
func (f Firmware) NeedsUEFI() bool { return f == FirmwareUEFI }
