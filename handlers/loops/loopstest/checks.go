// Package loopstest is a marketplace with simulated hosts, and uploads, for the tests of loops and jobs.
package loopstest

import (
	"bytes"
	"strings"
	"sync"
	"testing"
)

// Said is what a log was told, for a test that waits for it.
type Said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (s *Said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

// Has tells whether the log was told a text.
func (s *Said) Has(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.text.String(), text)
}

// NoError fails where err is one.
func NoError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
