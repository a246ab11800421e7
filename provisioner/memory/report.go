package memory

import (
	"cmp"
	"context"
	"fmt"

	"volary.dev/provisioner"
)

// NetworkReport implements provisioner.Driver. Nothing passes the edge of a simulated network; what guests send there is counted.
func (h *Host) NetworkReport(ctx context.Context, vni uint32) (provisioner.NetworkReport, error) {
	op := fmt.Sprintf("counters of network %d", vni)
	if err := h.enter(ctx, "NetworkReport", op); err != nil {
		return provisioner.NetworkReport{}, err
	}
	defer h.world.mu.Unlock()
	n := h.networks[vni]
	if n == nil || !n.active {
		return provisioner.NetworkReport{}, &provisioner.HostError{Op: op, Detail: "it is not there"}
	}
	return provisioner.NetworkReport{
		Dropped: n.dropped, Passed: h.leaking, By: map[string]uint64{"sealed": n.dropped, "out": h.leaking},
	}, nil
}

// HashImage implements provisioner.Driver. What an image was when it came it is, unless it was spoiled.
func (h *Host) HashImage(ctx context.Context, digest string) (string, error) {
	op := "hash image " + digest
	if err := h.enter(ctx, "HashImage", op); err != nil {
		return "", err
	}
	defer h.world.mu.Unlock()
	if _, there := h.images[digest]; !there {
		return "", &provisioner.HostError{Op: op, Detail: "it is not there"}
	}
	return cmp.Or(h.spoiled[digest], digest), nil
}

// Network is a network of ours as the host was last asked to make it; ok is false where it has none.
func (h *Host) Network(vni uint32) (n provisioner.Network, ok bool) {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	if known := h.networks[vni]; known != nil {
		return known.spec, true
	}
	return n, false
}
