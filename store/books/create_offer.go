package books

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
	"volary.dev/store/people"
)

// NewOffer is what CreateOffer needs.
type NewOffer struct {
	Name       string
	PoolID     uuid.UUID     // Nil: good on every pool of the provider
	LeastHours billing.Hours // of an order
	GoodDays   int           // 1 to 3650
	Price      int64         // from now on, in millionths of the provider's currency unit; 0: none yet, see SetPrice
}

// CreateOffer adds an offer to an active provider, with its first price if one is given. Refusals: "invalid" by field
// (name, pool, least_hours, good_days, price), "duplicate", "suspended", "provider_inactive", NotFound("provider").
func (db *DB) CreateOffer(ctx context.Context, by, providerID uuid.UUID, o NewOffer) (uuid.UUID, error) {
	if err := o.check(); err != nil {
		return uuid.Nil, err
	}
	id, err := store.NewID()
	if err != nil {
		return uuid.Nil, err
	}
	return id, db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := people.Sells(ctx, tx, providerID); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			INSERT INTO offers (id, provider_id, pool_id, name, least_hours, good_days, created_by, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, now())`, id, providerID, store.OrNull(o.PoolID), o.Name, o.LeastHours, o.GoodDays, store.OrNull(by))
		switch {
		case store.UniqueViolation(err, "offers_provider_id_name_key"):
			return store.Duplicate("an offer", "name", o.Name)
		case store.ForeignKeyViolation(err):
			return refusal.Invalid(map[string]string{"pool": "Choose one of your pools, or all of them."})
		case err != nil:
			return fmt.Errorf("create offer: %w", err)
		}
		if err := store.TakeName(ctx, tx, store.TakenName{Kind: store.OfferName, Scope: providerID, Subject: id, Name: o.Name, Field: "name"}); err != nil {
			return err
		}
		if err := store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Provider: providerID, Verb: "create offer", Subject: "offer", SubjectID: id,
			Detail: map[string]any{"name": o.Name, "least_hours": o.LeastHours, "good_days": o.GoodDays},
		}); err != nil || o.Price == 0 {
			return err
		}
		_, err = setPrice(ctx, tx, by, providerID, id, NewPrice{Millionths: o.Price})
		return err
	})
}

// Check is what the command refuses of the fields themselves ("invalid"), for a form that tells all faults at once.
func (o NewOffer) Check() error {
	return o.check()
}

// check also writes the name as it is kept.
func (o *NewOffer) check() error {
	f := store.Fields{}
	f.Name("name", &o.Name, 1, 80)
	if err := o.LeastHours.CheckAmount(); err != nil {
		f.Add("least_hours", "This is %s.", err)
	}
	f.Between("good_days", int64(o.GoodDays), 1, 3650, " days")
	if o.Price != 0 {
		checkPrice(f, o.Price)
	}
	return f.Refusal()
}

func checkPrice(f store.Fields, millionths int64) {
	f.Check(millionths > 0 && millionths <= billing.MaxUnitPrice, "price", "Choose a price above 0 and up to 1000000 for a compute hour.")
}

type lockedOffer struct {
	Name     string
	Currency billing.Currency
	EndedAt  *time.Time
	Now      time.Time
}

// lockOffer makes changes of one offer's prices queue.
func lockOffer(ctx context.Context, tx pgx.Tx, providerID, offerID uuid.UUID) (lockedOffer, error) {
	rows, _ := tx.Query(ctx, `
		SELECT o.name, p.currency, o.ended_at, now() FROM offers o JOIN providers p ON p.id = o.provider_id
		 WHERE o.id = $1 AND o.provider_id = $2 FOR NO KEY UPDATE OF o`, offerID, providerID)
	return store.One(rows, "offer", pgx.RowToStructByPos[lockedOffer])
}

func offerEnded(o lockedOffer) error {
	return &refusal.Error{
		Code: "conflict", Title: fmt.Sprintf("The offer %s was ended on %s.", typed.Isolate(o.Name), store.SentenceTime(*o.EndedAt)), Next: "Make a new offer to sell again.",
	}
}
