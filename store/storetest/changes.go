package storetest

import (
	"testing"

	"volary.dev/provisioner/waittest"
)

// Next waits for a value of c that is wanted, passing over others.
func Next[T any](t *testing.T, c <-chan T, wanted func(T) bool) {
	t.Helper()
	for {
		if v, _ := waittest.Receive(t, "something of the kind to be told", c); wanted(v) {
			return
		}
	}
}
