package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"

	"volary.dev/provisioner"
	"volary.dev/provisioner/qemu"
	"volary.dev/provisioner/tryout"
)

// kept is what a person gets of a cluster that is left running: a console and an SSH port for each node, as long as the command runs.
type kept struct {
	station   *qemu.Station
	key       string // file of the private key
	listeners []net.Listener
	work      sync.WaitGroup
}

// keep makes the key by which the person signs in, and has the trial wait for the end of ctx.
func keep(ctx context.Context, out io.Writer, s *qemu.Station, o *tryout.Options) (*kept, error) {
	k := &kept{station: s, key: filepath.Join(s.Folder(), "key")}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		return nil, err
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(k.key, pem.EncodeToMemory(block), 0o600); err != nil {
		return nil, err
	}
	o.Keys = append(o.Keys, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))+" volary-try")
	o.Keep = func(t *tryout.Trial) {
		if err := k.offer(ctx, out, t, o.Model.SignInUser); err != nil {
			fmt.Fprintln(out, err)
		}
		<-ctx.Done()
	}
	return k, nil
}

// withPorts plans the trial again, with a port of the loopback for each node's SSH.
func (k *kept) withPorts(o tryout.Options, nodes int) (*tryout.Trial, error) {
	for range nodes {
		l, err := net.Listen("tcp4", "127.0.0.1:0") //nolint:noctx // nothing waits
		if err != nil {
			return nil, err
		}
		defer l.Close() // not before all have one
		o.Ports = append(o.Ports, uint16(l.Addr().(*net.TCPAddr).Port))
	}
	return tryout.Begin(o)
}

// offer opens the consoles and says how to reach each node.
func (k *kept) offer(ctx context.Context, out io.Writer, t *tryout.Trial, user string) error {
	fmt.Fprintln(out, "\nThe cluster runs. Ctrl-C here powers it off.")
	for _, n := range t.Nodes() {
		path := filepath.Join(k.station.Folder(), n.Name+".console")
		l, err := net.Listen("unix", path) //nolint:noctx // nothing waits
		if err != nil {
			return err
		}
		k.listeners = append(k.listeners, l)
		k.work.Go(func() { k.serve(ctx, l, n.ID) })
		fmt.Fprintf(out, "\n%s\n  volary console %s\n  ssh -i %s -p %d -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null %s@127.0.0.1\n",
			n.Name, path, k.key, n.SSHPort, signInUser(user))
	}
	return nil
}

// signInUser is whom to sign in as where the model names nobody: cloud images tell who it is when one tries root.
func signInUser(user string) string {
	if user == "" {
		return "root"
	}
	return user
}

// serve joins whoever connects to a node's console; the next one takes it over.
func (k *kept) serve(ctx context.Context, l net.Listener, id [16]byte) {
	for {
		visitor, err := l.Accept()
		if err != nil {
			return
		}
		console, err := k.station.Driver().Console(ctx, id)
		if err != nil {
			fmt.Fprintf(visitor, "%s\r\n", err)
			_ = visitor.Close()
			continue
		}
		k.work.Go(func() {
			_, err := io.Copy(visitor, console)
			if errors.Is(err, provisioner.ErrConsoleTaken) {
				fmt.Fprintf(visitor, "\r\n%s\r\n", err)
			}
			_ = visitor.Close()
		})
		k.work.Go(func() {
			_, _ = io.Copy(console, visitor) // whoever left
			_ = console.Close()
		})
	}
}

func (k *kept) close() {
	for _, l := range k.listeners {
		_ = l.Close()
	}
}
