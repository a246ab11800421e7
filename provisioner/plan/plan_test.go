package plan_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/cloudinit"
	"volary.dev/provisioner/plan"
)

var update = flag.Bool("update", false, "write the golden anew")

// three is a model of a head and two groups that differ in all that a plan takes of a group.
func three() provisioner.Model {
	return provisioner.Model{
		Format: provisioner.ModelFormat, SignInUser: "ada",
		Head: provisioner.Group{Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 1024, DiskGiB: 8}, Gate: provisioner.Gate{Kind: provisioner.GateAddress, TimeoutSeconds: 60}},
		Compute: []provisioner.Group{
			{
				Name: "compute", Count: provisioner.Count{Least: 1, Most: 8}, Shape: provisioner.Shape{VCPUs: 2, MemoryMiB: 2048, DiskGiB: 10},
				UserData: "#!/bin/sh\necho compute\n", Gate: provisioner.Gate{Kind: provisioner.GateConsole, Text: "slurmd up", TimeoutSeconds: 120},
			},
			{
				Name: "gpu", Count: provisioner.Count{Most: 2}, Shape: provisioner.Shape{VCPUs: 8, MemoryMiB: 65536, DiskGiB: 40}, Firmware: provisioner.FirmwareUEFI,
				UserData: "#!/bin/sh\necho gpu\n", Gate: provisioner.Gate{Kind: provisioner.GateConsole, Text: "cuda up", TimeoutSeconds: 300},
			},
		},
	}
}

// cluster puts a model's nodes on hosts in turn.
func cluster(t interface{ Fatal(...any) }, m provisioner.Model, counts map[string]int, n plan.Net, hosts int) plan.Cluster {
	places, err := n.Places(m, counts)
	if err != nil {
		t.Fatal(err)
	}
	c := plan.Cluster{
		ID: id(0), Name: "trial-1", Model: m, Net: n, SSHKeys: []string{"ssh-ed25519 AAAAFake ada@laptop"}, Secret: "c2VjcmV0",
		MachineType: "q35", Generation: 3, MTU: 1450, Masquerade: true, Forbidden: []netip.Prefix{netip.MustParsePrefix("10.77.1.0/24")},
	}
	for i, p := range places {
		c.Nodes = append(c.Nodes, plan.Node{
			ID: id(i + 1), Place: p, Host: host(i%hosts + 1), Image: plan.Image{Digest: strings.Repeat("ab", 32), Firmware: provisioner.FirmwareBoth},
		})
	}
	c.Nodes[0].SSHPort = 22107
	return c
}

func id(n int) uuid.UUID { return uuid.MustParse(fmt.Sprintf("0192f0c1-0000-7000-8000-%012d", n)) }

func host(n int) plan.Host {
	return plan.Host{Name: fmt.Sprint("host-", n), Underlay: netip.AddrFrom4([4]byte{10, 77, 1, byte(n)}), Acceleration: provisioner.AccelerationKVM}
}

func own() plan.Net { return plan.Net{VNI: 0x123456, Subnet: netip.MustParsePrefix("10.128.4.0/24")} }

func made(t interface{ Fatal(...any) }, c plan.Cluster) plan.Plan {
	p, err := plan.Make(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPlanGolden(t *testing.T) {
	c := cluster(t, three(), map[string]int{"compute": 2, "gpu": 1}, own(), 2)
	c.Nodes[1].Shape = provisioner.Shape{VCPUs: 4, MemoryMiB: 4096, DiskGiB: 20} // its host gives more than it needs
	p := made(t, c)
	var got bytes.Buffer
	show := func(what string, v any) {
		text, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&got, "=== %s\n%s\n", what, text)
	}
	for n := range 2 {
		show("network of "+host(n+1).Name, p.Network(host(n+1), true))
	}
	for _, n := range c.Nodes {
		spec, err := p.Node(n.ID)
		if err != nil {
			t.Fatal(err)
		}
		seed, err := p.Seed(n.ID)
		if err != nil {
			t.Fatal(err)
		}
		if disk, err := seed.Build(); err != nil || !bytes.Equal(disk, spec.Seed) {
			t.Errorf("%s boots with another seed than its own: %v", n.Name, err)
		}
		spec.Seed = nil
		show(n.Name+" of "+n.Group, spec)
		show("gate of "+n.Name, p.Gate(n.ID))
		files, err := seed.Files()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&got, "=== %s: user-data and environment\n%s%s", n.Name, files[1].Content, seed.Environment())
	}
	const golden = "testdata/three.golden"
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(golden); err != nil || !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%s differs; run with -update and read the difference: %v\n%s", golden, err, got.Bytes())
	}
}

