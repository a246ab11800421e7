package drivertest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/waittest"
)

// Exercise runs the contract. Each part cleans up after itself.
func Exercise(t *testing.T, b Bench) {
	b = b.withDefaults(t)
	t.Run("facts", func(t *testing.T) { facts(t, b) })
	t.Run("images", func(t *testing.T) { images(t, b) })
	t.Run("networks", func(t *testing.T) { networks(t, b) })
	t.Run("nodes", func(t *testing.T) { nodes(t, b) })
	t.Run("suspended", func(t *testing.T) { suspended(t, b) })
	t.Run("nothing there", func(t *testing.T) { nothingThere(t, b) })
	t.Run("guest", func(t *testing.T) { guest(t, b) })
	t.Run("console", func(t *testing.T) { console(t, b) })
	t.Run("exec", func(t *testing.T) { execute(t, b) })
	t.Run("probe", func(t *testing.T) { probe(t, b) })
}

func facts(t *testing.T, b Bench) {
	d := b.Dial(t)
	defer d.Close()
	f, err := d.Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if f.UUID == uuid.Nil || f.VCPUs < 1 || f.MemoryMiB < 1 || f.LibvirtVersion == "" || f.QEMUVersion == "" || f.CPUModel == "" || f.CPUModel != provisioner.ProcessorName(f.CPUModel) {
		t.Errorf("facts are incomplete: %+v", f)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Facts(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v, want context.Canceled", err)
	}
}

func images(t *testing.T, b Bench) {
	b.need(t, PartImages)
	f := newFixture(t, b, 101)
	opened := 0
	open := func(body []byte) func(context.Context) (io.ReadCloser, error) {
		return func(context.Context) (io.ReadCloser, error) {
			opened++
			return io.NopCloser(bytes.NewReader(body)), nil
		}
	}
	size := int64(len(b.Image))
	if err := f.driver.DeleteImage(t.Context(), f.digest); err != nil {
		t.Fatalf("delete an image that may not be there: %v", err)
	}
	wrong := append([]byte(nil), b.Image...)
	wrong[len(wrong)/2] ^= 1
	if err := f.driver.EnsureImage(t.Context(), f.digest, size, open(wrong)); !errors.Is(err, provisioner.ErrImageDigest) {
		t.Errorf("other bytes: %v, want ErrImageDigest", err)
	}
	if err := f.driver.EnsureImage(t.Context(), f.digest, size, open(b.Image[:size-1])); !errors.Is(err, provisioner.ErrImageDigest) {
		t.Errorf("a byte less: %v, want ErrImageDigest", err)
	}
	opened = 0
	for range 2 {
		if err := f.driver.EnsureImage(t.Context(), f.digest, size, open(b.Image)); err != nil {
			t.Fatal(err)
		}
	}
	if opened != 1 {
		t.Errorf("the image was read %d times, want once", opened)
	}
	wantImage(t, f, true)
	wantStorage(t, f)
	wantHash(t, f, f.digest)
	f.ensureAll(t)
	var refused *provisioner.HostError
	if err := f.driver.DeleteImage(t.Context(), f.digest); !errors.As(err, &refused) {
		t.Errorf("delete the image under a node's disk: %v, want a HostError", err)
	}
	wantImage(t, f, true)
	if err := f.driver.DeleteNode(t.Context(), f.node.ID, false); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := f.driver.DeleteImage(t.Context(), f.digest); err != nil {
			t.Errorf("delete an image that nothing stands on: %v", err)
		}
	}
	wantImage(t, f, false)
	wantHash(t, f, "")
}

