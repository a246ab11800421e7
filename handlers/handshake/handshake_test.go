package handshake

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func secret(t *testing.T, of string) Secret {
	t.Helper()
	s, err := NewSecret([]byte(strings.Repeat(of, leastBytes)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestBothSidesKnowEachOther(t *testing.T) {
	ours, other := secret(t, "a"), secret(t, "b")
	const path = "/console?node=1&ticket=x"
	ask := func(s Secret, asked, sent string) (*http.Request, Question) {
		r := httptest.NewRequest(http.MethodGet, sent, nil)
		return r, s.Ask(r.Header, asked)
	}
	r, q := ask(ours, path, path)
	answer := http.Header{}
	if !ours.Knows(r, answer) || ours.Check(q, answer) != nil {
		t.Error("two who share the secret do not know each other")
	}
	for name, try := range map[string]func() (*http.Request, Question){
		"another secret": func() (*http.Request, Question) { return ask(other, path, path) },
		"no secret":      func() (*http.Request, Question) { return ask(Secret{}, path, path) },
		"another path":   func() (*http.Request, Question) { return ask(ours, path, path+"&staff=1") },
		"nothing said":   func() (*http.Request, Question) { return httptest.NewRequest(http.MethodGet, path, nil), Question{} },
	} {
		r, _ := try()
		answer := http.Header{}
		if ours.Knows(r, answer) || answer.Get(headerSignature) != "" {
			t.Errorf("%s: believed", name)
		}
	}
	// A worker that does not know the secret, or answers with what it answered another.
	_, later := ask(ours, path, path)
	for name, h := range map[string]http.Header{"silent": {}, "an old answer": answer, "the question's own": r.Header} {
		if err := ours.Check(later, h); err != ErrStranger { //nolint:errorlint // the very error
			t.Errorf("%s: %v", name, err)
		}
	}
	// Who has no secret believes nobody, not even another without one.
	r, q = ask(Secret{}, path, path)
	if (Secret{}).Knows(r, answer) || (Secret{}).Check(q, answer) == nil {
		t.Error("two without a secret believe each other")
	}
}

func TestReadSecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	for content, good := range map[string]bool{"": false, "short\n": false, strings.Repeat(" ", 64): false, strings.Repeat("x", 32) + "\n": true} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadSecret(path); (err == nil) != good {
			t.Errorf("%q: %v", content, err)
		}
	}
	if _, err := ReadSecret(path + "-none"); err == nil {
		t.Error("a file that is not there")
	}
}
