package storetest

import (
	"testing"

	"volary.dev/provisioner/refusal"
)

// WantCode fails unless err is a refusal with the code.
func WantCode(t *testing.T, err error, code string) {
	t.Helper()
	if r, ok := refusal.As(err); !ok || r.Code != code {
		t.Fatalf("error %v, want refusal %q", err, code)
	}
}

// WantRefusal fails unless err is a refusal with code; it returns it for a look at its words.
func WantRefusal(t *testing.T, err error, code string) *refusal.Error {
	t.Helper()
	r, ok := refusal.As(err)
	if !ok || r.Code != code {
		t.Fatalf("error %v, want refusal %q", err, code)
	}
	if r.Title == "" || r.Next == "" {
		t.Errorf("refusal %q has no sentence or no next step: %+v", code, r)
	}
	return r
}

// Must gives the value of a call that must not fail.
func Must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// NoError fails where err is one.
func NoError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
