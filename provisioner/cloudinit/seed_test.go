package cloudinit

import (
	"bytes"
	"errors"
	"flag"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kdomanski/iso9660"

	"volary.dev/provisioner"
)

var update = flag.Bool("update", false, "write golden files")

func node(name, ip string) provisioner.NetworkEntry {
	return provisioner.NetworkEntry{Name: name, IP: netip.MustParseAddr(ip)}
}

func seed() Seed {
	return Seed{
		InstanceID: "0192f0c1-0000-7000-8000-000000000001",
		Hostname:   "compute-001",
		Domain:     "trial-1.volary",
		Role:       provisioner.RoleCompute,
		SSHKeys:    []string{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFake ada@example \"<i>\" $(reboot)"},
		Nodes:      []provisioner.NetworkEntry{node("head", "10.80.4.10"), node("compute-001", "10.80.4.11"), node("compute-002", "10.80.4.12")},
		UserData:   "#!/bin/sh\necho hello\n",
		Secret:     "c2VjcmV0",
	}
}

func TestFilesGolden(t *testing.T) {
	launch, test, bare, fill := seed(), seed(), seed(), seed()
	test.Check = &Check{Nonce: "n0nce0001", Peers: true}
	test.UserData = ""
	fill.Check = &Check{Nonce: "n0nce0001", Fill: 3 << 20}
	bare.Hostname, bare.Role, bare.Domain, bare.SSHKeys, bare.Secret = "head", provisioner.RoleHead, "", nil, ""
	for name, s := range map[string]Seed{"launch": launch, "test": test, "bare": bare, "fill": fill} {
		t.Run(name, func(t *testing.T) {
			files, err := s.Files()
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			for _, f := range files {
				got.WriteString("--- " + f.Name + "\n" + f.Content)
			}
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("%s differs; run with -update and read the difference\n%s", golden, got.String())
			}
		})
	}
}

// A seed of before groups had names says nothing of one; a named one stands behind the role.
func TestANamedGroupIsInTheEnvironment(t *testing.T) {
	s := seed()
	plain := s.Environment()
	s.Group = "gpu"
	if got := s.Environment(); got != strings.Replace(plain, "VOLARY_ROLE=compute\n", "VOLARY_ROLE=compute\nVOLARY_GROUP=gpu\n", 1) || got == plain {
		t.Errorf("the environment is\n%sand without a group\n%s", got, plain)
	}
}

func TestVendorDataIsShell(t *testing.T) {
	s := seed()
	s.Check = &Check{Nonce: "n0nce0001"}
	s.Start, s.Accounts, s.Logins = 1, true, []provisioner.Login{{Name: "ada", UID: 70001, Sudo: true, Keys: []string{keyAda}}}
	for _, shell := range [][]string{{"sh", "-n"}, {"busybox", "sh", "-n"}} {
		c := exec.Command(shell[0], shell[1:]...)
		c.Stdin = strings.NewReader(s.vendorData())
		if out, err := c.CombinedOutput(); err != nil && !errors.Is(err, exec.ErrNotFound) {
			t.Errorf("%v: %v: %s", shell, err, out)
		}
	}
}

func TestBuildIsDeterministicAndReadable(t *testing.T) {
	first, err := seed().Build()
	if err != nil {
		t.Fatal(err)
	}
	second, err := seed().Build()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("the same input gave different bytes")
	}
	image, err := iso9660.OpenImage(bytes.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	if name, err := image.Label(); err != nil || name != "cidata" {
		t.Errorf("label = %q, %v; want cidata", name, err)
	}
	root, err := image.RootDir()
	if err != nil {
		t.Fatal(err)
	}
	files, err := root.GetChildren()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	// The writer knows the hyphen to be outside ISO 9660's characters; see what it makes of it.
	if got := strings.Join(names, " "); got != "meta-data user-data vendor-data" {
		t.Errorf("files = %s", got)
	}
}

func TestRefusals(t *testing.T) {
	for name, change := range map[string]func(*Seed){
		"instance":       func(s *Seed) { s.InstanceID = "i 1\nuser" },
		"hostname":       func(s *Seed) { s.Hostname = "a.b" },
		"shell hostname": func(s *Seed) { s.Hostname = "$(reboot)" },
		"domain":         func(s *Seed) { s.Domain = "a..b" },
		"long domain":    func(s *Seed) { s.Domain = strings.Repeat("abcdefgh.", 30) + "x" },
		"role":           func(s *Seed) { s.Role = "login" },
		"no head":        func(s *Seed) { s.Nodes = s.Nodes[1:] },
		"not itself":     func(s *Seed) { s.Hostname = "compute-009" },
		"twice":          func(s *Seed) { s.Nodes = append(s.Nodes, s.Nodes[1]) },
		"IPv6":           func(s *Seed) { s.Nodes[0].IP = netip.MustParseAddr("fd00::1") },
		"group":          func(s *Seed) { s.Group = "gpu; reboot" },
		"secret":         func(s *Seed) { s.Secret = "a\nVOLARY\nreboot" },
		"nonce":          func(s *Seed) { s.Check = &Check{Nonce: "x y"} },
		"key line break": func(s *Seed) { s.SSHKeys = []string{"ssh-ed25519 AAAA\nssh-rsa BBBB"} },
		"key options":    func(s *Seed) { s.SSHKeys = []string{`command="reboot" ssh-ed25519 AAAA`} },
		"user-data":      func(s *Seed) { s.UserData = "echo hello" },
		"login": func(s *Seed) {
			s.Start, s.Accounts, s.Logins = 1, true, []provisioner.Login{{Name: "$(reboot)", UID: 70001}}
		},
		"too many keys":  func(s *Seed) { s.SSHKeys = make([]string, provisioner.MaxSeedKeys+1) },
		"too many nodes": func(s *Seed) { s.Nodes = make([]provisioner.NetworkEntry, MaxNodes+1) },
	} {
		s := seed()
		change(&s)
		if _, err := s.Build(); !errors.Is(err, ErrSeed) {
			t.Errorf("%s: err = %v, want ErrSeed", name, err)
		}
	}
}
