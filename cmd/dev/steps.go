package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// steps shows what is being done and how long each part took.
type steps struct {
	out   io.Writer
	begun time.Time
}

func newSteps(out io.Writer) *steps { return &steps{out: out, begun: time.Now()} }

// do runs one step. What f returns as note stands at the end of its line.
func (s *steps) do(title string, f func() (note string, err error)) error {
	fmt.Fprintf(s.out, "%-38s ", title)
	start := time.Now()
	note, err := f()
	if err != nil {
		fmt.Fprintf(s.out, "%7s  failed\n", took(start))
		return fmt.Errorf("%s: %w", strings.ToLower(title[:1])+title[1:], err)
	}
	fmt.Fprintln(s.out, strings.TrimRight(fmt.Sprintf("%7s  %s", took(start), note), " "))
	return nil
}

// total is the time since the first step.
func (s *steps) total() string { return took(s.begun) }

func took(since time.Time) string { return fmt.Sprintf("%.1f s", time.Since(since).Seconds()) }
