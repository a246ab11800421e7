//go:build libvirt

package libvirt

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"

	"volary.dev/provisioner"
	"volary.dev/provisioner/nethook"
)

// Probe implements provisioner.Driver. The hook is asked until it has the answer; it is asked once a second at most.
func (d *Driver) Probe(ctx context.Context, p provisioner.Probe) (provisioner.Probed, error) {
	op := fmt.Sprintf("probe port %d in network %d", p.Port, p.VNI)
	p, err := p.Bounded()
	if err != nil {
		return provisioner.Probed{}, fmt.Errorf("%s: %w", op, err)
	}
	if d.simulated {
		return provisioner.Probed{}, refused(op, "libvirt's test driver has no hook", nil)
	}
	// Which hook it is: it has to know of probes, and a key is sealed for it alone.
	who, err := d.ask(ctx, op, nethook.Question{})
	if err != nil {
		return provisioner.Probed{}, err
	}
	if len(who.Seal) == 0 {
		return provisioner.Probed{}, refused(op, errHookOlder.Error(), errHookOlder)
	}
	// Questions are asked of a stranger, too, to find out that it is one. It gets no key.
	if err := d.stranger(); err != nil {
		return provisioner.Probed{}, fmt.Errorf("%s: %w", op, err)
	}
	question, err := probeQuestion(p, who.Seal)
	if err != nil {
		return provisioner.Probed{}, fmt.Errorf("%s: %w", op, err)
	}
	for {
		a, err := d.ask(ctx, op, nethook.Question{Probes: []nethook.Probe{question}})
		if err != nil {
			return provisioner.Probed{}, err
		}
		switch found := a.Probed[0]; {
		case found.Error != "":
			return provisioner.Probed{}, refused(op, found.Error, nil)
		case found.Done:
			return provisioner.Probed{Answers: found.Answers, SignedIn: found.SignedIn, HostKey: string(found.HostKey), Why: string(found.Why)}, nil
		}
	}
}

func probeQuestion(p provisioner.Probe, seal []byte) (nethook.Probe, error) {
	b := make([]byte, 12)
	if _, err := rand.Read(b); err != nil {
		return nethook.Probe{}, err
	}
	q := nethook.Probe{ID: hex.EncodeToString(b), VNI: p.VNI, Guest: p.Guest, Port: p.Port, Milliseconds: p.Within.Milliseconds()}
	if p.SignIn == nil {
		return q, nil
	}
	sealed, err := nethook.SealKey(seal, p.SignIn.PrivateKey)
	q.SignIn = &nethook.SignIn{User: p.SignIn.User, Sealed: sealed, HostKey: p.SignIn.HostKey}
	return q, err
}
