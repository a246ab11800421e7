//go:build libvirt

package libvirt

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"libvirt.org/go/libvirt"

	"volary.dev/provisioner"
	"volary.dev/provisioner/domainxml"
	"volary.dev/provisioner/nethook"
)

// NetworkReport implements provisioner.Driver. The hook reads its own counters.
func (d *Driver) NetworkReport(ctx context.Context, vni uint32) (provisioner.NetworkReport, error) {
	op := fmt.Sprintf("counters of network %d", vni)
	if d.simulated {
		return provisioner.NetworkReport{}, refused(op, "libvirt's test driver has no hook", nil)
	}
	// An older hook knows of no counters, and would spoil the answer of everyone who asks with us.
	who, err := d.ask(ctx, op, nethook.Question{})
	if err != nil {
		return provisioner.NetworkReport{}, err
	}
	if !who.Counts {
		return provisioner.NetworkReport{}, refused(op, errHookOlder.Error(), errHookOlder)
	}
	a, err := d.ask(ctx, op, nethook.Question{Counters: []uint32{vni}})
	if err != nil {
		return provisioner.NetworkReport{}, err
	}
	if said := a.Counted[0]; said.Error != "" {
		return provisioner.NetworkReport{}, refused(op, said.Error, nil)
	}
	return nethook.EdgeOf(a.Counted[0].Counters), nil
}

// HashImage implements provisioner.Driver. The bytes come by libvirt's stream, on the line of uploads: it may take long.
func (d *Driver) HashImage(ctx context.Context, digest string) (string, error) {
	op, sum := "hash image "+digest, ""
	err := d.uploads.call(ctx, op, func(conn *libvirt.Connect) error {
		return withImagePool(conn, func(pool *libvirt.StoragePool) error {
			v, err := pool.LookupStorageVolByName(domainxml.BaseVolume(digest))
			if err != nil {
				return err
			}
			defer v.Free()
			found, err := hashVolume(ctx, conn, v)
			if err == nil && ctx.Err() == nil {
				sum = found
			}
			return err
		})
	})
	if err != nil {
		return "", err
	}
	return sum, nil
}

func hashVolume(ctx context.Context, conn *libvirt.Connect, v *libvirt.StorageVol) (string, error) {
	s, err := conn.NewStream(0)
	if err != nil {
		return "", err
	}
	defer s.Free()
	if err := v.Download(s, 0, 0, 0); err != nil {
		return "", err
	}
	sum := sha256.New()
	if _, err := io.CopyBuffer(sum, untilDone{ctx, receiver{s}}, make([]byte, uploadChunk)); err != nil {
		_ = s.Abort()
		return "", err
	}
	if err := s.Finish(); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
