package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner"
)

// mostWaiting bounds what one person may ask for at a time.
const mostWaiting = 20

// requestForm is launch_requests.form: a launch as its form was filled, or with Cluster the start of a stopped one, of
// which the rest is a copy.
type requestForm struct {
	Cluster       *uuid.UUID `json:"cluster,omitempty"`
	Version       uuid.UUID  `json:"version"`
	Name          string     `json:"name"`
	ComputeCount  int        `json:"compute_count"`
	LeaseSeconds  int64      `json:"lease_seconds"`
	PurchaseOrder string     `json:"purchase_order,omitempty"`
	CostCentre    string     `json:"cost_centre,omitempty"`
	GrantNumber   string     `json:"grant_number,omitempty"`
}

func (f requestForm) launch(poolID uuid.UUID) LaunchRequest {
	return LaunchRequest{
		VersionID: f.Version, PoolID: poolID, Name: f.Name, ComputeCount: f.ComputeCount, LeaseSeconds: f.LeaseSeconds,
		References: References{PurchaseOrder: f.PurchaseOrder, CostCentre: f.CostCentre, GrantNumber: f.GrantNumber},
	}
}

// RequestLaunch asks the managers for a launch above the member's cap. Room and hours are not judged: they are when
// it is approved. Refusals: those of LaunchCluster before room, "state" where the cap allows the launch or there is
// none, "requests" where too many wait.
func (db *DB) RequestLaunch(ctx context.Context, orgID, by uuid.UUID, r LaunchRequest) (uuid.UUID, error) {
	if err := r.check(); err != nil {
		return uuid.Nil, err
	}
	id, err := newID()
	if err != nil {
		return uuid.Nil, err
	}
	return id, db.tx(ctx, func(tx pgx.Tx) error {
		c, err := readLaunch(ctx, tx, orgID, r)
		if err != nil {
			return err
		}
		plan, refusal := c.size()
		if refusal != nil {
			return refusal
		}
		var taken bool
		err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM clusters WHERE organization_id = $1 AND name = $2 AND ended_at IS NULL)`,
			orgID, r.Name).Scan(&taken)
		if err != nil {
			return fmt.Errorf("read cluster names: %w", err)
		}
		if taken {
			return duplicate("a cluster", "name", r.Name)
		}
		return db.ask(ctx, tx, asking{ID: id, OrganizationID: orgID, By: by, PoolID: r.PoolID, Need: plan.Need, Form: requestForm{
			Version: r.VersionID, Name: r.Name, ComputeCount: r.ComputeCount, LeaseSeconds: r.LeaseSeconds,
			PurchaseOrder: r.PurchaseOrder, CostCentre: r.CostCentre, GrantNumber: r.GrantNumber,
		}})
	})
}

// RequestStart asks the managers for the start of a stopped cluster. Refusals: "state" also where it is not stopped,
// "invalid" for lease, "requests", NotFound.
func (db *DB) RequestStart(ctx context.Context, orgID, by, clusterID uuid.UUID, leaseSeconds int64) (uuid.UUID, error) {
	id, err := newID()
	if err != nil {
		return uuid.Nil, err
	}
	return id, db.tx(ctx, func(tx pgx.Tx) error {
		c, l, err := lockForStart(ctx, tx, orgID, clusterID, leaseSeconds)
		if err != nil {
			return err
		}
		nodes, err := restartNodes(ctx, tx, clusterID)
		if err != nil {
			return err
		}
		need, err := restartNeed(nodes, leaseSeconds)
		if err != nil {
			return err
		}
		form := requestForm{Cluster: &clusterID, ComputeCount: len(nodes) - 1, LeaseSeconds: leaseSeconds}
		err = tx.QueryRow(ctx, `SELECT version_id, name, purchase_order, cost_centre, grant_number FROM clusters WHERE id = $1`, clusterID).
			Scan(&form.Version, &form.Name, &form.PurchaseOrder, &form.CostCentre, &form.GrantNumber)
		if err != nil {
			return fmt.Errorf("read cluster %s: %w", clusterID, err)
		}
		return db.ask(ctx, tx, asking{ID: id, OrganizationID: orgID, By: by, PoolID: l.Pool.ID, Need: need, Form: form, Start: c.ID})
	})
}

// asking is a request about to be written.
type asking struct {
	ID             uuid.UUID
	OrganizationID uuid.UUID
	By             uuid.UUID
	PoolID         uuid.UUID
	Need           billing.Hours
	Form           requestForm
	Start          uuid.UUID // of a stopped cluster; else Nil
}

// ask writes a request and tells the managers. The membership's lock makes the requests of one person queue, so that
// their number is bounded.
func (db *DB) ask(ctx context.Context, tx pgx.Tx, a asking) error {
	if err := refuseSuspended(ctx, tx, a.OrganizationID); err != nil {
		return err
	}
	switch err := holdToCap(ctx, tx, a.OrganizationID, a.By, a.Need); {
	case err == nil:
		return &provisioner.Refusal{Code: "state", Title: "Your cap allows this: nobody has to be asked.", Next: "Launch it."}
	case !isRefusal(err, "cap"):
		return err
	}
	if err := a.refuseMany(ctx, tx); err != nil {
		return err
	}
	form, err := json.Marshal(a.Form)
	if err != nil {
		return fmt.Errorf("request: %w", err)
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO launch_requests (id, organization_id, person_id, form, pool_id, need, state, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, 'waiting', now())`, a.ID, a.OrganizationID, a.By, form, a.PoolID, a.Need)
	if err != nil {
		return fmt.Errorf("write request: %w", err)
	}
	if err := db.tellManagers(ctx, tx, a); err != nil {
		return err
	}
	return writeAudit(ctx, tx, auditRow{
		By: a.By, Organization: a.OrganizationID, Verb: "request launch", Subject: "request", SubjectID: a.ID,
		Detail: map[string]any{"cluster": a.Form.Name, "need": a.Need},
	})
}

