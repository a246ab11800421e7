package certificate

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

// mostSignatures is how many an envelope may have.
const mostSignatures = 16

// ErrEnvelope is of what cannot be read as an envelope.
var ErrEnvelope = errors.New("no certificate")

type signer struct{ Private }

// Sign implements dsse.Signer.
func (s signer) Sign(_ context.Context, data []byte) ([]byte, error) {
	return ed25519.Sign(s.key, data), nil
}

// KeyID implements dsse.Signer.
func (s signer) KeyID() (string, error) { return KeyID(s.Public()), nil }

// Sign gives the envelope of a test, signed by each of the keys at a time.
func Sign(ctx context.Context, t Test, at time.Time, keys ...Private) ([]byte, error) {
	ids := make([]string, len(keys))
	signers := make([]dsse.Signer, len(keys))
	for i, k := range keys {
		ids[i], signers[i] = KeyID(k.Public()), signer{k}
	}
	payload, err := json.Marshal(state(t, ids, at))
	if err != nil {
		return nil, fmt.Errorf("write certificate: %w", err)
	}
	if _, err := readStatement(payload); err != nil {
		return nil, err
	}
	all, err := dsse.NewEnvelopeSigner(signers...)
	if err != nil {
		return nil, fmt.Errorf("sign certificate: %w", err)
	}
	e, err := all.SignPayload(ctx, PayloadType, payload)
	if err != nil {
		return nil, fmt.Errorf("sign certificate: %w", err)
	}
	b, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("write certificate: %w", err)
	}
	if len(b) > mostEnvelope {
		return nil, fmt.Errorf("the certificate would have %d bytes, and %d are read", len(b), mostEnvelope)
	}
	return b, nil
}

// SignatureState is what a signature is worth.
type SignatureState string

// The states of a signature.
const (
	SignatureValid   SignatureState = "valid"
	SignatureRevoked SignatureState = "revoked" // by a key that was taken back
	SignatureUnknown SignatureState = "unknown" // by a key that is not in the list
	SignatureForeign SignatureState = "foreign" // by another provider's key, which says nothing of this pool
	SignatureBroken  SignatureState = "broken"  // not of these bytes
	SignatureMissing SignatureState = "missing" // the statement names the key, and there is none by it
)

// Signature is one of an envelope as Verify finds it.
type Signature struct {
	KeyID string
	State SignatureState
	Key   Key // zero where it is not known
}

// Verified is an envelope that was read, and what its signatures are worth. What Statement says counts only where Valid.
type Verified struct {
	Statement  Statement
	Signatures []Signature
}

// Valid tells whether one signature at least is valid, and none broken.
func (v Verified) Valid() bool {
	valid := func(s Signature) bool { return s.State == SignatureValid }
	broken := func(s Signature) bool { return s.State == SignatureBroken }
	return slices.ContainsFunc(v.Signatures, valid) && !slices.ContainsFunc(v.Signatures, broken)
}

// Verify reads an envelope and judges its signatures by a list of keys. It fails only where there is nothing to judge: ErrEnvelope, ErrStatement.
func Verify(envelope []byte, ring Ring) (Verified, error) {
	if len(envelope) > mostEnvelope {
		return Verified{}, fmt.Errorf("%w: it has more than %d bytes", ErrEnvelope, mostEnvelope)
	}
	var e dsse.Envelope
	if err := json.Unmarshal(envelope, &e); err != nil {
		return Verified{}, fmt.Errorf("%w: %w", ErrEnvelope, err)
	}
	if e.PayloadType != PayloadType {
		return Verified{}, fmt.Errorf("%w: its payload is of type %q and not %s", ErrEnvelope, e.PayloadType, PayloadType)
	}
	if len(e.Signatures) == 0 || len(e.Signatures) > mostSignatures {
		return Verified{}, fmt.Errorf("%w: it has %d signatures; 1 to %d are read", ErrEnvelope, len(e.Signatures), mostSignatures)
	}
	payload, err := e.DecodeB64Payload()
	if err != nil {
		return Verified{}, fmt.Errorf("%w: %w", ErrEnvelope, err)
	}
	v := Verified{}
	if v.Statement, err = readStatement(payload); err != nil {
		return Verified{}, err
	}
	signed := dsse.PAE(e.PayloadType, payload)
	for _, s := range e.Signatures {
		v.Signatures = append(v.Signatures, judge(s, v.Statement, signed, ring))
	}
	for _, id := range v.Statement.Predicate.Keys {
		if !slices.ContainsFunc(e.Signatures, func(s dsse.Signature) bool { return s.KeyID == id }) {
			v.Signatures = append(v.Signatures, Signature{KeyID: id, State: SignatureMissing, Key: ring.find(id)})
		}
	}
	return v, nil
}

