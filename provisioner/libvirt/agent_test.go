//go:build libvirt

package libvirt

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/drivertest"
	"volary.dev/provisioner/waittest"
)

// hostileAgent is what a guest runs at its agent's port in place of an agent: a script with the port as its file 3. What was asked
// last is $l.
type hostileAgent struct {
	name, script string
	want         error
}

// honestly answers as an agent does until a command is to be run, and with an argument until a ping. Where nobody is at the other
// end yet a port reads as a file does at its end.
const honestly = `
next() { until read -r l <&3; do usleep 50000; done; }
honestly() {
	while next; do
		case "$l" in
		*guest-sync*) id=${l##*:}; echo "{\"return\":${id%%\}*}}" >&3 ;;
		*guest-ping*) [ -z "$1" ] || return; echo '{"return":{}}' >&3 ;;
		*) return ;;
		esac
	done
}
`

func hostileAgents() []hostileAgent {
	const xs, as = `tr '\0' x </dev/zero | head -c`, `tr '\0' A </dev/zero | head -c`
	return []hostileAgent{
		{"never answers", `while next; do :; done`, provisioner.ErrNoAgent},
		{"never comes to an end", `while honestly; do case "$l" in *status*) echo '{"return":{"exited":false}}' >&3 ;; *) echo '{"return":{"pid":7}}' >&3 ;; esac; done`, provisioner.ErrGuestTime},
		{"sends 100 MiB", `next; ` + xs + ` 104857600 >&3`, provisioner.ErrNoAgent},
		{"answers with 6 MiB", `while honestly ping; do echo "{\"return\":\"$(` + xs + ` 6291456)\"}" >&3; done`, provisioner.ErrNoAgent},
		{"answers another's question", `while next; do echo '{"return":12345}' >&3; done`, provisioner.ErrNoAgent},
		{"leaves in the middle", `honestly; printf '{"return":{"pi' >&3; exec 3>&-; sleep 1000`, provisioner.ErrGuestNonsense},
		{"answers what is no JSON", `while next; do echo '}{ no: json' >&3; done`, provisioner.ErrNoAgent},
		{"drips", `next; while printf x >&3; do sleep 1; done`, provisioner.ErrNoAgent},
		{
			"gives more than was asked for",
			`honestly; echo '{"return":{"pid":7}}' >&3; honestly; echo "{\"return\":{\"exited\":true,\"exitcode\":0,\"out-data\":\"$(` + as + ` 400000)\"}}" >&3; while next; do :; done`,
			provisioner.ErrGuestNonsense,
		},
	}
}

// userData takes the port before the image's own agent does.
func (h hostileAgent) userData() string {
	return "#!/bin/sh\n(\nexec 3<>/dev/$(basename /sys/class/virtio-ports/vport*)\necho volary-test: at the port >/dev/console\n" + honestly + h.script + "\n) </dev/null >/dev/null 2>&1 &\n"
}

// TestHostileAgents puts guests on one host that do at their agent's port what no agent would, and asks all of them at once. An
// honest neighbour's agent and console, and the host's rounds, go on; libvirtd's memory does not grow by what they send.
func TestHostileAgents(t *testing.T) {
	s := newSite(t, 1)
	d, host := s.drivers[0], s.lab.Hosts()[0]
	neighbour := s.lonelyGuest(t, 0)
	agents := hostileAgents()
	nodes := make([]uuid.UUID, len(agents))
	network := drivertest.Network(601, host.Underlay)
	for i := range agents {
		e := network.Entries[1]
		e.MAC = bytes.Clone(e.MAC)
		e.MAC[5], e.Name, e.IP = byte(100+i), fmt.Sprintf("compute-%03d", 100+i), netip.AddrFrom4([4]byte{10, 200, byte(601 % 256), byte(100 + i)})
		network.Entries = append(network.Entries, e)
	}
	if err := d.EnsureNetwork(t.Context(), network); err != nil {
		t.Fatal(err)
	}
	for i, a := range agents {
		e := network.Entries[2+i]
		n := provisioner.NodeSpec{
			ID: uuid.Must(uuid.NewV7()), ClusterID: network.ClusterID, Name: e.Name, MAC: e.MAC, ImageDigest: s.digest, VNI: network.VNI,
			Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 128, DiskGiB: 2}, Acceleration: provisioner.AccelerationTCG,
		}
		n.Seed = seedOf(t, n, network.Domain, network.Entries, a.userData())
		if err := d.EnsureNode(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		nodes[i] = n.ID
	}
	s.awaitText(t, nodes, "volary-test: at the port")
	waittest.Until(t, "the neighbour's agent", func() bool { return s.hostname(t, s.lonely[0].ID, provisioner.ErrNoAgent) })

	before, rounds := s.daemonMemory(t), 1
	if os.Getenv("VOLARY_TEST_FULL") != "" {
		rounds = 2 // of some who have left, or were left by libvirt
	}
	for round := range rounds {
		var asked sync.WaitGroup
		for i, a := range agents {
			asked.Go(func() { s.askHostile(t, nodes[i], a, round) })
		}
		over := make(chan struct{})
		go func() { asked.Wait(); close(over) }()
		beside := s.lives(t, neighbour, over)
		after := s.daemonMemory(t)
		t.Logf("round %d: beside them %d commands in the neighbour, each with a round and a line on the console, the slowest %s; libvirtd has %d MiB, had %d",
			round, beside.times, beside.slowest.Round(time.Millisecond), after>>20, before>>20)
		// Ten of them may have 10 MiB each under way; 100 MiB of one are not kept.
		if beside.times == 0 || after-before > 160<<20 {
			t.Errorf("round %d: %+v, and %d MiB more", round, beside, (after-before)>>20)
		}
	}
}

