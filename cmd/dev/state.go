package main

import (
	"encoding/json"
	"errors"
	"os"

	"volary.dev/cmd/internal/child"
)

// running is what an up writes of itself, for another up or down to find it by.
type running struct {
	PID       int
	StartTime uint64 // tells the process from a later one with the same id
	URL       string
	Hosts     hostKind
	Stopping  bool
}

func (c checkout) runningFile() string { return c.path("up.json") }

func (c checkout) writeRunning(r running) error {
	r.PID, r.StartTime = os.Getpid(), child.StartTime(os.Getpid())
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return os.WriteFile(c.runningFile(), b, 0o644)
}

// readRunning tells whether an up of this checkout runs now.
func (c checkout) readRunning() (r running, alive bool) {
	b, err := os.ReadFile(c.runningFile())
	if err != nil || json.Unmarshal(b, &r) != nil {
		return running{}, false
	}
	return r, r.StartTime != 0 && child.StartTime(r.PID) == r.StartTime
}

func (c checkout) forgetRunning() error {
	err := os.Remove(c.runningFile())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