// wantHash has the host read the bench's image; "": there is none.
func wantHash(t *testing.T, f *fixture, want string) {
	t.Helper()
	got, err := f.driver.HashImage(t.Context(), f.digest)
	var refused *provisioner.HostError
	if got != want || (err == nil) != (want != "") || want == "" && !errors.As(err, &refused) {
		t.Errorf("the image's bytes hash to %q, %v, want %q", got, err, want)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := f.driver.HashImage(ended, f.digest); !errors.Is(err, context.Canceled) || got != "" {
		t.Errorf("with an ended context: %q, %v", got, err)
	}
}

// wantImage looks whether the host lists the bench's image, whole and once.
func wantImage(t *testing.T, f *fixture, there bool) {
	t.Helper()
	seen, err := f.driver.Images(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	list, found := seen.List, 0
	for _, i := range list {
		if i.Digest == f.digest {
			found++
			if !i.Whole {
				t.Errorf("the image is listed as not whole")
			}
		}
	}
	if there != (found == 1) || found > 1 {
		t.Errorf("the image is listed %d times, is there %t: %v", found, there, list)
	}
}

// wantStorage looks whether what the bench's image takes is told, and what is left. A file system may want a little more than the
// file has, and one that compresses less.
func wantStorage(t *testing.T, f *fixture) {
	t.Helper()
	seen, err := f.driver.Images(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if seen.Free < 1 || seen.Free > seen.Size {
		t.Errorf("%d of %d bytes are free", seen.Free, seen.Size)
	}
	for _, i := range seen.List {
		if i.Digest == f.digest && (i.Bytes < 1 || i.Bytes > int64(len(f.Image))+1<<20) {
			t.Errorf("an image of %d bytes takes %d", len(f.Image), i.Bytes)
		}
	}
}

func networks(t *testing.T, b Bench) {
	f := newFixture(t, b, 102)
	ctx := t.Context()
	active := func() bool {
		for _, n := range f.observe(t).Networks {
			if n.VNI == f.network.VNI {
				return n.Active
			}
		}
		return false
	}
	if active() {
		t.Fatal("the network is there before it was made")
	}
	for range 2 {
		if err := f.driver.EnsureNetwork(ctx, f.network); err != nil {
			t.Fatal(err)
		}
	}
	if !active() {
		t.Error("the network is not active")
	}
	if b.has(PartNetworks) {
		f.changeNetwork(t)
	}
	for range 2 {
		if err := f.driver.DeleteNetwork(ctx, f.network.VNI); err != nil {
			t.Fatal(err)
		}
	}
	if active() {
		t.Error("the network is there after it was deleted")
	}
	b.need(t, PartNetworks) // shows why the change was left out
}

func (f *fixture) changeNetwork(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	next := f.network
	next.Generation = 2
	peers, wayOut := next, next
	peers.Peers, wayOut.Masquerade = []netip.Addr{f.Underlay.Next(), f.Underlay.Next().Next()}, true
	for part, n := range map[Part]provisioner.Network{PartPeers: peers, PartWayOut: wayOut} {
		if f.has(part) {
			continue
		}
		// What cannot be made is refused, and not left out in silence.
		var refused *provisioner.HostError
		if err := f.driver.EnsureNetwork(ctx, n); !errors.As(err, &refused) {
			t.Errorf("%s, which the host does not have: %v, want a HostError", part, err)
		}
	}
	if f.has(PartPeers) {
		next.Peers = peers.Peers
	}
	next.Masquerade = f.has(PartWayOut)
	next.Published = []provisioner.PublishedPort{{HostPort: 22101, Guest: next.Entries[0].IP, GuestPort: 22}}
	next.Entries = append(next.Entries[:1:1], provisioner.NetworkEntry{Name: "compute-002", MAC: next.Entries[1].MAC, IP: next.Entries[1].IP})
	for range 2 {
		if err := f.driver.EnsureNetwork(ctx, next); err != nil {
			t.Fatalf("change: %v", err)
		}
	}
	other := Network(103, f.Underlay)
	other.Subnet, other.Gateway, other.Entries = next.Subnet, next.Gateway, nil
	var refused *provisioner.HostError
	if err := f.driver.EnsureNetwork(ctx, other); !errors.As(err, &refused) {
		t.Errorf("the same subnet twice: %v, want a HostError", err)
	}
}

func nodes(t *testing.T, b Bench) {
	f := newFixture(t, b, 104)
	ctx := t.Context()
	f.ensureAll(t)
	first, _ := f.observed(t)
	if first.State != provisioner.MachineRunning || first.StartID == "" {
		t.Fatalf("a started node is %+v", first)
	}
	if err := f.driver.EnsureNode(ctx, f.node); err != nil {
		t.Fatal(err)
	}
	if again, _ := f.observed(t); again.StartID != first.StartID {
		t.Errorf("ensuring a running node started it anew: %q, then %q", first.StartID, again.StartID)
	}
	second := f.Dial(t)
	defer second.Close()
	for range 2 {
		if err := second.StopNode(ctx, f.node.ID, true); err != nil {
			t.Fatal(err)
		}
	}
	if off, there := f.observed(t); !there || off.State != provisioner.MachineOff || off.StartID != "" || off.Cold {
		t.Errorf("a stopped node is %+v, there: %v", off, there)
	}
	if err := f.driver.EnsureNode(ctx, f.node); err != nil {
		t.Fatal(err)
	}
	restarted, _ := f.observed(t)
	if restarted.State != provisioner.MachineRunning || restarted.StartID == first.StartID {
		t.Errorf("a node started again is %+v, before it was %+v", restarted, first)
	}
	for _, wipe := range []bool{true, false} {
		waittest.Until(t, "the node is deleted", func() bool {
			err := f.driver.DeleteNode(ctx, f.node.ID, wipe)
			if err != nil && !errors.Is(err, provisioner.ErrWiping) {
				t.Fatal(err)
			}
			return err == nil
		})
	}
	if _, there := f.observed(t); there {
		t.Error("a deleted node is there")
	}
}

// suspended takes a node through a pause, twice each step: its machine stays the same one, and standing is not off.
func suspended(t *testing.T, b Bench) {
	f := newFixture(t, b, 107)
	ctx := t.Context()
	f.ensureAll(t)
	first, _ := f.observed(t)
	want := func(what string, state provisioner.MachineState, do func() error) {
		t.Helper()
		for range 2 {
			if err := do(); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
		n, there := f.observed(t)
		if !there || n.State != state || n.Why != "" || n.Cold || n.StartID != first.StartID && state != provisioner.MachineOff {
			t.Fatalf("after %s the node is %+v, there: %v; it was %+v", what, n, there, first)
		}
	}
	second := f.Dial(t)
	defer second.Close()
	suspend := func() error { return second.SuspendNode(ctx, f.node.ID) }
	resume := func() error { return f.driver.ResumeNode(ctx, f.node.ID) }
	want("suspending it", provisioner.MachinePaused, suspend)
	want("making it while it is suspended", provisioner.MachinePaused, func() error { return f.driver.EnsureNode(ctx, f.node) })
	want("resuming it", provisioner.MachineRunning, resume)
	f.standsAndGoesOn(t, suspend, resume)
	want("suspending it again", provisioner.MachinePaused, suspend)
	want("ending it while it is suspended", provisioner.MachineOff, func() error { return second.StopNode(ctx, f.node.ID, true) })
	want("suspending what is off", provisioner.MachineOff, suspend)
	want("resuming what is off", provisioner.MachineOff, resume)
}

// standsAndGoesOn looks into a guest: what it does not come to while its machine is suspended, it comes to afterwards.
func (f *fixture) standsAndGoesOn(t *testing.T, suspend, resume func() error) {
	t.Helper()
	if !f.has(PartConsole) {
		return
	}
	v := f.attach(t)
	v.expect(f.ReadyText)
	if f.Prompt != "" {
		v.typeLine("")
		v.expect(f.Prompt)
		v.typeLine(f.Login)
		v.expect("# ")
	}
	if err := suspend(); err != nil {
		t.Fatal(err)
	}
	if n, _ := f.observed(t); n.State != provisioner.MachinePaused {
		t.Fatalf("suspended it is %+v", n)
	}
	if err := resume(); err != nil {
		t.Fatal(err)
	}
	v.typeLine("hostname")
	v.expect("hostname\r\n" + f.node.Name + "\r\n")
}

func nothingThere(t *testing.T, b Bench) {
	d := b.Dial(t)
	defer d.Close()
	ctx := t.Context()
	id := uuid.Must(uuid.NewV7())
	if err := d.StopNode(ctx, id, false); !errors.Is(err, provisioner.ErrNoSuchNode) {
		t.Errorf("StopNode: %v, want ErrNoSuchNode", err)
	}
	if err := d.SuspendNode(ctx, id); !errors.Is(err, provisioner.ErrNoSuchNode) {
		t.Errorf("SuspendNode: %v, want ErrNoSuchNode", err)
	}
	if err := d.ResumeNode(ctx, id); !errors.Is(err, provisioner.ErrNoSuchNode) {
		t.Errorf("ResumeNode: %v, want ErrNoSuchNode", err)
	}
	if _, err := d.Exec(ctx, id, provisioner.Command{Argv: []string{"true"}}); !errors.Is(err, provisioner.ErrNoSuchNode) {
		t.Errorf("Exec: %v, want ErrNoSuchNode", err)
	}
	if _, err := d.Console(ctx, id); !errors.Is(err, provisioner.ErrNoSuchNode) {
		t.Errorf("Console: %v, want ErrNoSuchNode", err)
	}
	texts, err := d.Consoles(ctx, []provisioner.ConsoleQuery{{Node: id, Tail: 10}})
	if err != nil || len(texts) != 1 || texts[0].Kept != 0 || texts[0].End != "" {
		t.Errorf("Consoles: %+v, %v; want one of nothing", texts, err)
	}
	if err := d.DeleteNode(ctx, id, true); err != nil {
		t.Errorf("DeleteNode: %v", err)
	}
	if err := d.DeleteNetwork(ctx, 999); err != nil {
		t.Errorf("DeleteNetwork: %v", err)
	}
	if err := d.DeleteImage(ctx, strings.Repeat("0", 64)); err != nil {
		t.Errorf("DeleteImage: %v", err)
	}
	if a, err := d.Addresses(ctx, 999); err != nil || len(a) != 0 {
		t.Errorf("Addresses of no network: %v, %v; want none", a, err)
	}
}

func guest(t *testing.T, b Bench) {
	f := newFixture(t, b, 105)
	ctx := t.Context()
	f.ensureAll(t)
	t.Run("address", func(t *testing.T) {
		b.need(t, PartAddresses)
		waittest.Until(t, "the node's address", func() bool {
			addresses, err := f.driver.Addresses(t.Context(), f.network.VNI)
			if err != nil {
				t.Fatal(err)
			}
			return addresses[f.node.MAC.String()] == f.network.Entries[0].IP
		})
	})
	t.Run("address of another start", func(t *testing.T) {
		b.need(t, PartAddresses)
		// What a guest was given at an earlier start says nothing of this one.
		if err := f.driver.StopNode(t.Context(), f.node.ID, true); err != nil {
			t.Fatal(err)
		}
		if err := f.driver.EnsureNode(t.Context(), f.node); err != nil {
			t.Fatal(err)
		}
		addresses, err := f.driver.Addresses(t.Context(), f.network.VNI)
		if err != nil || addresses[f.node.MAC.String()].IsValid() {
			t.Errorf("right after a start the addresses are %v, %v", addresses, err)
		}
		waittest.Until(t, "the address of the second start", func() bool {
			addresses, err := f.driver.Addresses(t.Context(), f.network.VNI)
			if err != nil {
				t.Fatal(err)
			}
			return addresses[f.node.MAC.String()] == f.network.Entries[0].IP
		})
	})
	t.Run("log", func(t *testing.T) {
		b.need(t, PartLog)
		waittest.Until(t, b.ReadyText+" in the console log", func() bool {
			lines := f.text(t, provisioner.ConsoleQuery{Find: []string{b.ReadyText}}).Lines
			return len(lines) > 0 && bytes.HasSuffix(lines[0], []byte("\n"))
		})
		f.searchesOn(t)
	})
	t.Run("shutdown", func(t *testing.T) {
		b.need(t, PartShutdown)
		if err := f.driver.StopNode(t.Context(), f.node.ID, false); err != nil {
			t.Fatal(err)
		}
		waittest.Until(t, "the node powers off", func() bool {
			n, _ := f.observed(t)
			return n.State == provisioner.MachineOff
		})
	})
	if err := f.driver.StopNode(ctx, f.node.ID, true); err != nil {
		t.Fatal(err)
	}
	t.Run("log of a stopped node", func(t *testing.T) {
		b.need(t, PartLog)
		if c := f.text(t, provisioner.ConsoleQuery{Tail: provisioner.ConsoleTail}); !bytes.Contains(c.Tail, []byte(b.ReadyText)) {
			t.Errorf("the log of a stopped node has %d bytes without %q", len(c.Tail), b.ReadyText)
		}
	})
}

// text asks for the node's console.
func (f *fixture) text(t *testing.T, q provisioner.ConsoleQuery) provisioner.ConsoleText {
	t.Helper()
	q.Node = f.node.ID
	texts, err := f.driver.Consoles(t.Context(), []provisioner.ConsoleQuery{q, {Node: uuid.Must(uuid.NewV7()), Tail: 10}})
	if err != nil {
		t.Fatal(err)
	}
	if len(texts) != 2 || texts[1].Kept != 0 {
		t.Fatalf("two consoles were asked for, answered is %+v", texts)
	}
	return texts[0]
}

// searchesOn looks at the console of a node that is ready with marks.
func (f *fixture) searchesOn(t *testing.T) {
	t.Helper()
	find := []string{f.ReadyText}
	c := f.text(t, provisioner.ConsoleQuery{Tail: 7, Find: find})
	if len(c.Tail) != 7 || c.Kept < 7 || !bytes.Contains(c.Lines[0], []byte(f.ReadyText)) {
		t.Errorf("the last 7 bytes are %q, the lines %q", c.Tail, c.Lines)
	}
	for what, mark := range map[string]string{"the end": c.End, "where a search goes on": c.Next} {
		if again := f.text(t, provisioner.ConsoleQuery{Find: find, After: mark}); len(again.Lines) > 0 {
			t.Errorf("after %s stand %q", what, again.Lines)
		}
	}
	if again := f.text(t, provisioner.ConsoleQuery{Find: find, After: "unknown"}); len(again.Lines) == 0 {
		t.Error("after a mark that nobody knows nothing was found")
	}
}

func console(t *testing.T, b Bench) {
	b.need(t, PartConsole)
	f := newFixture(t, b, 106)
	f.ensureAll(t)
	first := f.attach(t)
	first.expect(b.ReadyText)
	if b.Prompt != "" {
		first.typeLine("")
		first.expect(b.Prompt)
		first.typeLine(b.Login)
		first.expect("# ")
	}
	first.typeLine("hostname")
	first.expect("hostname\r\n" + f.node.Name + "\r\n")
	second := f.attach(t)
	if err := first.ended(); !errors.Is(err, provisioner.ErrConsoleTaken) {
		t.Errorf("the first viewer ended with %v, want ErrConsoleTaken", err)
	}
	second.typeLine("hostname")
	second.expect("hostname\r\n" + f.node.Name + "\r\n")
	if err := f.driver.StopNode(t.Context(), f.node.ID, true); err != nil {
		t.Fatal(err)
	}
	if err := second.ended(); !errors.Is(err, io.EOF) {
		t.Errorf("after the node went off the console ended with %v, want io.EOF", err)
	}
}
