package machines

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// AtEnd is what becomes of a cluster when its lease is over.
type AtEnd string

// What may become of it.
const (
	AtEndKeep   AtEnd = "keep"   // it is stopped, its disks are kept for LeaseTerms.KeepDays, and deleted then
	AtEndDelete AtEnd = "delete" // it is deleted at once, with its disks
)

// LeaseTerms say how a lease ends, and what becomes of the cluster then. The zero value: when the seconds that were asked for
// are over, with the disks kept as before, or for usualKeepDays.
type LeaseTerms struct {
	// Until is when it ends, whenever it begins; nil: after the seconds that were asked for, from READY on.
	Until *time.Time `json:"until,omitempty" db:"lease_until"`
	// UntilStopped has it extend itself by the hour, an hour ahead, while hours last and up to the pool's longest lease.
	UntilStopped bool  `json:"until_stopped,omitempty"`
	AtEnd        AtEnd `json:"at_end,omitempty"`    // empty: AtEndKeep
	KeepDays     int   `json:"keep_days,omitempty"` // of 24 hours; 0: usualKeepDays
}

const (
	usualKeepDays = 1
	// selfExtension is by how much a lease that ends when it is stopped extends itself, in seconds, when that much or less is left.
	selfExtension = 3600
)

// or fills in what the terms do not say.
func (t LeaseTerms) or(was LeaseTerms) LeaseTerms {
	if t.AtEnd == "" {
		t.AtEnd = was.AtEnd
	}
	if t.AtEnd == "" {
		t.AtEnd = AtEndKeep
	}
	if t.KeepDays == 0 {
		t.KeepDays = was.KeepDays
	}
	if t.KeepDays == 0 {
		t.KeepDays = usualKeepDays
	}
	return t
}

// seconds is for how long hours are set aside at first: up to the date, rounded up; of one that extends itself two hours, of
// which one is always ahead; else what was asked for.
func (t LeaseTerms) seconds(asked int64, now time.Time, mostHours int) int64 {
	switch {
	case t.UntilStopped:
		return min(2*selfExtension, int64(mostHours)*3600)
	case t.Until != nil:
		return secondsUntil(*t.Until, now)
	default:
		return asked
	}
}

// secondsUntil rounds up, so that the last second is paid for; it is negative of what is past.
func secondsUntil(until, now time.Time) int64 {
	d := until.Sub(now)
	s := int64(d / time.Second)
	if d%time.Second > 0 {
		s++
	}
	return s
}

// check says by field (lease, at_end, keep_days) what is wrong with a lease of so many seconds on a pool.
func (t LeaseTerms) check(f store.Fields, lease int64, p poolCapacity, now time.Time) {
	if t.Until == nil {
		checkLease(f, lease, p.MaxLeaseHours)
	} else {
		checkUntil(f, *t.Until, lease, int64(p.MaxLeaseHours)*3600, p.Zone, now)
	}
	t.checkEnd(f, p.KeptDaysMost)
}

func (t LeaseTerms) checkEnd(f store.Fields, mostDays int) {
	f.Check(t.AtEnd == AtEndKeep || t.AtEnd == AtEndDelete, "at_end", "Choose whether the disks are kept when the lease is over.")
	if t.AtEnd == AtEndKeep {
		f.Between("keep_days", int64(t.KeepDays), 1, int64(mostDays), " days")
	}
}

// checkUntil says what is wrong with an end on a date, of a lease that may still take left seconds: from now on where it begins,
// from its present end where it is extended.
func checkUntil(f store.Fields, until time.Time, seconds, left int64, zone string, now time.Time) {
	f.Check(until.After(now), "lease", "%s is past: it is %s now. Choose a later end.", zoned(until, zone), zoned(now, zone))
	f.Check(seconds >= leastLease && seconds <= left, "lease", "Until %s a lease takes %s.", zoned(until, zone), leaseRange(left, seconds))
}

// zoned writes an instant by the clocks of a zone, which is a provider's and known to be one.
func zoned(t time.Time, zone string) string {
	at, err := time.LoadLocation(zone)
	if err != nil {
		at = time.UTC
	}
	return t.In(at).Format("2 January 2006 15:04 MST")
}

// write puts the terms of a new start of a cluster into its row, which the caller has locked or made.
func (t LeaseTerms) write(ctx context.Context, tx pgx.Tx, clusterID uuid.UUID) error {
	_, err := tx.Exec(ctx, `
		UPDATE clusters SET lease_until = $2, until_stopped = $3, at_end = $4, keep_days = $5, lease_stays = '', lease_tried_at = NULL
		WHERE id = $1`, clusterID, t.Until, t.UntilStopped, t.AtEnd, t.KeepDays)
	if err != nil {
		return fmt.Errorf("write terms of the lease of cluster %s: %w", clusterID, err)
	}
	return nil
}

// PoolZone is the time zone by whose clocks a pool's provider keeps its books, and in which dates of its leases are meant.
// Refusal: NotFound("pool").
func (db *DB) PoolZone(ctx context.Context, poolID uuid.UUID) (*time.Location, error) {
	rows, _ := db.pool.Query(ctx, `SELECT pr.accounting_zone FROM pools p JOIN providers pr ON pr.id = p.provider_id WHERE p.id = $1`, poolID)
	name, err := store.One(rows, "pool", pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("zone of pool %s: %w", poolID, err)
	}
	return zone, nil
}
