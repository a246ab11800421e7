package acceptance

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"strconv"
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

const macs = "52:54:00:00:00:0"

// good is a test in which everything was seen.
func good() Evidence {
	e := Evidence{Nonce: nonce, ReadyAt: after(3), User: "volary", AskedAgain: after(7)}
	names := []string{"head", "compute-001"}
	for i, name := range names {
		n := Node{Name: name, Role: provisioner.RoleCompute, Host: "h1", Gate: provisioner.GateConsole, Address: head, StartedAt: start, MAC: macs + string(rune('0'+i))}
		other := names[1-i] + "=" + head.Next().String()
		if i == 0 {
			n.Role = provisioner.RoleHead
		} else {
			n.Address, other = head.Next(), "head="+head.String()
		}
		say := "volary-check " + nonce + " "
		n.Look(nonce, netip.Addr{}, wrote("boot\r\n"+say+"identity "+name+" id"+name+" key"+name+"\r\n"+say+"address "+n.Address.String()+" "+n.MAC+"\r\n"), after(2))
		n.Look(nonce, n.Address, wrote("login: "+say+"peers "+other+"/0.41/"+names[1-i]+".trial-1.volary\r\n"+say+"peers done\r\n"), after(2.5))
		n.SignIn = SignIn{At: after(4), Done: true, Took: 1.5}
		n.AskedOff, n.Off = after(5), after(6)
		n.LookAgain(nonce, wrote(say+"identity "+name+" id"+name+" key"+name+"\r\n"), after(9))
		e.Nodes = append(e.Nodes, n)
	}
	e.Hosts = []HostEvidence{{Host: "h1", Images: []ImageEvidence{{Digest: "d1", Is: "d1", Took: 0.2}}, Network: &provisioner.NetworkReport{Dropped: 2}}}
	e.Own = []Own{{Check: "hello", Node: "head", NodeCheck: JudgeOwn(ownCheck, "head", provisioner.CommandResult{Stdout: []byte("hello\n")}, nil)}}
	return e
}

var ownCheck = provisioner.Check{Name: "hello", Node: "head", Command: []string{"echo", "hello"}, Output: "hello", TimeoutSeconds: 10}

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
	n.Look(nonce, netip.Addr{}, wrote("volary-check "+nonce+" identity head id key"), after(1))
	if !n.Reported.IsZero() {
		t.Errorf("reported %+v", n.Identity)
	}
	n.Look(nonce, netip.Addr{}, wrote("volary-check "+nonce+" identity head id keyAndMore\r\n"), after(2))
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
	if !r.Passed() || r.Count(provisioner.ResultPassed) != len(r.Checks) {
		t.Fatalf("not passed: %+v", r.Checks)
	}
	for name, want := range map[string]float64{"boots": 2, "address": 2.5, "seed": 2, "pings": 2.5, "gate": 3, "sign_in": 1.5, "shutdown": 1, "second_boot": 2, "image": 0.2} {
		if got := check(t, r, name).Seconds; got != want {
			t.Errorf("%s took %v s, want %v", name, got, want)
		}
	}
	for name, want := range map[string]provisioner.Channel{
		"boots": provisioner.ChannelConsole, "address": provisioner.ChannelHost, "host_keys": provisioner.ChannelConsole, "gate": provisioner.ChannelConsole,
		"own: hello": provisioner.ChannelAgent, "sign_in": provisioner.ChannelProbe, "sealed": provisioner.ChannelHost, "image": provisioner.ChannelHost,
	} {
		if got := check(t, r, name).Channel; got != want {
			t.Errorf("%s was seen by %q, want %q", name, got, want)
		}
	}
	for _, c := range r.Checks {
		if c.Channel == "" {
			t.Errorf("%s passed and names no channel", c.Name)
		}
	}
	if told := check(t, r, "pings").Nodes[1]; told.Evidence != "head 0.41 ms" {
		t.Errorf("latencies: %+v", told)
	}
}

