package handshake

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
)

// The headers of a request and its answer.
const (
	headerNonce     = "Volary-Nonce"
	headerSignature = "Volary-Signature"
)

// leastBytes of a secret: fewer can be guessed.
const leastBytes = 32

// ErrStranger says that the other side does not know the secret.
var ErrStranger = errors.New("who answers does not know the secret that web and worker share (VOLARY_CONSOLE_SECRET_FILE)")

// Secret is what web and worker share. The zero Secret proves nothing and believes nobody.
type Secret struct{ key []byte }

// NewSecret takes at least 32 bytes.
func NewSecret(key []byte) (Secret, error) {
	if len(key) < leastBytes {
		return Secret{}, fmt.Errorf("a secret of %d bytes can be guessed: it takes %d or more", len(key), leastBytes)
	}
	return Secret{key: key}, nil
}

// ReadSecret reads a file that both sides have. White space around the secret does not count.
func ReadSecret(path string) (Secret, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Secret{}, fmt.Errorf("secret of web and worker: %w", err)
	}
	s, err := NewSecret([]byte(strings.TrimSpace(string(b))))
	if err != nil {
		return s, fmt.Errorf("secret of web and worker in %s: %w", path, err)
	}
	return s, nil
}

// Question is what a request asked, to compare its answer with.
type Question struct{ nonce string }

// Ask signs a request's header for a path with its query. The signature is good for that path alone; a path that holds a one-time
// ticket makes it good once.
func (s Secret) Ask(h http.Header, pathAndQuery string) Question {
	q := Question{nonce: rand.Text()}
	h.Set(headerNonce, q.nonce)
	h.Set(headerSignature, s.sign("web", q.nonce, pathAndQuery))
	return q
}

// Knows tells whether a request comes from one who knows the secret, and signs the answer's header so that the other side
// can tell the same.
func (s Secret) Knows(r *http.Request, answer http.Header) bool {
	nonce := r.Header.Get(headerNonce)
	if nonce == "" || !s.equal(r.Header.Get(headerSignature), s.sign("web", nonce, r.URL.RequestURI())) {
		return false
	}
	answer.Set(headerSignature, s.sign("worker", nonce, ""))
	return true
}

// Check returns ErrStranger where an answer was not signed for the question.
func (s Secret) Check(q Question, answer http.Header) error {
	if !s.equal(answer.Get(headerSignature), s.sign("worker", q.nonce, "")) {
		return ErrStranger
	}
	return nil
}

func (s Secret) sign(side, nonce, path string) string {
	mac := hmac.New(sha256.New, s.key)
	fmt.Fprintf(mac, "volary console\n%s\n%s\n%s", side, nonce, path)
	return hex.EncodeToString(mac.Sum(nil))
}

// equal is false for whatever is compared without a secret.
func (s Secret) equal(got, want string) bool {
	return len(s.key) > 0 && hmac.Equal([]byte(got), []byte(want))
}
