package typed

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The files of testdata/keys are public halves of keys that were thrown away, as people paste them.
func TestSSHKeysAsPasted(t *testing.T) {
	want := map[string]struct{ comment, says string }{
		"a-ed25519":        {"analyst@trial", ""},
		"b-certificate":    {"", "certificate"},
		"c-rsa-1024":       {"", "1024 bits, and 2048 are the least"},
		"d-dsa":            {"", "DSA"},
		"e-rfc4716-putty":  {"256-bit ED25519, converted by", ""},
		"f-bom":            {"analyst@trial", ""},
		"g-no-break-space": {"analyst@trial", ""},
		"j-utf8-comment":   {"Björn’s MacBook 🐦", ""},
		"k-options":        {"", `Options stand before the key (from="10.0.0.0/8",no-pty)`},
		"m-two-keys":       {"", "These are 2 keys, analyst@trial (SHA256:"},
		"o-sk-ed25519":     {"security key", ""},
	}
	files, err := filepath.Glob("testdata/keys/*.pub")
	if err != nil || len(files) != len(want) {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".pub")
		c, known := want[name]
		raw, err := os.ReadFile(file)
		if err != nil || !known {
			t.Fatalf("%s: known %v, %v", name, known, err)
		}
		key, err := ParseSSHKey(string(raw))
		if c.says != "" {
			if !errors.Is(err, ErrSSHKey) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || !strings.HasPrefix(key.Comment, c.comment) || !strings.HasPrefix(key.Line, key.Type+" AAAA") || !strings.HasSuffix(key.Line, key.Comment) {
			t.Errorf("%s: %+v, %v", name, key, err)
		}
		if again, err := ParseSSHKey(key.Line); err != nil || again != key {
			t.Errorf("%s is read back as %+v, %v", name, again, err)
		}
	}
	both, _ := os.ReadFile("testdata/keys/m-two-keys.pub")
	if _, err := ParseSSHKey(string(both)); err == nil || !strings.Contains(err.Error(), "trial ca (SHA256:") {
		t.Errorf("the second of two keys is not named: %v", err)
	}
}

func TestSSHKeysOfOtherShapes(t *testing.T) {
	raw, err := os.ReadFile("testdata/keys/a-ed25519.pub")
	if err != nil {
		t.Fatal(err)
	}
	good := strings.TrimSpace(string(raw))
	key, err := ParseSSHKey(good)
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]string{
		"line ends of Windows":         good + "\r\n\r\n",
		"broken by a terminal":         good[:40] + "\n" + good[40:],
		"a remark above":               "# my laptop\n" + good,
		"more blanks":                  strings.Replace(good, " ", "   ", 1),
		"a tab":                        strings.Replace(good, " ", "\t", 1),
		"a zero-width space before it": "\u200b" + good,
		"marks of direction around it": "\u202a\u200e" + good + "\u202c",
		"a soft hyphen in it":          good[:40] + "\u00ad" + good[40:],
		"hyphens of a word processor":  strings.Replace(good, "ssh-", "ssh\u2011", 1),
		"quotation marks":              `"` + good + `"`,
		"those of a word processor":    "“" + good + "”",
		"those of a shell":             "`" + good + "`",
		"an entry of a list":           "- " + good,
		"a quoted mail":                "> " + good,
		"an entry in quotation marks":  `"- ` + good + `"`,
		"a separator in its comment":   good + "\u2028x",
	} {
		got, err := ParseSSHKey(s)
		if err != nil || got.Fingerprint != key.Fingerprint {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for s, says := range map[string]string{
		good + " " + good:                       "These are 2 keys, analyst@trial (SHA256:", // lines that a field has joined
		"- id\n" + good:                         "one line",
		"":                                      "no public key",
		"hello":                                 "no public key",
		"SHA256:abc":                            "fingerprint",
		good[:50]:                               "incomplete",
		"ssh-ed25519":                           "incomplete",
		`command="rm -rf /" ` + good:            "Options stand before",
		"host.example " + good:                  "Options stand before",
		"-----BEGIN OPENSSH PRIVATE KEY-----":   "private key",
		"PuTTY-User-Key-File-3: ssh-ed25519":    "PuTTYgen",
		"-----BEGIN PUBLIC KEY-----\nMFk":       "PEM",
		"---- BEGIN SSH2 PUBLIC KEY ----\nAAAA": "incomplete",
		"ssh-dss AAAAB3NzaC1kc3M= old":          "DSA",
		good + "\nsomething else":               "one line",
		"ssh-rsa " + strings.Fields(good)[1][:12] + "!! x": "incomplete",
	} {
		if key, err := ParseSSHKey(s); !errors.Is(err, ErrSSHKey) || !strings.Contains(err.Error(), says) {
			t.Errorf("%.40q: %+v, %v", s, key, err)
		}
	}
}

func FuzzParseSSHKey(f *testing.F) {
	for _, s := range []string{"ssh-ed25519 AAAA x", "---- BEGIN SSH2 PUBLIC KEY ----\nComment: x\\\n", "from=x ssh-rsa AAAA"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		key, err := ParseSSHKey(s)
		if err != nil {
			return
		}
		if again, err := ParseSSHKey(key.Line); err != nil || again.Fingerprint != key.Fingerprint {
			t.Errorf("%q is written %q, which is %+v, %v", s, key.Line, again, err)
		}
	})
}