// Has tells whether the list has a key.
func (r Ring) Has(id string) bool { return r.find(id).ID != "" }

func (r Ring) find(id string) Key {
	if at := slices.IndexFunc(r.Keys, func(k Key) bool { return k.ID == id }); at >= 0 {
		return r.Keys[at]
	}
	return Key{}
}

func judge(s dsse.Signature, of Statement, signed []byte, ring Ring) Signature {
	found := Signature{KeyID: s.KeyID, Key: ring.find(s.KeyID)}
	sig, err := base64.StdEncoding.DecodeString(s.Sig)
	switch {
	case found.Key.ID == "":
		found.State = SignatureUnknown
	case err != nil || !ed25519.Verify(found.Key.Public, signed, sig) || !slices.Contains(of.Predicate.Keys, s.KeyID):
		found.State = SignatureBroken
	case !found.Key.Platform() && found.Key.Of.ID != of.Predicate.Test.Provider.ID:
		found.State = SignatureForeign
	case found.Key.Revoked != nil:
		found.State = SignatureRevoked
	default:
		found.State = SignatureValid
	}
	return found
}

// mostPayload is how many bytes another payload's envelope may have.
const mostPayload = 64 << 20

// SignPayload gives the envelope of something else than a certificate that the same keys vouch for. Its type is under the signature, so
// that neither can be taken for the other.
func SignPayload(ctx context.Context, payloadType string, payload []byte, key Private) ([]byte, error) {
	s, err := dsse.NewEnvelopeSigner(signer{key})
	if err != nil {
		return nil, fmt.Errorf("sign %s: %w", payloadType, err)
	}
	e, err := s.SignPayload(ctx, payloadType, payload)
	if err != nil {
		return nil, fmt.Errorf("sign %s: %w", payloadType, err)
	}
	return json.Marshal(e)
}

// OpenPayload reads such an envelope and judges its one signature by a list of keys. Only the platform's keys vouch for it: another's is
// SignatureForeign. What the payload says counts only where the signature is valid.
func OpenPayload(envelope []byte, payloadType string, ring Ring) (payload []byte, found Signature, err error) {
	if len(envelope) > mostPayload {
		return nil, found, fmt.Errorf("%w: it has more than %d bytes", ErrEnvelope, mostPayload)
	}
	var e dsse.Envelope
	if err := json.Unmarshal(envelope, &e); err != nil {
		return nil, found, fmt.Errorf("%w: %w", ErrEnvelope, err)
	}
	if e.PayloadType != payloadType || len(e.Signatures) != 1 {
		return nil, found, fmt.Errorf("%w: its payload is of type %q with %d signatures; %s with one is read", ErrEnvelope, e.PayloadType, len(e.Signatures), payloadType)
	}
	if payload, err = e.DecodeB64Payload(); err != nil {
		return nil, found, fmt.Errorf("%w: %w", ErrEnvelope, err)
	}
	found = Signature{KeyID: e.Signatures[0].KeyID, Key: ring.find(e.Signatures[0].KeyID)}
	sig, err := base64.StdEncoding.DecodeString(e.Signatures[0].Sig)
	switch {
	case found.Key.ID == "":
		found.State = SignatureUnknown
	case err != nil || !ed25519.Verify(found.Key.Public, dsse.PAE(payloadType, payload), sig):
		found.State = SignatureBroken
	case !found.Key.Platform():
		found.State = SignatureForeign
	case found.Key.Revoked != nil:
		found.State = SignatureRevoked
	default:
		found.State = SignatureValid
	}
	return payload, found, nil
}
