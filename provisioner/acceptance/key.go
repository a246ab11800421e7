package acceptance

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/pem"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Key is what a test signs in with.
type Key struct {
	Private []byte // in OpenSSH's format
	Line    string // as authorized_keys has it, with a comment
}

// KeyOf gives the key of a test. It follows from what the test's machines share and is kept nowhere: a guest that works it out can sign in
// to its own cluster, which it can anyway.
func KeyOf(secret, nonce string) Key {
	seed, err := hkdf.Key(sha256.New, []byte(secret), []byte(nonce), "volary acceptance test's key", ed25519.SeedSize)
	if err != nil {
		panic(err) // of a length that no hash gives, which this is not
	}
	private := ed25519.NewKeyFromSeed(seed)
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		panic(err) // of a kind of key that it does not know
	}
	public, err := ssh.NewPublicKey(private.Public())
	if err != nil {
		panic(err) // likewise
	}
	return Key{Private: pem.EncodeToMemory(block), Line: strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public))) + " acceptance-test"}
}
