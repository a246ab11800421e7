package books

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// LotRow is one purchase or grant, in mcs.
type LotRow struct {
	ID               uuid.UUID
	ProviderID       uuid.UUID
	ProviderName     string
	OrganizationID   uuid.UUID
	OrganizationName string
	PoolName         string     // the one its hours are good on; empty: every pool of the provider
	OrderID          *uuid.UUID // nil: a grant
	OrderNumber      int64
	Amount           *billing.Money // paid, net; nil: a grant
	Purpose          string         // of a grant
	Note             string
	ByName           string // who granted or approved it; empty: the operator's command
	CreatedAt        time.Time
	ExpiresAt        *time.Time // in the provider's zone; nil: never
	Bought           billing.Hours
	Available        billing.Hours
	Held             billing.Hours
	Used             billing.Hours
	Expired          billing.Hours
}

// LotFilter narrows and orders a list of lots by party, created, expires, bought or left.
type LotFilter struct {
	Page  store.Page
	Sort  store.Sorting
	Kind  string // "bought" or "granted"; empty: both
	Open  bool   // those that hours are left or set aside of
	Party string // a part of the other party's name, the purpose or the note
}

// LotSum is what lots sum to.
type LotSum struct {
	Count                                  int
	Bought, Available, Held, Used, Expired billing.Hours
}

// Lots gives a page of an organization's lots in the order in which they are used, with the sums of what the filter
// leaves.
func (db *DB) Lots(ctx context.Context, orgID uuid.UUID, f LotFilter) ([]LotRow, LotSum, error) {
	return db.lots(ctx, "w.organization_id", "p.name", orgID, f, "p.name, l.expires_at NULLS LAST, l.id")
}

// LotsOfProvider gives a page of what a provider sold and granted, the newest first.
func (db *DB) LotsOfProvider(ctx context.Context, providerID uuid.UUID, f LotFilter) ([]LotRow, LotSum, error) {
	return db.lots(ctx, "w.provider_id", "g.name", providerID, f, "l.created_at DESC, l.id")
}

const fromLots = `
	  FROM lots l
	  JOIN wallets w ON w.id = l.wallet_id
	  JOIN providers p ON p.id = w.provider_id
	  JOIN organizations g ON g.id = w.organization_id
	  LEFT JOIN pools pl ON pl.id = l.pool_id
	  LEFT JOIN orders r ON r.id = l.order_id
	  LEFT JOIN people b ON b.id = l.created_by`

func (db *DB) lots(ctx context.Context, own, party string, ownID uuid.UUID, f LotFilter, fallback string) (list []LotRow, sum LotSum, err error) {
	where := ` WHERE ` + own + ` = $1 AND ($2 = '' OR ($2 = 'granted') = (l.order_id IS NULL)) AND (NOT $3 OR l.available > 0 OR l.held > 0)
		AND (` + party + ` ILIKE $4 OR l.purpose ILIKE $4 OR l.note ILIKE $4)`
	args := []any{ownID, f.Kind, f.Open, store.Like(f.Party)}
	order := store.Sortable{
		"party": party, "created": "l.created_at", "expires": "l.expires_at", "bought": "l.bought", "left": "l.available",
	}.OrderBy(f.Sort, fallback)
	rows, _ := db.pool.Query(ctx, `
		SELECT l.id, w.provider_id, p.name, p.accounting_zone, w.organization_id, g.name, coalesce(pl.name, ''), l.order_id, coalesce(r.number, 0), l.amount,
		       coalesce(l.currency, ''), l.purpose, l.note, coalesce(b.name, ''), l.created_at, l.expires_at, l.bought, l.available, l.held,
		       l.used, l.expired`+fromLots+where+order+` LIMIT $5 OFFSET $6`, append(args, f.Page.Most(), f.Page.Skip())...)
	if list, err = store.All(rows, "lots", rowToLot); err != nil {
		return nil, sum, err
	}
	err = db.pool.QueryRow(ctx, `
		SELECT count(*), coalesce(sum(l.bought), 0)::bigint, coalesce(sum(l.available), 0)::bigint, coalesce(sum(l.held), 0)::bigint,
		       coalesce(sum(l.used), 0)::bigint, coalesce(sum(l.expired), 0)::bigint`+fromLots+where, args...).Scan(
		&sum.Count, &sum.Bought, &sum.Available, &sum.Held, &sum.Used, &sum.Expired)
	if err != nil {
		return nil, sum, fmt.Errorf("sums of lots: %w", err)
	}
	return list, sum, nil
}

func rowToLot(row pgx.CollectableRow) (LotRow, error) {
	var l LotRow
	var amount *int64
	var currency billing.Currency
	var zone string
	err := row.Scan(&l.ID, &l.ProviderID, &l.ProviderName, &zone, &l.OrganizationID, &l.OrganizationName, &l.PoolName, &l.OrderID, &l.OrderNumber, &amount,
		&currency, &l.Purpose, &l.Note, &l.ByName, &l.CreatedAt, &l.ExpiresAt, &l.Bought, &l.Available, &l.Held, &l.Used, &l.Expired)
	if amount != nil {
		l.Amount = &billing.Money{Minor: *amount, Currency: currency}
	}
	if err == nil {
		err = inZone(l.ExpiresAt, zone)
	}
	return l, err
}

// newLot is a lot about to be made of a grant or an order.
type newLot struct {
	billing.Lot
	Order         uuid.UUID     // Nil: a grant
	Paid          billing.Money // for the order
	Tax           billing.Money // on that, by the invoice
	Purpose, Note string
	By            uuid.UUID // Nil: the operator's command
}

// mostBooked is how much one provider gives and sells in all, ever: what was booked stays, and so would a page whose sums have left the
// range of int64.
const mostBooked = 100 * billing.MaxHours

