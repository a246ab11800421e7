package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner/domainxml"
)

// replay is a cluster as it stood on its hosts, to be made again by virsh alone.
type replay struct {
	dir   string // of the XML and seeds
	hosts []*replayHost
}

type replayHost struct {
	uri     string
	network string // name
	nodes   []replayNode
}

type replayNode struct {
	id        uuid.UUID
	name, mac string // name of the domain
	base      string // volume under the overlay
	diskGiB   int
}

// virsh runs one command of virsh on a host.
func (h *replayHost) virsh(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "virsh", append([]string{"-q", "-c", h.uri}, args...)...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("virsh %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return string(out), nil
}

func (r *replay) file(h *replayHost, name string) string {
	return filepath.Join(r.dir, strings.NewReplacer("/", "_", ":", "_").Replace(h.uri)+"-"+name)
}

// record writes down the network, domains and seeds of a running cluster.
func (r *replay) record(ctx context.Context) error {
	for _, h := range r.hosts {
		if err := r.write(ctx, h, "network.xml", "net-dumpxml", h.network); err != nil {
			return err
		}
		for i := range h.nodes {
			n := &h.nodes[i]
			if err := r.write(ctx, h, n.id.String()+".xml", "dumpxml", "--inactive", n.id.String()); err != nil {
				return err
			}
			name, err := h.virsh(ctx, "domname", n.id.String())
			if err != nil {
				return err
			}
			n.name = strings.TrimSpace(name)
			// A volume's file can be read on this machine alone by its host's libvirt: download it.
			if _, err := h.virsh(ctx, "vol-download", "--pool", domainxml.ImagePool, domainxml.SeedVolume(n.id), r.file(h, n.id.String()+".iso")); err != nil {
				return err
			}
		}
	}
	return nil
}

var lostConnections = regexp.MustCompile(` connections='\d+'`)

func (r *replay) write(ctx context.Context, h *replayHost, name string, args ...string) error {
	xml, err := h.virsh(ctx, args...)
	if err != nil {
		return err
	}
	return os.WriteFile(r.file(h, name), []byte(lostConnections.ReplaceAllString(xml, "")), 0o644)
}

// launch makes networks, overlays, seeds and guests, all at once where nothing has to wait, and returns when every
// guest has taken its address.
func (r *replay) launch(ctx context.Context) (time.Duration, error) {
	begun := time.Now()
	err := r.everywhere(func(h *replayHost) error {
		if _, err := h.virsh(ctx, "net-create", r.file(h, "network.xml")); err != nil {
			return err
		}
		return each(h.nodes, func(n replayNode) error { return r.startNode(ctx, h, n) })
	})
	if err != nil {
		return 0, err
	}
	err = r.everywhere(func(h *replayHost) error { return h.awaitLeases(ctx) })
	return time.Since(begun), err
}

func (r *replay) startNode(ctx context.Context, h *replayHost, n replayNode) error {
	pool, seed := domainxml.ImagePool, r.file(h, n.id.String()+".iso")
	info, err := os.Stat(seed)
	if err != nil {
		return err
	}
	for _, args := range [][]string{
		{
			"vol-create-as", pool, domainxml.OverlayVolume(n.id), fmt.Sprintf("%dG", n.diskGiB), "--format", "qcow2",
			"--backing-vol", n.base, "--backing-vol-format", "qcow2",
		},
		{"vol-create-as", pool, domainxml.SeedVolume(n.id), fmt.Sprint(info.Size()), "--format", "raw"},
		{"vol-upload", "--pool", pool, domainxml.SeedVolume(n.id), seed},
		{"define", r.file(h, n.id.String()+".xml")},
		{"start", n.name},
	} {
		if _, err := h.virsh(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

func (h *replayHost) awaitLeases(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		leases, err := h.virsh(ctx, "net-dhcp-leases", h.network)
		if err != nil {
			return err
		}
		if h.allLeased(leases) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("guests without an address on %s: %w", h.uri, ctx.Err())
		}
	}
}

func (h *replayHost) allLeased(leases string) bool {
	for _, n := range h.nodes {
		if !strings.Contains(leases, n.mac) {
			return false
		}
	}
	return true
}

// clear removes what launch made; what is not there is no matter.
func (r *replay) clear(ctx context.Context) {
	_ = r.everywhere(func(h *replayHost) error {
		_ = each(h.nodes, func(n replayNode) error {
			_, _ = h.virsh(ctx, "destroy", n.name)
			_, _ = h.virsh(ctx, "undefine", n.name)
			_, _ = h.virsh(ctx, "vol-delete", "--pool", domainxml.ImagePool, domainxml.OverlayVolume(n.id))
			_, _ = h.virsh(ctx, "vol-delete", "--pool", domainxml.ImagePool, domainxml.SeedVolume(n.id))
			return nil
		})
		_, _ = h.virsh(ctx, "net-destroy", h.network)
		return nil
	})
}

func (r *replay) everywhere(f func(*replayHost) error) error { return each(r.hosts, f) }

// each calls f for all at once.
func each[T any](list []T, f func(T) error) error {
	errs := make([]error, len(list))
	var all sync.WaitGroup
	for i, item := range list {
		all.Go(func() { errs[i] = f(item) })
	}
	all.Wait()
	return errors.Join(errs...)
}
