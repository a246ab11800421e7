package request

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"volary.dev/store"
	"volary.dev/store/people"
)

// The fields of a form's slip (web/ui/slip.templ), and the one by which a page that stopped a form lets it go on.
const (
	MadeFor = "made_for" // for whom the form was made: "org:ID", "provider:ID" or "platform"
	SlipID  = "slip"     // made when the form was shown
	WorkFor = "work_for" // the place that the session shall work for from this form on
)

// The kinds of places.
const (
	KindOrganization = "org"
	KindProvider     = "provider"
	KindPlatform     = "platform"
)

// Place is for whom the session works now among the places that a permission is about, written as in MadeFor; empty for none. ok is
// false for permissions that are about no place.
func Place(s *people.Session, p Permission) (place string, ok bool) {
	who := policyOf(p)
	switch {
	case s == nil:
		return "", false
	case who.platform:
		return KindPlatform, true
	case who.organization != nil:
		return placeOf(KindOrganization, s.OrganizationID), true
	case who.provider != nil:
		return placeOf(KindProvider, s.ProviderID), true
	default:
		return "", false
	}
}

func placeOf(kind string, id *uuid.UUID) string {
	if id == nil {
		return ""
	}
	return kind + ":" + id.String()
}

// ParsePlace reads the kind and the id of an organization or a provider.
func ParsePlace(place string) (kind string, id uuid.UUID, ok bool) {
	kind, text, _ := strings.Cut(place, ":")
	id, err := uuid.Parse(text)
	return kind, id, err == nil && (kind == KindOrganization || kind == KindProvider)
}

// secretFields are what a form that is kept, or compared, does without.
func secretFields() []string { return []string{"password", "current", PasswordAgain} }

// HoldsSecrets tells whether a form held passwords: without them it is not what it was. One that was typed again is asked for anew.
func HoldsSecrets(form url.Values) bool {
	return slices.ContainsFunc(secretFields(), func(name string) bool { return name != PasswordAgain && form.Has(name) })
}

// WithoutSecrets is what a form held but for passwords.
func WithoutSecrets(form url.Values) url.Values {
	kept := maps.Clone(form)
	for _, name := range secretFields() {
		kept.Del(name)
	}
	return kept
}

// Slip is the slip of the session's form, nil where it has none, as what a script sends. Its digest is of where the form was
// sent, and of what was typed and chosen; passwords count by a MAC under the session's token, which is kept nowhere, so that nobody can try words against it.
func (f *Form) Slip(c echo.Context, s *people.Session) (*store.Slip, error) {
	if !f.Has(SlipID) {
		return nil, nil //nolint:nilnil // none is no fault
	}
	id, err := uuid.Parse(f.Typed(SlipID))
	if err != nil {
		return nil, malformed()
	}
	sum := sha256.New()
	secret := hmac.New(sha256.New, []byte(Token(c)))
	for _, name := range slices.Sorted(maps.Keys(f.values)) {
		switch {
		case name == SlipID, name == MadeFor, name == WorkFor, name == PasswordAgain:
		case slices.Contains(secretFields(), name):
			digest(secret, name, f.values[name])
			digest(sum, name, []string{string(secret.Sum(nil))})
		default:
			digest(sum, name, f.values[name])
		}
	}
	digest(sum, "", []string{c.Request().URL.RequestURI()})
	return &store.Slip{Person: s.PersonID, ID: id, Route: c.Path(), Digest: sum.Sum(nil)}, nil
}

// digest adds a field with the lengths of its parts, so that no two forms read alike.
func digest(h hash.Hash, name string, values []string) {
	for _, part := range append([]string{name}, values...) {
		_ = binary.Write(h, binary.BigEndian, uint64(len(part))) // a hash takes everything
		h.Write([]byte(part))
	}
	_ = binary.Write(h, binary.BigEndian, ^uint64(0))
}

const (
	keyNotice = "volary.notice"
	keySent   = "volary.sent"
)

// SetNotice says what the request's answer tells once it leads on; respond/page calls it.
func SetNotice(c echo.Context, notice string) { c.Set(keyNotice, notice) }

// Notice is what SetNotice said.
func Notice(c echo.Context) string {
	notice, _ := c.Get(keyNotice).(string)
	return notice
}

// SetSent says where the form led whose slip the request repeats with other contents; middleware.Once calls it.
func SetSent(c echo.Context, location string) { c.Set(keySent, location) }

// Sent is what SetSent said.
func Sent(c echo.Context) string {
	location, _ := c.Get(keySent).(string)
	return location
}
