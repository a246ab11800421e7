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
	noted bool // the present step's line was ended by a note
}

func newSteps(out io.Writer) *steps { return &steps{out: out, begun: time.Now()} }

// do runs one step. What f returns as note stands at the end of its line.
func (s *steps) do(title string, f func() (note string, err error)) error {
	fmt.Fprintf(s.out, "%-24s ", title)
	s.noted = false
	start := time.Now()
	note, err := f()
	if s.noted {
		fmt.Fprintf(s.out, "%-24s ", "")
	}
	if err != nil {
		fmt.Fprintf(s.out, "%8s  failed\n", took(start))
		return fmt.Errorf("%s: %w", title, err)
	}
	fmt.Fprintln(s.out, strings.TrimRight(fmt.Sprintf("%8s  %s", took(start), note), " "))
	return nil
}

// note tells of the present step while it lasts.
func (s *steps) note(line string) {
	if !s.noted {
		fmt.Fprintln(s.out)
	}
	s.noted = true
	fmt.Fprintln(s.out, "    "+line)
}

// total is the time since the first step.
func (s *steps) total() string { return took(s.begun) }

func took(since time.Time) string { return fmt.Sprintf("%.1f s", time.Since(since).Seconds()) }
