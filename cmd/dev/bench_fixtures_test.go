package main

import (
	"strings"
	"testing"
)

func TestFixturesFailAsErrors(t *testing.T) {
	err := withFixtures(t.Context(), func(f testing.TB) {
		f.Helper()
		if f.Context() != t.Context() {
			f.Fatal("another context")
		}
		f.Fatal("no", "room")
	})
	if err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("%v", err)
	}
	if err := withFixtures(t.Context(), func(testing.TB) {}); err != nil {
		t.Error(err)
	}
}
