package machines

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/models"
)

// LaunchForm is what a person may choose from in a launch, and how far they may go.
type LaunchForm struct {
	Versions []models.PublishedVersion
	Pools    []PoolPlace
	Cap      *Cap // of the person; nil: none
	Keys     int  // SSH keys of those who may work with the organization's clusters, which are what opens a node
	OwnKeys  int  // of these the person's
}

// LaunchForm reads what a launch's form shows beside what is typed.
func (db *DB) LaunchForm(ctx context.Context, orgID, personID uuid.UUID) (f LaunchForm, err error) {
	err = db.core.Snapshot(ctx, func(tx pgx.Tx) error {
		f, err = readLaunchForm(ctx, tx, orgID, personID)
		return err
	})
	return f, err
}

func readLaunchForm(ctx context.Context, tx pgx.Tx, orgID, personID uuid.UUID) (f LaunchForm, err error) {
	if f.Versions, err = models.ReadPublishedVersions(ctx, tx, orgID); err != nil {
		return f, err
	}
	rows, _ := tx.Query(ctx, selectOpenPlaces)
	if f.Pools, err = store.All(rows, "pools", pgx.RowToStructByName[PoolPlace]); err != nil {
		return f, err
	}
	if f.Cap, err = readCap(ctx, tx, orgID, personID); err != nil {
		return f, err
	}
	err = tx.QueryRow(ctx, `
		SELECT count(*), count(*) FILTER (WHERE p.id = $2)
		FROM ssh_keys k JOIN people p ON p.id = k.person_id JOIN memberships m ON m.person_id = p.id WHERE m.organization_id = $1 AND `+opens,
		orgID, personID).Scan(&f.Keys, &f.OwnKeys)
	if err != nil {
		return f, fmt.Errorf("count SSH keys of organization %s: %w", orgID, err)
	}
	return f, nil
}

// LaunchRefused is the refusal of a launch with all that its page shows: the form, and the figures that the decision rested
// on. It wraps the refusal.
type LaunchRefused struct {
	Refusal *refusal.Error
	Form    LaunchForm
	Quote   *Quote // nil: it was refused before anything was judged. Refusal is not repeated in it
}

// Error implements error.
func (r *LaunchRefused) Error() string { return r.Refusal.Error() }

// Unwrap gives the refusal.
func (r *LaunchRefused) Unwrap() error { return r.Refusal }

// judgement is what was found out about a launch until it was decided or refused.
type judgement struct {
	pool  uuid.UUID // Nil: nothing yet
	now   time.Time
	plan  launchPlan
	lease QuoteLease
}

// judged is what a launch's case came to.
func (c launchCase) judged(plan launchPlan) judgement {
	return judgement{pool: c.Pool.ID, now: c.Now, plan: plan, lease: c.quoteLease(plan)}
}

// carry puts into a launch's refusal what its page needs: hosts and hours needed are those of the decision, and the rest is
// read at once, after the transaction that held the pool's lock. "cap" is answered by a request, and "not_found" has no page.
func (db *DB) carry(ctx context.Context, orgID, personID uuid.UUID, j judgement, err error) error {
	r, ok := refusal.As(err)
	if !ok || r.Code == "cap" || r.Code == "not_found" {
		return err
	}
	refused := &LaunchRefused{Refusal: r}
	err = db.core.Snapshot(ctx, func(tx pgx.Tx) (err error) {
		if refused.Form, err = readLaunchForm(ctx, tx, orgID, personID); err != nil || j.pool == uuid.Nil {
			return err
		}
		q := Quote{Need: j.plan.Need, RatePerHour: j.plan.RatePerHour, Shapes: j.plan.Shapes, Hosts: j.plan.Fits, Lease: j.lease}
		if q.Left, _, err = db.books.Available(ctx, tx, j.pool, orgID, j.now); err != nil {
			return err
		}
		q.LeftAfter = q.Left - q.Need
		if err := q.inMoney(ctx, tx, db.books, j.pool, j.now); err != nil {
			return err
		}
		refused.Quote = &q
		return nil
	})
	if err != nil {
		return fmt.Errorf("page of a refused launch: %w", err)
	}
	return refused
}
