package acceptance

import (
	"strings"
	"testing"
	"time"

	"volary.dev/provisioner"
)

// sibling is the sample image with one thing broken: what a test of it sees, which row is red for it, and what the row says. Every other
// row passed, or was not observed.
type sibling struct {
	name, row, says string
	spoil           func(*Evidence)
}

// dead has a node that never came to anything but its console.
func dead(console string) func(*Evidence) {
	return func(e *Evidence) {
		n := &e.Nodes[1]
		*n = Node{Name: n.Name, Role: n.Role, Host: n.Host, Gate: n.Gate, Address: n.Address, MAC: n.MAC, StartedAt: n.StartedAt, Console: []byte(console)}
		e.unready()
	}
}

// unready is a cluster whose gate was never met, and what follows from that.
func (e *Evidence) unready() {
	e.ReadyAt, e.AskedAgain, e.Hosts, e.Why = time.Time{}, time.Time{}, nil, "The cluster ended: a node did not meet its gate in time. Not ready in time: compute-001."
	e.Own = []Own{{Check: "hello", Node: "head", NodeCheck: provisioner.NodeCheck{Node: "head", Result: provisioner.ResultPending}}}
	for i := range e.Nodes {
		e.Nodes[i].SignIn, e.Nodes[i].AskedOff, e.Nodes[i].Off, e.Nodes[i].Again = SignIn{}, time.Time{}, time.Time{}, time.Time{}
	}
}

// both changes what both nodes say of themselves.
func both(change func(*Node)) func(*Evidence) {
	return func(e *Evidence) {
		for i := range e.Nodes {
			change(&e.Nodes[i])
		}
	}
}

func unseeded(console string) func(*Evidence) {
	return func(e *Evidence) {
		n := &e.Nodes[1]
		n.Reported, n.Located, n.PeersAt, n.Identity, n.Peers, n.Again = time.Time{}, time.Time{}, time.Time{}, Identity{}, nil, time.Time{}
		n.Console = []byte(console)
		e.unready()
	}
}

func addressless(console string) func(*Evidence) {
	return func(e *Evidence) {
		e.Nodes[1].Leased, e.Nodes[1].Identity.Address, e.Nodes[1].Console = time.Time{}, "-", []byte(console)
		e.unready()
	}
}

