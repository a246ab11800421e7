//go:build libvirt

package libvirt

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestSuspectsTakeTurns(t *testing.T) {
	s := suspects{one: make(chan struct{}, 1), since: map[uuid.UUID]time.Time{}}
	sick, sicker, sound := uuid.New(), uuid.New(), uuid.New()
	s.note(sick, 2*slow)
	s.note(sicker, 2*slow)
	s.note(sound, slow/2)
	enter := func(id uuid.UUID) func() {
		t.Helper()
		leave, err := s.enter(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return leave
	}
	leave := enter(sick)
	enter(sound)()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.enter(ended, sicker); !errors.Is(err, context.Canceled) {
		t.Errorf("two suspects at once: %v", err)
	}
	leave()
	leave = enter(sicker)
	s.note(sick, 0) // it has answered since
	enter(sick)()
	leave()
	s.since[sicker] = time.Now().Add(-2 * suspicion)
	defer enter(sicker)()
	enter(sicker)()
}
