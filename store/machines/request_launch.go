package machines

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/models"
	"volary.dev/store/people"
)

// mostWaiting bounds what one person may ask for at a time.
const mostWaiting = 20

// RequestForm is launch_requests.form: a launch as its form was filled, or with Cluster the start of a stopped one, of
// which the rest is a copy; with Extend, too, the extension of a running one by LeaseSeconds, and with a Group that many nodes of it for
// the LeaseSeconds that were left.
type RequestForm struct {
	Cluster       *uuid.UUID `json:"cluster,omitempty"`
	Extend        bool       `json:"extend,omitempty"`
	Group         string     `json:"group,omitempty"` // that is to have Count nodes
	Count         int        `json:"count,omitempty"`
	Start         int        `json:"start,omitempty"` // of an extension: the start that it was asked for, as in cluster_starts; 0: of before it was kept
	Version       uuid.UUID  `json:"version"`
	Name          string     `json:"name"`
	ComputeCount  int        `json:"compute_count"`    // of all groups together
	Counts        Counts     `json:"counts,omitempty"` // by group; nil in requests from before there were several, and of starts and extensions
	LeaseSeconds  int64      `json:"lease_seconds"`
	Terms         LeaseTerms `json:"terms,omitzero"` // zero in requests from before there were any, and of extensions
	PurchaseOrder string     `json:"purchase_order,omitempty"`
	CostCentre    string     `json:"cost_centre,omitempty"`
	GrantNumber   string     `json:"grant_number,omitempty"`
}

// Launch is the launch that was asked for.
func (f RequestForm) Launch(poolID uuid.UUID) LaunchRequest {
	counts := f.Counts
	if counts == nil {
		counts = Counts{OnlyGroup: f.ComputeCount}
	}
	return LaunchRequest{
		VersionID: f.Version, PoolID: poolID, Name: f.Name, Counts: counts, LeaseSeconds: f.LeaseSeconds, Terms: f.Terms,
		References: store.References{PurchaseOrder: f.PurchaseOrder, CostCentre: f.CostCentre, GrantNumber: f.GrantNumber},
	}
}

// RequestLaunch asks the managers for a launch above the member's cap. Room and hours are not judged: they are when
// it is approved. Refusals: those of LaunchCluster before room, "state" where the cap allows the launch or there is
// none, "requests" where too many wait. All but NotFound come as LaunchRefused.
func (db *DB) RequestLaunch(ctx context.Context, orgID, by uuid.UUID, r LaunchRequest) (uuid.UUID, error) {
	id, err := store.NewID()
	if err != nil {
		return uuid.Nil, err
	}
	judged, err := db.requestLaunch(ctx, orgID, by, id, r)
	if err != nil {
		return uuid.Nil, db.carry(ctx, orgID, by, judged, err)
	}
	return id, nil
}

// requestLaunch also tells what it found out until it was refused.
func (db *DB) requestLaunch(ctx context.Context, orgID, by, id uuid.UUID, r LaunchRequest) (judged judgement, err error) {
	err = db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := models.HoldVersion(ctx, tx, orgID, r.VersionID); err != nil {
			return err
		}
		c, err := readLaunch(ctx, tx, orgID, r)
		if err != nil {
			return err
		}
		if err := c.judgeFields(ctx, tx, orgID, r); err != nil {
			return err
		}
		plan, refusal := c.size()
		judged = c.judged(plan)
		if refusal != nil {
			return refusal
		}
		if c.Taken {
			return c.nameTaken()
		}
		allowed := holdToCap(ctx, tx, orgID, by, plan.Need)
		return db.ask(ctx, tx, asking{ID: id, OrganizationID: orgID, By: by, PoolID: r.PoolID, Need: plan.Need, Allowed: allowed, Form: RequestForm{
			Version: r.VersionID, Name: r.Name, ComputeCount: c.Counts.Sum(), Counts: c.Counts, LeaseSeconds: c.Lease, Terms: c.Terms,
			PurchaseOrder: r.PurchaseOrder, CostCentre: r.CostCentre, GrantNumber: r.GrantNumber,
		}})
	})
	return judged, err
}

// asking is a request about to be written.
type asking struct {
	ID             uuid.UUID
	OrganizationID uuid.UUID
	By             uuid.UUID
	PoolID         uuid.UUID
	Need           billing.Hours
	Form           RequestForm
	Allowed        error // what the cap says of it: nil, or the refusal "cap"
}

// ask writes a request and tells the managers. The membership's lock, under which the cap was asked, makes the requests of
// one person queue, so that their number is bounded.
func (db *DB) ask(ctx context.Context, tx pgx.Tx, a asking) error {
	if err := people.RefuseSuspended(ctx, tx, a.OrganizationID); err != nil {
		return err
	}
	switch err := a.Allowed; {
	case err == nil:
		return &refusal.Error{Code: "state", Title: "Your cap allows this: nobody has to be asked.", Next: "Do it without asking."}
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
	return store.WriteAudit(ctx, tx, store.AuditRow{
		By: a.By, Organization: a.OrganizationID, Verb: a.Form.verb(), Subject: "request", SubjectID: a.ID,
		Detail: map[string]any{"cluster": a.Form.Name, "need": a.Need},
	})
}

// verb is what the log says was asked for.
func (f RequestForm) verb() string {
	switch {
	case f.Group != "":
		return "request scale"
	case f.Extend:
		return "request extension"
	}
	return "request launch"
}

func isRefusal(err error, code string) bool {
	r, ok := refusal.As(err)
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
		return &refusal.Error{
			Code: "duplicate", Title: fmt.Sprintf("A request of yours for %s waits already.", a.Form.Name), Next: "Withdraw that one first, or choose another name.",
		}
	case waiting >= mostWaiting:
		return &refusal.Error{
			Code: "requests", Title: fmt.Sprintf("%d requests of yours wait already.", waiting), Next: "Withdraw one, or wait for a decision.",
		}
	}
	return nil
}

func (db *DB) tellManagers(ctx context.Context, tx pgx.Tx, a asking) error {
	var name string
	if err := tx.QueryRow(ctx, `SELECT name FROM people WHERE id = $1`, a.By).Scan(&name); err != nil {
		return fmt.Errorf("read who asks: %w", err)
	}
	return db.core.Tell(ctx, tx, store.EventRequest, store.Happening{
		Place: a.OrganizationID, Subject: a.ID, Mark: "waiting", By: a.By, Kind: store.MailRequestWaiting,
		Data: map[string]string{"person": name, "cluster": a.Form.Name, "hours": a.Need.Ceil(), "path": requestPath(a.ID)},
	})
}

func requestPath(id uuid.UUID) string { return "/org/requests/" + id.String() }

// QueueWaitingRequests counts the requests that wait for a decision of an organization's managers when the batch is read.
func QueueWaitingRequests(b *pgx.Batch, orgID uuid.UUID, n *int) {
	b.Queue(`SELECT count(*) FROM launch_requests WHERE organization_id = $1 AND state = 'waiting'`, orgID).
		QueryRow(func(row pgx.Row) error { return row.Scan(n) })
}
