package typed

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// MaxWebAddress is how many bytes an address may have: more than any that a store of files signs.
const MaxWebAddress = 4000

// WebAddress is where a file can be fetched from: an https URL at port 443 of a name that is no number.
type WebAddress struct {
	Host  string // in the ASCII form, lower case
	Full  string // with its query, which may be a secret
	Shown string // "https://host/path": what pages and logs show
	File  string // the last part of its path, decoded; empty: it has none
}

// ErrWebAddress is the sentinel of what is none.
var ErrWebAddress = errors.New("not an address to fetch a file from")

type addressError string

func (e addressError) Error() string        { return string(e) }
func (e addressError) Is(target error) bool { return target == ErrWebAddress }

// ParseWebAddress reads an address as a person gives it.
func ParseWebAddress(s string) (WebAddress, error) {
	s = strings.TrimFunc(s, unicode.IsSpace)
	switch {
	case s == "":
		return WebAddress{}, addressError("is empty; it is of the form https://name/file")
	case len(s) > MaxWebAddress:
		return WebAddress{}, addressError(fmt.Sprintf("has %d bytes, %d are taken", len(s), MaxWebAddress))
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }):
		return WebAddress{}, addressError("has a blank, or a character that cannot be seen, inside; copy it once more")
	case strings.Contains(s, `\`):
		return WebAddress{}, addressError(`has a backslash, which is no part of an address; write /`)
	}
	u, err := url.Parse(s)
	if err != nil {
		return WebAddress{}, addressError("cannot be read; it is of the form https://name/file")
	}
	if err := checkWebAddress(u, s); err != nil {
		return WebAddress{}, err
	}
	host, err := webHost(u.Hostname())
	if err != nil {
		return WebAddress{}, err
	}
	clean := url.URL{Scheme: "https", Host: host, Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}
	if clean.Path == "" {
		clean.Path = "/"
	}
	a := WebAddress{Host: host, Full: clean.String()}
	clean.RawQuery = ""
	if a.Shown = clean.String(); len(a.Full) > MaxWebAddress {
		return WebAddress{}, addressError(fmt.Sprintf("has %d bytes once it is written out, %d are taken", len(a.Full), MaxWebAddress))
	}
	if file := path.Base(strings.TrimRight(clean.Path, "/")); file != "." && file != "/" {
		a.File = file
	}
	return a, nil
}

// checkWebAddress looks at everything but the host's name.
func checkWebAddress(u *url.URL, typed string) error {
	switch scheme := strings.ToLower(u.Scheme); {
	case scheme == "http":
		return addressError("begins with http://, where anybody on the way may change the file; give one with https://")
	case scheme == "" || u.Opaque != "" && !strings.Contains(typed, "://"):
		return addressError("does not begin with https://")
	case scheme != "https":
		return addressError("begins with " + u.Scheme + ":, and files are fetched by https:// alone")
	}
	switch {
	case u.User != nil:
		return addressError("has a name or a password before the @, which is not sent; take a public or a signed address")
	case strings.Contains(typed, "#"):
		return addressError("has a part after #, which no server is told; leave it out")
	case u.Hostname() == "":
		return addressError("names no server; it is of the form https://name/file")
	case u.Port() != "" && u.Port() != "443":
		return addressError("names port " + u.Port() + "; files are fetched from port 443 alone, which need not be said")
	}
	return nil
}

// names are those that servers have: of hosts, and with underscores, which no host's name has by the book, and many a bucket's. Who resolves
// them, and makes certificates of them, takes them.
var names = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.CheckHyphens(true), idna.StrictDomainName(false))

func webHost(name string) (string, error) {
	if strings.Contains(name, ":") {
		return "", errNumber
	}
	host, err := names.ToASCII(strings.TrimSuffix(name, "."))
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	switch {
	case err != nil || host == "" || len(host) > 253 || strings.Contains(host, "..") || strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-._") != "":
		return "", addressError("names a server by what is no name; one has letters, digits, hyphens, underscores and dots")
	case numeric(host):
		return "", errNumber
	case !strings.Contains(host, "."), ownName(host):
		return "", addressError("names " + host + ", which is a machine of somebody's own network; a file is fetched from a public server")
	}
	return host, nil
}

var errNumber = addressError("names a server by a number; give its name, which its certificate is of")

// numeric tells what some program reads as an IPv4 address: 127.0.0.1, and 127.1, 0x7f.1 or 2130706433 as well.
func numeric(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	if strings.Trim(last, "0123456789") == "" {
		return true
	}
	hex, is := strings.CutPrefix(last, "0x")
	return is && strings.Trim(hex, "0123456789abcdef") == ""
}

// ownName tells names that no public server has.
func ownName(host string) bool {
	for _, top := range []string{"localhost", "local", "internal", "intranet", "lan", "home.arpa", "onion"} {
		if host == top || strings.HasSuffix(host, "."+top) {
			return true
		}
	}
	return false
}
