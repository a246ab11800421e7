//go:build libvirt

package libvirt

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"libvirt.org/go/libvirt"

	"volary.dev/provisioner"
	"volary.dev/provisioner/domainxml"
	"volary.dev/provisioner/drivertest"
	"volary.dev/provisioner/lab"
	"volary.dev/provisioner/nethook"
	"volary.dev/provisioner/waittest"
)

// fifo is a pipe on the host that nobody writes to: who opens it waits for ever.
const fifo = "/var/lib/libvirt/fifo"

// disguise is what a guest writes so that its console, or its disk, is taken for a disk image of some kind.
type disguise struct {
	name string
	at   int // the place of the magic; spaces stand before it
	text []byte
}

func disguises() []disguise {
	qcow2 := func(version uint32, backing string) []byte {
		b := make([]byte, 112)
		copy(b, "QFI\xfb")
		binary.BigEndian.PutUint32(b[4:], version)
		if backing != "" {
			binary.BigEndian.PutUint64(b[8:], 104)
			binary.BigEndian.PutUint32(b[16:], uint32(len(backing)))
			b = append(b[:104], backing...)
		}
		return b
	}
	mbr := append(make([]byte, 446), "\x80\x01\x01\x00\x83\xfe\xff\xff\x01\x00\x00\x00\xff\xff\xff\x7f"...)
	mbr = append(append(mbr, make([]byte, 48)...), 0x55, 0xaa)
	return []disguise{
		{"qcow2 of version 3", 0, qcow2(3, "")[:40]},
		{"qcow2 of version 2", 0, qcow2(2, "")},
		{"qcow2 on a pipe of the host", 0, qcow2(2, fifo)},
		{"VMDK", 0, []byte("KDMV\x01\x00\x00\x00")},
		{"VDI", 0x40, []byte("\x7f\x10\xda\xbe\x01\x00\x01\x00")},
		{"VPC", 0, []byte("conectix\x00\x00\x00\x02\x00\x01\x00\x00")},
		{"VHDX", 0, []byte("vhdxfile")},
		{"LUKS", 0, []byte("LUKS\xba\xbe\x00\x01aes\x00")},
		{"an optical disc", 0x8001, []byte("CD001\x01")},
		{"a partition table", 0, mbr},
		{"GPT", 512, []byte("EFI PART\x00\x00\x01\x00")},
		{"QED", 0, []byte("QED\x00\x00\x10\x00\x00")},
		{"Parallels", 0, []byte("WithoutFreeSpace\x02\x00\x00\x00")},
		{"User Mode Linux", 0, []byte("OOOM\x00\x00\x00\x02/etc/shadow\x00")},
	}
}

// bootSector is a guest without a system. It writes its text over the first sector of its disk and to the console, with a rest in
// its middle, and then again and again, until the console's file was rolled over and one begins with it; then it halts.
func bootSector(t *testing.T, d disguise) []byte {
	t.Helper()
	const text = 0x200 // of the disk: the sectors behind the program, loaded behind it
	data := append([]byte{'\n'}, bytes.Repeat([]byte(" "), min(d.at, 72))...)
	data = append(data, d.text...)
	if len(data) > 1024 {
		t.Fatal("the text is too long")
	}
	var p []byte
	emit := func(b ...byte) { p = append(p, b...) }
	word := func(n int) []byte { return []byte{byte(n), byte(n >> 8)} }
	emit(0xfa, 0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0, 0xbc, 0x00, 0x7c, 0xfb)       // segments 0, stack below
	emit(0xb8, 0x02, 0x02, 0xbb, 0x00, 0x7e, 0xb9, 0x02, 0x00, 0xba, 0x80, 0x00, 0xcd, 0x13) // read sectors 2 and 3 to 7e00
	emit(0xb8, 0x01, 0x03, 0xbb, 0x01, 0x7e, 0xb9, 0x01, 0x00, 0xba, 0x80, 0x00, 0xcd, 0x13) // write 512 bytes from the text on to sector 1
	// What stands before the text's own place: CX spaces.
	before := max(0, d.at-72)
	emit(0xb9)
	emit(word(before)...)
	emit(0xe3, 0x07) // jcxz over the loop
	spaces := len(p)
	emit(0xb0, ' ') // mov al, ' '
	callSpace := len(p)
	emit(0xe8, 0, 0)                    // call out
	emit(0xe2, byte(spaces-(len(p)+2))) // loop
	// The text without its line feed, then the whole of it 2500 times.
	emit(0xbe, 0x01, 0x7e) // mov si, 7e01
	emit(0xbb)             // mov bx, times
	emit(word(150 << 10 / len(data))...)
	again := len(p)
	emit(0xac) // lodsb
	callText := len(p)
	emit(0xe8, 0, 0) // call out
	emit(0x81, 0xfe) // cmp si, end
	emit(word(0x7e00 + len(data))...)
	emit(0x72, byte(again-(len(p)+2))) // jb again
	emit(0xbe, 0x00, 0x7e)             // mov si, 7e00
	emit(0x4b)                         // dec bx
	emit(0x75, byte(again-(len(p)+2))) // jnz again
	halt := len(p)
	emit(0xf4, 0xeb, byte(halt-(len(p)+3))) // hlt, jmp halt
	out := len(p)
	emit(0x50, 0xba, 0xfd, 0x03) // push ax; mov dx, 3fd
	wait := len(p)
	emit(0xec, 0xa8, 0x20)                   // in al, dx; test al, 20
	emit(0x74, byte(wait-(len(p)+2)))        // jz wait
	emit(0x58, 0xba, 0xf8, 0x03, 0xee, 0xc3) // pop ax; mov dx, 3f8; out dx, al; ret
	for _, at := range []int{callSpace, callText} {
		copy(p[at+1:], word(out-(at+3)))
	}
	if len(p) > 510 {
		t.Fatalf("the program has %d bytes", len(p))
	}
	disk := make([]byte, 1<<20)
	copy(disk, p)
	disk[510], disk[511] = 0x55, 0xaa
	copy(disk[text:], data)
	return disk
}

