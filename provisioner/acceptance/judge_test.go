package acceptance

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"volary.dev/provisioner"
)

var (
	start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	head  = netip.MustParseAddr("10.64.0.10")
)

const nonce = "n0nce0001"

func after(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }

// good is a test in which everything was seen.
func good() Evidence {
	e := Evidence{Nonce: nonce, ReadyAt: after(3)}
	for i, name := range []string{"head", "compute-001"} {
		n := Node{Name: name, Role: provisioner.RoleCompute, Host: "h1", Address: head, StartedAt: start}
		if i == 0 {
			n.Role = provisioner.RoleHead
		} else {
			n.Address = head.Next()
		}
		console := "boot\r\nvolary-check " + nonce + " identity " + name + " id" + name + " key" + name + "\r\n"
		n.Look(nonce, netip.Addr{}, wrote(console), head, after(2))
		n.Look(nonce, n.Address, wrote("login: volary-check "+nonce+" head reached 10.64.0.10\r\n"), head, after(2.5))
		n.AskedOff, n.Off = after(5), after(6)
		e.Nodes = append(e.Nodes, n)
	}
	return e
}

// wrote is a console with the lines that a look asks for.
func wrote(text string) provisioner.ConsoleText {
	c := provisioner.ConsoleText{Tail: []byte(text)}
	for line := range strings.Lines(text) {
		c.Lines = append(c.Lines, []byte(line))
	}
	return c
}

// TestHalfALineProvesNothing looks while a guest is still writing what it is.
func TestHalfALineProvesNothing(t *testing.T) {
	var n Node
	n.Look(nonce, netip.Addr{}, wrote("volary-check "+nonce+" identity head id key"), head, after(1))
	if !n.Reported.IsZero() {
		t.Errorf("reported %+v", n.Identity)
	}
	n.Look(nonce, netip.Addr{}, wrote("volary-check "+nonce+" identity head id keyAndMore\r\n"), head, after(2))
	if n.Identity.SSHKey != "keyAndMore" {
		t.Errorf("reported %+v", n.Identity)
	}
}

func check(t *testing.T, r provisioner.Report, name string) provisioner.ReportCheck {
	t.Helper()
	for _, c := range r.Checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no check %s", name)
	return provisioner.ReportCheck{}
}

func TestEverythingSeenPasses(t *testing.T) {
	r := Judge(good())
	if !r.Passed() {
		t.Fatalf("not passed: %+v", r.Checks)
	}
	for name, want := range map[string]float64{"boots": 2, "address": 2.5, "identities": 2, "head": 2.5, "gate": 3, "shutdown": 1} {
		if got := check(t, r, name).Seconds; got != want {
			t.Errorf("%s took %v s, want %v", name, got, want)
		}
	}
	for _, c := range r.Checks {
		if c.Channel == "" {
			t.Errorf("%s passed and names no channel", c.Name)
		}
	}
	if by := check(t, r, "boots").Channel; by != provisioner.ChannelConsole {
		t.Errorf("a boot that the console told first is seen by %s", by)
	}
	if n := len(check(t, r, "head").Nodes); n != 1 {
		t.Errorf("%d nodes had to reach the head, want 1", n)
	}
}

// TestAHeadAlone has no node that could reach it: that check is not made, and has not passed.
func TestAHeadAlone(t *testing.T) {
	e := good()
	e.Nodes, e.Over = e.Nodes[:1], true
	r := Judge(e)
	if c := check(t, r, "head"); c.Result != provisioner.NotObserved || !strings.Contains(c.Evidence, "no such node") || !r.Passed() {
		t.Errorf("%s %q, passed: %t", c.Result, c.Evidence, r.Passed())
	}
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	for _, c := range []struct {
		name, check string
		spoil       func(*Evidence)
		want        string
	}{
		{"silent", "boots", func(e *Evidence) { e.Nodes[1] = Node{Name: "compute-001", StartedAt: start, Address: head.Next()} }, "Nothing on the console"},
		{"panic", "boots", func(e *Evidence) {
			e.Nodes[1] = Node{Name: "compute-001", StartedAt: start, Address: head.Next(), Console: []byte("Kernel panic - not syncing")}
		}, "kernel panic"},
		{"no address", "address", func(e *Evidence) { e.Nodes[1].Leased = time.Time{} }, "DHCP client"},
		{"no report", "identities", func(e *Evidence) { e.Nodes[1].Reported = time.Time{} }, "cloud-init"},
		{"same machine id", "identities", func(e *Evidence) { e.Nodes[1].Identity.MachineID = "idhead" }, "head and compute-001 have the same machine id"},
		{"same key", "identities", func(e *Evidence) { e.Nodes[1].Identity.SSHKey = "keyhead" }, "same SSH host key"},
		{"same name", "identities", func(e *Evidence) { e.Nodes[1].Identity.Hostname = "head" }, "same host name"},
		{"head unreached", "head", func(e *Evidence) { e.Nodes[1].Reached = time.Time{} }, "search domain"},
		{"not ready", "gate", func(e *Evidence) { e.ReadyAt, e.Why = time.Time{}, "Not ready in time: compute-001." }, "Not ready in time"},
		{"deaf", "shutdown", func(e *Evidence) { e.Nodes[1].Forced = true }, "ACPI power button"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := good()
			e.Over = true
			c.spoil(&e)
			r := Judge(e)
			got := check(t, r, c.check)
			if got.Result != provisioner.ResultFailed || !strings.Contains(got.Evidence, c.want) || r.Passed() {
				t.Errorf("%s is %s: %q, want failed with %q", c.check, got.Result, got.Evidence, c.want)
			}
			e.Over = false
			if e.Why == "" && !e.Nodes[1].Forced && !strings.HasPrefix(c.want, "head and") && !strings.HasPrefix(c.want, "same") {
				if got := check(t, Judge(e), c.check); got.Result != provisioner.ResultPending {
					t.Errorf("before the end %s is %s", c.check, got.Result)
				}
			}
		})
	}
}

