package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
)

// lockedRequest is a request whose row is locked: it is decided once.
type lockedRequest struct {
	ID             uuid.UUID
	OrganizationID uuid.UUID
	PersonID       uuid.UUID
	PoolID         uuid.UUID
	Form           requestForm
	State          string
	DecidedAt      *time.Time
}

// lockRequest locks a request that waits. Refusals: "decided", NotFound("request").
func lockRequest(ctx context.Context, tx pgx.Tx, orgID, id uuid.UUID) (lockedRequest, error) {
	rows, _ := tx.Query(ctx, `
		SELECT id, organization_id, person_id, pool_id, form, state, decided_at FROM launch_requests
		WHERE id = $1 AND organization_id = $2 FOR NO KEY UPDATE`, id, orgID)
	r, err := one(rows, "request", pgx.RowToStructByName[lockedRequest])
	if err != nil {
		return r, err
	}
	if r.State != "waiting" {
		return r, &provisioner.Refusal{
			Code: "decided", Title: fmt.Sprintf("This request was %s at %s.", r.State, r.DecidedAt.UTC().Format("2 Jan 2006, 15:04 MST")),
			Next: "Nothing is left to decide.",
		}
	}
	return r, nil
}

// ApproveRequest launches (or starts) what was asked for in the name of who asked, in the transaction that decides;
// the cap is not asked. What cannot be launched now stays waiting, with the refusal that LaunchCluster or
// StartCluster would give. Refusals besides: "decided", "left" where who asked may not launch any more, NotFound.
func (db *DB) ApproveRequest(ctx context.Context, orgID, by, id uuid.UUID) (clusterID uuid.UUID, err error) {
	fresh, err := newID()
	if err != nil {
		return uuid.Nil, err
	}
	err = db.tx(ctx, func(tx pgx.Tx) error {
		// The pool is the first lock of whatever reserves, so it comes before the request's.
		var poolID uuid.UUID
		err := tx.QueryRow(ctx, `SELECT pool_id FROM launch_requests WHERE id = $1 AND organization_id = $2`, id, orgID).Scan(&poolID)
		if err != nil {
			return found(err, "request")
		}
		if err := lockPool(ctx, tx, poolID); err != nil {
			return err
		}
		r, err := lockRequest(ctx, tx, orgID, id)
		if err != nil {
			return err
		}
		if err := r.refuseLeft(ctx, tx); err != nil {
			return err
		}
		if clusterID, err = db.launchRequest(ctx, tx, r, by, fresh); err != nil {
			return err
		}
		return db.decide(ctx, tx, r, decision{State: "approved", By: by, ClusterID: clusterID})
	})
	if err != nil {
		return uuid.Nil, err
	}
	return clusterID, nil
}

// launchRequest does what the form says. By may be the one who asked, who has become a manager meanwhile.
func (db *DB) launchRequest(ctx context.Context, tx pgx.Tx, r lockedRequest, by, fresh uuid.UUID) (uuid.UUID, error) {
	if r.Form.Cluster != nil {
		s := restart{ClusterID: *r.Form.Cluster, OrganizationID: r.OrganizationID, For: r.PersonID, By: by, Lease: r.Form.LeaseSeconds}
		return s.ClusterID, db.restart(ctx, tx, s)
	}
	l := launch{ID: fresh, OrganizationID: r.OrganizationID, For: r.PersonID, By: by, Request: r.Form.launch(r.PoolID)}
	return l.ID, db.launch(ctx, tx, l)
}

func (r lockedRequest) refuseLeft(ctx context.Context, tx pgx.Tx) error {
	var stays bool
	err := tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM memberships m JOIN people p ON p.id = m.person_id
			WHERE m.organization_id = $1 AND m.person_id = $2 AND m.role <> 'billing' AND p.suspended_at IS NULL)`,
		r.OrganizationID, r.PersonID).Scan(&stays)
	if err != nil {
		return fmt.Errorf("read who asked: %w", err)
	}
	if !stays {
		return &provisioner.Refusal{Code: "left", Title: "Whoever asked may not launch here any more.", Next: "Decline the request."}
	}
	return nil
}

// DeclineRequest says no with a reason of 1 to 500 characters. Refusals: "invalid" for reason, "decided", NotFound.
func (db *DB) DeclineRequest(ctx context.Context, orgID, by, id uuid.UUID, reason string) error {
	reason = strings.TrimSpace(reason)
	f := fields{}
	f.length("reason", reason, 1, 500)
	if err := f.refusal(); err != nil {
		return err
	}
	return db.tx(ctx, func(tx pgx.Tx) error {
		r, err := lockRequest(ctx, tx, orgID, id)
		if err != nil {
			return err
		}
		return db.decide(ctx, tx, r, decision{State: "declined", By: by, Reason: reason})
	})
}

// WithdrawRequest takes a person's own request back. Refusals: "decided", NotFound also for another person's.
func (db *DB) WithdrawRequest(ctx context.Context, orgID, by, id uuid.UUID) error {
	return db.tx(ctx, func(tx pgx.Tx) error {
		var own bool
		err := tx.QueryRow(ctx, `SELECT person_id = $3 FROM launch_requests WHERE id = $1 AND organization_id = $2`, id, orgID, by).Scan(&own)
		if err != nil || !own {
			return found(orNoRow(err), "request")
		}
		r, err := lockRequest(ctx, tx, orgID, id)
		if err != nil {
			return err
		}
		return db.decide(ctx, tx, r, decision{State: "withdrawn", By: by})
	})
}

// orNoRow makes a row that is not for the reader one that is not there.
func orNoRow(err error) error {
	if err == nil {
		return pgx.ErrNoRows
	}
	return err
}

// decision ends a request.
type decision struct {
	State     string
	By        uuid.UUID
	Reason    string
	ClusterID uuid.UUID
}

func (db *DB) decide(ctx context.Context, tx pgx.Tx, r lockedRequest, d decision) error {
	_, err := tx.Exec(ctx, `
		UPDATE launch_requests SET state = $2, reason = $3, decided_by = $4, decided_at = now(), cluster_id = $5 WHERE id = $1`,
		r.ID, d.State, d.Reason, d.By, orNull(d.ClusterID))
	if err != nil {
		return fmt.Errorf("decide request %s: %w", r.ID, err)
	}
	if d.State != "withdrawn" {
		err := db.mailTo(ctx, tx, []uuid.UUID{r.PersonID}, MailRequestDecided, map[string]string{
			"cluster": r.Form.Name, "decision": d.State, "reason": d.Reason, "path": requestPath(r.ID),
		})
		if err != nil {
			return err
		}
	}
	return writeAudit(ctx, tx, auditRow{
		By: d.By, Organization: r.OrganizationID, Verb: verbOf(d.State), Subject: "request", SubjectID: r.ID,
		Detail: map[string]any{"cluster": r.Form.Name, "reason": d.Reason},
	})
}

func verbOf(state string) string {
	switch state {
	case "approved":
		return "approve request"
	case "declined":
		return "decline request"
	default:
		return "withdraw request"
	}
}