// askHostile has an agent run something, and looks at what comes of it. In the second round some have left, or were left by libvirt.
func (s *site) askHostile(t *testing.T, id uuid.UUID, a hostileAgent, round int) {
	began, limit := time.Now(), 5*time.Minute
	if errors.Is(a.want, provisioner.ErrGuestTime) {
		limit = 15 * time.Second
	}
	_, err := s.drivers[0].Exec(t.Context(), id, provisioner.Command{Argv: []string{"true"}, Limits: provisioner.CommandLimits{Time: limit}})
	t.Logf("round %d: one that %s: %v (%s)", round, a.name, err, time.Since(began).Round(time.Millisecond))
	if !errors.Is(err, a.want) && (round == 0 || !errors.Is(err, provisioner.ErrNoAgent)) || errors.Is(err, provisioner.ErrHostUnreachable) {
		t.Errorf("one that %s: %v, want %v", a.name, err, a.want)
	}
}

type beside struct {
	times   int
	slowest time.Duration
}

// lives uses what a host has to do for others, until over.
func (s *site) lives(t *testing.T, neighbour *shell, over <-chan struct{}) (b beside) {
	t.Helper()
	for {
		began := time.Now()
		s.hostname(t, s.lonely[0].ID, nil)
		b.slowest = max(b.slowest, time.Since(began))
		if _, err := s.drivers[0].Observe(t.Context()); err != nil {
			t.Errorf("a round: %v", err)
		}
		neighbour.can("run a command while agents are hostile", "true")
		b.times++
		select {
		case <-over:
			return b
		default:
		}
	}
}

// hostname has the node tell its name, and says whether it did; but is an error that may be.
func (s *site) hostname(t *testing.T, id uuid.UUID, but error) bool {
	t.Helper()
	r, err := s.drivers[0].Exec(t.Context(), id, provisioner.Command{Argv: []string{"hostname"}, Limits: provisioner.CommandLimits{Time: 2 * time.Minute}})
	if but != nil && errors.Is(err, but) {
		return false
	}
	if err != nil || string(r.Stdout) != "head\n" || r.Status != 0 {
		t.Errorf("the neighbour's agent: %+v, %v", r, err)
	}
	return err == nil
}

// awaitText waits until every node has written a text.
func (s *site) awaitText(t *testing.T, nodes []uuid.UUID, text string) {
	t.Helper()
	var queries []provisioner.ConsoleQuery
	for _, id := range nodes {
		queries = append(queries, provisioner.ConsoleQuery{Node: id, Find: []string{text}})
	}
	waittest.Until(t, "every guest to write "+text, func() bool {
		all, err := s.drivers[0].Consoles(t.Context(), queries)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range all {
			if len(c.Lines) == 0 {
				return false
			}
		}
		return true
	})
}

// daemonMemory is what libvirtd holds of the machine's memory, in bytes.
func (s *site) daemonMemory(t *testing.T) int64 {
	t.Helper()
	out, err := s.lab.Run(t.Context(), 0, "cat", "/proc/"+s.daemonPID(t, 0)+"/statm")
	if err != nil {
		t.Fatal(err)
	}
	var size, resident int64
	if _, err := fmt.Sscan(strings.TrimSpace(string(out)), &size, &resident); err != nil {
		t.Fatal(err)
	}
	return resident * int64(os.Getpagesize())
}