// Clusters that are there were given their places by this rule; what it gives to one group called compute must not change.
func TestPlacesOfOneGroup(t *testing.T) {
	m := three()
	m.Compute = m.Compute[:1]
	places, err := own().Places(m, map[string]int{"compute": 2})
	if err != nil {
		t.Fatal(err)
	}
	mac := func(last byte) net.HardwareAddr { return net.HardwareAddr{0x02, 0x12, 0x34, 0x56, 0, last} }
	want := []plan.Place{
		{Group: "head", Name: "head", Address: netip.MustParseAddr("10.128.4.10"), MAC: mac(10)},
		{Group: "compute", Name: "compute-001", Address: netip.MustParseAddr("10.128.4.11"), MAC: mac(11)},
		{Group: "compute", Name: "compute-002", Address: netip.MustParseAddr("10.128.4.12"), MAC: mac(12)},
	}
	if !reflect.DeepEqual(places, want) {
		t.Errorf("places %+v, want %+v", places, want)
	}
	if n := plan.MostNodes(24); n != 245 { // .10 to .254
		t.Errorf("a subnet of 256 addresses has room for %d nodes", n)
	}
}

func TestPlacesRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		net    string
		counts map[string]int
		says   string
	}{
		"fewer than its least":    {"10.0.0.0/24", map[string]int{"gpu": 1}, "group compute has 1 to 8 nodes, not 0"},
		"more than its most":      {"10.0.0.0/24", map[string]int{"compute": 1, "gpu": 3}, "group gpu has 0 to 2 nodes, not 3"},
		"a group of no model":     {"10.0.0.0/24", map[string]int{"compute": 1, "tpu": 1}, "no group tpu"},
		"more than the subnet":    {"10.0.0.0/28", map[string]int{"compute": 3, "gpu": 2}, "10.0.0.0/28 has no addresses for 1 nodes more"},
		"no room for a head":      {"10.0.0.0/29", map[string]int{"compute": 1}, "no address for a head"},
		"no subnet":               {"", map[string]int{"compute": 1}, "no address for a head"},
		"a subnet of IPv6":        {"fd00::/120", map[string]int{"compute": 1}, "no address for a head"},
		"none of what may be not": {"10.0.0.0/24", map[string]int{"compute": 1, "tpu": 0}, ""},
	} {
		subnet, _ := netip.ParsePrefix(c.net)
		_, err := plan.Net{VNI: 7, Subnet: subnet}.Places(three(), c.counts)
		if errors.Is(err, plan.ErrPlan) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

func TestMakeRefuses(t *testing.T) {
	address := func(s string) netip.Addr { return netip.MustParseAddr(s) }
	for name, change := range map[string]func(*plan.Cluster){
		"an id twice":          func(c *plan.Cluster) { c.Nodes[1].ID = c.Nodes[0].ID },
		"a name twice":         func(c *plan.Cluster) { c.Nodes[2].Name = c.Nodes[1].Name },
		"an address twice":     func(c *plan.Cluster) { c.Nodes[2].Address = c.Nodes[1].Address },
		"a MAC twice":          func(c *plan.Cluster) { c.Nodes[2].MAC = c.Nodes[1].MAC },
		"a group of no model":  func(c *plan.Cluster) { c.Nodes[1].Group = "tpu" },
		"an address elsewhere": func(c *plan.Cluster) { c.Nodes[1].Address = address("10.128.5.11") },
		"the gateway's":        func(c *plan.Cluster) { c.Nodes[1].Address = address("10.128.4.1") },
		"the subnet's own":     func(c *plan.Cluster) { c.Nodes[1].Address = address("10.128.4.0") },
		"the last":             func(c *plan.Cluster) { c.Nodes[1].Address = address("10.128.4.255") },
		"no subnet":            func(c *plan.Cluster) { c.Net.Subnet = netip.Prefix{} },
	} {
		c := cluster(t, three(), map[string]int{"compute": 2}, own(), 1)
		change(&c)
		if _, err := plan.Make(c); !errors.Is(err, plan.ErrPlan) {
			t.Errorf("%s: %v, want ErrPlan", name, err)
		}
	}
	p := made(t, cluster(t, three(), map[string]int{"compute": 1}, own(), 1))
	if _, err := p.Node(id(9)); !errors.Is(err, plan.ErrPlan) {
		t.Errorf("a node of another cluster: %v", err)
	}
	c := cluster(t, three(), map[string]int{"compute": 1}, own(), 1)
	c.Model.Head.UserData = "echo hello"
	if _, err := made(t, c).Node(c.Nodes[0].ID); !errors.Is(err, cloudinit.ErrSeed) {
		t.Errorf("user-data that no seed takes: %v", err)
	}
}

// A sealed network has no way out, whatever its pool says, and one that is not open yet publishes nothing.
// User-data is filled in for each node with what is its own; a cluster's domain and its counts are the same on all.
func TestVariablesOfUserData(t *testing.T) {
	const text = "#!/bin/sh\necho __VOLARY_HEAD_ADDRESS__ __VOLARY_NODE_NAME__ __VOLARY_NODE_ADDRESS__ __VOLARY_GROUP_NAME__ __VOLARY_DOMAIN__ __VOLARY_COMPUTE_COUNT__\n"
	c := cluster(t, three(), map[string]int{"compute": 2, "gpu": 1}, own(), 1)
	c.Model.Head.UserData = text
	for i := range c.Model.Compute {
		c.Model.Compute[i].UserData = text
	}
	p := made(t, c)
	for i, want := range []string{"head 10.128.4.10 head", "compute-001 10.128.4.11 compute", "compute-002 10.128.4.12 compute", "gpu-001 10.128.4.13 gpu"} {
		seed, err := p.Seed(c.Nodes[i].ID)
		if want = "#!/bin/sh\necho 10.128.4.10 " + want + " " + c.Domain() + " 3\n"; err != nil || seed.UserData != want {
			t.Errorf("node %d: %q, %v; want %q", i, seed.UserData, err, want)
		}
	}
	c.Model.Head.UserData = "#!/bin/sh\necho __VOLARY_NONE__\n"
	if _, err := made(t, c).Seed(c.Nodes[0].ID); !errors.Is(err, plan.ErrPlan) {
		t.Errorf("a variable that is none: %v", err)
	}
}

func TestASealedNetworkAndAClosedOne(t *testing.T) {
	c := cluster(t, three(), map[string]int{"compute": 1}, own(), 2)
	if n := made(t, c).Network(host(1), false); len(n.Published) != 0 || !n.Masquerade || n.Sealed {
		t.Errorf("closed: %+v", n)
	}
	if n := made(t, c).Network(host(2), true); len(n.Published) != 0 || len(n.Peers) != 1 || n.Peers[0] != host(1).Underlay {
		t.Errorf("the host without the head: %+v", n)
	}
	c.Sealed = true
	if n := made(t, c).Network(host(1), true); n.Masquerade || !n.Sealed {
		t.Errorf("sealed: %+v", n)
	}
}

// A workstation has a model, a node's id and nothing else of a deployment.
func TestAPlanWithoutADeployment(t *testing.T) {
	places, err := own().Places(three(), map[string]int{"compute": 1})
	if err != nil {
		t.Fatal(err)
	}
	c := plan.Cluster{Name: "try", Model: three(), Net: own()}
	for i, p := range places {
		c.Nodes = append(c.Nodes, plan.Node{ID: id(i), Place: p})
	}
	p := made(t, c)
	if n := p.Network(plan.Host{}, true); len(n.Peers) != 0 || len(n.Entries) != 2 {
		t.Errorf("network %+v", n)
	}
	if spec, err := p.Node(id(1)); err != nil || spec.Shape != three().Compute[0].Shape || spec.Name != "compute-001" {
		t.Errorf("node %+v, %v", spec, err)
	}
}

// Of any model: no two nodes share a name, an address or a MAC; the same input is the same plan; and what is secret is in seeds alone.
func TestPlanProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, counts := three(), map[string]int{}
		m.Compute = nil
		for i := range rapid.IntRange(0, 4).Draw(t, "groups") {
			// Names that end in numbers are the ones that could meet a node's.
			name := rapid.SampledFrom([]string{"a", "a-001", "compute", "gpu-a", "n1"}).Draw(t, "name") + strings.Repeat("x", i)
			g := three().Compute[i%2]
			g.Name, g.Count.Least = name, 0
			counts[name] = rapid.IntRange(0, g.Count.Most).Draw(t, "count")
			m.Compute = append(m.Compute, g)
		}
		n := plan.Net{
			VNI:    uint32(rapid.IntRange(1, 1<<24-1).Draw(t, "VNI")),
			Subnet: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(rapid.IntRange(0, 255).Draw(t, "subnet")), 16, 0}), rapid.IntRange(20, 26).Draw(t, "bits")),
		}
		hosts := rapid.IntRange(1, 3).Draw(t, "hosts")
		c := cluster(t, m, counts, n, hosts)
		c.Secret = rapid.StringMatching(`[a-z0-9]{12,40}`).Draw(t, "secret")
		p, names, addresses, macs := made(t, c), map[string]bool{}, map[netip.Addr]bool{}, map[string]bool{}
		for _, n := range c.Nodes {
			if names[n.Name] || addresses[n.Address] || macs[n.MAC.String()] {
				t.Fatalf("%s (%s, %s) shares with another", n.Name, n.Address, n.MAC)
			}
			names[n.Name], addresses[n.Address], macs[n.MAC.String()] = true, true, true
			if !c.Net.Subnet.Contains(n.Address) || strings.Contains(n.Name, c.Secret) {
				t.Fatalf("%s has %s", n.Name, n.Address)
			}
		}
		again := c
		another := c
		another.Secret = "an0therSecret"
		for i := range c.Nodes {
			one, two, other := spec(t, p, id(i+1)), spec(t, made(t, again), id(i+1)), spec(t, made(t, another), id(i+1))
			if !reflect.DeepEqual(one, two) {
				t.Fatalf("the same input gave\n%+v\nand\n%+v", one, two)
			}
			if bytes.Equal(one.Seed, other.Seed) || !bytes.Contains(one.Seed, []byte(c.Secret)) {
				t.Fatal("the secret is not in the seed")
			}
			one.Seed, other.Seed = nil, nil
			if !reflect.DeepEqual(one, other) {
				t.Fatalf("another secret makes of\n%+v\nthis:\n%+v", one, other)
			}
		}
		for h := range hosts {
			if a, b := p.Network(host(h+1), true), made(t, another).Network(host(h+1), true); !reflect.DeepEqual(a, b) {
				t.Fatalf("another secret makes of\n%+v\nthis:\n%+v", a, b)
			}
		}
	})
}