// qcow2Of makes a disk's canonical form.
func qcow2Of(t *testing.T, disk []byte) []byte {
	t.Helper()
	dir := t.TempDir()
	raw, out := filepath.Join(dir, "disk.raw"), filepath.Join(dir, "disk.qcow2")
	if err := os.WriteFile(raw, disk, 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := exec.CommandContext(t.Context(), "qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, out).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestWhatAGuestWritesIsNoImage has guests write the magics of all kinds of disk images to their consoles and over the first
// sectors of their disks. No pool of the host minds, nothing that a guest named is opened, and a neighbour lives as ever.
func TestWhatAGuestWritesIsNoImage(t *testing.T) {
	s := newSite(t, 1)
	d, host := s.drivers[0], s.lab.Hosts()[0]
	if out, err := s.lab.Run(t.Context(), 0, "mkfifo", fifo); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	network := drivertest.Network(411, host.Underlay)
	if err := d.EnsureNetwork(t.Context(), network); err != nil {
		t.Fatal(err)
	}
	all := disguises()
	nodes := make([]provisioner.NodeSpec, len(all))
	for i, g := range all {
		nodes[i] = s.disguised(t, d, network, g, i)
	}
	awaitWritten(t, d, nodes, all)

	for name, active := range refreshPools(t, host) {
		if !active {
			t.Errorf("after a refresh the pool %s is not active", name)
		}
	}
	s.neighbour(t, d, 412)

	// A host from before: the consoles lie in a pool. Forty bytes of a guest that wrote nothing else make it unusable, which
	// shows that they can; the pool goes when a driver of now finds it.
	forty := filepath.Join(nethook.ConsoleDir, uuid.NewString()+".log")
	script := "rm " + fifo + " && printf 'QFI\\373\\0\\0\\0\\003' > " + forty + " && truncate -s 40 " + forty
	if out, err := s.lab.Run(t.Context(), 0, "sh", "-c", script); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if makeOldPool(t, host) {
		t.Error("a pool of the consoles is active: the guests' bytes prove nothing")
	}
	again := dialHost(t, host)
	defer again.Close()
	if facts, err := again.Facts(t.Context()); err != nil || !facts.HookAnswers {
		t.Errorf("facts %+v, %v", facts, err)
	}
	if _, there := refreshPools(t, host)[domainxml.OldConsolePool]; there {
		t.Error("the pool of the consoles is still there")
	}
	awaitWritten(t, again, nodes, all)
	s.neighbour(t, again, 413)
	if out, err := s.lab.Run(t.Context(), 0, "rm", forty); err != nil {
		t.Errorf("what a guest wrote went with the pool: %v: %s", err, out)
	}

	for _, n := range nodes {
		deleteWiped(t, again, n.ID)
		if err := again.DeleteImage(t.Context(), n.ImageDigest); err != nil {
			t.Error(err)
		}
	}
	if err := again.DeleteNetwork(t.Context(), network.VNI); err != nil {
		t.Error(err)
	}
	nothingLeft(t, s)
}

// disguised starts a guest.
func (s *site) disguised(t *testing.T, d provisioner.Driver, network provisioner.Network, g disguise, number int) provisioner.NodeSpec {
	t.Helper()
	image := qcow2Of(t, bootSector(t, g))
	sum := sha256.Sum256(image)
	n := provisioner.NodeSpec{
		ID: uuid.Must(uuid.NewV7()), ClusterID: network.ClusterID, Name: fmt.Sprintf("compute-%03d", number),
		MAC: append(network.Entries[0].MAC[:5:5], byte(100+number)), ImageDigest: hex.EncodeToString(sum[:]), VNI: network.VNI, Seed: []byte("seed"),
		Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 32, DiskGiB: 1}, Acceleration: provisioner.AccelerationTCG,
	}
	open := func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(image)), nil }
	if err := d.EnsureImage(t.Context(), n.ImageDigest, int64(len(image)), open); err != nil {
		t.Fatal(err)
	}
	if err := d.EnsureNode(t.Context(), n); err != nil {
		t.Fatalf("%s: %v", g.name, err)
	}
	return n
}

