package provisioner

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Access is who may sign in to a node, as it is told while it runs (package cloudinit makes a script of it). Everything in it is
// checked by Text: nothing of what people call themselves, or of a key but its kind and its blob, reaches a guest.
type Access struct {
	Start int // of its cluster; what the node remembers of an earlier one counts no more
	// Ended are keys of the seed whose right ended, "ssh-ed25519 AAAA…": they leave everybody's authorized_keys.
	Ended []string
	// Back are keys of the seed that were taken out before and have a right again: the next boot leaves them where they are.
	Back []string
	// Accounts tells that each member has a login; without it Logins are empty and none is touched.
	Accounts bool
	Logins   []Login // those of who may work there now: whom the node has beside them is locked
}

// Login is a member's on every node.
type Login struct {
	Name string
	UID  int
	Sudo bool
	Keys []string // as in authorized_keys
}

// The range of a login's number: one that is never given again in its organization. Images' own users are below it, and
// containers' above.
const (
	LeastUID = 70000
	MostUID  = 99999
)

// MostAccessBytes is how much of an Access a guest's agent is given at once.
const MostAccessBytes = MostCommandInput - 32<<10

// ErrAccess says that an Access is none that a guest may be told.
var ErrAccess = errors.New("not for a guest")

var (
	loginName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,27}$`)
	plainKey  = regexp.MustCompile(`^(ssh-|ecdsa-|sk-)[a-z0-9@.-]+ [A-Za-z0-9+/]+=*$`)
)

// PlainKey is a key's kind and blob, without its comment; false where the line is none that a seed would take.
func PlainKey(line string) (string, bool) {
	fields := strings.Fields(line)
	if strings.ContainsAny(line, "\r\n") || len(fields) < 2 {
		return "", false
	}
	key := fields[0] + " " + fields[1]
	return key, plainKey.MatchString(key)
}

// Text is the Access in lines of words, which ReadAccess reads back. ErrAccess where a name, a number or a key is none.
func (a Access) Text() (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "start %d\n", a.Start)
	for i, line := range slices.Concat(a.Ended, a.Back) {
		key, fine := PlainKey(line)
		if !fine {
			return "", fmt.Errorf("%w: key %d of the seed", ErrAccess, i+1)
		}
		word := "end"
		if i >= len(a.Ended) {
			word = "back"
		}
		b.WriteString(word + " " + key + "\n")
	}
	if a.Accounts {
		b.WriteString("accounts\n")
	}
	names, numbers := map[string]bool{}, map[int]bool{}
	for _, l := range a.Logins {
		if !a.Accounts || !loginName.MatchString(l.Name) || l.UID < LeastUID || l.UID > MostUID || names[l.Name] || numbers[l.UID] {
			return "", fmt.Errorf("%w: login %q with number %d", ErrAccess, l.Name, l.UID)
		}
		names[l.Name], numbers[l.UID] = true, true
		fmt.Fprintf(&b, "login %s %d %s\n", l.Name, l.UID, map[bool]string{true: "sudo", false: "plain"}[l.Sudo])
		for i, line := range l.Keys {
			key, fine := PlainKey(line)
			if !fine {
				return "", fmt.Errorf("%w: key %d of login %s", ErrAccess, i+1, l.Name)
			}
			b.WriteString("key " + l.Name + " " + key + "\n")
		}
	}
	if b.Len() > MostAccessBytes {
		return "", fmt.Errorf("%w: %d bytes, at most %d", ErrAccess, b.Len(), MostAccessBytes)
	}
	return b.String(), nil
}

// Fit keeps what a guest's agent takes at once: logins with their keys first, then as many of the keys that ended as there is room
// for; the others are for the next time. left is how many keys of logins no time has room for.
func (a Access) Fit() (kept Access, left int) {
	room := MostAccessBytes - 64
	kept = Access{Start: a.Start, Accounts: a.Accounts}
	for _, l := range a.Logins {
		keys := l.Keys
		l.Keys = nil
		room -= len(l.Name) + 20
		for _, key := range keys {
			if bytes := len(key) + len(l.Name) + 6; bytes <= room-leastEndedRoom {
				room -= bytes
				l.Keys = append(l.Keys, key)
			} else {
				left++
			}
		}
		kept.Logins = append(kept.Logins, l)
	}
	some := func(keys []string) []string {
		for i, key := range keys {
			if room -= len(key) + 6; room < 0 {
				return keys[:i]
			}
		}
		return keys
	}
	kept.Ended = some(a.Ended)
	kept.Back = some(a.Back)
	return kept, left
}

// leastEndedRoom stays for keys that ended, however many logins there are.
const leastEndedRoom = 32 << 10

// ReadAccess reads what Text wrote; ErrAccess for anything else.
func ReadAccess(text string) (Access, error) {
	var a Access
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) == 2 && words[0] == "start":
			start, err := strconv.Atoi(words[1])
			if err != nil {
				return Access{}, fmt.Errorf("%w: %q", ErrAccess, line)
			}
			a.Start = start
		case len(words) == 3 && words[0] == "end":
			a.Ended = append(a.Ended, words[1]+" "+words[2])
		case len(words) == 3 && words[0] == "back":
			a.Back = append(a.Back, words[1]+" "+words[2])
		case len(words) == 1 && words[0] == "accounts":
			a.Accounts = true
		case len(words) == 4 && words[0] == "login":
			uid, err := strconv.Atoi(words[2])
			if err != nil {
				return Access{}, fmt.Errorf("%w: %q", ErrAccess, line)
			}
			a.Logins = append(a.Logins, Login{Name: words[1], UID: uid, Sudo: words[3] == "sudo"})
		case len(words) == 4 && words[0] == "key" && len(a.Logins) > 0 && a.Logins[len(a.Logins)-1].Name == words[1]:
			last := &a.Logins[len(a.Logins)-1]
			last.Keys = append(last.Keys, words[2]+" "+words[3])
		default:
			return Access{}, fmt.Errorf("%w: %q", ErrAccess, line)
		}
	}
	if _, err := a.Text(); err != nil {
		return Access{}, err
	}
	return a, nil
}
