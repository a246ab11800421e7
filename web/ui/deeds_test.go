package ui

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestEveryVerbOfTheLogHasWords reads the verbs where they are written down.
func TestEveryVerbOfTheLogHasWords(t *testing.T) {
	core, coreErr := filepath.Glob("../../store/*.go")
	floors, floorsErr := filepath.Glob("../../store/*/*.go")
	files := slices.Concat(core, floors)
	if err := errors.Join(coreErr, floorsErr); err != nil || len(files) == 0 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	verbs := regexp.MustCompile(`Verb: +"([^"]+)"`)
	found := 0
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range verbs.FindAllSubmatch(b, -1) {
			found++
			if verb := string(m[1]); Deed(verb) == verb {
				t.Errorf("%s: the log has no words for %q", filepath.Base(name), verb)
			}
		}
	}
	if found < 60 {
		t.Errorf("only %d verbs were found: look where they are now", found)
	}
}

func TestDetailsAreWords(t *testing.T) {
	got := Details(map[string]any{
		"reason": "repair", "held": float64(7_200_000), "lease_seconds": float64(3600), "wipe disks": true, "empty": "", "nodes": float64(3), "mcs": float64(3_600_000), "lot": "01a204de-b250-7d66-a106-9db7cc4ba322", "add_seconds": float64(1800),
		"lease_ends_at": "2026-11-29T23:30:00.123Z", "good_days": float64(1), "size": float64(3 << 30),
	}, time.FixedZone("CET", 3600))
	want := []string{
		"longer by: 30 min", "good for: 1 day", "set aside: 2.00 CH", "lease ends: 30 Nov 2026, 00:30:00 CET", "lease: 1 h", "hours: 1.00 CH", "nodes: 3", "reason: repair",
		"size: 3 GiB", "wipe disks: yes",
	}
	if !slices.Equal(got, want) {
		t.Errorf("details %q, want %q", got, want)
	}
}

// TestEveryDetailOfTheLogHasWords reads the keys where they are written down: none is shown as a program names it.
func TestEveryDetailOfTheLogHasWords(t *testing.T) {
	files, err := filepath.Glob("../../store/*/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	details, keys := regexp.MustCompile(`(?s)map\[string\]any\{.*?\}`), regexp.MustCompile(`"([a-z_]+)":`)
	found := 0
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, literal := range details.FindAll(b, -1) {
			for _, m := range keys.FindAllSubmatch(literal, -1) {
				found++
				if key := string(m[1]); strings.Contains(key, "_") && detailWords()[key] == "" {
					t.Errorf("%s: the log has no words for %q", filepath.Base(name), key)
				}
			}
		}
	}
	if found < 40 {
		t.Errorf("only %d keys were found: look where they are now", found)
	}
}