// TestAHeadAlone has no node that it could reach: those checks are not made, and have not passed.
func TestAHeadAlone(t *testing.T) {
	e := good()
	e.Nodes, e.Over = e.Nodes[:1], true
	r := Judge(e)
	for _, name := range []string{"names", "pings"} {
		if c := check(t, r, name); c.Result != provisioner.NotObserved || !strings.Contains(c.Evidence, "no such node") || !r.Passed() {
			t.Errorf("%s %q, passed: %t", c.Result, c.Evidence, r.Passed())
		}
	}
}

// TestNothingSeenPassesNothing judges a test of which nothing was seen but its end.
func TestNothingSeenPassesNothing(t *testing.T) {
	e := Evidence{Nonce: nonce, Over: true, Why: "The host did not answer.", Nodes: []Node{{Name: "head", Role: provisioner.RoleHead}}}
	r := Judge(e)
	if r.Passed() || r.Count(provisioner.ResultPassed) != 0 || check(t, r, "gate").Evidence != e.Why {
		t.Errorf("%+v", r.Checks)
	}
	e.Over = false
	if r = Judge(e); r.Count(provisioner.ResultPending) != len(r.Checks) {
		t.Errorf("while it runs: %+v", r.Checks)
	}
}

func TestLinesOfAnotherTestProveNothing(t *testing.T) {
	n := Node{Name: "compute-001", Address: head.Next()}
	n.Look(nonce, head, wrote("volary-check other0000 identity a b c\nvolary-check "+nonce+"\n volary-check "+nonce+"x peers done\n"), start)
	if !n.Reported.IsZero() || !n.PeersAt.IsZero() || !n.Leased.IsZero() {
		t.Errorf("proved %+v", n)
	}
}

// TestAHostileGuestIsBounded tells of more peers than there can be, in words without an end.
func TestAHostileGuestIsBounded(t *testing.T) {
	var n Node
	for i := range 3 * mostPeers {
		n.Look(nonce, netip.Addr{}, wrote("volary-check "+nonce+" peers p"+strconv.Itoa(i)+"=1/2/3\n"), start)
	}
	n.Look(nonce, netip.Addr{}, wrote("volary-check "+nonce+" identity "+strings.Repeat("a", 9000)+" b c\n"), start)
	if len(n.Peers) > mostPeers || len(n.Identity.Hostname) > mostWord {
		t.Errorf("%d peers, a host name of %d bytes", len(n.Peers), len(n.Identity.Hostname))
	}
	loud := JudgeOwn(ownCheck, "head", provisioner.CommandResult{Stdout: []byte(strings.Repeat("\x1b[31mloud\x00 ", 9000))}, nil)
	if loud.Result != provisioner.ResultFailed || len(loud.Evidence) > 2*ownShown || strings.ContainsAny(loud.Evidence, "\x1b\x00") {
		t.Errorf("%d bytes: %q", len(loud.Evidence), loud.Evidence)
	}
}

func TestOwnChecks(t *testing.T) {
	for name, c := range map[string]struct {
		r    provisioner.CommandResult
		err  error
		want provisioner.Result
		says string
	}{
		"as it should":   {provisioner.CommandResult{Stdout: []byte("say hello")}, nil, provisioner.ResultPassed, "say hello"},
		"another status": {provisioner.CommandResult{Status: 3, Stderr: []byte("no queue")}, nil, provisioner.ResultFailed, "status 3, and 0 was expected. It wrote: no queue"},
		"another output": {provisioner.CommandResult{Stdout: []byte("bye")}, nil, provisioner.ResultFailed, `does not have "hello"`},
		"no agent":       {provisioner.CommandResult{}, provisioner.ErrNoAgent, provisioner.NotObserved, "qemu-guest-agent"},
		"too long":       {provisioner.CommandResult{}, provisioner.ErrGuestTime, provisioner.ResultFailed, "within 10 s"},
		"refused":        {provisioner.CommandResult{}, provisioner.ErrGuestRefused, provisioner.NotObserved, "guest-exec"},
	} {
		got := JudgeOwn(ownCheck, "head", c.r, c.err)
		if got.Result != c.want || !strings.Contains(got.Evidence, c.says) || (got.Channel == "") != (c.want == provisioner.NotObserved) {
			t.Errorf("%s: %+v", name, got)
		}
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
