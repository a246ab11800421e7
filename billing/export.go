package billing

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// RunUse is what is booked of one run in one month, or what a correction took back of what was booked.
type RunUse struct {
	OrganizationID   uuid.UUID
	OrganizationName string
	ClusterID        uuid.UUID
	ClusterName      string
	NodeID           uuid.UUID
	NodeName         string
	RunID            uuid.UUID
	VCPUs            int
	MemoryMiB        int
	From, To         time.Time // clipped to the month and to what is booked
	EndReason        string    // empty: the run goes on after To
	Rate             Rate
	Hours            Hours
	Cost             Cost
	Late             bool // of an earlier month, which was closed when it was booked

	// Corrects is the number of the journal's entry that a correction takes back something of; 0: a run. An entry is of a lot and
	// of many runs, so a correction is of no run, node or cluster, and what it takes back is negative.
	Corrects int64

	PurchaseOrder, CostCentre, GrantNumber                string // of the cluster
	Orders                                                string // the numbers of those whose hours paid, "7 9"
	OrderPurchaseOrder, OrderCostCentre, OrderGrantNumber string // of these orders, each once, "A; B"
}

// Cost is what use cost by the prices of the lots that paid for it. The zero Cost is that of use that grants paid for.
type Cost struct {
	Minor    int64
	Currency Currency // empty: no lot with a price paid
}

// Decimal gives e.g. "12.50", and nothing where there is no price.
func (c Cost) Decimal() string {
	if c.Currency == "" {
		return ""
	}
	return Money(c).Decimal()
}

// UsageTotal is what the ledger's use entries of a month sum to for one organization.
type UsageTotal struct {
	OrganizationID   uuid.UUID
	OrganizationName string
	Hours            Hours
	Cost             Cost
}

// UsageWriter writes the file of a provider's month; the package's document has the columns. It adds up what it
// writes and refuses to finish where that differs from the ledger.
type UsageWriter struct {
	book   Book
	period Period
	known  AsOf
	sums   map[uuid.UUID]*usageSum
}

type usageSum struct {
	runs    int
	hours   Hours
	seconds int64
	cost    Cost
}

// add sums use of some runs up. A provider's prices are all in one currency.
func (s *usageSum) add(runs int, h Hours, seconds int64, c Cost) error {
	if s.cost.Currency != "" && c.Currency != "" && s.cost.Currency != c.Currency {
		return fmt.Errorf("%w: costs in %s and in %s", ErrUntied, s.cost.Currency, c.Currency)
	}
	if c.Currency != "" {
		s.cost.Currency = c.Currency
	}
	s.runs += runs
	s.hours += h
	s.seconds += seconds
	s.cost.Minor += c.Minor
	return nil
}

// The tables of a provider's month.
const (
	UsageRuns          = "runs"
	UsageOrganizations = "organizations"
	UsageAll           = "totals"
)

// UsageTables are the tables of a provider's month, each a file where files have one.
func UsageTables() []string { return []string{UsageRuns, UsageOrganizations, UsageAll} }

// runColumns are those of one run, behind the columns that say whose it is.
func runColumns(whose ...string) []Column {
	return columns(append(whose,
		"cluster", "cluster_id", "node", "node_id", "run_id", "vcpus", "memory_mib", "from", "to", "end_reason", "seconds", "rate", "mcs", "compute_hours",
		"cost", "currency", "purchase_order", "cost_centre", "grant_number", "orders", "order_purchase_order", "order_cost_centre", "order_grant_number",
		"made_at", "settled_until", "status",
	), "from", "to", "made_at", "settled_until")
}

// sumColumns are those of a sum, behind the columns that say whose it is.
func sumColumns(whose ...string) []Column {
	return columns(append(whose,
		"from", "to", "runs", "seconds", "mcs", "compute_hours", "cost", "currency", "made_at", "settled_until", "status",
	), "from", "to", "made_at", "settled_until")
}

// AsOf says what a file of a month knows.
type AsOf struct {
	Made    time.Time
	Settled time.Time // all that nodes used before it is booked; what they used later may follow
	Closed  bool      // the month is: nothing is added to it
}

// Provisional is the status of a month that is not closed, so that lines may be added to it; Closed of one that is.
const (
	Provisional = "provisional"
	Closed      = "closed"
)

func (a AsOf) status() string {
	if a.Closed {
		return Closed
	}
	return Provisional
}

// cells say what a file knows.
func (a AsOf) cells() []Cell { return []Cell{Instant(a.Made), Instant(a.Settled), Text(a.status())} }

// NewUsageWriter begins the table of runs. The file is to say what is known.
func NewUsageWriter(b Book, period Period, known AsOf) (*UsageWriter, error) {
	if err := b.Table(UsageRuns, runColumns("organization", "organization_id")); err != nil {
		return nil, fmt.Errorf("begin the month's runs: %w", err)
	}
	return &UsageWriter{book: b, period: period, known: known, sums: map[uuid.UUID]*usageSum{}}, nil
}

// Run writes one run's line. It refuses a run that leaves the month or whose use is not seconds × rate.
func (u *UsageWriter) Run(r RunUse) error {
	seconds, err := r.within(u.period)
	if err != nil {
		return err
	}
	sum := u.sums[r.OrganizationID]
	if sum == nil {
		sum = &usageSum{}
		u.sums[r.OrganizationID] = sum
	}
	if err := sum.add(r.runs(), r.Hours, seconds, r.Cost); err != nil {
		return err
	}
	return u.book.Row(r.cells(u.known, Text(r.OrganizationName), Text(r.OrganizationID.String()))...)
}

// runs is how many runs a line counts as.
func (r RunUse) runs() int {
	if r.Corrects != 0 {
		return 0
	}
	return 1
}

