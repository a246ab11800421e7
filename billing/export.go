package billing

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// RunUse is what is booked of one run in one month.
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
	sheet  Sheet
	period Period
	sums   map[uuid.UUID]*usageSum
}

type usageSum struct {
	hours   Hours
	seconds int64
	cost    Cost
}

// add sums use up. A provider's prices are all in one currency.
func (s *usageSum) add(h Hours, seconds int64, c Cost) error {
	if s.cost.Currency != "" && c.Currency != "" && s.cost.Currency != c.Currency {
		return fmt.Errorf("%w: costs in %s and in %s", ErrUntied, s.cost.Currency, c.Currency)
	}
	if c.Currency != "" {
		s.cost.Currency = c.Currency
	}
	s.hours += h
	s.seconds += seconds
	s.cost.Minor += c.Minor
	return nil
}

var usageColumns = []string{
	"record", "organization", "organization_id", "cluster", "cluster_id", "node", "node_id", "run_id", "vcpus",
	"memory_mib", "from", "to", "end_reason", "seconds", "rate", "mcs", "compute_hours",
	"cost", "currency", "purchase_order", "cost_centre", "grant_number", "orders", "order_purchase_order", "order_cost_centre", "order_grant_number",
	"made_at", "settled_until", "status",
}

// AsOf says what a file of a month knows.
type AsOf struct {
	Made    time.Time
	Settled time.Time // all that nodes used before it is booked; what they used later may follow
}

// Provisional is the status of a month that is not closed, so that lines may be added to it.
const Provisional = "provisional"

// header writes the names of columns.
func header(s Sheet, columns []string) error {
	cells := make([]Cell, len(columns))
	for i, name := range columns {
		cells[i] = Text(name)
	}
	return s.Row(cells...)
}

// NewUsageWriter writes the header.
func NewUsageWriter(s Sheet, period Period) (*UsageWriter, error) {
	if err := header(s, usageColumns); err != nil {
		return nil, fmt.Errorf("write usage header: %w", err)
	}
	return &UsageWriter{sheet: s, period: period, sums: map[uuid.UUID]*usageSum{}}, nil
}

// Run writes one run's line. It refuses a run that leaves the month or whose use is not seconds × rate.
func (u *UsageWriter) Run(r RunUse) error {
	seconds := r.To.Unix() - r.From.Unix()
	use, err := r.Rate.Use(seconds)
	if err != nil {
		return fmt.Errorf("write run %s: %w", r.RunID, err)
	}
	if use != r.Hours || r.From.Before(u.period.From) || r.To.After(u.period.To) {
		return fmt.Errorf("write run %s: %w: %d s at rate %d are booked as %d mcs from %s to %s",
			r.RunID, ErrSegment, seconds, r.Rate, r.Hours, instant(r.From), instant(r.To))
	}
	sum := u.sums[r.OrganizationID]
	if sum == nil {
		sum = &usageSum{}
		u.sums[r.OrganizationID] = sum
	}
	if err := sum.add(r.Hours, seconds, r.Cost); err != nil {
		return err
	}
	reason := r.EndReason
	if reason == "" {
		reason = "continues"
	}
	return u.sheet.Row(
		Text("run"), Text(r.OrganizationName), Text(r.OrganizationID.String()), Text(r.ClusterName), Text(r.ClusterID.String()),
		Text(r.NodeName), Text(r.NodeID.String()), Text(r.RunID.String()), Whole(r.VCPUs), Whole(r.MemoryMiB),
		Instant(r.From), Instant(r.To), Text(reason), Whole(seconds), Whole(int64(r.Rate)), Whole(int64(r.Hours)), Number(r.Hours.Decimal()),
		Number(r.Cost.Decimal()), Text(string(r.Cost.Currency)), Text(r.PurchaseOrder), Text(r.CostCentre), Text(r.GrantNumber),
		Text(r.Orders), Text(r.OrderPurchaseOrder), Text(r.OrderCostCentre), Text(r.OrderGrantNumber), Cell{}, Cell{}, Cell{},
	)
}

// ErrUntied is returned where the lines of an export do not sum to the ledger. The file is then worthless.
var ErrUntied = errors.New("the export does not tie to the ledger")

// Finish writes a line per organization and the total, and ends the file. totals are the ledger's own sums; where one
// differs from what was written, Finish writes no total and returns ErrUntied.
func (u *UsageWriter) Finish(totals []UsageTotal, known AsOf) error {
	ordered := slices.Clone(totals)
	slices.SortFunc(ordered, func(a, b UsageTotal) int { return compareID(a.OrganizationID, b.OrganizationID) })
	var all usageSum
	booked := map[uuid.UUID]bool{}
	for _, t := range ordered {
		booked[t.OrganizationID] = true
		sum := u.sums[t.OrganizationID]
		if sum == nil {
			sum = &usageSum{}
		}
		if sum.hours != t.Hours {
			return fmt.Errorf("organization %s: %w: its runs sum to %d mcs, its postings to %d", t.OrganizationID, ErrUntied, sum.hours, t.Hours)
		}
		if sum.cost != t.Cost {
			return fmt.Errorf("organization %s: %w: its runs cost %q, its lines %q", t.OrganizationID, ErrUntied, sum.cost.Decimal(), t.Cost.Decimal())
		}
		if err := all.add(sum.hours, sum.seconds, sum.cost); err != nil {
			return err
		}
		if err := u.total("organization", t.OrganizationName, t.OrganizationID.String(), *sum, known); err != nil {
			return err
		}
	}
	for id, sum := range u.sums {
		if !booked[id] {
			return fmt.Errorf("organization %s: %w: its runs sum to %d mcs, it has no postings", id, ErrUntied, sum.hours)
		}
	}
	if err := u.total("total", "", "", all, known); err != nil {
		return err
	}
	return u.sheet.Finish()
}

func (u *UsageWriter) total(record, name, id string, sum usageSum, known AsOf) error {
	return u.sheet.Row(
		Text(record), Text(name), Text(id), Cell{}, Cell{}, Cell{}, Cell{}, Cell{}, Cell{}, Cell{}, Instant(u.period.From), Instant(u.period.To), Cell{},
		Whole(sum.seconds), Cell{}, Whole(int64(sum.hours)), Number(sum.hours.Decimal()), Number(sum.cost.Decimal()), Text(string(sum.cost.Currency)),
		Cell{}, Cell{}, Cell{}, Cell{}, Cell{}, Cell{}, Cell{}, Instant(known.Made), Instant(known.Settled), Text(Provisional),
	)
}
