package qemu

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"golang.org/x/crypto/ssh"

	"volary.dev/provisioner"
	"volary.dev/provisioner/guestagent"
)

// Probe implements provisioner.Driver, from the network's gateway.
func (d *Driver) Probe(ctx context.Context, p provisioner.Probe) (provisioner.Probed, error) {
	op := fmt.Sprintf("probe port %d in network %d", p.Port, p.VNI)
	p, err := p.Bounded()
	if err != nil {
		return provisioner.Probed{}, fmt.Errorf("%s: %w", op, err)
	}
	n, err := d.network(ctx, op, p.VNI)
	if err != nil {
		return provisioner.Probed{}, err
	}
	if n == nil || !n.Has(p.Guest) {
		return provisioner.Probed{}, &provisioner.HostError{Op: op, Detail: "no guest can have this address on this host"}
	}
	mine, cancel := context.WithTimeout(ctx, p.Within)
	defer cancel()
	conn, err := n.Dial(mine, netip.AddrPortFrom(p.Guest, p.Port))
	if ctx.Err() != nil {
		return provisioner.Probed{}, ctx.Err()
	}
	if err != nil {
		return provisioner.Probed{Why: whyNot(mine, err, p)}, nil
	}
	defer conn.Close()
	found := provisioner.Probed{Answers: true}
	if p.SignIn == nil {
		return found, nil
	}
	signer, err := ssh.ParsePrivateKey(p.SignIn.PrivateKey)
	if err != nil {
		return provisioner.Probed{}, fmt.Errorf("%s: %w: the key cannot be read", op, provisioner.ErrProbe)
	}
	defer context.AfterFunc(mine, func() { _ = conn.Close() })()
	signIn(conn, *p.SignIn, signer, &found)
	if !found.SignedIn && mine.Err() != nil {
		found.Why = "signing in was not over within " + p.Within.String()
	}
	return found, ctx.Err()
}

func whyNot(ctx context.Context, err error, p provisioner.Probe) string {
	switch {
	case ctx.Err() != nil:
		return "nobody answered within " + p.Within.String()
	case strings.Contains(err.Error(), "refused"):
		return "the connection was refused"
	}
	return "there is no machine at the address"
}

var errOtherKey = errors.New("Host key verification failed.") //nolint:staticcheck,revive // as OpenSSH's client says it, which hosts ask

// signIn signs in and runs true(1). The server is a stranger: what it says is cut.
func signIn(conn net.Conn, s provisioner.ProbeSignIn, key ssh.Signer, found *provisioner.Probed) {
	config := &ssh.ClientConfig{User: s.User, Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, HostKeyCallback: func(_ string, _ net.Addr, k ssh.PublicKey) error {
		shown := string(bytes.TrimSpace(ssh.MarshalAuthorizedKey(k)))
		switch {
		case s.HostKey == "":
			found.HostKey = shown
		case shown != s.HostKey:
			return errOtherKey
		}
		return nil
	}}
	if kind, _, ok := strings.Cut(s.HostKey, " "); ok {
		config.HostKeyAlgorithms = []string{kind}
	}
	c, channels, requests, err := ssh.NewClientConn(conn, "guest", config)
	if err != nil {
		found.Why = guestagent.Words(err.Error())
		return
	}
	client := ssh.NewClient(c, channels, requests)
	defer client.Close()
	session, err := client.NewSession()
	if err == nil {
		err = session.Run("true")
	}
	if err != nil {
		found.Why = guestagent.Words("it signed in, and `true` ended with: " + err.Error())
		return
	}
	found.SignedIn = true
	if s.HostKey != "" {
		found.HostKey = s.HostKey
	}
}
