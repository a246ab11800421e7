package provisioner

import (
	"bytes"
	"errors"
	"regexp"
	"slices"
)

var userName = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)

// ErrUser says what a user's name on a node is made of.
var ErrUser = errors.New("has 1 to 32 small letters, digits, - and _, and begins with a letter or _")

// ParseUser takes the name of a user on a node, as useradd takes it by default. It is safe in a shell's command: no quote,
// blank or option can be in it. ErrUser where it is none.
func ParseUser(s string) (string, error) {
	if !userName.MatchString(s) {
		return "", ErrUser
	}
	return s, nil
}

// SignIn is what a node's console said of signing in. All of it is the guest's words: whoever is inside can write the same.
type SignIn struct {
	User     string    `json:"user,omitempty"` // whose authorized_keys have the seed's keys
	HostKeys []HostKey `json:"host_keys,omitempty"`
}

// HostKey is the fingerprint of an SSH host key.
type HostKey struct {
	Kind        string `json:"kind"`        // "ED25519"
	Fingerprint string `json:"fingerprint"` // "SHA256:…"
}

// What is written to the console late in a boot: by our script (cloudinit) who has the seed's keys, and by cloud-init, in an
// instance's first boot alone, who has any keys, then the fingerprints of the host keys between two marks.
const (
	signInOurs  = "volary: sign in as "
	signInUser  = "Authorized keys from "
	signInBegin = "-----BEGIN SSH HOST KEY FINGERPRINTS-----"
	signInEnd   = "-----END SSH HOST KEY FINGERPRINTS-----"
	signInPrint = " SHA256:"
	mostHostKey = 8
)

// SignInTexts are looked for on a console; what is found is for ReadSignIn.
func SignInTexts() []string {
	return []string{signInOurs, signInUser, signInBegin, signInEnd, signInPrint}
}

var (
	signInOursLine  = regexp.MustCompile(`volary: sign in as ([a-z0-9_-]{1,32})\s*$`)
	signInUserLine  = regexp.MustCompile(`Authorized keys from \S+ for user ([a-z0-9_-]{1,32})\+`)
	signInPrintLine = regexp.MustCompile(`(?:^|\s)\d{3,5} (SHA256:[A-Za-z0-9+/]{43}) .*\((ED25519|ECDSA|RSA|ED25519-SK|ECDSA-SK)\)\s*$`)
)

// ReadSignIn reads lines of a console. The last whole block of fingerprints counts, and whole is false where there is none;
// of several users the first that our script named, else the first that cloud-init did and that is not root.
func ReadSignIn(lines [][]byte) (s SignIn, whole bool) {
	var block []HostKey
	open, ours := false, false
	for _, line := range lines {
		switch own, user, print := signInOursLine.FindSubmatch(line), signInUserLine.FindSubmatch(line), signInPrintLine.FindSubmatch(line); {
		case own != nil:
			if name, err := ParseUser(string(own[1])); err == nil && !ours {
				s.User, ours = name, true
			}
		case user != nil && !ours:
			if name, err := ParseUser(string(user[1])); err == nil && (s.User == "" || s.User == "root") {
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
