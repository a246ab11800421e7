package storetest

import (
	"testing"
	"time"
)

// Next waits for a value of c that is wanted, passing over others.
func Next[T any](t *testing.T, c <-chan T, wanted func(T) bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case v := <-c:
			if wanted(v) {
				return
			}
		case <-deadline:
			t.Fatal("nothing of the kind came in 20 s")
		}
	}
}
