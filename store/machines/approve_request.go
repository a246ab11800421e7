package machines

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// ApproveRequest launches (or starts, extends or scales) what was asked for in the name of who asked, in the transaction that decides;
// the cap is not asked. What cannot be launched now stays waiting, with the refusal that LaunchCluster or
// StartCluster would give. Refusals besides: "decided", "left" where who asked may not launch any more, NotFound.
func (db *DB) ApproveRequest(ctx context.Context, orgID, by, id uuid.UUID) (clusterID uuid.UUID, err error) {
	fresh, err := store.NewID()
	if err != nil {
		return uuid.Nil, err
	}
	err = db.core.Tx(ctx, func(tx pgx.Tx) error {
		// The pool is the first lock of whatever reserves, so it comes before the request's.
		var poolID uuid.UUID
		err := tx.QueryRow(ctx, `SELECT pool_id FROM launch_requests WHERE id = $1 AND organization_id = $2`, id, orgID).Scan(&poolID)
		if err != nil {
			return store.Found(err, "request")
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
		// The log has who asked as who launched, and who approved as who approved.
		return db.decide(ctx, tx, r, decision{State: "approved", By: by, ClusterID: clusterID})
	})
	if err != nil {
		return uuid.Nil, err
	}
	return clusterID, nil
}

// launchRequest does what the form says. By may be the one who asked, who has become a manager meanwhile.
func (db *DB) launchRequest(ctx context.Context, tx pgx.Tx, r lockedRequest, by, fresh uuid.UUID) (uuid.UUID, error) {
	if r.Form.Group != "" {
		s := scale{
			ClusterID: *r.Form.Cluster, OrganizationID: r.OrganizationID, For: r.PersonID, By: by, Start: r.Form.Start,
			Request: ScaleRequest{Group: r.Form.Group, Count: r.Form.Count},
		}
		_, err := db.scale(ctx, tx, s)
		return s.ClusterID, err
	}
	if r.Form.Extend {
		e := extension{
			ClusterID: *r.Form.Cluster, OrganizationID: r.OrganizationID, For: r.PersonID, By: by, Add: r.Form.LeaseSeconds, Start: r.Form.Start,
		}
		return e.ClusterID, db.extendLease(ctx, tx, e)
	}
	if r.Form.Cluster != nil {
		s := restart{ClusterID: *r.Form.Cluster, OrganizationID: r.OrganizationID, For: r.PersonID, By: by, Lease: r.Form.LeaseSeconds, Terms: r.Form.Terms}
		return s.ClusterID, db.restart(ctx, tx, s)
	}
	l := launch{ID: fresh, OrganizationID: r.OrganizationID, For: r.PersonID, By: by, Request: r.Form.Launch(r.PoolID)}
	return l.ID, db.launch(ctx, tx, &l)
}
