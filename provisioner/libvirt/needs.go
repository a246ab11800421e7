//go:build libvirt

package libvirt

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"libvirt.org/go/libvirt"

	"volary.dev/provisioner"
	"volary.dev/provisioner/domainxml"
	"volary.dev/provisioner/nethook"
)

// startPools are the storage pools without which no node starts.
var startPools = []struct{ name, dir string }{
	{domainxml.ImagePool, domainxml.ImageDir}, {domainxml.ReportPool, domainxml.ReportDir},
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

// hookLook is what the network hook said when it was last asked whether it is there.
type hookLook struct {
	mu     sync.Mutex
	asking bool
	silent bool
}

// hookLacks says that the hook did not answer when it was last asked, and asks it again for the next round. A round does
// not wait for it: a hook that hangs must not make proofs of life late.
func (d *Driver) hookLacks(ctx context.Context) string {
	d.hook.mu.Lock()
	defer d.hook.mu.Unlock()
	if !d.hook.asking && !d.simulated {
		d.hook.asking = true
		go d.lookAtHook(context.WithoutCancel(ctx))
	}
	if d.hook.silent {
		return "its network hook does not answer: run `volary hook install` there and restart libvirtd"
	}
	return ""
}

func (d *Driver) lookAtHook(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*askLimit)
	defer cancel()
	_, err := d.ask(ctx, "ask whether the network hook is there", nethook.Question{})
	d.hook.mu.Lock()
	defer d.hook.mu.Unlock()
	d.hook.asking = false
	switch {
	case err == nil:
		d.hook.silent = false
	case errors.Is(err, errHookSilent):
		d.hook.silent = true
	default: // the host did not answer, which rounds see by themselves
	}
}

// hostWords is what libvirt says, without our own additions.
func hostWords(err error) string {
	var e libvirt.Error
	if errors.As(err, &e) {
		return provisioner.Discreet(e.Message)
	}
	return provisioner.Discreet(err.Error())
}
