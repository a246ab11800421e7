//go:build libvirt

package libvirt

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"libvirt.org/go/libvirt"

	"volary.dev/provisioner"
	"volary.dev/provisioner/domainxml"
)

// TestImagesAreListedWithWhatIsLeftOfOthers over libvirt's own in-process driver, whose volumes have no bytes: one with its marker is
// whole, one without it and a marker alone are not, and nodes' disks are none.
func TestImagesAreListedWithWhatIsLeftOfOthers(t *testing.T) {
	d := newDriver("test:///default", "", provisioner.Machine{})
	whole, part, marker := strings.Repeat("a", 64), strings.Repeat("b", 64), strings.Repeat("c", 64)
	pretendImage(t, d, whole)
	err := d.calls.call(t.Context(), "pretend", func(conn *libvirt.Connect) error {
		return withImagePool(conn, func(pool *libvirt.StoragePool) error {
			for _, name := range []string{domainxml.BaseVolume(part), domainxml.MarkerVolume(marker), "a-node.qcow2"} {
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
	listed := func() (all []string) {
		t.Helper()
		seen, err := d.Images(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if seen.Size < 1 || seen.Free < 0 || seen.Free > seen.Size {
			t.Errorf("%d of %d bytes are free", seen.Free, seen.Size)
		}
		for _, i := range seen.List {
			if i.Digest == whole || i.Digest == part || i.Digest == marker {
				all = append(all, fmt.Sprint(i.Digest[:1], " ", i.Whole))
			}
		}
		slices.Sort(all)
		return all
	}
	if got := listed(); !slices.Equal(got, []string{"a true", "b false", "c false"}) {
		t.Errorf("listed %q", got)
	}
	for _, digest := range []string{whole, part, marker} {
		if err := d.DeleteImage(t.Context(), digest); err != nil {
			t.Errorf("delete %s: %v", digest[:1], err)
		}
	}
	if got := listed(); len(got) > 0 {
		t.Errorf("after their deletion there are %q", got)
	}
}
