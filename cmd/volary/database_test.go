package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"volary.dev/provisioner/refusal"
)

// TestRefusalsOfTheCommandLine sends nobody to a list that a command line does not have, keeps other next steps, and leaves other errors as they are.
func TestRefusalsOfTheCommandLine(t *testing.T) {
	got := explain(fmt.Errorf("export: %w", refusal.NotFound("provider"))).Error()
	if !strings.HasPrefix(got, "There is no such provider.\n") || strings.Contains(got, "list") || !strings.Contains(got, "given whole") {
		t.Errorf("of what is not there: %q", got)
	}
	if got := explain(refusal.Invalid(map[string]string{"hours": "Too many."})).Error(); !strings.Contains(got, "hours: Too many.") || !strings.HasSuffix(got, refusal.Marked) {
		t.Errorf("of a form: %q", got)
	}
	if other := errors.New("another"); !errors.Is(explain(other), other) || explain(nil) != nil {
		t.Error("another error is not left as it is")
	}
}
