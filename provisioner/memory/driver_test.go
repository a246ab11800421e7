package memory_test

import (
	"net/netip"
	"testing"

	"volary.dev/provisioner"
	"volary.dev/provisioner/drivertest"
)

func TestDriver(t *testing.T) {
	w := quick(t.TempDir())
	drivertest.Exercise(t, drivertest.Bench{
		Dial: func(t *testing.T) provisioner.Driver {
			d, err := w.Dial(t.Context(), address("h1"))
			if err != nil {
				t.Fatal(err)
			}
			return d
		},
		ReadyText: "volary: ready",
		Underlay:  netip.MustParseAddr("10.77.9.11"),
	})
}
