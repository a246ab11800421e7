package typed

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// ErrDigest is the sentinel of what is no SHA-256.
var ErrDigest = errors.New("not a SHA-256")

type digestError string

func (e digestError) Error() string        { return string(e) }
func (e digestError) Is(target error) bool { return target == ErrDigest }

var (
	sha256Prefix = regexp.MustCompile(`(?i)^sha-?256\s*[:=]\s*`)
	bsdLine      = regexp.MustCompile(`(?i)^sha-?256\s*\(.*\)\s*=\s*([0-9a-f]+)$`)
	sumLine      = regexp.MustCompile(`(?i)^\\?([0-9a-f]{64})[ \t]+\*?\S.*$`)
	hexDigits    = regexp.MustCompile(`(?i)^[0-9a-f]*$`)
)

// otherDigests are lengths, in hex digits, of what is given beside files too.
var otherDigests = map[int]string{32: "an MD5", 40: "a SHA-1", 96: "a SHA-384", 128: "a SHA-512"}

// ParseDigest reads a SHA-256 as it is given beside a file: 64 hex digits in any case, alone, after "sha256:", or as the line that
// sha256sum or a BSD writes, with the file's name. It gives lower-case hex.
func ParseDigest(s string) (string, error) {
	s = strings.TrimSpace(s)
	if line := bsdLine.FindStringSubmatch(s); line != nil {
		s = line[1]
	} else if line := sumLine.FindStringSubmatch(s); line != nil {
		s = line[1]
	}
	s = strings.ToLower(sha256Prefix.ReplaceAllString(s, ""))
	switch other, known := otherDigests[len(s)]; {
	case !hexDigits.MatchString(s):
		return "", digestError("is not a SHA-256, which is 64 hex digits: 0 to 9 and a to f")
	case len(s) == 64:
		return s, nil
	case known:
		return "", digestError(fmt.Sprintf("has %d hex digits, as %s has; a SHA-256 has 64", len(s), other))
	default:
		return "", digestError(fmt.Sprintf("has %d hex digits; a SHA-256 has 64", len(s)))
	}
}
