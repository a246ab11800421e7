package provisioner

import (
	"bytes"
	"regexp"
	"slices"

	"volary.dev/provisioner/typed"
)

// SignIn is what a node's console said of signing in. All of it is the guest's words: whoever is inside can write the same.
type SignIn struct {
	User     string    `json:"user,omitempty"` // whose authorized_keys got the seed's keys
	HostKeys []HostKey `json:"host_keys,omitempty"`
}

// HostKey is the fingerprint of an SSH host key.
type HostKey struct {
	Kind        string `json:"kind"`        // "ED25519"
	Fingerprint string `json:"fingerprint"` // "SHA256:…"
}

// What cloud-init writes to the console in the last part of an instance's first boot: whose keys it wrote, then the
// fingerprints of the host keys between two marks.
const (
	signInUser  = "Authorized keys from "
	signInBegin = "-----BEGIN SSH HOST KEY FINGERPRINTS-----"
	signInEnd   = "-----END SSH HOST KEY FINGERPRINTS-----"
	signInPrint = " SHA256:"
	mostHostKey = 8
)

// SignInTexts are looked for on a console; what is found is for ReadSignIn.
func SignInTexts() []string { return []string{signInUser, signInBegin, signInEnd, signInPrint} }

var (
	signInUserLine  = regexp.MustCompile(`Authorized keys from \S+ for user ([a-z0-9_-]{1,32})\+`)
	signInPrintLine = regexp.MustCompile(`(?:^|\s)\d{3,5} (SHA256:[A-Za-z0-9+/]{43}) .*\((ED25519|ECDSA|RSA|ED25519-SK|ECDSA-SK)\)\s*$`)
)

// ReadSignIn reads lines of a console. The last whole block of fingerprints counts, and whole is false where there is none;
// of several users the first that is not root: cloud-init names an image's own user before those of user-data.
func ReadSignIn(lines [][]byte) (s SignIn, whole bool) {
	var block []HostKey
	open := false
	for _, line := range lines {
		switch user, print := signInUserLine.FindSubmatch(line), signInPrintLine.FindSubmatch(line); {
		case user != nil:
			if name, err := typed.ParseUser(string(user[1])); err == nil && (s.User == "" || s.User == "root") {
				s.User = name
			}
		case bytes.Contains(line, []byte(signInBegin)):
			block, open = nil, true
		case bytes.Contains(line, []byte(signInEnd)) && open && len(block) > 0:
			s.HostKeys, whole, open = block, true, false
		case open && print != nil:
			key := HostKey{Kind: string(print[2]), Fingerprint: string(print[1])}
			if len(block) < mostHostKey && !slices.Contains(block, key) {
				block = append(block, key)
			}
		}
	}
	return s, whole
}
