// Package sealing closes what one process writes for another alone: whoever has the recipient seals, whoever has the
// identity opens. Links in mails that make who follows them a person are written so, with age (age-encryption.org/v1,
// X25519): the process that faces the internet knows the recipient, the worker the identity. The keys that sign certificates are
// sealed so as well, by the worker for itself: the database keeps them, and nobody who reads it has them.
//
// Decided 2026-11-29: the pair is configured and not published in the database by the worker: then whoever may write there
// could have links sealed for itself. A text is bound to nothing else than the identity; where one is put into another
// row, the mail of that row goes with the wrong link, which its token makes good for its own person alone.
//
// It imports nothing of ours.
package sealing

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/age"
)

// maxText is more than any link has.
const maxText = 64 << 10

// Recipient seals.
type Recipient struct{ to *age.X25519Recipient }

// Identity opens what was sealed for its recipient.
type Identity struct{ with *age.X25519Identity }

// ErrForeign is of what was sealed for another identity, or is damaged.
var ErrForeign = errors.New("sealed for another identity than that of VOLARY_MAIL_IDENTITY_FILE, or damaged")

// NewIdentity makes one.
func NewIdentity() (Identity, error) {
	with, err := age.GenerateX25519Identity()
	if err != nil {
		return Identity{}, fmt.Errorf("make an identity: %w", err)
	}
	return Identity{with}, nil
}

// ReadIdentity reads a file with one identity; lines that begin with # are comments, as age-keygen writes them.
func ReadIdentity(path string) (Identity, error) {
	f, err := os.Open(path)
	if err != nil {
		return Identity{}, fmt.Errorf("identity that opens mails: %w", err)
	}
	defer f.Close()
	list, err := age.ParseIdentities(io.LimitReader(f, maxText))
	if err != nil {
		// What the line says is not repeated: it may be the secret.
		return Identity{}, fmt.Errorf("identity that opens mails in %s: it is not of the form AGE-SECRET-KEY-1…, as volary mail key writes it", path)
	}
	with, ok := list[0].(*age.X25519Identity)
	if !ok || len(list) != 1 {
		return Identity{}, fmt.Errorf("identity that opens mails in %s: there have to be one, of the form AGE-SECRET-KEY-1…", path)
	}
	return Identity{with}, nil
}

// Write makes a file of the identity for its owner's eyes, where there is none.
func (i Identity) Write(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write identity: %w", err)
	}
	_, err = fmt.Fprintf(f, "# recipient: %s\n%s\n", i.Recipient(), i.with)
	return errors.Join(err, f.Close())
}

// Recipient is who seals for the identity.
func (i Identity) Recipient() Recipient { return Recipient{i.with.Recipient()} }

// ParseRecipient reads what String writes.
func ParseRecipient(s string) (Recipient, error) {
	to, err := age.ParseX25519Recipient(strings.TrimSpace(s))
	if err != nil {
		return Recipient{}, fmt.Errorf("%q is no recipient of the form age1…", s)
	}
	return Recipient{to}, nil
}

// String is the form for configurations: "age1…".
func (r Recipient) String() string { return r.to.String() }

// IsZero tells that there is none.
func (r Recipient) IsZero() bool { return r.to == nil }

// Seal gives what only the recipient's identity opens; twice the same text are different bytes.
func (r Recipient) Seal(text string) ([]byte, error) {
	var b bytes.Buffer
	w, err := age.Encrypt(&b, r.to)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	_, err = io.WriteString(w, text)
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return b.Bytes(), nil
}

// Open gives back what was sealed, or ErrForeign.
func (i Identity) Open(sealed []byte) (string, error) {
	r, err := age.Decrypt(bytes.NewReader(sealed), i.with)
	if err != nil {
		return "", ErrForeign
	}
	text, err := io.ReadAll(io.LimitReader(r, maxText))
	if err != nil {
		return "", ErrForeign
	}
	return string(text), nil
}
