package memory

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"volary.dev/provisioner"
)

// sshPort is the one port at which simulated guests answer.
const sshPort = 22

// Probe implements provisioner.Driver. A guest that is ready lets in whoever has a key that its seed names, as any of its users.
func (h *Host) Probe(ctx context.Context, p provisioner.Probe) (provisioner.Probed, error) {
	op := fmt.Sprintf("probe port %d in network %d", p.Port, p.VNI)
	p, err := p.Bounded()
	if err != nil {
		return provisioner.Probed{}, fmt.Errorf("%s: %w", op, err)
	}
	if err := h.enter(ctx, "Probe", op); err != nil {
		return provisioner.Probed{}, err
	}
	n := h.networks[p.VNI]
	if n == nil || !n.active || !n.spec.Subnet.Contains(p.Guest) || p.Guest == n.spec.Gateway {
		h.world.mu.Unlock()
		return provisioner.Probed{}, &provisioner.HostError{Op: op, Detail: "no guest can have this address on this host"}
	}
	found, takes := h.probed(p)
	h.world.mu.Unlock()
	if !wait(ctx, takes) {
		return provisioner.Probed{}, ctx.Err()
	}
	return found, nil
}

// probed gives what a probe finds, and how long that takes.
func (h *Host) probed(p provisioner.Probe) (found provisioner.Probed, takes time.Duration) {
	for _, m := range h.machines {
		switch {
		case m.spec.VNI != p.VNI || m.address != p.Guest || !m.shell:
		case m.stands():
			return provisioner.Probed{Why: "nobody answered within " + p.Within.String()}, p.Within
		case p.Port != sshPort:
			return provisioner.Probed{Why: "the connection was refused"}, 0
		case p.SignIn == nil:
			return provisioner.Probed{Answers: true}, 0
		default:
			return m.signIn(*p.SignIn), 0
		}
	}
	return provisioner.Probed{Why: "there is no machine at the address"}, 0
}

func (m *machine) signIn(s provisioner.ProbeSignIn) provisioner.Probed {
	found, own := provisioner.Probed{Answers: true}, "ssh-ed25519 "+base64.StdEncoding.EncodeToString(m.identity[:])
	if s.HostKey == "" {
		found.HostKey = own
	} else if s.HostKey != own {
		found.Why = "Host key verification failed."
		return found
	}
	key, err := ssh.ParsePrivateKey(s.PrivateKey)
	if err != nil {
		found.Why = "the key cannot be read"
		return found
	}
	if !m.opens(s.User, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key.PublicKey())))) {
		found.Why = s.User + ": Permission denied (publickey)."
		return found
	}
	found.SignedIn, found.HostKey = true, own
	return found
}
