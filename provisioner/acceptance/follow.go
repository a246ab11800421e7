package acceptance

import (
	"errors"
	"regexp"

	"volary.dev/provisioner"
)

// What follows decides for whoever looks on: a deployment's jobs, and the command that tries a model at home.

// Told tells whether every guest has told all that it tells at its first boot.
func (e Evidence) Told() bool {
	for _, n := range e.Nodes {
		if n.Leased.IsZero() || n.Reported.IsZero() || len(e.Nodes) > 1 && n.PeersAt.IsZero() {
			return false
		}
	}
	return true
}

// ToldAgain tells whether every guest that reported at its first boot did at its second.
func (e Evidence) ToldAgain() bool {
	for _, n := range e.Nodes {
		if !n.Reported.IsZero() && n.Again.IsZero() {
			return false
		}
	}
	return true
}

// Unfit says why the machines, which are off, are not to be started a second time; empty: they may be.
func (e Evidence) Unfit() string {
	reported := false
	for _, n := range e.Nodes {
		if n.Forced {
			return n.Name + " had to be cut off, which may have hurt its disk."
		}
		reported = reported || !n.Reported.IsZero()
	}
	if !reported {
		return "No guest reported at its first boot."
	}
	return ""
}

// signedInAs is what the seed's script says of whom it gave the keys to.
var signedInAs = regexp.MustCompile(`volary: sign in as ([a-z_][a-z0-9_-]{0,31})[\r\n]`)

// FindUser is as whom the test signs in: whom the version names, else whom the head's console says that the keys are for, else root.
func (e Evidence) FindUser(m provisioner.Model) string {
	if m.SignInUser != "" {
		return m.SignInUser
	}
	for _, n := range e.Nodes {
		if found := signedInAs.FindSubmatch(n.Console); n.Role == provisioner.RoleHead && found != nil {
			return string(found[1])
		}
	}
	return "root"
}

// OfGuest gives the error by which a guest kept a command from its end; nil: it was not the guest.
func OfGuest(err error) error {
	for _, known := range []error{provisioner.ErrNoAgent, provisioner.ErrGuestRefused, provisioner.ErrGuestTime, provisioner.ErrGuestNonsense} {
		if errors.Is(err, known) {
			return known
		}
	}
	return nil
}

// HostWords are a host's own words for people, or that it did not answer.
func HostWords(err error) string {
	var refused *provisioner.HostError
	if errors.As(err, &refused) {
		return refused.Detail
	}
	return provisioner.ErrHostUnreachable.Error()
}
