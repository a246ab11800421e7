package billing

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// HeldLot is what of a lot is set aside for one cluster.
type HeldLot struct {
	LotID     uuid.UUID
	ClusterID uuid.UUID
	ExpiresAt time.Time // of the lot; zero: never
	Held      Hours
}

// AllOf is all that lots hold.
func AllOf(held []HeldLot) []Share {
	shares := make([]Share, len(held))
	for i, h := range held {
		shares[i] = Share{LotID: h.LotID, Hours: h.Held}
	}
	return shares
}

// LastOf takes a part of what lots hold, ordered as they are used, from the last of them on; less than the part where they hold
// less.
func LastOf(held []HeldLot, part Hours) []Share {
	var shares []Share
	for i := len(held) - 1; i >= 0 && part > 0; i-- {
		taken := min(part, held[i].Held)
		shares = append(shares, Share{LotID: held[i].LotID, Hours: taken})
		part -= taken
	}
	return shares
}

// SharesOf is the sum of shares.
func SharesOf(shares []Share) (sum Hours) {
	for _, s := range shares {
		sum += s.Hours
	}
	return sum
}

// Line is what one lot paid of one segment of a run. Hours is seconds × rate, or a part of it where several
// lots paid for the same segment.
type Line struct {
	Segment
	Hours Hours
	LotID uuid.UUID
	Cost  *Money // nil: the lot was granted
}

// Usage is all that one lot paid in one settling for one accounting month; it becomes one entry.
type Usage struct {
	LotID uuid.UUID
	Month Month
	Lines []Line
}

// SetAside is a segment that could not be booked, with the reason. The others are booked all the same.
type SetAside struct {
	Segment
	Reason error
}

// Settle decides which lots pay for the segments: for each cluster those that hold hours for it, the earliest
// expiry first. It never takes more than is held. A segment is booked whole or set aside whole, malformed ones
// with ErrSegment and those beyond the hold with a *Shortage. The result does not depend on the order of its
// arguments.
func Settle(segments []Segment, held []HeldLot, zone *time.Location) ([]Usage, []SetAside) {
	s := settling{remaining: map[uuid.UUID][]HeldLot{}, zone: zone}
	for _, h := range sortedHeld(held) {
		s.remaining[h.ClusterID] = append(s.remaining[h.ClusterID], h)
	}
	ordered := slices.Clone(segments)
	slices.SortFunc(ordered, func(a, b Segment) int {
		return cmp.Or(a.From.Compare(b.From), compareID(a.RunID, b.RunID))
	})
	for _, seg := range ordered {
		s.book(seg)
	}
	slices.SortFunc(s.usages, func(a, b Usage) int {
		return cmp.Or(cmp.Compare(a.Month.String(), b.Month.String()), compareID(a.LotID, b.LotID))
	})
	return s.usages, s.aside
}

type settling struct {
	remaining map[uuid.UUID][]HeldLot // by cluster, in the order they are used
	zone      *time.Location
	usages    []Usage
	aside     []SetAside
}

func (s *settling) book(seg Segment) {
	need, err := seg.Use()
	if err == nil && s.left(seg.ClusterID) < need {
		err = &Shortage{Needed: need, Available: s.left(seg.ClusterID)}
	}
	if err != nil {
		s.aside = append(s.aside, SetAside{Segment: seg, Reason: err})
		return
	}
	for _, part := range seg.cutByMonth(s.zone) {
		s.take(part)
	}
}

func (s *settling) left(clusterID uuid.UUID) Hours {
	var sum Hours
	for _, h := range s.remaining[clusterID] {
		sum += h.Held
	}
	return sum
}

// take books a part that its cluster's lots are known to cover.
func (s *settling) take(part Segment) {
	rest := part.Rate * Rate(part.Seconds())
	month := MonthOf(part.From, s.zone)
	lots := s.remaining[part.ClusterID]
	for i := range lots {
		paid := min(Hours(rest), lots[i].Held)
		if paid == 0 {
			continue
		}
		lots[i].Held -= paid
		rest -= Rate(paid)
		u := s.usage(lots[i].LotID, month)
		u.Lines = append(u.Lines, Line{Segment: part, Hours: paid, LotID: lots[i].LotID})
	}
}

func (s *settling) usage(lotID uuid.UUID, month Month) *Usage {
	i := slices.IndexFunc(s.usages, func(u Usage) bool { return u.LotID == lotID && u.Month == month })
	if i < 0 {
		s.usages = append(s.usages, Usage{LotID: lotID, Month: month})
		i = len(s.usages) - 1
	}
	return &s.usages[i]
}

func sortedHeld(held []HeldLot) []HeldLot {
	sorted := slices.Clone(held)
	slices.SortFunc(sorted, func(a, b HeldLot) int {
		return cmp.Or(compareExpiry(a.ExpiresAt, b.ExpiresAt, a.LotID, b.LotID), compareID(a.ClusterID, b.ClusterID))
	})
	return sorted
}

func (u Usage) period() Period {
	var p Period
	for i, l := range u.Lines {
		if i == 0 || l.From.Before(p.From) {
			p.From = l.From
		}
		if l.To.After(p.To) {
			p.To = l.To
		}
	}
	return p
}

// cost is what the lines cost together.
func (u Usage) cost() (sum Money) {
	for _, l := range u.Lines {
		if l.Cost != nil {
			sum = Money{sum.Minor + l.Cost.Minor, l.Cost.Currency}
		}
	}
	return sum
}

type clusterUse struct {
	clusterID uuid.UUID
	hours     Hours
}

// byCluster sums the lines of each cluster, in order of cluster.
func (u Usage) byCluster() []clusterUse {
	var sums []clusterUse
	for _, l := range u.Lines {
		i := slices.IndexFunc(sums, func(c clusterUse) bool { return c.clusterID == l.ClusterID })
		if i < 0 {
			i, sums = len(sums), append(sums, clusterUse{clusterID: l.ClusterID})
		}
		sums[i].hours += l.Hours
	}
	slices.SortFunc(sums, func(a, b clusterUse) int { return compareID(a.clusterID, b.clusterID) })
	return sums
}

// String names the segment for a log or a reason.
func (s Segment) String() string {
	return fmt.Sprintf("run %s, %s to %s", s.RunID, instant(s.From), instant(s.To))
}