// within gives the run's seconds where it lies in the period, or before it if it is late, and its use is seconds × rate. A correction has none.
func (r RunUse) within(p Period) (seconds int64, err error) {
	if r.Corrects != 0 {
		if r.Hours >= 0 || r.Cost.Minor > 0 {
			return 0, fmt.Errorf("write a correction of entry %d: %w: it takes back %d mcs, %q", r.Corrects, ErrSegment, -r.Hours, r.Cost.Decimal())
		}
		return 0, nil
	}
	seconds = r.To.Unix() - r.From.Unix()
	use, err := r.Rate.Use(seconds)
	if err != nil {
		return 0, fmt.Errorf("write run %s: %w", r.RunID, err)
	}
	if use != r.Hours || !r.Late && r.From.Before(p.From) || r.Late && r.To.After(p.From) || r.To.After(p.To) {
		return 0, fmt.Errorf("write run %s: %w: %d s at rate %d are booked as %d mcs from %s to %s",
			r.RunID, ErrSegment, seconds, r.Rate, r.Hours, instant(r.From), instant(r.To))
	}
	return seconds, nil
}

// cells are the run's, behind those that say whose it is.
func (r RunUse) cells(known AsOf, whose ...Cell) []Cell {
	reason := r.EndReason
	switch {
	case r.Corrects != 0:
		reason = fmt.Sprintf("correction of entry %d", r.Corrects)
	case reason == "":
		reason = "continues"
	}
	of := []Cell{{}, {}, {}, {}, {}, {}, {}, Instant(r.From), Instant(r.To), Text(reason), Whole(int64(0)), {}}
	if r.Corrects == 0 {
		of = []Cell{
			Text(r.ClusterName), Text(r.ClusterID.String()), Text(r.NodeName), Text(r.NodeID.String()), Text(r.RunID.String()), Whole(r.VCPUs), Whole(r.MemoryMiB),
			Instant(r.From), Instant(r.To), Text(reason), Whole(r.To.Unix() - r.From.Unix()), Whole(int64(r.Rate)),
		}
	}
	return slices.Concat(whose, of, []Cell{
		Whole(int64(r.Hours)), Number(r.Hours.Decimal()),
		Number(r.Cost.Decimal()), Text(string(r.Cost.Currency)), Text(r.PurchaseOrder), Text(r.CostCentre), Text(r.GrantNumber),
		Text(r.Orders), Text(r.OrderPurchaseOrder), Text(r.OrderCostCentre), Text(r.OrderGrantNumber),
	}, known.cells())
}

// cells are the sum's, behind those that say whose it is.
func (s usageSum) cells(p Period, known AsOf, whose ...Cell) []Cell {
	return slices.Concat(whose, []Cell{
		Instant(p.From), Instant(p.To), Whole(s.runs), Whole(s.seconds), Whole(int64(s.hours)), Number(s.hours.Decimal()),
		Number(s.cost.Decimal()), Text(string(s.cost.Currency)),
	}, known.cells())
}

// ErrUntied is returned where the lines of an export do not sum to the ledger. The file is then worthless.
var ErrUntied = errors.New("the export does not tie to the ledger")

// Finish writes the tables of organizations and of the total, and ends the file. totals are the ledger's own sums; where one
// differs from what was written, Finish returns ErrUntied.
func (u *UsageWriter) Finish(totals []UsageTotal) error {
	ordered := slices.Clone(totals)
	slices.SortFunc(ordered, func(a, b UsageTotal) int { return compareID(a.OrganizationID, b.OrganizationID) })
	all, err := u.tie(ordered)
	if err != nil {
		return err
	}
	if err := u.book.Table(UsageOrganizations, sumColumns("organization", "organization_id")); err != nil {
		return err
	}
	for _, t := range ordered {
		sum := u.sums[t.OrganizationID]
		if sum == nil {
			sum = &usageSum{} // the ledger has nothing of it either
		}
		if err := u.book.Row(sum.cells(u.period, u.known, Text(t.OrganizationName), Text(t.OrganizationID.String()))...); err != nil {
			return err
		}
	}
	if err := u.book.Table(UsageAll, sumColumns()); err != nil {
		return err
	}
	if err := u.book.Row(all.cells(u.period, u.known)...); err != nil {
		return err
	}
	return u.book.Finish()
}

// tie compares what was written with the ledger's sums, and adds it up.
func (u *UsageWriter) tie(totals []UsageTotal) (all usageSum, err error) {
	booked := map[uuid.UUID]bool{}
	for _, t := range totals {
		booked[t.OrganizationID] = true
		var sum usageSum
		if s := u.sums[t.OrganizationID]; s != nil {
			sum = *s
		}
		if err := sum.ties(t); err != nil {
			return all, err
		}
		if err := all.add(sum.runs, sum.hours, sum.seconds, sum.cost); err != nil {
			return all, err
		}
	}
	for id, sum := range u.sums {
		if !booked[id] {
			return all, fmt.Errorf("organization %s: %w: its runs sum to %d mcs, it has no postings", id, ErrUntied, sum.hours)
		}
	}
	return all, nil
}

// ties compares a sum with the ledger's.
func (s usageSum) ties(t UsageTotal) error {
	if s.hours != t.Hours {
		return fmt.Errorf("organization %s: %w: its runs sum to %d mcs, its postings to %d", t.OrganizationID, ErrUntied, s.hours, t.Hours)
	}
	if s.cost != t.Cost {
		return fmt.Errorf("organization %s: %w: its runs cost %q, its lines %q", t.OrganizationID, ErrUntied, s.cost.Decimal(), t.Cost.Decimal())
	}
	return nil
}