func spec(t *rapid.T, p plan.Plan, id uuid.UUID) provisioner.NodeSpec {
	s, err := p.Node(id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Members' logins are in seeds where the model asks for them and somebody may come and go: not in a test's, and in no other model's.
func TestLoginsAreInSeeds(t *testing.T) {
	m := three()
	c := cluster(t, m, map[string]int{"compute": 1}, own(), 1)
	c.Logins = []provisioner.Login{{Name: "ada", UID: 70001, Keys: []string{"ssh-ed25519 AAAAada"}}}
	for name, want := range map[string]struct {
		accounts bool
		start    int
		there    bool
	}{
		"asked for": {true, 2, true}, "a test": {true, 0, false}, "not asked for": {false, 2, false},
	} {
		c.Model.Accounts, c.Start = want.accounts, want.start
		s, err := made(t, c).Seed(id(1))
		if err != nil || (len(s.Logins) == 1) != want.there || s.Accounts != want.there || s.Start != want.start {
			t.Errorf("%s: %+v, %v", name, s.Logins, err)
		}
	}
}

// What joins a cluster shares nothing with what is there, takes the lowest names, and the place of what is gone last of all.
func TestJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := plan.Net{VNI: 7, Subnet: netip.PrefixFrom(netip.MustParseAddr("10.128.4.0"), rapid.IntRange(24, 27).Draw(t, "bits"))}
		var there []plan.Place
		var before []netip.Addr
		gone := map[string]bool{}
		for step := range rapid.IntRange(1, 6).Draw(t, "steps") {
			more := rapid.IntRange(0, 12).Draw(t, "more")
			group := rapid.SampledFrom([]string{"compute", "gpu"}).Draw(t, "group")
			joined, err := n.Join(group, more, there, before)
			room := plan.MostNodes(n.Subnet.Bits()) - 1 - len(there)
			if (err != nil) != (more > room) || err != nil && !errors.Is(err, plan.ErrPlan) {
				t.Fatalf("step %d: %d more where there are %d addresses: %v", step, more, room, err)
			}
			fresh := room
			for a := range gone {
				if !slices.ContainsFunc(there, func(p plan.Place) bool { return p.Address.String() == a }) {
					fresh--
				}
			}
			for i, p := range joined {
				for _, other := range append(slices.Clone(there), joined[:i]...) {
					if other.Name == p.Name || other.Address == p.Address || other.MAC.String() == p.MAC.String() {
						t.Fatalf("%+v beside %+v", p, other)
					}
				}
				if !n.Subnet.Contains(p.Address) || p.Role() != provisioner.RoleCompute || p.Group != group || gone[p.Address.String()] != (i >= fresh) {
					t.Fatalf("%+v of %d with %d fresh addresses", p, i, fresh)
				}
			}
			for number := 1; number <= len(joined); number++ { // no lower name was left out
				name := provisioner.NodeName(group, number)
				has := func(p plan.Place) bool { return p.Name == name }
				if !slices.ContainsFunc(there, has) && !slices.ContainsFunc(joined, has) {
					t.Fatalf("%s is free, and others were given: %+v", name, joined)
				}
			}
			there = append(there, joined...)
			there = slices.DeleteFunc(there, func(p plan.Place) bool {
				leaves := rapid.IntRange(0, 2).Draw(t, "leaves") == 0
				if leaves {
					before, gone[p.Address.String()] = append(before, p.Address), true
				}
				return leaves
			})
		}
	})
}