func isRefusal(err error, code string) bool {
	r, ok := provisioner.AsRefusal(err)
	return ok && r.Code == code
}

func (a asking) refuseMany(ctx context.Context, tx pgx.Tx) error {
	var waiting, same int
	err := tx.QueryRow(ctx, `
		SELECT count(*), count(*) FILTER (WHERE form ->> 'name' = $3) FROM launch_requests
		WHERE organization_id = $1 AND person_id = $2 AND state = 'waiting'`, a.OrganizationID, a.By, a.Form.Name).Scan(&waiting, &same)
	switch {
	case err != nil:
		return fmt.Errorf("count requests: %w", err)
	case same > 0:
		return &provisioner.Refusal{
			Code: "duplicate", Title: fmt.Sprintf("A request of yours for %s waits already.", a.Form.Name), Next: "Withdraw that one first, or choose another name.",
		}
	case waiting >= mostWaiting:
		return &provisioner.Refusal{
			Code: "requests", Title: fmt.Sprintf("%d requests of yours wait already.", waiting), Next: "Withdraw one, or wait for a decision.",
		}
	}
	return nil
}

func (db *DB) tellManagers(ctx context.Context, tx pgx.Tx, a asking) error {
	managers, err := membersWith(ctx, tx, a.OrganizationID, RoleOwner, RoleManager)
	if err != nil {
		return err
	}
	var name string
	if err := tx.QueryRow(ctx, `SELECT name FROM people WHERE id = $1`, a.By).Scan(&name); err != nil {
		return fmt.Errorf("read who asks: %w", err)
	}
	return db.mailTo(ctx, tx, managers, MailRequestWaiting, map[string]string{
		"person": name, "cluster": a.Form.Name, "hours": a.Need.Ceil(), "path": requestPath(a.ID),
	})
}

func requestPath(id uuid.UUID) string { return "/org/requests/" + id.String() }
