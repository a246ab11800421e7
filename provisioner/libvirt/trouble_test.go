//go:build libvirt

package libvirt

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/drivertest"
	"volary.dev/provisioner/waittest"
)

// TestTrouble takes a host through what happens to hosts: libvirtd restarted, rules flushed, the cable out, the power out.
func TestTrouble(t *testing.T) {
	s := newSite(t, 1)
	d, host := s.drivers[0], s.lab.Hosts()[0]
	network := drivertest.Network(401, host.Underlay)
	n := provisioner.NodeSpec{
		ID: uuid.Must(uuid.NewV7()), ClusterID: network.ClusterID, Name: "head", MAC: network.Entries[0].MAC, ImageDigest: s.digest, VNI: network.VNI,
		Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 128, DiskGiB: 2}, Acceleration: provisioner.AccelerationTCG,
	}
	n.Seed = seedOf(t, n, network.Domain, network.Entries, "")
	ensure := func(t *testing.T, d provisioner.Driver) {
		t.Helper()
		if err := d.EnsureNetwork(t.Context(), network); err != nil {
			t.Fatal(err)
		}
		if err := d.EnsureNode(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	ensure(t, d)
	first := theNode(t, d, n.ID)
	g := login(t, d, n)
	g.can("write", "echo kept >/root/kept && sync")

	t.Run("libvirtd restarts", func(t *testing.T) {
		if err := s.lab.RestartDaemon(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		if again := theNode(t, eventually(t, d), n.ID); again != first {
			t.Errorf("the node was %+v and is %+v", first, again)
		}
	})
	t.Run("rules flushed", func(t *testing.T) {
		if out, err := s.lab.Run(t.Context(), 0, "nft", "flush", "ruleset"); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		fresh := dialHost(t, host)
		defer fresh.Close()
		ensure(t, fresh)
		if got, _ := s.lab.Run(t.Context(), 0, "nft", "list", "table", "inet", "vol401"); !bytes.Contains(got, []byte("from_guest")) {
			t.Errorf("a driver's first look left the rules as they were: %s", got)
		}
	})
	t.Run("cable out", func(t *testing.T) { cableOut(t, s, d) })
	t.Run("power out", func(t *testing.T) {
		eventually(t, d)
		if err := s.lab.KillHost(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		if err := s.lab.RestartHost(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		if off := theNode(t, eventually(t, d), n.ID); off.State != provisioner.MachineOff || !off.Cold {
			t.Fatalf("after the power was out the node is %+v", off)
		}
		ensure(t, d)
		again := theNode(t, d, n.ID)
		if again.State != provisioner.MachineRunning || again.StartID == first.StartID {
			t.Errorf("started again the node is %+v, it was %+v", again, first)
		}
		login(t, d, n).can("read what it wrote before", "grep kept /root/kept")
	})
	deleteWiped(t, d, n.ID)
	if err := d.DeleteNetwork(t.Context(), network.VNI); err != nil {
		t.Error(err)
	}
	nothingLeft(t, s)
}

// cableOut expects calls to end with their context and with the right error, and the driver to find back.
func cableOut(t *testing.T, s *site, d provisioner.Driver) {
	if err := s.lab.CutHost(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	for range 6 { // more than run at once
		ctx, cancel := context.WithTimeout(t.Context(), time.Second) //nolint:forbidigo // it is to pass
		began := time.Now()
		_, err := d.Observe(ctx)
		cancel()
		if !errors.Is(err, provisioner.ErrHostUnreachable) {
			t.Errorf("without a cable: %v, want ErrHostUnreachable", err)
		}
		if took := time.Since(began); took > waittest.Limit {
			t.Errorf("a call with a limit of one second took %v", took)
		}
	}
	if err := s.lab.JoinHost(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	eventually(t, d)
}

// eventually waits until the driver reaches its host again.
func eventually(t *testing.T, d provisioner.Driver) provisioner.Driver {
	t.Helper()
	waittest.Until(t, "the driver to find back to its host", func() bool {
		one, stop := context.WithTimeout(t.Context(), oneCall) //nolint:forbidigo // one of many calls
		defer stop()
		_, err := d.Observe(one)
		return err == nil
	})
	return d
}

func theNode(t *testing.T, d provisioner.Driver, id uuid.UUID) provisioner.NodeObservation {
	t.Helper()
	o, err := d.Observe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range o.Nodes {
		if n.ID == id {
			return n
		}
	}
	t.Fatalf("node %s is not in %+v", id, o)
	return provisioner.NodeObservation{}
}

// nothingLeft looks at the host itself and not through the driver: no machine, device, rule or file of ours but the base
// image with its marker.
func nothingLeft(t *testing.T, s *site) {
	t.Helper()
	// The question of a process that died in libvirt's client is taken back by one that lives, and its answer goes with it.
	waittest.Until(t, "no answer to stand on the host", func() bool {
		out, _ := s.lab.Run(t.Context(), 0, "sh", "-c", "ls /run/volary/networks | grep answer-")
		if len(bytes.TrimSpace(out)) == 0 {
			return true
		}
		if _, err := s.drivers[0].Facts(t.Context()); err != nil {
			t.Log(err)
		}
		return false
	})
	for _, look := range [][]string{
		{"sh", "-c", "ip -o link | grep -E 'vol[0-9]|vx[0-9]|vg[0-9]'"},
		{"sh", "-c", "nft list tables | grep vol"},
		{"sh", "-c", "ps ax -o args | grep -E '^[^ ]*(qemu-system|dnsmasq).*volary'"},
		{"sh", "-c", "find /var/lib/libvirt/volary /var/lib/libvirt/qemu/nvram /run/volary /etc/libvirt/qemu -type f | grep -v -e base- -e .ok -e qemu/networks -e default -e /run/volary/probes/key$"}, // the machine's own, drawn once after its start
	} {
		if out, _ := s.lab.Run(t.Context(), 0, look[0], look[1:]...); len(bytes.TrimSpace(out)) > 0 {
			t.Errorf("left on the host: %s", out)
		}
	}
}

// TestBrokenUpload breaks an upload in the middle: the image must not count as there, and the next try must make it.
func TestBrokenUpload(t *testing.T) {
	host := startLab(t, 1).Hosts()[0]
	image := bytes.Repeat([]byte("half of this never arrives "), 200_000)
	sum := sha256.Sum256(image)
	digest := hex.EncodeToString(sum[:])
	size := int64(len(image))
	d := dialHost(t, host)
	defer d.Close()
	broken := errors.New("the store went away")
	err := d.EnsureImage(t.Context(), digest, size, func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(image[:size/2]), failing{broken})), nil
	})
	if !errors.Is(err, broken) {
		t.Errorf("the upload ended with %v, want %v", err, broken)
	}
	// A worker that dies leaves the volume behind, which a driver that lives removes.
	ctx, cancel := context.WithCancel(t.Context())
	dying := dialHost(t, host)
	started := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		ended <- dying.EnsureImage(ctx, digest, size, func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(bytes.NewReader(image[:size/2]), blocking{ctx, started})), nil
		})
	}()
	<-started
	good := make(chan error, 1)
	go func() {
		good <- d.EnsureImage(t.Context(), digest, size, func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(image)), nil
		})
	}()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the dying worker's upload ended with %v", err)
	}
	dying.Close()
	if err := <-good; err != nil {
		t.Errorf("after a broken upload: %v", err)
	}
	reopened := false
	if err := d.EnsureImage(t.Context(), digest, size, func(context.Context) (io.ReadCloser, error) {
		reopened = true
		return io.NopCloser(strings.NewReader("")), nil
	}); err != nil || reopened {
		t.Errorf("the image was read again: %v, %v", reopened, err)
	}
	if err := d.DeleteImage(t.Context(), digest); err != nil {
		t.Error(err)
	}
}

