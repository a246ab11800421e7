package memory

import (
	"bytes"
	"crypto/sha256"
	"strings"

	"github.com/google/uuid"

	"volary.dev/provisioner"
)

// access is what a simulated guest was told of who may sign in while it ran. It lasts as long as its seed: the next start's has others.
type access struct {
	seed   [sha256.Size]byte
	ended  map[string]bool // keys
	logins []provisioner.Login
	told   bool            // of logins
	made   map[string]bool // logins, with the locked ones
}

// The words between which scripts and seeds have an Access's text.
const accessFrom, accessTo = "/wanted\" <<'VOLARY'\n", "VOLARY\n"

// accessIn finds the text of an Access; false where there is none, or it is not one.
func accessIn(script []byte) (provisioner.Access, bool) {
	_, after, found := bytes.Cut(script, []byte(accessFrom))
	text, _, ended := bytes.Cut(after, []byte(accessTo))
	if !found || !ended {
		return provisioner.Access{}, false
	}
	a, err := provisioner.ReadAccess(string(text))
	return a, err == nil
}

// access gives what counts now, which begins with what the seed says.
func (m *machine) accessNow() *access {
	if seed := sha256.Sum256(m.spec.Seed); m.access == nil || m.access.seed != seed {
		made := map[string]bool{}
		if m.access != nil {
			made = m.access.made // on its disk
		}
		m.access = &access{seed: seed, ended: map[string]bool{}, made: made}
		if a, found := accessIn(m.spec.Seed); found && a.Accounts {
			m.access.follow(a)
		}
	}
	return m.access
}

func (c *access) follow(a provisioner.Access) {
	for _, key := range a.Ended {
		c.ended[key] = true
	}
	for _, key := range a.Back {
		delete(c.ended, key)
	}
	if !a.Accounts {
		return
	}
	c.told, c.logins = true, a.Logins
	for _, l := range a.Logins {
		c.made[l.Name] = true
	}
}

// opens tells whether a key signs a user in.
func (m *machine) opens(user, key string) bool {
	c := m.accessNow()
	for _, l := range c.logins {
		if l.Name == user {
			return strings.Contains("\n"+strings.Join(l.Keys, "\n")+"\n", "\n"+key+"\n")
		}
	}
	if c.made[user] || c.ended[key] {
		return false
	}
	return bytes.Contains(m.spec.Seed, []byte(key))
}

// shellRuns runs the one kind of script that a simulated guest's shell knows, as the guest would.
func (m *machine) shellRuns(script []byte) executed {
	a, found := accessIn(script)
	if !found {
		return executed{status: 127, err: "sh: a simulated guest knows no such script\n"}
	}
	m.accessNow().follow(a)
	return executed{}
}

// Opens tells whether a key ("ssh-ed25519 AAAA…") signs somebody in to a machine as a user.
func (h *Host) Opens(node uuid.UUID, user, key string) bool {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	m, ok := h.machines[node]
	return ok && m.shell && m.opens(user, key)
}
