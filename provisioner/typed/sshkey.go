package typed

import (
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/ssh"
)

// ErrSSHKey is the sentinel of what is no public key that is taken.
var ErrSSHKey = errors.New("not a public key")

type keyError string

func (e keyError) Error() string        { return string(e) }
func (e keyError) Is(target error) bool { return target == ErrSSHKey }

// SSHKey is a public key: Line is what authorized_keys takes, without options.
type SSHKey struct {
	Type, Comment, Fingerprint, Line string
}

// LeastRSABits is the shortest RSA key that is taken.
const LeastRSABits = 2048

const noKey = keyError("This is no public key: give the line of a .pub file, such as ssh-ed25519 AAAA… you@laptop")

// ParseSSHKey reads one public key as it was pasted: the line of a .pub file, or the file that PuTTYgen saves (RFC 4716).
// What pasting brings along (a byte order mark, blanks of other kinds, lines broken by a terminal) is cleaned away. The
// error is a sentence with the way out.
func ParseSSHKey(pasted string) (SSHKey, error) {
	text := unwrapped(cleanPaste(pasted))
	if why := notPublic(text); why != "" {
		return SSHKey{}, why
	}
	if strings.HasPrefix(text, "---- BEGIN SSH2 PUBLIC KEY") {
		return parseRFC4716(text)
	}
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	if keys := keysOf(lines); len(keys) > 1 {
		return SSHKey{}, severalKeys(keys)
	}
	if len(lines) == 0 {
		return SSHKey{}, noKey
	}
	key, err := parseKeyLine(lines[0])
	if len(lines) == 1 {
		return key, err
	}
	if whole, joined := parseKeyLine(strings.Join(lines, "")); err != nil && joined == nil { // a terminal broke it into lines
		return whole, nil
	}
	return SSHKey{}, keyError("Give one line, as in id_ed25519.pub: there are others beside the key")
}

// cleanPaste takes a byte order mark away, and writes every kind of blank as a plain one.
func cleanPaste(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\ufeff' || r == '\u200b' || r == '\u2060':
			return -1
		case unicode.Is(unicode.Zs, r), r == '\t':
			return ' '
		case r == '\r':
			return '\n'
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}

// unwrapped takes away what stands around a key where it was copied from: marks that nobody sees, quotation marks, the dash of a list; and
// writes the hyphens of its kind, which word processors replace, as they are. A comment keeps its own.
func unwrapped(s string) string {
	s = strings.TrimFunc(s, isBlank)
	for _, pair := range []string{`""`, "''", "``", "“”", "„“", "‘’", "«»"} {
		r := []rune(pair)
		if inner, begins := strings.CutPrefix(s, string(r[0])); begins {
			if inner, ends := strings.CutSuffix(inner, string(r[1])); ends {
				s = strings.TrimFunc(inner, isBlank)
				break
			}
		}
	}
	for _, dash := range []string{"- ", "* ", "> ", "• "} {
		if rest, found := strings.CutPrefix(s, dash); found && isKind(hyphened(firstWord(rest))) {
			s = rest
			break
		}
	}
	if kind := firstWord(s); isKind(hyphened(kind)) {
		s = hyphened(kind) + s[len(kind):]
	}
	return s
}

func firstWord(s string) string {
	word, _, _ := strings.Cut(s, " ")
	return word
}

var hyphens = strings.NewReplacer("\u2010", "-", "\u2011", "-", "\u2012", "-", "\u2013", "-", "\u2212", "-", "\u00ad", "")

func hyphened(s string) string { return hyphens.Replace(s) }

// notPublic names what is often pasted in place of a public key.
func notPublic(s string) keyError {
	switch {
	case strings.HasPrefix(s, "PuTTY-User-Key-File"):
		return "This is PuTTY's own file, and the private key is in it: keep it to yourself. Open it in PuTTYgen and copy what stands below \"Public key for pasting into OpenSSH authorized_keys file\""
	case strings.Contains(s, "PRIVATE KEY"):
		return "This is a private key: keep it to yourself and give the line of its .pub file"
	case strings.HasPrefix(s, "-----BEGIN") && strings.Contains(s, "PUBLIC KEY"):
		return "This is a key in PEM form: `ssh-keygen -i -m PKCS8 -f FILE` prints the line to give"
	case strings.HasPrefix(s, "-----BEGIN"):
		return "This is a file in PEM form and no SSH key: give the line of a .pub file, such as ssh-ed25519 AAAA… you@laptop"
	case strings.HasPrefix(s, "SHA256:"), strings.HasPrefix(s, "MD5:"):
		return "This is a key's fingerprint and not the key: give the line of the .pub file"
	case !utf8.ValidString(s), strings.ContainsRune(s, 0):
		return noKey
	}
	return ""
}

