package typed_test

import (
	"errors"
	"strings"
	"testing"

	"volary.dev/provisioner/typed"
)

func TestParseWebAddress(t *testing.T) {
	for in, want := range map[string]typed.WebAddress{
		"https://cloud.debian.org/images/cloud/trixie/latest/debian-13-genericcloud-amd64.qcow2": {
			Host: "cloud.debian.org", Shown: "https://cloud.debian.org/images/cloud/trixie/latest/debian-13-genericcloud-amd64.qcow2", File: "debian-13-genericcloud-amd64.qcow2",
		},
		"  HTTPS://Cloud-Images.Ubuntu.com:443/noble/current/noble.img\n": {Host: "cloud-images.ubuntu.com", Shown: "https://cloud-images.ubuntu.com/noble/current/noble.img", File: "noble.img"},
		"https://bücher.example/a%20b.raw":                                {Host: "xn--bcher-kva.example", Shown: "https://xn--bcher-kva.example/a%20b.raw", File: "a b.raw"},
		"https://files.example./":                                         {Host: "files.example", Shown: "https://files.example/"},
		"https://files.example":                                           {Host: "files.example", Shown: "https://files.example/"},
		"https://files.example:/disk":                                     {Host: "files.example", Shown: "https://files.example/disk", File: "disk"},
		"https://s3.example/b/disk.qcow2?X-Signature=secret&x=1": {
			Host: "s3.example", Full: "https://s3.example/b/disk.qcow2?X-Signature=secret&x=1", Shown: "https://s3.example/b/disk.qcow2", File: "disk.qcow2",
		},
		"https://my_bucket.files.example/disk": {Host: "my_bucket.files.example", Shown: "https://my_bucket.files.example/disk", File: "disk"},
		"https://files.example/a%2Fb":          {Host: "files.example", Shown: "https://files.example/a%2Fb", File: "b"},
	} {
		if want.Full == "" {
			want.Full = want.Shown
		}
		if got, err := typed.ParseWebAddress(in); err != nil || got != want {
			t.Errorf("%q: %+v, %v", in, got, err)
		}
	}
}

func TestParseWebAddressRefuses(t *testing.T) {
	for in, says := range map[string]string{
		"":                                                   "is empty",
		"cloud.debian.org/disk":                              "does not begin with https://",
		"cloud.debian.org:443/disk":                          "https://",
		"//cloud.debian.org/disk":                            "does not begin with https://",
		"http://cloud.debian.org/disk":                       "anybody on the way",
		"ftp://cloud.debian.org/disk":                        "begins with ftp:",
		"file:///etc/passwd":                                 "begins with file:",
		"gopher://127.0.0.1:11211/_stats":                    "begins with gopher:",
		"https:cloud.debian.org":                             "does not begin with",
		"https://":                                           "names no server",
		"https:///disk":                                      "names no server",
		"https://ada:pw@files.example/d":                     "before the @",
		"https://ada@files.example/d":                        "before the @",
		"https://files.example/d#part":                       "after #",
		"https://files.example/d#":                           "after #",
		"https://files.example:8443/d":                       "port 8443",
		"https://files.example:22/d":                         "port 22",
		"https://files.example:99999999/d":                   "port",
		"https://127.0.0.1/d":                                "by a number",
		"https://93.184.216.34/d":                            "by a number",
		"https://127.1/d":                                    "by a number",
		"https://2130706433/d":                               "by a number",
		"https://0x7f.1/d":                                   "by a number",
		"https://0x7f000001/d":                               "by a number",
		"https://0177.0.0.1/d":                               "by a number",
		"https://１２７.０.０.１/d":                                "by a number",
		"https://127。0。0。1/d":                                "by a number",
		"https://[::1]/d":                                    "by a number",
		"https://[::ffff:169.254.169.254]":                   "by a number",
		"https://[fe80::1%25eth0]/d":                         "by a number",
		"https://localhost/d":                                "own network",
		"https://LOCALHOST./d":                               "own network",
		"https://db.internal/d":                              "own network",
		"https://metadata/latest":                            "own network",
		"https://metadata.google.internal":                   "own network",
		"https://printer.local/d":                            "own network",
		"https://files.example/a b":                          "has a blank",
		"https://files.example/a\x00b":                       "cannot be seen",
		"https://files.example/a\r\nX: y":                    "has a blank",
		"https://files.example/\u202egpj":                    "cannot be seen",
		`https://files.example\@evil.example/`:               "backslash",
		"https://files!1.example/d":                          "no name",
		"https://-files.example/d":                           "no name",
		"https://-x-.example/d":                              "no name",
		"https://a..example/d":                               "no name",
		"https://%zz/d":                                      "cannot be read",
		"https://files.example/" + strings.Repeat("x", 4000): "4022 bytes",
		"https://files.example/" + strings.Repeat("é", 1500): "once it is written out",
		"https://" + strings.Repeat(strings.Repeat("a", 60)+".", 5) + "x": "no name",
	} {
		_, err := typed.ParseWebAddress(in)
		if !errors.Is(err, typed.ErrWebAddress) || !strings.Contains(err.Error(), says) {
			t.Errorf("%.60q: %v, want %q", in, err, says)
		}
	}
}
