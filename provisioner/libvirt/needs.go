//go:build libvirt

package libvirt

import (
	"errors"
	"fmt"

	"libvirt.org/go/libvirt"

	"volary.dev/provisioner"
	"volary.dev/provisioner/domainxml"
)

// startPools are the storage pools without which no node starts.
var startPools = []struct{ name, dir string }{
	{domainxml.ImagePool, domainxml.ImageDir}, {domainxml.ConsolePool, domainxml.ConsoleDir}, {domainxml.ReportPool, domainxml.ReportDir},
}

// lacks says what keeps the host from starting any node; empty where nothing does. A pool that is not active is started:
// after each restart of a host ours are not. What the host says instead is its reason.
func lacks(conn *libvirt.Connect) (string, error) {
	if simulated, err := isSimulated(conn); simulated || err != nil {
		return "", err
	}
	for _, p := range startPools {
		free := uint64(0)
		err := withPool(conn, p.name, p.dir, func(pool *libvirt.StoragePool) error {
			info, err := pool.GetInfo()
			if err == nil {
				free = info.Available
			}
			return err
		})
		switch {
		case err != nil && isLost(conn, err):
			return "", err
		case err != nil:
			return fmt.Sprintf("the storage pool %s is not active: %s", p.name, hostWords(err)), nil
		case p.name == domainxml.ImagePool && free>>30 < provisioner.LeastDiskGiB:
			return fmt.Sprintf("%d GiB are free in %s, at least %d GiB are needed", free>>30, p.dir, provisioner.LeastDiskGiB), nil
		}
	}
	return "", nil
}

// hostWords is what libvirt says, without our own additions.
func hostWords(err error) string {
	var e libvirt.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return err.Error()
}
