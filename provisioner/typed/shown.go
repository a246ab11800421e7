package typed

import (
	"net/url"
	"strings"

	"golang.org/x/net/idna"
)

// ShownHost is a host's name as people write it: an international one in its own letters (IDNA 2008), where that form leads back to
// the same name and no part of it can be taken for another: of one script, or of scripts that are written together, and not the
// looks of ASCII letters alone. Else, and of what is no such name, it is as it is.
func ShownHost(name string) string {
	shown, err := idna.Display.ToUnicode(name)
	if err != nil || shown == name {
		return name
	}
	if back, err := idna.Lookup.ToASCII(shown); err != nil || back != strings.ToLower(name) {
		return name
	}
	for label := range strings.SplitSeq(shown, ".") {
		if !isASCII(label) && !isPlainLabel(label) {
			return name
		}
	}
	return shown
}

// isPlainLabel tells whether a part of a name that is not ASCII looks like nothing else.
func isPlainLabel(label string) bool {
	if name, err := ParseName(label); err != nil || name != label {
		return false
	}
	for _, looks := range Skeletons(label) {
		if isASCII(looks) {
			return false
		}
	}
	return true
}

func isASCII(s string) bool {
	for _, r := range s {
		if r >= 0x80 {
			return false
		}
	}
	return true
}

// ShownEmail is a mail address with its domain as ShownHost has it. Mails go to the address itself.
func ShownEmail(address string) string {
	at := strings.LastIndexByte(address, '@')
	return address[:at+1] + ShownHost(address[at+1:])
}

// ShownAddress is the address of a page or file with its host as ShownHost has it.
func ShownAddress(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return address
	}
	return strings.Replace(address, u.Hostname(), ShownHost(u.Hostname()), 1)
}

// HostASCII is a host's name as it is kept: an international one in its ASCII form. What has none is left for who checks it.
func HostASCII(name string) string {
	if isASCII(name) {
		return name
	}
	ascii, err := idna.Lookup.ToASCII(name)
	if err != nil {
		return name
	}
	return ascii
}