// siblings are named for what was done to the image. The consoles are cuts of what such images wrote.
func siblings() []sibling {
	return []sibling{
		{"boot code overwritten", "boots", "no boot loader for BIOS", dead("SeaBIOS (version 1.16.2-debian-1.16.2-1)\r\n\r\niPXE (http://ipxe.org) 00:02.0 CA00 PCI2.10 PnP PMM+0EFCD3D0\r\n\r\nBooting from Hard Disk...\r\nBoot failed: not a bootable disk\r\n\r\nNo bootable device.\r\n")},
		{"no EFI loader", "boots", "EFI/BOOT/BOOTX64.EFI", dead("BdsDxe: starting Boot0002 \"EFI Internal Shell\"\r\n\x1b[2J\x1b[01;01HUEFI Inter\x1b[0mactive Shell v2.2\r\nEDK II\r\n")},
		{"kernel without virtio_blk", "boots", "no virtio driver", dead("[    1.204] Begin: Running /scripts/local-block ... done.\r\nGave up waiting for root file system device.\r\nALERT!  /dev/vda2 does not exist.  Dropping to a shell!\r\n(initramfs) ")},
		{"kernel without an initramfs", "boots", "virtio_blk", dead("[    0.912] VFS: Cannot open root device \"vda2\" or unknown-block(0,0): error -6\r\n[    0.913] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\r\n")},
		{"no init", "boots", "no init", dead("[    0.991] Run /bin/sh as init process\r\n[    0.992] Kernel panic - not syncing: No working init found.  Try passing init= option to kernel.\r\n")},
		{"kernel that panics", "boots", "kernel panic", dead("[    1.1] \x1b[31mKernel\x1b[0m panic - not syncing: Attempted to kill init! exitcode=0x00000100\r\n[    1.2] ---[ end Kernel panic ]---\r\n")},
		{"fstab with a disk that is not there", "boots", "nofail", dead("[ TIME ] Timed out waiting for device /dev/sdb1.\r\nYou are in emergency mode. After logging in, type \"journalctl -xb\" to view system logs\r\n")},
		{"no console", "boots", "write to ttyS0", dead("")},
		{"panics after it took an address", "boots", "kernel panic", func(e *Evidence) {
			unseeded("udhcpc: lease obtained\r\n[    3.1] Kernel panic - not syncing: Fatal exception in interrupt\r\n")(e)
		}},
		{"no DHCP client", "address", "DHCP client", addressless("volary: starting\r\nnode login: ")},
		{"no virtio_net", "address", "virtio_net", addressless("ip: Cannot find device \"eth0\"\r\nnode login: ")},
		{"cloud-init without NoCloud", "seed", "NoCloud", unseeded("cloud-init[412]: Cloud-init v. 22.4.2 finished. Datasource DataSourceNone.  Up 14.1 seconds\r\nnode login: ")},
		{"full root", "seed", "larger disk", unseeded("cloud-init[412]: OSError: [Errno 28] No space left on device\r\nnode login: ")},
		{"no cloud-init", "seed", "has to run cloud-init", unseeded("Debian GNU/Linux 12 node ttyS0\r\n\r\nnode login: ")},
		{"a MAC written down", "macs", "take it from the machine", func(e *Evidence) {
			addressless("node login: ")(e)
			e.Nodes[1].Identity.MAC = "52:54:00:aa:bb:cc"
		}},
		{"an address written down", "addresses", "written down", func(e *Evidence) { e.Nodes[1].Identity.Address = "192.168.1.5" }},
		{"a host name written down", "hostnames", "calls itself node", func(e *Evidence) {
			both(func(n *Node) { n.Identity.Hostname, n.AgainIdentity.Hostname = "node", "node" })(e)
		}},
		{"a machine id in the image", "machine_ids", "empty /etc/machine-id", both(func(n *Node) { n.Identity.MachineID, n.AgainIdentity.MachineID = "id", "id" })},
		{"SSH host keys in the image", "host_keys", "remove /etc/ssh/ssh_host_*", both(func(n *Node) { n.Identity.SSHKey, n.AgainIdentity.SSHKey = "key", "key" })},
		{"a name server written down", "names", "name server from DHCP", func(e *Evidence) { e.Nodes[1].Peers[0] = Peer{"head", "-", "-", "-"} }},
		{"no names of addresses", "names", "leads back to -", func(e *Evidence) { e.Nodes[1].Peers[0].Back = "-" }},
		{"a firewall that drops all", "pings", "firewall", func(e *Evidence) { e.Nodes[1].Peers[0].Milliseconds = "-" }},
		{"a daemon that never is ready", "gate", "Not ready in time", func(e *Evidence) { e.unready() }},
		{"a daemon that does not work", "own: hello", "status 1", func(e *Evidence) {
			e.Own[0].NodeCheck = JudgeOwn(ownCheck, "head", provisioner.CommandResult{Status: 1}, nil)
		}},
		{"no SSH server", "sign_in", "SSH server", func(e *Evidence) { e.Nodes[1].SignIn = SignIn{At: after(4), Why: "the connection was refused"} }},
		{"no user of that name", "sign_in", "as volary", func(e *Evidence) {
			e.Nodes[1].SignIn = SignIn{At: after(4), Why: "volary@guest: Permission denied (publickey)."}
		}},
		{"deaf to the power button", "shutdown", "ACPI power button", func(e *Evidence) {
			e.Nodes[1].Off, e.Nodes[1].Forced, e.AskedAgain, e.NoSecond = after(65), true, time.Time{}, "compute-001 had to be cut off."
		}},
		{"a machine id in memory", "second_boot", "/etc/machine-id", func(e *Evidence) { e.Nodes[1].AgainIdentity.MachineID = "another" }},
		{"SSH host keys in memory", "second_boot", "SSH host key", func(e *Evidence) { e.Nodes[1].AgainIdentity.SSHKey = "another" }},
		{"does not boot again", "second_boot", "did not report at its second boot", func(e *Evidence) { e.Nodes[1].Again = time.Time{} }},
	}
}

