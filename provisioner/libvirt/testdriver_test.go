//go:build libvirt

package libvirt

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"testing"

	"libvirt.org/go/libvirt"

	"volary.dev/provisioner"
	"volary.dev/provisioner/domainxml"
	"volary.dev/provisioner/drivertest"
)

// TestTestDriver runs the contract over libvirt's own in-process driver.
func TestTestDriver(t *testing.T) {
	image := bytes.Repeat([]byte("volary"), 1000)
	sum := sha256.Sum256(image)
	drivertest.Exercise(t, drivertest.Bench{
		Dial: func(t *testing.T) provisioner.Driver {
			d := newDriver("test:///default", "", provisioner.Machine{})
			pretendImage(t, d, hex.EncodeToString(sum[:]))
			return d
		},
		Image:    image,
		Underlay: netip.MustParseAddr("10.77.9.11"),
		Without: map[drivertest.Part]string{
			drivertest.PartImages:    "libvirt's test driver moves no bytes",
			drivertest.PartNetworks:  "libvirt's test driver does not change running networks",
			drivertest.PartAddresses: "libvirt's test driver runs no guests",
			drivertest.PartLog:       "libvirt's test driver runs no guests",
			drivertest.PartAgent:     "libvirt's test driver runs no guests",
			drivertest.PartProbe:     "libvirt's test driver runs no guests",
			drivertest.PartConsole:   "libvirt's test driver has no consoles",
		},
	})
}

// pretendImage makes the volumes that an upload would have made.
func pretendImage(t *testing.T, d *Driver, digest string) {
	t.Helper()
	err := d.calls.call(t.Context(), "pretend", func(conn *libvirt.Connect) error {
		return withImagePool(conn, func(pool *libvirt.StoragePool) error {
			for _, name := range []string{domainxml.BaseVolume(digest), domainxml.MarkerVolume(digest)} {
				if there, err := volumeExists(pool, name); there || err != nil {
					return err
				}
				if err := createVolume(pool, name, 1); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}
