package org

import (
	"maps"
	"testing"

	"volary.dev/provisioner/refusal"
)

// A fault that the form has for a field itself is told, and not by chance the one that the store has for what the field is called there.
func TestRenamedKeepsTheFormsOwnFault(t *testing.T) {
	names := map[string]string{"compute": "compute_count", "lease": "lease_hours", "name": "name"}
	store := map[string]string{"lease": "too short", "lease_hours": "not a number", "compute": "too many", "name": "taken"}
	want := map[string]string{"lease_hours": "not a number", "compute_count": "too many", "name": "taken"}
	for range 50 { // maps have no order
		if got := renamed(&refusal.Error{Fields: store}, names).Fields; !maps.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
	}
	if len(store) != 4 {
		t.Errorf("the refusal itself was changed: %v", store)
	}
}