// TestWorkersUploadOneImageAtOnce has several workers bring the same image, one of which breaks off: the others' image
// stays, whoever was first.
func TestWorkersUploadOneImageAtOnce(t *testing.T) {
	host := startLab(t, 1).Hosts()[0]
	for round := range 3 {
		image := bytes.Repeat([]byte(fmt.Sprintf("round %d, the same for all ", round)), 300_000)
		sum := sha256.Sum256(image)
		digest, size := hex.EncodeToString(sum[:]), int64(len(image))
		broken := errors.New("the store went away")
		var workers sync.WaitGroup
		for n := range 4 {
			d := dialHost(t, host)
			defer d.Close()
			workers.Go(func() {
				err := d.EnsureImage(t.Context(), digest, size, func(context.Context) (io.ReadCloser, error) {
					if n == 0 {
						return io.NopCloser(io.MultiReader(bytes.NewReader(image[:size/2]), failing{broken})), nil
					}
					return io.NopCloser(bytes.NewReader(image)), nil
				})
				if err != nil && !(n == 0 && errors.Is(err, broken)) {
					t.Errorf("worker %d: %v", n, err)
				}
				if err == nil {
					err = d.EnsureImage(t.Context(), digest, size, func(context.Context) (io.ReadCloser, error) {
						return nil, fmt.Errorf("worker %d lost the image", n)
					})
				}
				if err != nil && n != 0 {
					t.Error(err)
				}
			})
		}
		workers.Wait()
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// blocking says that it was reached and waits for the end of a context.
type blocking struct {
	ctx     context.Context
	reached chan struct{}
}

func (b blocking) Read([]byte) (int, error) {
	close(b.reached)
	<-b.ctx.Done()
	return 0, b.ctx.Err()
}
