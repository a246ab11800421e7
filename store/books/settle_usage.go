package books

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
)

// Settlement says what settling did.
type Settlement struct {
	Entries  int           // use entries booked
	Lines    int           // ranges of runs in them
	Hours    billing.Hours // mcs
	Expired  int           // lots that lapsed
	SetAside int           // ranges that could not be booked; the reason is with the run
}

func (s *Settlement) add(t Settlement) {
	s.Entries += t.Entries
	s.Lines += t.Lines
	s.Hours += t.Hours
	s.Expired += t.Expired
	s.SetAside += t.SetAside
}

// SettleUsage books what was proven before the last full hour and not booked yet, and what lapsed. Each journal is
// a transaction of its own, so that no launch waits for more than its own; one that fails does not keep the others
// back, and all errors are returned together. It may run at any time, any number of times and in several workers
// at once: a range of a run is booked once.
func (db *DB) SettleUsage(ctx context.Context, now time.Time) (Settlement, error) {
	var sum Settlement
	rows, err := db.pool.Query(ctx, `
		SELECT DISTINCT b.wallet_id FROM run_bookings b JOIN runs r ON r.id = b.run_id
		 WHERE NOT b.done AND (r.closed_at IS NOT NULL OR b.booked_until < least($2, date_trunc('hour', r.ended_at, 'UTC')))
		UNION
		SELECT wallet_id FROM lots WHERE available > 0 AND expires_at <= $1`, now, lastFullHour(now))
	if err != nil {
		return sum, fmt.Errorf("settle: %w", err)
	}
	wallets, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return sum, fmt.Errorf("settle: %w", err)
	}
	var failed []error
	for _, id := range wallets {
		s, err := db.settleJournal(ctx, id, now)
		if err != nil {
			failed = append(failed, fmt.Errorf("settle journal %s: %w", id, err))
			continue
		}
		sum.add(s)
		if s.SetAside > 0 {
			db.log.ErrorContext(ctx, "use could not be booked", slog.String("wallet", id.String()), slog.Int("ranges", s.SetAside))
		}
	}
	return sum, errors.Join(failed...)
}

func (db *DB) settleJournal(ctx context.Context, walletID uuid.UUID, now time.Time) (Settlement, error) {
	var s Settlement
	err := db.core.Tx(ctx, func(tx pgx.Tx) error {
		w, err := walletForUpdate(ctx, tx, `w.id = $1`, walletID)
		if err != nil {
			return err
		}
		if s, err = settleWallet(ctx, tx, w, nil, now); err != nil {
			return err
		}
		s.Expired, err = expireLots(ctx, tx, w, nil, now)
		return err
	})
	return s, err
}

// settleCluster books what the cluster's ended runs used, and of the others what lies before the last full hour.
// The rest of the hold stays: Release gives it back. Locks as Hold.
func settleCluster(ctx context.Context, tx pgx.Tx, clusterID uuid.UUID, now time.Time) error {
	w, ok, err := lockWalletOf(ctx, tx, clusterID)
	if err != nil || !ok {
		return err
	}
	_, err = settleWallet(ctx, tx, w, &clusterID, now)
	return err
}

// settleWallet books the unbooked ranges of a locked wallet, of one cluster or of all.
func settleWallet(ctx context.Context, tx pgx.Tx, w wallet, clusterID *uuid.UUID, now time.Time) (Settlement, error) {
	zone, err := w.zone()
	if err != nil {
		return Settlement{}, err
	}
	ranges, err := unbookedRanges(ctx, tx, w, clusterID, lastFullHour(now))
	if err != nil || len(ranges) == 0 {
		return Settlement{}, err
	}
	lots, err := lockLots(ctx, tx, w)
	if err != nil {
		return Settlement{}, err
	}
	held, err := heldLots(ctx, tx, w, clusterID)
	if err != nil {
		return Settlement{}, err
	}
	var segments []billing.Segment
	for _, r := range ranges {
		if !r.FromAt.Equal(r.ToAt) {
			segments = append(segments, r.segment())
		}
	}
	usages, aside := billing.Settle(segments, held, zone)
	s := Settlement{Entries: len(usages), SetAside: len(aside)}
	var bookings []booking
	for _, u := range usages {
		if err := costUse(lots, u); err != nil {
			return Settlement{}, fmt.Errorf("cost of lot %s: %w", u.LotID, err)
		}
		d, err := billing.Use(u, now)
		if err != nil {
			return Settlement{}, fmt.Errorf("settle lot %s: %w", u.LotID, err)
		}
		bookings = append(bookings, booking{Draft: d, lines: u.Lines})
		s.Lines += len(u.Lines)
		s.Hours += d.Moved()
	}
	if err := book(ctx, tx, w, bookings); err != nil {
		return Settlement{}, err
	}
	return s, markBooked(ctx, tx, ranges, aside)
}

// errNoLot is a defect: what is used was held, and a lot of which something is held is among the locked ones.
var errNoLot = errors.New("its lot is not among those of the wallet, so that nothing says what its use costs")