func TestEachSiblingHasItsRowRed(t *testing.T) {
	if n := len(siblings()); n < 16 {
		t.Fatalf("%d siblings, want at least 16", n)
	}
	for _, s := range siblings() {
		t.Run(s.name, func(t *testing.T) {
			e := good()
			e.Over = true
			s.spoil(&e)
			r := Judge(e)
			for _, c := range r.Checks {
				if (c.Result == provisioner.ResultFailed) != (c.Name == s.row) {
					t.Errorf("%s is %s: %s", c.Name, c.Result, c.Evidence)
				}
				if c.Result == provisioner.ResultPending || c.Result == provisioner.NotObserved && c.Evidence == "" || c.Result != provisioner.NotObserved && c.Channel == "" {
					t.Errorf("%s is %s by %q: %q", c.Name, c.Result, c.Channel, c.Evidence)
				}
			}
			if got := check(t, r, s.row); !strings.Contains(got.Evidence, s.says) || r.Passed() {
				t.Errorf("%s says %q, want %q", s.row, got.Evidence, s.says)
			}
		})
	}
}

// TestWhatHostsFind are faults that no image has: the hosts' own.
func TestWhatHostsFind(t *testing.T) {
	for name, c := range map[string]struct {
		row, says string
		want      provisioner.Result
		spoil     func(*Evidence)
	}{
		"a hole in the wall":    {"sealed", "3 packets passed", provisioner.ResultFailed, func(e *Evidence) { e.Hosts[0].Network.Passed = 3 }},
		"an older hook":         {"sealed", "volary hook install", provisioner.NotObserved, func(e *Evidence) { e.Hosts[0].Network, e.Hosts[0].Why = nil, "run `volary hook install` there" }},
		"another image":         {"image", "has become d2", provisioner.ResultFailed, func(e *Evidence) { e.Hosts[0].Images[0].Is = "d2" }},
		"an image that is away": {"image", "could not read it", provisioner.NotObserved, func(e *Evidence) { e.Hosts[0].Images[0].Is = "" }},
		"a host without ssh": {"sign_in", "install openssh-client", provisioner.NotObserved, func(e *Evidence) {
			e.Nodes[0].SignIn = SignIn{At: after(4), Host: true, Why: "install openssh-client there"}
		}},
	} {
		e := good()
		e.Over = true
		c.spoil(&e)
		r := Judge(e)
		if got := check(t, r, c.row); got.Result != c.want || !strings.Contains(got.Evidence, c.says) || r.Passed() != (c.want == provisioner.NotObserved) {
			t.Errorf("%s: %s %q", name, got.Result, got.Evidence)
		}
	}
}

// TestEndings shows each text of the table behind control sequences, as a console has it, and nothing where a boot went well.
func TestEndings(t *testing.T) {
	for _, e := range Endings() {
		cut := len(e.Text) / 2
		console := "\x1b[0;32m  OK  \x1b[0m started\r\n\x1b[1m" + e.Text[:cut] + "\x1b[0m" + e.Text[cut:] + "\r\n"
		if got, ok := EndingOf(e.Row, []byte(console)); !ok || got.Name == "" || !strings.HasSuffix(got.Remedy, ".") || !strings.Contains(got.Sentence(), got.Remedy) {
			t.Errorf("%q: %+v", e.Text, got)
		}
		if _, ok := EndingOf("pings", []byte(console)); ok {
			t.Errorf("%q explains pings", e.Text)
		}
	}
	well := "BdsDxe: loading Boot0001 \"UEFI Misc Device\"\r\nBdsDxe: starting Boot0001 \"UEFI Misc Device\"\r\nvolary: ready\r\nlogin: "
	for _, row := range []string{"boots", "seed", "address"} {
		if got, ok := EndingOf(row, []byte(well)); ok {
			t.Errorf("a good boot ends in %+v", got)
		}
	}
}

// TestKeyOf makes the same key of the same test, and another of another.
func TestKeyOf(t *testing.T) {
	a, b := KeyOf("secret", nonce), KeyOf("secret", "other0000")
	if string(a.Private) == "" || a.Line != KeyOf("secret", nonce).Line || a.Line == b.Line || !strings.HasPrefix(a.Line, "ssh-ed25519 ") {
		t.Errorf("%s and %s", a.Line, b.Line)
	}
}
