package machines

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/provisioner/placement"
	"volary.dev/provisioner/refusal"
)

// Quote says what a launch would cost and where it would run. Refusal is what LaunchCluster would answer now, but for
// the name, which is not judged.
type Quote struct {
	Need        billing.Hours // to be set aside: the lease times the sum of all nodes' rates
	Left        billing.Hours // good on the pool and available now
	LeftAfter   billing.Hours // below zero where it does not suffice
	RatePerHour billing.Hours // what the whole cluster takes in an hour
	Shapes      []QuoteShape  // of all groups, the head's first
	Hosts       []placement.HostFit
	Refusal     *refusal.Error
	Lease       QuoteLease
	Copies      Copies // before its nodes start; nothing where it is refused
	// Price is the lowest at which the provider sells hours that are good on the pool now; nil: it sells none, or what they come
	// to is more than can be written. Cost is Need at that price, CostPerHour RatePerHour.
	Price             *billing.UnitPrice
	Cost, CostPerHour billing.Money
}

// QuoteLease is how the lease of a launch ends, and what is kept after it.
type QuoteLease struct {
	Seconds int64 // for which hours are set aside at the launch
	LeaseTerms
	MaxLeaseHours int
	Zone          string // of the provider's accounting, in which dates are meant
	DiskGiB       int    // of all nodes
	Kept          KeptDisks
}

func (c launchCase) quoteLease(p launchPlan) QuoteLease {
	q := QuoteLease{Seconds: c.Lease, LeaseTerms: c.Terms, MaxLeaseHours: c.Pool.MaxLeaseHours, Zone: c.Pool.Zone, Kept: c.Kept}
	for _, s := range p.Shapes {
		q.DiskGiB += s.Count * s.Shape.DiskGiB
	}
	return q
}

// QuoteShape is the provider's shape for the nodes of one group. A node gets the whole shape, which is what is paid.
type QuoteShape struct {
	Group string // provisioner.HeadName is the head's
	Count int
	Need  provisioner.Shape
	Shape Shape
}

// Quote judges a launch without doing it. NotFound("version" or "pool") is an error; every other refusal stands in
// the quote.
func (db *DB) Quote(ctx context.Context, orgID uuid.UUID, r LaunchRequest) (q Quote, err error) {
	// One snapshot, so that what is shown belongs together.
	err = db.core.Snapshot(ctx, func(tx pgx.Tx) error {
		c, err := readLaunch(ctx, tx, orgID, r)
		if err != nil {
			return err
		}
		left, elsewhere, err := db.books.Available(ctx, tx, c.Pool.ID, orgID, c.Now)
		if err != nil {
			return err
		}
		q.Left = left
		p, refusal := c.judge()
		q.Need, q.RatePerHour, q.Shapes, q.Hosts, q.Refusal = p.Need, p.RatePerHour, p.Shapes, p.Fits, refusal
		q.LeftAfter, q.Lease = q.Left-q.Need, c.quoteLease(p)
		if q.Refusal == nil {
			q.Refusal = q.shortage(c, elsewhere)
		}
		if q.Refusal == nil {
			if q.Copies, err = c.copies(ctx, tx, p); err != nil {
				return err
			}
		}
		return q.inMoney(ctx, tx, db.books, c.Pool.ID, c.Now)
	})
	if err != nil {
		return Quote{}, fmt.Errorf("quote: %w", err)
	}
	return q, nil
}

// inMoney says what the hours come to at the price of the moment, each amount rounded once.
func (q *Quote) inMoney(ctx context.Context, tx pgx.Tx, books Books, poolID uuid.UUID, now time.Time) error {
	price, err := books.PriceOn(ctx, tx, poolID, now)
	if err != nil || price == nil {
		return err
	}
	cost, costErr := price.Price(q.Need)
	hour, hourErr := price.Price(q.RatePerHour)
	if costErr == nil && hourErr == nil {
		q.Price, q.Cost, q.CostPerHour = price, cost, hour
	}
	return nil
}

// shortage asks billing as Hold will, with all hours good on the pool as one lot, and all others as another.
func (q Quote) shortage(c launchCase, elsewhere billing.Hours) *refusal.Error {
	lots := []billing.Lot{{Available: q.Left}, {Available: elsewhere, PoolID: uuid.Max}}
	_, err := billing.Authorise(q.Need, lots, c.Pool.ID, c.Now)
	if err == nil {
		return nil
	}
	r, _ := refusal.As(billing.Refuse(err))
	return r
}
