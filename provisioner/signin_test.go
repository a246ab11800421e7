package provisioner_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"volary.dev/provisioner"
)

const print1, print2 = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "SHA256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb+"

// ciConsole is what cloud-init 22.4 writes, found lines alone, a kernel's line between them.
const ciConsole = `ci-info: ++++Authorized keys from /home/debian/.ssh/authorized_keys for user debian++++
<14>Nov 29 15:00:01 cloud-init: -----BEGIN SSH HOST KEY FINGERPRINTS-----
<14>Nov 29 15:00:01 cloud-init: 256 ` + print2 + ` root@head (ECDSA)
<14>Nov 29 15:00:01 cloud-init: 256 ` + print1 + ` root@head (ED25519)
<14>Nov 29 15:00:01 cloud-init: -----END SSH HOST KEY FINGERPRINTS-----
`

func TestReadSignIn(t *testing.T) {
	keys := []provisioner.HostKey{{Kind: "ECDSA", Fingerprint: print2}, {Kind: "ED25519", Fingerprint: print1}}
	begin, end := "-----BEGIN SSH HOST KEY FINGERPRINTS-----\n", "-----END SSH HOST KEY FINGERPRINTS-----\n"
	one := "256 " + print1 + " no comment (ED25519)\n"
	for name, c := range map[string]struct {
		console string
		want    provisioner.SignIn
		whole   bool
	}{
		"nothing":            {"", provisioner.SignIn{}, false},
		"cloud-init":         {ciConsole, provisioner.SignIn{User: "debian", HostKeys: keys}, true},
		"the last block":     {begin + "256 " + print2 + " x (RSA)\n" + end + ciConsole, provisioner.SignIn{User: "debian", HostKeys: keys}, true},
		"half a block":       {begin + one, provisioner.SignIn{}, false},
		"whole, then half":   {begin + one + end + begin + "256 " + print2 + " x (RSA)\n", provisioner.SignIn{HostKeys: keys[1:]}, true},
		"no block":           {one + end, provisioner.SignIn{}, false},
		"an empty block":     {begin + end, provisioner.SignIn{}, false},
		"a short print":      {begin + "256 SHA256:abc x (ED25519)\n" + end, provisioner.SignIn{}, false},
		"another kind":       {begin + "256 " + print1 + " x (rm -rf)\n" + end, provisioner.SignIn{}, false},
		"users of user-data": {"Authorized keys from /home/a for user rocky++\nAuthorized keys from /home/b for user ada++\n", provisioner.SignIn{User: "rocky"}, false},
		"root, then another": {"Authorized keys from /r for user root++\nAuthorized keys from /b for user ubuntu++\n", provisioner.SignIn{User: "ubuntu"}, false},
		"no such user":       {"Authorized keys from /x for user -oProxyCommand=reboot++\nAuthorized keys from /x for user -l++\nAuthorized keys from /x for user $(x)++\n", provisioner.SignIn{}, false},
		"the same again":     {begin + one + one + end, provisioner.SignIn{HostKeys: keys[1:]}, true},
	} {
		got, whole := provisioner.ReadSignIn(bytes.SplitAfter([]byte(c.console), []byte("\n")))
		if !reflect.DeepEqual(got, c.want) || whole != c.whole {
			t.Errorf("%s: %+v %v, want %+v %v", name, got, whole, c.want, c.whole)
		}
	}
}

// TestReadSignInTakesFew bounds what a guest can put on a page.
func TestReadSignInTakesFew(t *testing.T) {
	lines := [][]byte{[]byte("-----BEGIN SSH HOST KEY FINGERPRINTS-----\n")}
	for n := range 30 {
		lines = append(lines, []byte("256 "+print1[:len(print1)-1]+string(rune('A'+n%26))+" x (RSA)\n"))
	}
	if s, whole := provisioner.ReadSignIn(append(lines, []byte("-----END SSH HOST KEY FINGERPRINTS-----\n"))); len(s.HostKeys) != 8 || !whole {
		t.Errorf("%d keys, %v", len(s.HostKeys), whole)
	}
}

// TestSignInTextsFindTheLines has a host's search return every line that is read.
func TestSignInTextsFindTheLines(t *testing.T) {
	for line := range strings.Lines(ciConsole) {
		found := false
		for _, text := range provisioner.SignInTexts() {
			found = found || strings.Contains(line, text)
		}
		if !found {
			t.Errorf("no text finds %q", line)
		}
	}
}

func FuzzReadSignIn(f *testing.F) {
	f.Add([]byte(ciConsole))
	f.Fuzz(func(t *testing.T, console []byte) {
		s, whole := provisioner.ReadSignIn(bytes.SplitAfter(console, []byte("\n")))
		if len(s.HostKeys) > 8 || whole != (len(s.HostKeys) > 0) || strings.HasPrefix(s.User, "-") || strings.ContainsAny(s.User, " ;$`'\"@\n") {
			t.Errorf("%+v %v", s, whole)
		}
	})
}
