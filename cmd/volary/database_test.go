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

// TestRefusalRepeatsWhatWasTyped shows the name that nothing has, and leaves other refusals and no refusal alone.
func TestRefusalRepeatsWhatWasTyped(t *testing.T) {
	got := explain(repeatTyped(refusal.NotFound("provider"), "Nordrechen "))
	if want := `There is no such provider: "Nordrechen ".`; !strings.HasPrefix(got.Error(), want+"\n") {
		t.Errorf("%q does not begin with %q", got, want)
	}
	other := refusal.Invalid(map[string]string{"hours": "Too many."})
	if !errors.Is(repeatTyped(other, "x"), other) || repeatTyped(nil, "x") != nil {
		t.Error("another refusal is not left as it is")
	}
}

// TestWordsOfVerifiedBlobs: one blob is, and more are.
func TestWordsOfVerifiedBlobs(t *testing.T) {
	for want, got := range map[string]string{
		"The images are whole: 1 blob (1 KiB) was read, and is what was kept.":                       verifyBlobs{}.whole(1, 1024),
		"The images are whole: 2 blobs (1 KiB) were read, and are what was kept.":                    verifyBlobs{}.whole(2, 1024),
		"The images are whole: 1 blob (1 KiB) is there, and has its size; it was not read.":          verifyBlobs{Sizes: true}.whole(1, 1024),
		"The images are whole: 2 blobs (1 KiB) are there, and have their sizes; they were not read.": verifyBlobs{Sizes: true}.whole(2, 1024),
		"of 1 blob of images, 1 is lost, and 0 could not be read":                                    notWhole(1, 1, 0),
		"of 4 blobs of images, 3 are lost, and 1 could not be read":                                  notWhole(4, 3, 1),
	} {
		if strings.ReplaceAll(got, "\u00a0", " ") != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
