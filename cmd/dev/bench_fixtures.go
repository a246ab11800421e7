package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// fixtures is the testing.TB that the tests' fixtures need outside of tests: what would end a test ends the bench.
type fixtures struct {
	testing.TB // nil: a fixture that needs more of it than is below has to say so by a panic
	ctx        context.Context
}

type fixtureFault struct{ error }

// withFixtures calls f with what makes fixtures, and gives the fault of the one that failed.
func withFixtures(ctx context.Context, f func(testing.TB)) (err error) {
	defer func() {
		switch fault := recover().(type) {
		case nil:
		case fixtureFault:
			err = fmt.Errorf("fixtures: %w", fault.error)
		default:
			panic(fault)
		}
	}()
	f(fixtures{ctx: ctx})
	return nil
}

func (f fixtures) Context() context.Context { return f.ctx }
func (fixtures) Helper()                    {}
func (fixtures) Fatal(args ...any) {
	panic(fixtureFault{errors.New(strings.TrimSpace(fmt.Sprintln(args...)))})
}
