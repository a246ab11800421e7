package typed

import (
	"errors"
	"strings"
	"testing"
)

func TestParseDigest(t *testing.T) {
	digest := strings.Repeat("0123456789abcdef", 4)
	for _, s := range []string{
		digest, strings.ToUpper(digest), "  " + digest + "\n", "sha256:" + digest, "SHA-256: " + digest, "sha256=" + strings.ToUpper(digest),
		digest + "  disk.qcow2", digest + " *disk of mine.qcow2", digest + "\tdisk", `\` + digest + `  odd\nname`, "SHA256 (disk (1).qcow2) = " + digest,
	} {
		if got, err := ParseDigest(s); err != nil || got != digest {
			t.Errorf("%q is %q, %v", s, got, err)
		}
	}
	for s, says := range map[string]string{
		"":                                       "has 0 hex digits",
		digest[1:]:                               "has 63 hex digits; a SHA-256 has 64",
		digest[:32]:                              "an MD5",
		digest[:40]:                              "a SHA-1",
		digest + digest:                          "a SHA-512",
		"SHA256 (disk) = " + digest[:12]:         "has 12",
		digest[1:] + "g":                         "0 to 9 and a to f",
		digest[:32] + " " + digest[32:]:          "0 to 9 and a to f",
		digest[1:] + "\u0660":                    "0 to 9 and a to f",
		"sha512:" + digest:                       "0 to 9 and a to f",
		digest + "\n" + digest:                   "0 to 9 and a to f",
		"https://example.org/" + digest + ".img": "0 to 9 and a to f",
	} {
		if got, err := ParseDigest(s); !errors.Is(err, ErrDigest) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q is %q, %v; want %q", s, got, err, says)
		}
	}
}
