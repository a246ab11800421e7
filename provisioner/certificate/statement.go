package certificate

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The types that a certificate is known by. PredicateType is an address of Volary's own, which stays as long as the form does.
const (
	PayloadType   = "application/vnd.in-toto+json"
	StatementType = "https://in-toto.io/Statement/v1"
	PredicateType = "https://volary.dev/attestations/acceptance/v1"
)

// What a certificate may have of each. A reader refuses more.
const (
	mostEnvelope = 512 << 10 // bytes
	mostSubjects = 256
	mostRows     = 512 // checks, hosts, groups, images, things not observed
)

// ErrStatement is of a statement that is none of ours, or says something about itself that is not so.
var ErrStatement = errors.New("no certificate of an acceptance test")

// Statement is the in-toto form.
type Statement struct {
	Type          string    `json:"_type"`
	Subject       []Subject `json:"subject"`
	PredicateType string    `json:"predicateType"`
	Predicate     Predicate `json:"predicate"`
}

// Subject is one digest that the certificate is about.
type Subject struct {
	Name        string            `json:"name"`
	Digest      map[string]string `json:"digest"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Predicate is what was found of the subjects.
type Predicate struct {
	Test   Test      `json:"test"`
	Keys   []string  `json:"keys"` // ids of those that sign
	Signed time.Time `json:"signed"`
}

// kind is which of an image's digests one is.
type kind string

const (
	uploaded  kind = "uploaded"
	canonical kind = "canonical"
	guest     kind = "guest"
)

// words name a digest in a sentence.
func (k kind) words() string {
	if k == guest {
		return "guest-visible"
	}
	return string(k)
}

type digestOf struct {
	kind kind
	hex  string
}

func (i Image) digests() []digestOf {
	return []digestOf{{uploaded, i.Uploaded}, {canonical, i.Canonical}, {guest, i.Guest}}
}

// subjects are those of a test: the digests that are known.
func (t Test) subjects() []Subject {
	list := []Subject{{Name: "document", Digest: map[string]string{"sha256": t.Document}}}
	for n, i := range t.Images {
		for _, d := range i.digests() {
			if d.hex != "" {
				list = append(list, Subject{
					Name: "image/" + strconv.Itoa(n+1) + "/" + string(d.kind), Digest: map[string]string{"sha256": d.hex},
					Annotations: map[string]string{"image": i.Name, "digest": string(d.kind)},
				})
			}
		}
	}
	return list
}

// state makes the statement of a test that keys sign at a time.
func state(t Test, keys []string, at time.Time) Statement {
	return Statement{
		Type: StatementType, Subject: t.subjects(), PredicateType: PredicateType,
		Predicate: Predicate{Test: t, Keys: keys, Signed: at.UTC().Truncate(time.Second)},
	}
}

// readStatement reads a payload. What a certificate says of digests twice, as subjects and in its predicate, has to be the same.
func readStatement(payload []byte) (Statement, error) {
	var s Statement
	if err := json.Unmarshal(payload, &s); err != nil {
		return Statement{}, fmt.Errorf("%w: %w", ErrStatement, err)
	}
	t := s.Predicate.Test
	switch {
	case s.Type != StatementType || s.PredicateType != PredicateType:
		return Statement{}, fmt.Errorf("%w: it is of type %q with a predicate of %q", ErrStatement, s.Type, s.PredicateType)
	case len(s.Subject) > mostSubjects || slices.Max([]int{len(t.Checks), len(t.Hosts), len(t.Nodes), len(t.Images), len(t.NotObserved), len(s.Predicate.Keys)}) > mostRows:
		return Statement{}, fmt.Errorf("%w: it has more subjects, rows or keys than one may have", ErrStatement)
	case !isDigest(t.Document):
		return Statement{}, fmt.Errorf("%w: its document has no digest", ErrStatement)
	}
	for _, i := range t.Images {
		for _, d := range i.digests() {
			if d.hex != "" && !isDigest(d.hex) {
				return Statement{}, fmt.Errorf("%w: %q is no digest", ErrStatement, d.hex)
			}
		}
	}
	if !sameSubjects(s.Subject, t.subjects()) {
		return Statement{}, fmt.Errorf("%w: its subjects are others than those of its predicate", ErrStatement)
	}
	return s, nil
}

func sameSubjects(a, b []Subject) bool {
	return slices.EqualFunc(a, b, func(a, b Subject) bool {
		return a.Name == b.Name && len(a.Digest) == 1 && a.Digest["sha256"] == b.Digest["sha256"] && a.Annotations["image"] == b.Annotations["image"] && a.Annotations["digest"] == b.Annotations["digest"]
	})
}

// isDigest tells whether s is a SHA-256 in lower-case hex.
func isDigest(s string) bool { return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == "" }
