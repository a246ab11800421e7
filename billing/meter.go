package billing

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Proof is proof of life: a node that its host reported as running in an observation round, with its start identity.
type Proof struct {
	NodeID  uuid.UUID
	StartID string
}

// LongestGap is what may lie between two proofs of one run: two rounds, and half a round because rounds do not
// begin on the dot.
func LongestGap(round time.Duration) time.Duration { return 2*round + round/2 }

// Segment is a range of one run that has been proven and not yet booked. From and To are whole seconds.
type Segment struct {
	RunID     uuid.UUID
	ClusterID uuid.UUID
	NodeID    uuid.UUID
	From, To  time.Time
	Rate      Rate
}

// ErrSegment is the sentinel of a segment that is malformed: empty or turned around, not on whole seconds, or
// with a rate that is none.
var ErrSegment = errors.New("segment of a run is malformed")

// Seconds is the segment's length.
func (s Segment) Seconds() int64 { return s.To.Unix() - s.From.Unix() }

// Use is what the segment costs.
func (s Segment) Use() (Hours, error) {
	switch {
	case s.From.Nanosecond() != 0 || s.To.Nanosecond() != 0:
		return 0, fmt.Errorf("run %s: %w: %s to %s is not on whole seconds", s.RunID, ErrSegment, instant(s.From), instant(s.To))
	case !s.From.Before(s.To):
		return 0, fmt.Errorf("run %s: %w: it ends at %s, not after its start at %s", s.RunID, ErrSegment, instant(s.To), instant(s.From))
	case s.Rate <= 0 || s.Rate > MaxRate:
		return 0, fmt.Errorf("run %s: %w: rate %d", s.RunID, ErrSegment, s.Rate)
	}
	return s.Rate.Use(s.Seconds())
}

// cutByMonth splits the segment where a month of the accounting zone begins, so that each part belongs to one
// period. The parts' seconds sum to the segment's.
func (s Segment) cutByMonth(zone *time.Location) []Segment {
	var parts []Segment
	for {
		end := MonthOf(s.From, zone).Period(zone).To
		if !end.Before(s.To) {
			return append(parts, s)
		}
		part := s
		part.To = end
		parts = append(parts, part)
		s.From = end
	}
}