func keysOf(lines []string) (keys []SSHKey) {
	for _, line := range lines {
		if _, rest := options(line); rest != "" {
			if key, err := readKey(rest); err == nil {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

func severalKeys(keys []SSHKey) error {
	var names []string
	for _, k := range keys {
		name := k.Fingerprint
		if k.Comment != "" {
			name = k.Comment + " (" + k.Fingerprint + ")"
		}
		names = append(names, name)
	}
	last := len(names) - 1
	return keyError(fmt.Sprintf("These are %d keys, %s and %s: add one after the other", len(names), strings.Join(names[:last], ", "), names[last]))
}

// options splits what stands before the kind of a key from the key.
func options(line string) (before, rest string) {
	fields := strings.Fields(line)
	i := slices.IndexFunc(fields, isKind)
	if i < 0 {
		return line, ""
	}
	at := 0
	for _, f := range fields[:i] {
		at += strings.Index(line[at:], f) + len(f)
	}
	return strings.TrimSpace(line[:at]), strings.TrimSpace(line[at:])
}

// isKind tells the kinds of keys that SSH knows or knew.
func isKind(s string) bool {
	s = strings.ToLower(s)
	return strings.HasPrefix(s, "ssh-") || strings.HasPrefix(s, "ecdsa-sha2-") || strings.HasPrefix(s, "sk-ssh-") || strings.HasPrefix(s, "sk-ecdsa-") ||
		strings.HasPrefix(s, "rsa-sha2-") && strings.Contains(s, "-cert-")
}

func parseKeyLine(line string) (SSHKey, error) {
	before, rest := options(line)
	switch {
	case rest == "":
		return SSHKey{}, noKey
	case before != "":
		return SSHKey{}, keyError(fmt.Sprintf("Options stand before the key (%s), and a cluster's nodes would not keep them: leave them out and begin with %s",
			shortened(before), strings.Fields(rest)[0]))
	}
	return readKey(rest)
}

func shortened(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

// readKey reads a line that begins with the kind of its key.
func readKey(line string) (SSHKey, error) {
	kind, rest, _ := strings.Cut(line, " ")
	if why := refusedKind(strings.ToLower(kind)); why != "" {
		return SSHKey{}, why
	}
	blob, comment, _ := strings.Cut(strings.TrimSpace(rest), " ")
	raw, err := base64.StdEncoding.DecodeString(withoutUnseen(blob))
	if err != nil {
		return SSHKey{}, keyError("The key is incomplete, or has been changed on its way: copy the whole line of the .pub file again")
	}
	if before, another := options(comment); another != "" { // a field of one line joins the lines that are pasted
		if second, err := readKey(another); err == nil {
			first, err := keyOf(raw, before)
			if err != nil {
				return SSHKey{}, err
			}
			return SSHKey{}, severalKeys([]SSHKey{first, second})
		}
	}
	return keyOf(raw, comment)
}

func refusedKind(kind string) keyError {
	switch {
	case strings.Contains(kind, "-cert-"):
		return "This is a certificate, which is good for a time and from its signer alone: give the key that lies beside it, such as id_ed25519.pub and not id_ed25519-cert.pub"
	case kind == "ssh-dss":
		return "This is a DSA key, which SSH takes no more: make another by `ssh-keygen -t ed25519`"
	}
	return ""
}

func keyOf(raw []byte, comment string) (SSHKey, error) {
	key, err := ssh.ParsePublicKey(raw)
	if err != nil {
		return SSHKey{}, keyError("The key is incomplete, or of a kind that is not known here: copy the whole line of the .pub file, or make another by `ssh-keygen -t ed25519`")
	}
	if why := refusedKind(key.Type()); why != "" {
		return SSHKey{}, why
	}
	if c, ok := key.(ssh.CryptoPublicKey); ok {
		if public, ok := c.CryptoPublicKey().(*rsa.PublicKey); ok && public.N.BitLen() < LeastRSABits {
			return SSHKey{}, keyError(fmt.Sprintf("This RSA key has %d bits, and %d are the least that is safe: make another by `ssh-keygen -t ed25519`", public.N.BitLen(), LeastRSABits))
		}
	}
	k := SSHKey{Type: key.Type(), Comment: comment, Fingerprint: ssh.FingerprintSHA256(key)}
	if _, err := ParseName(comment); err != nil { // what cannot be shown is no part of what it is called
		k.Comment = strings.TrimSpace(withoutUnseen(comment))
	}
	k.Line = strings.TrimSpace(k.Type + " " + base64.StdEncoding.EncodeToString(key.Marshal()) + " " + k.Comment)
	return k, nil
}

// withoutUnseen leaves out what shows nothing, turns the line around or controls.
func withoutUnseen(s string) string {
	return strings.Map(func(r rune) rune {
		if unseen(r) || directs(r) || unicode.IsControl(r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
			return -1
		}
		return r
	}, s)
}

// parseRFC4716 reads a file between its two markers: headers with a colon, which a backslash continues, then base64.
func parseRFC4716(text string) (SSHKey, error) {
	comment, blob, ended := "", "", false
	header := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		name, value, colon := strings.Cut(line, ":")
		switch {
		case strings.HasPrefix(line, "---- BEGIN"), line == "":
		case strings.HasPrefix(line, "---- END"):
			ended = true
		case ended:
			return SSHKey{}, keyError("Give one key: there is something after the end of this one")
		case header:
			header = strings.HasSuffix(line, `\`)
		case colon:
			header = strings.HasSuffix(line, `\`)
			if strings.EqualFold(name, "comment") {
				comment = strings.Trim(strings.TrimSpace(strings.TrimSuffix(value, `\`)), `"`)
			}
		default:
			blob += line
		}
	}
	raw, err := base64.StdEncoding.DecodeString(blob)
	if err != nil || !ended {
		return SSHKey{}, keyError("This is a key in the form of RFC 4716 (PuTTYgen's saved public key), and it is incomplete: copy the whole file, or what PuTTYgen shows for pasting")
	}
	return keyOf(raw, comment)
}
