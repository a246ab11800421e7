package certificate

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// KeysType names the form of a list of keys, as it is published.
const KeysType = "https://volary.dev/certificates/keys/v1"

// What a list of keys may have.
const (
	mostKeyBytes = 8 << 20
	mostKeys     = 20000
)

// ErrKeys is of a list of keys that cannot be taken.
var ErrKeys = errors.New("no list of keys")

// Ring is a list of public keys and of what became of them.
type Ring struct {
	Type string `json:"_type"`
	Keys []Key  `json:"keys"`
}

// Key is one that signs, or did.
type Key struct {
	ID      string      `json:"keyid"`
	Public  []byte      `json:"public"`            // 32 bytes of Ed25519
	Of      Provider    `json:"provider,omitzero"` // whose it is; zero: the platform's
	Since   time.Time   `json:"since"`
	Retired *time.Time  `json:"retired,omitempty"` // it signs nothing since then; what it signed stays good
	Revoked *Revocation `json:"revoked,omitempty"` // nothing that it signed is good
}

// Revocation says when a key was taken back, and why.
type Revocation struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// Platform tells whether the key is the platform's.
func (k Key) Platform() bool { return k.Of.ID == "" }

// KeyID is what a public key is known by.
func KeyID(public ed25519.PublicKey) string {
	sum := sha256.Sum256(public)
	return hex.EncodeToString(sum[:])
}

// Write gives the list as it is published.
func (r Ring) Write() ([]byte, error) {
	r.Type = KeysType
	if r.Keys == nil {
		r.Keys = []Key{}
	}
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write keys: %w", err)
	}
	return append(b, '\n'), nil
}

// ReadRing reads a list. Each key has to be known by its own id, and there is one of each.
func ReadRing(b []byte) (Ring, error) {
	if len(b) > mostKeyBytes {
		return Ring{}, fmt.Errorf("%w: it has more than %d bytes", ErrKeys, mostKeyBytes)
	}
	var r Ring
	if err := json.Unmarshal(b, &r); err != nil {
		return Ring{}, fmt.Errorf("%w: %w", ErrKeys, err)
	}
	if r.Type != KeysType {
		return Ring{}, fmt.Errorf("%w: it is of type %q and not %s", ErrKeys, r.Type, KeysType)
	}
	if len(r.Keys) > mostKeys {
		return Ring{}, fmt.Errorf("%w: it has more than %d keys", ErrKeys, mostKeys)
	}
	seen := map[string]bool{}
	for _, k := range r.Keys {
		if len(k.Public) != ed25519.PublicKeySize || k.ID != KeyID(k.Public) {
			return Ring{}, fmt.Errorf("%w: a key is not the one of its id %q", ErrKeys, k.ID)
		}
		if seen[k.ID] {
			return Ring{}, fmt.Errorf("%w: the key %s is in it twice", ErrKeys, k.ID)
		}
		seen[k.ID] = true
	}
	return r, nil
}

// Private is the secret half of a key.
type Private struct{ key ed25519.PrivateKey }

// NewKey draws one.
func NewKey() (Private, error) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return Private{}, fmt.Errorf("draw a key: %w", err)
	}
	return Private{key}, nil
}

// Public is what others check by.
func (p Private) Public() ed25519.PublicKey { return p.key.Public().(ed25519.PublicKey) }

// Secret is the form in which a key is sealed, and nothing else is done with it.
func (p Private) Secret() string { return base64.StdEncoding.EncodeToString(p.key.Seed()) }

// ParseSecret reads what Secret wrote. What it says of a wrong one has nothing of it.
func ParseSecret(s string) (Private, error) {
	seed, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(seed) != ed25519.SeedSize {
		return Private{}, errors.New("what was sealed is no key of a certificate")
	}
	return Private{ed25519.NewKeyFromSeed(seed)}, nil
}
