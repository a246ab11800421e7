package qemu

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"volary.dev/provisioner"
)

// TestArguments names every format and opens nothing else.
func TestArguments(t *testing.T) {
	n := provisioner.NodeSpec{ID: uuid.New(), Name: "head", Shape: provisioner.Shape{VCPUs: 2, MemoryMiB: 512, DiskGiB: 4}, Acceleration: provisioner.AccelerationTCG, MAC: net.HardwareAddr{2, 0, 0, 1, 0, 10}}
	d := disks{overlay: "/f/disk.qcow2", seed: "/f/seed.iso", vars: "/f/vars.fd", base: Disk{"/home/ada/a,b\"c.img", "raw"}, firmware: &firmware{"/code.fd", "raw", "/vars.fd", "raw"}}
	args, err := arguments(n, d)
	if err != nil {
		t.Fatal(err)
	}
	line := strings.Join(args, "\n")
	for _, want := range []string{
		"-accel\ntcg\n", "-cpu\nNehalem\n", "-m\n512\n", "-smp\n2\n", "-nodefaults", "-sandbox\non,", "spawn=deny", "pflash0=code,pflash1=vars",
		`"driver":"raw","file":{"driver":"file","filename":"/home/ada/a,b\"c.img","read-only":true},"node-name":"base","read-only":true`,
		`"backing":"base"`, `"filename":"/f/vars.fd","read-only":false`, "mac=02:00:00:01:00:0a", "virtio-blk-pci,bus=pcie.0,addr=0x3,drive=disk,bootindex=1",
	} {
		if !strings.Contains(line, want) {
			t.Errorf("%s is not in\n%s", want, line)
		}
	}
	n.Acceleration, d.base.Format, d.firmware = provisioner.AccelerationKVM, "qcow2", nil
	args, err = arguments(n, d)
	if err != nil || !slices.Contains(args, "host") || !slices.Contains(args, "kvm") || !strings.Contains(strings.Join(args, " "), `"backing":null,"driver":"qcow2"`) || strings.Contains(strings.Join(args, " "), "pflash") {
		t.Errorf("%q, %v", args, err)
	}
	n.MAC = nil
	if _, err := arguments(n, d); err == nil {
		t.Error("a node without a MAC is described")
	}
}

// TestFindFirmware takes what needs no Secure Boot, and a machine's own choice before its distribution's.
func TestFindFirmware(t *testing.T) {
	own, usual := t.TempDir(), t.TempDir()
	code := filepath.Join(usual, "code.fd")
	if err := os.WriteFile(code, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	write := func(dir, name, features, file string) {
		t.Helper()
		text := `{"interface-types": ["uefi"], "mapping": {"device": "flash", "executable": {"filename": "` + file + `", "format": "raw"}, "nvram-template": {"filename": "` +
			file + `", "format": "raw"}}, "targets": [{"architecture": "x86_64", "machines": ["pc-i440fx-*", "pc-q35-*"]}], "features": [` + features + `]}`
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(usual, "40-enrolled.json", `"enrolled-keys", "requires-smm"`, code)
	write(usual, "50-secure.json", `"requires-smm"`, code)
	write(usual, "55-gone.json", ``, filepath.Join(usual, "gone.fd"))
	write(usual, "70-other.json", ``, filepath.Join(usual, "40-enrolled.json"))
	if f, err := findFirmware([]string{own, usual}); err != nil || f.Code != filepath.Join(usual, "40-enrolled.json") {
		t.Errorf("%+v, %v", f, err)
	}
	write(usual, "60-plain.json", ``, code)
	if f, err := findFirmware([]string{own, usual}); err != nil || f.Code != code {
		t.Errorf("%+v, %v", f, err)
	}
	for _, name := range []string{"60-plain.json", "70-other.json"} {
		if err := os.WriteFile(filepath.Join(own, name), nil, 0o600); err != nil { // an empty one takes the other away
			t.Fatal(err)
		}
	}
	if f, err := findFirmware([]string{own, usual}); err == nil {
		t.Errorf("%+v", f)
	}
}