// refuseTooMuch refuses a lot with which the provider's hours would be more than mostBooked ("too_much"). Two at the same moment may be
// one lot more, for which there is room.
func (l newLot) refuseTooMuch(ctx context.Context, tx pgx.Tx, w wallet) error {
	var over bool
	err := tx.QueryRow(ctx, `
		SELECT coalesce(sum(l.bought), 0) + $2::bigint > $3::bigint FROM lots l JOIN wallets w ON w.id = l.wallet_id WHERE w.provider_id = $1`,
		w.ProviderID, l.Available, mostBooked).Scan(&over)
	if err != nil {
		return fmt.Errorf("sum of a provider's hours: %w", err)
	}
	if over {
		return &refusal.Error{
			Code: "too_much", Title: fmt.Sprintf("A provider gives and sells at most %s compute hours in all, and these would be more.", mostBooked.Ceil()),
			Next: "Grant or sell fewer.",
		}
	}
	return nil
}

// book makes the lot and its entry in the locked wallet. Refusals: "too_much".
func (l newLot) book(ctx context.Context, tx pgx.Tx, w wallet, now time.Time) error {
	if !l.ExpiresAt.IsZero() {
		l.ExpiresAt = l.ExpiresAt.UTC().Truncate(time.Microsecond) // what a column keeps is what is hashed
	}
	d, err := billing.Grant(l.Lot, l.By, now)
	if err != nil {
		return err
	}
	if err := l.refuseTooMuch(ctx, tx, w); err != nil {
		return err
	}
	var amount *int64
	var currency *billing.Currency
	if l.Order != uuid.Nil {
		amount, currency = &l.Paid.Minor, &l.Paid.Currency
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO lots (id, wallet_id, expires_at, note, created_by, created_at, order_id, pool_id, amount, currency, purpose)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		l.ID, w.ID, store.OrNoTime(l.ExpiresAt), l.Note, store.OrNull(l.By), now, store.OrNull(l.Order), store.OrNull(l.PoolID), amount, currency, l.Purpose); err != nil {
		return fmt.Errorf("make lot: %w", err)
	}
	if l.Order != uuid.Nil {
		d.Move(billing.Receivable, billing.Deferred, l.ID, l.Paid)
		d.Move(billing.Receivable, billing.Tax, uuid.Nil, l.Tax)
	}
	if d.Facts, err = factsOf(ctx, tx, w, l.ID); err != nil {
		return err
	}
	if err := book(ctx, tx, w, []booking{{Draft: d}}); err != nil {
		return err
	}
	return markFull(ctx, tx, w)
}

type lotRow struct {
	ID        uuid.UUID
	ExpiresAt *time.Time
	PoolID    *uuid.UUID
	Bought    billing.Hours
	Available billing.Hours
	Used      billing.Hours
	Expired   billing.Hours
	Refunded  billing.Hours
	Amount    *int64 // nil: granted
	Currency  *billing.Currency
}

func (l lotRow) lot() billing.Lot {
	lot := billing.Lot{ID: l.ID, ExpiresAt: orZero(l.ExpiresAt), Available: l.Available}
	if l.PoolID != nil {
		lot.PoolID = *l.PoolID
	}
	return lot
}

// parts are those of a sold lot.
func (l lotRow) parts() billing.Parts {
	return billing.Parts{Paid: billing.Money{Minor: *l.Amount, Currency: *l.Currency}, Bought: l.Bought, Used: l.Used, Gone: l.Expired + l.Refunded}
}

// lockLots locks the wallet's lots that still have something in them, in order of id, behind the wallet's lock.
func lockLots(ctx context.Context, tx pgx.Tx, w wallet) ([]lotRow, error) {
	rows, err := tx.Query(ctx, `
		SELECT id, expires_at, pool_id, bought, available, used, expired, refunded, amount, currency FROM lots
		 WHERE wallet_id = $1 AND (available > 0 OR held > 0) ORDER BY id FOR NO KEY UPDATE`, w.ID)
	if err != nil {
		return nil, fmt.Errorf("lock lots of wallet %s: %w", w.ID, err)
	}
	lots, err := pgx.CollectRows(rows, pgx.RowToStructByName[lotRow])
	if err != nil {
		return nil, fmt.Errorf("lock lots of wallet %s: %w", w.ID, err)
	}
	return lots, nil
}

// expireLots books what lapsed of the locked wallet's lots at now. It lapsed when its lot did, or now where it came back later
// than that.
func expireLots(ctx context.Context, tx pgx.Tx, w wallet, back []billing.Share, now time.Time) (int, error) {
	lots, err := lockLots(ctx, tx, w)
	if err != nil {
		return 0, err
	}
	var bookings []booking
	for _, l := range lots {
		if l.Available == 0 || !l.lot().Expired(now) {
			continue
		}
		since := *l.ExpiresAt
		if slices.ContainsFunc(back, func(s billing.Share) bool { return s.LotID == l.ID }) {
			since = now
		}
		d, err := billing.Expire(billing.Share{LotID: l.ID, Hours: l.Available}, l.Expired, since, now)
		if err != nil {
			return 0, fmt.Errorf("expire lot %s: %w", l.ID, err)
		}
		if l.Amount != nil {
			parts := l.parts()
			worth, err := parts.Go(l.Available)
			if err != nil {
				return 0, fmt.Errorf("expire lot %s: %w", l.ID, err)
			}
			d.Move(billing.Deferred, billing.Breakage, l.ID, worth)
		}
		bookings = append(bookings, booking{Draft: d})
	}
	return len(bookings), book(ctx, tx, w, bookings)
}

// orZero makes an absent instant the zero one that billing knows.
func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