// costUse gives each line of a use what it costs; none where its lot was granted. It moves the lot's use in lots along, so that
// the uses of one settling follow one another. A cost that cannot be found is an error, never none.
func costUse(lots []lotRow, u billing.Usage) error {
	i := slices.IndexFunc(lots, func(l lotRow) bool { return l.ID == u.LotID })
	if i < 0 {
		return errNoLot
	}
	if lots[i].Amount == nil {
		return nil
	}
	parts := lots[i].parts()
	if err := parts.UseLines(u.Lines); err != nil {
		return err
	}
	lots[i].Used = parts.Used
	return nil
}

// hourGrace is how long after an hour it is booked: by then every host has answered a round of the next, so that the
// hour of a journal and lot is one entry.
const hourGrace = time.Minute

// lastFullHour is where the hourly entries end. A run that is not proven to the end of an hour waits with that hour.
func lastFullHour(now time.Time) time.Time { return now.UTC().Add(-hourGrace).Truncate(time.Hour) }

type unbookedRange struct {
	RunID     uuid.UUID
	ClusterID uuid.UUID
	NodeID    uuid.UUID
	Rate      billing.Rate
	FromAt    time.Time
	ToAt      time.Time
	Closed    bool
}

func (r unbookedRange) segment() billing.Segment {
	return billing.Segment{RunID: r.RunID, ClusterID: r.ClusterID, NodeID: r.NodeID, From: r.FromAt, To: r.ToAt, Rate: r.Rate}
}

// unbookedRanges reads runs without locking them: their ends only grow, and how far they are booked is guarded by
// the wallet's lock.
func unbookedRanges(ctx context.Context, tx pgx.Tx, w wallet, clusterID *uuid.UUID, until time.Time) ([]unbookedRange, error) {
	rows, err := tx.Query(ctx, `
		SELECT r.id AS run_id, r.cluster_id, r.node_id, r.rate, b.booked_until AS from_at,
		       u.until AS to_at, r.closed_at IS NOT NULL AS closed
		  FROM run_bookings b JOIN runs r ON r.id = b.run_id
		  JOIN LATERAL (
		    SELECT CASE WHEN r.closed_at IS NULL THEN least($3, date_trunc('hour', r.ended_at, 'UTC')) ELSE r.ended_at END AS until) u ON true
		 WHERE b.wallet_id = $1 AND NOT b.done AND ($2::uuid IS NULL OR r.cluster_id = $2)
		   AND (r.closed_at IS NOT NULL OR b.booked_until < u.until)`, w.ID, clusterID, until)
	if err != nil {
		return nil, fmt.Errorf("unbooked use of wallet %s: %w", w.ID, err)
	}
	ranges, err := pgx.CollectRows(rows, pgx.RowToStructByName[unbookedRange])
	if err != nil {
		return nil, fmt.Errorf("unbooked use of wallet %s: %w", w.ID, err)
	}
	return ranges, nil
}

// heldLots is what the locked wallet's lots hold, for one cluster or for all.
func heldLots(ctx context.Context, tx pgx.Tx, w wallet, clusterID *uuid.UUID) ([]billing.HeldLot, error) {
	rows, err := tx.Query(ctx, `
		SELECT h.lot_id, h.cluster_id, l.expires_at, h.held FROM holds h JOIN lots l ON l.id = h.lot_id
		 WHERE l.wallet_id = $1 AND h.held > 0 AND ($2::uuid IS NULL OR h.cluster_id = $2)
		 ORDER BY l.expires_at NULLS LAST, h.lot_id`, w.ID, clusterID)
	if err != nil {
		return nil, fmt.Errorf("holds of wallet %s: %w", w.ID, err)
	}
	held, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (billing.HeldLot, error) {
		var h billing.HeldLot
		var expires *time.Time
		err := row.Scan(&h.LotID, &h.ClusterID, &expires, &h.Held)
		h.ExpiresAt = orZero(expires)
		return h, err
	})
	if err != nil {
		return nil, fmt.Errorf("holds of wallet %s: %w", w.ID, err)
	}
	return held, nil
}

// markBooked marks the runs that are booked to their end, and leaves the reason with those whose range was not booked. How far
// a run is booked moves with its lines.
func markBooked(ctx context.Context, tx pgx.Tx, ranges []unbookedRange, aside []billing.SetAside) error {
	reasons := map[uuid.UUID]string{}
	for _, a := range aside {
		reasons[a.RunID] = a.Reason.Error()
	}
	var runs [][16]byte // as those of lineColumns
	var closed []bool
	var why []string
	for _, r := range ranges {
		runs, closed, why = append(runs, r.RunID), append(closed, r.Closed), append(why, reasons[r.RunID])
	}
	_, err := tx.Exec(ctx, `
		UPDATE run_bookings b SET done = u.why = '' AND u.closed, aside_reason = u.why
		  FROM unnest($1::uuid[], $2::bool[], $3::text[]) AS u (run_id, closed, why)
		 WHERE b.run_id = u.run_id AND (b.done, b.aside_reason) <> (u.why = '' AND u.closed, u.why)`, runs, closed, why)
	if err != nil {
		return fmt.Errorf("mark use as booked: %w", err)
	}
	return nil
}
