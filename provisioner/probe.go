package provisioner

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"time"
)

// Probe asks a host whether a node that it carries answers at a TCP port, from the host's own side of the cluster's network: a
// sealed network has no other way in. With SignIn it asks whether one can sign in there by SSH.
type Probe struct {
	VNI    uint32
	Guest  netip.Addr
	Port   uint16
	Within time.Duration // DefaultProbeTime
	SignIn *ProbeSignIn
}

// ProbeSignIn is a person, or a test, who signs in by SSH and runs true(1), and nothing else.
type ProbeSignIn struct {
	User       string
	PrivateKey []byte // in OpenSSH's format, without a passphrase. It is on the host for as long as the probe lasts, in memory alone.
	HostKey    string // "ssh-ed25519 AAAA…", the only one that is taken; empty: any, and it is told
}

// Probed is what came of a probe, in the guest's own word.
type Probed struct {
	Answers  bool // somebody took a connection at the port
	SignedIn bool // and the key, and true(1) ended well
	// HostKey is the one by which who answered a sign-in was taken: "ssh-ed25519 AAAA…". Where one was asked for it is told with a
	// sign-in alone.
	HostKey string
	Why     string // what kept it from being so; what a guest may have said of it is cut and made printable
}

// The bounds of a probe.
const (
	DefaultProbeTime = 10 * time.Second
	MostProbeTime    = time.Minute

	mostPrivateKey, mostShownKey = 8 << 10, 2 << 10
)

// ErrProbe says that a probe is none that may be asked for; nothing was asked.
var ErrProbe = errors.New("not a probe")

var (
	signInName  = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)
	hostKeyLine = regexp.MustCompile(`^[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}$`)
)

// Bounded gives the probe with its defaults, or why it is refused.
func (p Probe) Bounded() (Probe, error) {
	if p.Within == 0 {
		p.Within = DefaultProbeTime
	}
	switch {
	case !p.Guest.Is4() || p.Port == 0 || p.VNI == 0:
		return p, fmt.Errorf("%w: %s port %d of network %d", ErrProbe, p.Guest, p.Port, p.VNI)
	case p.Within < time.Second || p.Within > MostProbeTime:
		return p, fmt.Errorf("%w: it may take %s; from %s to %s can be asked for", ErrProbe, p.Within, time.Second, MostProbeTime)
	case p.SignIn == nil:
		return p, nil
	case !signInName.MatchString(p.SignIn.User):
		return p, fmt.Errorf("%w: %q is no name of a login", ErrProbe, p.SignIn.User)
	case len(p.SignIn.PrivateKey) == 0 || len(p.SignIn.PrivateKey) > mostPrivateKey:
		return p, fmt.Errorf("%w: a private key of %d bytes, want one of at most %d", ErrProbe, len(p.SignIn.PrivateKey), mostPrivateKey)
	case p.SignIn.HostKey != "" && (len(p.SignIn.HostKey) > mostShownKey || !hostKeyLine.MatchString(p.SignIn.HostKey)):
		return p, fmt.Errorf("%w: a host key is its kind and its text", ErrProbe)
	}
	return p, nil
}
