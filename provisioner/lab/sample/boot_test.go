package sample_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"volary.dev/provisioner"
	"volary.dev/provisioner/cloudinit"
)

func TestBoot(t *testing.T) {
	if testing.Short() {
		t.Skip("boots the sample image")
	}
	signer, line := newKey(t)
	given := cloudinit.Seed{
		InstanceID: "0192f0c1-0000-7000-8000-000000000001", Hostname: "head", Domain: "trial-1.volary", Role: provisioner.RoleHead,
		SSHKeys:  []string{line},
		Nodes:    []provisioner.NetworkEntry{{Name: "head", IP: netip.MustParseAddr("10.0.2.15")}, {Name: "compute-001", IP: netip.MustParseAddr("10.0.2.16")}},
		UserData: "#!/bin/sh\n. /etc/volary/env\necho \"user-data of $VOLARY_ROLE saw $(cat /etc/volary/secret)\"\n",
		Secret:   "c2VjcmV0", Check: &cloudinit.Check{Nonce: "n0nce0001"},
	}
	seed := built(t, given)
	disk := overlay(t)

	began := time.Now()
	m := boot(t, disk, seed)
	m.expect("user-data of head saw c2VjcmV0")
	m.expect("volary: ready")
	t.Logf("ready %s after the start of QEMU", time.Since(began).Round(10*time.Millisecond))
	m.expect("login: ")
	m.typeLine("root")
	m.expect("# ")
	m.typeLine("hostname; grep compute-001 /etc/hosts; cat /etc/resolv.conf; touch /root/kept")
	for _, want := range []string{"head", "10.0.2.16 compute-001.trial-1.volary compute-001", "search trial-1.volary"} {
		m.expect(want)
	}
	first := sshRun(t, m, signer, "root", "for tool in ping nc wget ip nslookup arping ssh; do command -v $tool; done | wc -l; sync; grep -c . /root/kept /etc/hostname")
	if first.output != "7\n/root/kept:0\n/etc/hostname:1\n" {
		t.Errorf("ssh as root printed %q", first.output)
	}
	if who := sshRun(t, m, signer, "volary", "id -un"); who.output != "volary\n" {
		t.Errorf("ssh as volary printed %q", who.output)
	}
	m.powerButton()
	for _, want := range []*regexp.Regexp{
		regexp.MustCompile(`(?m)^volary-check n0nce0001 identity head [0-9a-f]{32} AAAA\S+\r*$`),
		regexp.MustCompile(`(?m)^volary-check n0nce0001 address 10\.0\.2\.15 52:54:00:12:34:56\r*$`),
	} {
		if !want.Match(m.output) {
			t.Errorf("no line %s on the console", want)
		}
	}

	// The next start is given somebody else's key alone.
	other, line := newKey(t)
	given.SSHKeys = []string{line}
	again := boot(t, disk, built(t, given))
	again.expect("volary: ready")
	if _, err := ssh.Dial("tcp", again.ssh, sshAs("root", signer, nil)); err == nil || !strings.Contains(err.Error(), "unable to authenticate") {
		t.Errorf("the key of the first start at the second: %v", err)
	}
	second := sshRun(t, again, other, "root", "ls /root/kept; grep -c 'volary begin' /etc/hosts")
	if second.output != "/root/kept\n1\n" || second.hostKey != first.hostKey {
		t.Errorf("after a restart: output %q, host key kept: %t", second.output, second.hostKey == first.hostKey)
	}
	again.powerButton()
}

func newKey(t *testing.T) (ssh.Signer, string) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey()))) + " ada@example"
}

func built(t *testing.T, s cloudinit.Seed) []byte {
	t.Helper()
	seed, err := s.Build()
	if err != nil {
		t.Fatal(err)
	}
	return seed
}

type answer struct{ output, hostKey string }

// sshAs is how to sign in; the host's key is noted where it is asked for.
func sshAs(user string, key ssh.Signer, hostKey *string) *ssh.ClientConfig {
	return &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, Timeout: patience, HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			if hostKey != nil {
				*hostKey = ssh.FingerprintSHA256(key)
			}
			return nil
		},
	}
}

func sshRun(t *testing.T, m *machine, key ssh.Signer, user, command string) answer {
	t.Helper()
	var a answer
	client, err := ssh.Dial("tcp", m.ssh, sshAs(user, key, &a.hostKey))
	if err != nil {
		t.Fatalf("ssh as %s: %v", user, err)
	}
	defer client.Close()
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	out, err := session.CombinedOutput(command)
	if err != nil {
		t.Errorf("%s as %s: %v", command, user, err)
	}
	a.output = string(out)
	return a
}
