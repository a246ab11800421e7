package people

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// The cost of argon2id, with the memory of store.Options.PasswordKiB. What a hash was made with stands in it, so that
// raising these leaves older hashes readable.
const (
	argonPasses  = 2
	argonLanes   = 1
	argonSalt    = 16
	argonKey     = 32
	leastLetters = 10
	mostLetters  = 200 // bounds the work of one attempt
)

var errPasswordHash = errors.New("unreadable password hash")

// hash gives the PHC string of a password in NFC: keyboards of one system send ü as one character, those of another as two.
// It waits for one of few places, since each takes much memory.
func (db *DB) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, argonSalt)
	_, _ = rand.Read(salt) // never fails
	key, err := db.derive(ctx, norm.NFC.String(password), salt, argonPasses, db.core.PasswordKiB(), argonLanes, argonKey)
	if err != nil {
		return "", err
	}
	return db.phc(salt, key), nil
}

// phc writes what was hashed with the cost of hash.
func (db *DB) phc(salt, key []byte) string {
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, db.core.PasswordKiB(), argonPasses, argonLanes,
		enc.EncodeToString(salt), enc.EncodeToString(key))
}

// matches tells whether phc is the hash of password, in constant time. Hashes from before passwords were brought to NFC are
// of what was sent then, in whichever spelling.
func (db *DB) matches(ctx context.Context, password, phc string) (bool, error) {
	_, ok, err := db.matchesAs(ctx, password, phc)
	return ok, err
}

// matchesAs also tells whether the hash is of another spelling than NFC, and ought to be made anew.
func (db *DB) matchesAs(ctx context.Context, password, phc string) (old, ok bool, err error) {
	composed := norm.NFC.String(password)
	if ok, err := db.matchesExactly(ctx, composed, phc); ok || err != nil {
		return false, ok, err
	}
	tried := []string{composed}
	for _, s := range []string{password, norm.NFD.String(password)} {
		if slices.Contains(tried, s) {
			continue
		}
		tried = append(tried, s)
		if ok, err := db.matchesExactly(ctx, s, phc); ok || err != nil {
			return true, ok, err
		}
	}
	return false, false, nil
}

func (db *DB) matchesExactly(ctx context.Context, password, phc string) (bool, error) {
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, errPasswordHash
	}
	var memory, passes uint32
	var lanes uint8
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &lanes); err != nil {
		return false, fmt.Errorf("%w: %w", errPasswordHash, err)
	}
	salt, saltErr := base64.RawStdEncoding.DecodeString(parts[4])
	want, keyErr := base64.RawStdEncoding.DecodeString(parts[5])
	if err := errors.Join(saltErr, keyErr); err != nil {
		return false, fmt.Errorf("%w: %w", errPasswordHash, err)
	}
	got, err := db.derive(ctx, password, salt, passes, memory, lanes, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1 && len(want) > 0, err
}

func (db *DB) derive(ctx context.Context, password string, salt []byte, passes, memory uint32, lanes uint8, length uint32) ([]byte, error) {
	select {
	case db.hashing <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-db.hashing }()
	return argon2.IDKey([]byte(password), salt, passes, memory, lanes, length), nil
}