func TestLinesOfAnotherTestProveNothing(t *testing.T) {
	n := Node{Name: "compute-001", Address: head.Next()}
	n.Look(nonce, head, wrote("volary-check other0000 identity a b c\nvolary-check "+nonce+"\n volary-check "+nonce+" head reached 10.64.0.99\n"), head, start)
	if !n.Reported.IsZero() || !n.Reached.IsZero() || !n.Leased.IsZero() {
		t.Errorf("proved %+v", n)
	}
}

// TestEvidenceIsKeptBetweenLooks writes evidence down and takes it up again: the same report follows.
func TestEvidenceIsKeptBetweenLooks(t *testing.T) {
	for name, e := range map[string]Evidence{"good": good(), "nothing seen": {Nonce: nonce, Nodes: []Node{{Name: "head"}}}} {
		for i := range e.Nodes {
			e.Nodes[i].Console = []byte("\x1b[1mbooting\x1b[0m\r\nlogin: ")
		}
		want := Judge(e)
		b, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var again Evidence
		if err := json.Unmarshal(b, &again); err != nil {
			t.Fatal(err)
		}
		again.Recall(want)
		if got := Judge(again); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

func TestExcerptIsPrintable(t *testing.T) {
	got := Excerpt([]byte("\x1b[2J\x1b[1;32mgreen\x1b[0m\r\n\x1b]0;title\x07\x00\xff<script>\tend\r\n"))
	if got != "green\n\uFFFD<script>\tend" {
		t.Errorf("excerpt %q", got)
	}
	long := Excerpt([]byte(strings.Repeat("é", 9000)))
	if len(long) > excerptBytes || strings.Contains(long, "\uFFFD") {
		t.Errorf("a long line gives %d bytes", len(long))
	}
}

func FuzzExcerpt(f *testing.F) {
	f.Add([]byte("\x1b[31mred\n"))
	f.Fuzz(func(t *testing.T, console []byte) {
		if got := Excerpt(console); len(got) > excerptBytes || strings.ContainsAny(got, "\x1b\r\x00") {
			t.Errorf("excerpt %q", got)
		}
	})
}

// TestEndingNamesWhatUEFIShows as OVMF 2022.11 writes it, with its colours and places.
func TestEndingNamesWhatUEFIShows(t *testing.T) {
	for console, want := range map[string]string{
		"BdsDxe: starting Boot0002 \"EFI Internal Shell\"\r\n\x1b[2J\x1b[01;01HUEFI Interactive Shell v2.2\r\nEDK II\r\n":             "UEFI's shell",
		"BdsDxe: No bootable option or device was found.\r\nBdsDxe: Press any key to enter the Boot Manager Menu.\r\n":                "UEFI found nothing to start",
		"BdsDxe: starting Boot0001\r\n!!!! X64 Exception Type - 0E(#PF - Page-Fault)  CPU Apic ID - 00000000 !!!!\r\n":                "more memory",
		"BdsDxe: loading Boot0001 \"UEFI Misc Device\"\r\nBdsDxe: starting Boot0001 \"UEFI Misc Device\"\r\nvolary: ready\r\nlogin: ": "",
	} {
		if got := Ending([]byte(console)); !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%q: %q, want %q", console, got, want)
		}
	}
}
