package loops_test

import (
	"testing"

	"github.com/google/uuid"

	"volary.dev/handlers/loops/loopstest"
	"volary.dev/provisioner"
	"volary.dev/provisioner/waittest"
	"volary.dev/store"
	"volary.dev/store/people"
)

// A host that never answered this worker gets twice as many rounds until it is silent, and until then nobody is told of a silence.
func TestHostThatWasNeverMetIsNotSilentAtOnce(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	loopstest.NoError(t, b.DB.People.AddStaff(t.Context(), uuid.Nil, b.Provider, b.Person, people.StaffOperator))
	unreachable := b.Host(1)
	unreachable.SetUnreachable(true)
	b.Worker(t, "one")
	untilSilent(t, b, "host-1", 6)
	unreachable.SetUnreachable(false)
	waittest.Until(t, "the host answers", func() bool { return silence(t, b, "host-1").seen == provisioner.HostUp })
	unreachable.SetUnreachable(true)
	untilSilent(t, b, "host-1", 3) // it was met by now
}

// silentHost is what is written down of a host's open silence.
type silentHost struct {
	seen         provisioner.HostSeen
	rounds, told int
}

func silence(t *testing.T, b *loopstest.Bench, host string) (s silentHost) {
	t.Helper()
	loopstest.NoError(t, b.Pool.QueryRow(t.Context(), `
		SELECT h.seen, coalesce(s.rounds, 0), (SELECT count(DISTINCT mark) FROM notices WHERE event = $2 AND subject_id = h.id AND created_at >= s.from_at)
		FROM hosts h LEFT JOIN host_silences s ON s.host_id = h.id AND s.until_at IS NULL WHERE h.name = $1`, host, store.EventHostLost).
		Scan(&s.seen, &s.rounds, &s.told))
	return s
}

// untilSilent waits for a host's silence, which has to come in the round that is given and not before, and staff hear of it once.
func untilSilent(t *testing.T, b *loopstest.Bench, host string, round int) {
	t.Helper()
	waittest.Until(t, host+" is silent", func() bool {
		s := silence(t, b, host)
		if silent := s.seen == provisioner.HostSilent; silent != (s.rounds >= round) {
			t.Fatalf("after %d rounds it is %s", s.rounds, s.seen)
		} else if silent != (s.told == 1) {
			t.Fatalf("after %d rounds staff were told %d times", s.rounds, s.told)
		}
		return s.rounds >= round
	})
}