// awaitWritten waits until every guest has written all, so that its console was rolled over, and looks at what it wrote.
func awaitWritten(t *testing.T, d provisioner.Driver, nodes []provisioner.NodeSpec, all []disguise) {
	t.Helper()
	queries := make([]provisioner.ConsoleQuery, len(nodes))
	for i, n := range nodes {
		queries[i] = provisioner.ConsoleQuery{Node: n.ID, Tail: provisioner.ConsoleTail}
	}
	var missing []string
	defer func() {
		if t.Failed() {
			t.Logf("not written: %s", strings.Join(missing, ", "))
		}
	}()
	waittest.Until(t, "what guests write", func() bool {
		began := time.Now()
		texts, err := d.Consoles(t.Context(), queries)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d consoles were read in %v", len(texts), time.Since(began))
		missing = nil
		for i, c := range texts {
			if c.Kept < 140<<10 || !bytes.Contains(c.Tail, all[i].text) {
				missing = append(missing, fmt.Sprintf("%s: %d bytes", all[i].name, c.Kept))
			}
		}
		return len(missing) == 0
	})
}

// directly speaks with the host in the test's own process: what it asks is not the driver's to offer.
func directly(t *testing.T, host lab.Host) *Driver {
	t.Helper()
	d, err := Dial(Options{AllowTCP: true})(t.Context(), host.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d.(*Driver)
}

// refreshPools refreshes every pool of the host and says which are active.
func refreshPools(t *testing.T, host lab.Host) map[string]bool {
	t.Helper()
	active := map[string]bool{}
	err := directly(t, host).calls.call(t.Context(), "refresh pools", func(conn *libvirt.Connect) error {
		pools, err := conn.ListAllStoragePools(0)
		if err != nil {
			return err
		}
		for i := range pools {
			name, err := pools[i].GetName()
			if err != nil {
				return err
			}
			_ = pools[i].Refresh(0) // a pool that cannot be is not active after it
			if active[name], err = pools[i].IsActive(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return active
}

// makeOldPool makes the pool in which consoles lay, and says whether it is active.
func makeOldPool(t *testing.T, host lab.Host) bool {
	t.Helper()
	is := false
	err := directly(t, host).calls.call(t.Context(), "old pool", func(conn *libvirt.Connect) error {
		pool, err := definePool(conn, domainxml.OldConsolePool, nethook.ConsoleDir)
		if err != nil {
			return err
		}
		defer pool.Free()
		if err := pool.Create(0); err != nil {
			t.Logf("a pool of the consoles: %v", err)
		}
		is, err = pool.IsActive()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return is
}

// deleteWiped deletes a node whose disk is overwritten first.
func deleteWiped(t *testing.T, d provisioner.Driver, id uuid.UUID) {
	t.Helper()
	for {
		err := d.DeleteNode(t.Context(), id, true) // asks a host once a second
		if errors.Is(err, provisioner.ErrWiping) {
			continue
		}
		if err != nil {
			t.Error(err)
		}
		return
	}
}

// neighbour is somebody else's node on the host: it starts, is ready, answers on its console, and goes.
func (s *site) neighbour(t *testing.T, d provisioner.Driver, vni uint32) {
	t.Helper()
	network := drivertest.Network(vni, s.lab.Hosts()[0].Underlay)
	n := provisioner.NodeSpec{
		ID: uuid.Must(uuid.NewV7()), ClusterID: network.ClusterID, Name: "head", MAC: network.Entries[0].MAC, ImageDigest: s.digest, VNI: vni,
		Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 128, DiskGiB: 2}, Acceleration: provisioner.AccelerationTCG,
	}
	n.Seed = seedOf(t, n, network.Domain, network.Entries, "")
	if err := d.EnsureNetwork(t.Context(), network); err != nil {
		t.Fatal(err)
	}
	if err := d.EnsureNode(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	login(t, d, n).can("answer", "true")
	texts, err := d.Consoles(t.Context(), []provisioner.ConsoleQuery{{Node: n.ID, Find: []string{"volary: ready"}}})
	if err != nil || len(texts[0].Lines) == 0 {
		t.Errorf("the neighbour's console: %+v, %v", texts, err)
	}
	if err := d.DeleteNode(t.Context(), n.ID, false); err != nil {
		t.Error(err)
	}
	if err := d.DeleteNetwork(t.Context(), vni); err != nil {
		t.Error(err)
	}
}
