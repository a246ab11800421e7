package nethook

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestFilesOfNetworksThatAreGone holds that what a host without power left of our networks is removed, and nothing else is.
func TestFilesOfNetworksThatAreGone(t *testing.T) {
	h := newHook(t, &recorder{})
	files := map[string]struct {
		age  time.Duration
		kept bool
	}{
		"volary-7.conf":      {age: time.Hour},
		"volary-7.addnhosts": {age: time.Hour},
		"volary-7.hostsfile": {age: leftAfter},
		"vol7.status":        {age: time.Hour},
		"vol7.macs":          {age: time.Hour},
		"volary-8.conf":      {age: leftAfter - time.Second, kept: true}, // its network may be about to be there
		"volary-9.conf":      {age: time.Hour, kept: true},               // its network is there
		"vol9.status":        {age: time.Hour, kept: true},
		"default.conf":       {age: time.Hour, kept: true},
		"volary-probe.conf":  {age: time.Hour, kept: true},
		"volume7.status":     {age: time.Hour, kept: true},
		"volary-7.conf.bak":  {age: time.Hour, kept: true},
	}
	var want []string
	for name, f := range files {
		path := filepath.Join(h.names, name)
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, h.now.Add(-f.age), h.now.Add(-f.age)); err != nil {
			t.Fatal(err)
		}
		if f.kept {
			want = append(want, name)
		}
	}
	for _, there := range []string{NetworkName(9), ProbeName} {
		if err := os.WriteFile(h.networkState(there), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.serve(t.Context(), "updated", strings.NewReader(probeXML(setting(t, Question{Nonce: "0001"})))); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(h.names)
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, e := range entries {
		have = append(have, e.Name())
	}
	slices.Sort(want)
	if !slices.Equal(have, want) {
		t.Errorf("kept %v, want %v", have, want)
	}
}
