package machines

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// ScaleForm is what a person may choose from in a scale, and what it would take.
type ScaleForm struct {
	Groups    []ScaleGroup
	LeaseEnds *time.Time
	LeaseLeft time.Duration      // until then; 0: there is none
	Left      billing.Hours      // good on the pool and available now
	Price     *billing.UnitPrice // the lowest at which the provider sells hours now; nil: it sells none
	Cap       *Cap               // of the person; nil: none
	Drains    bool               // nodes go after the model's drain command
	Refusal   *refusal.Error     // why nothing is scaled now; nil: something may be
}

// ScaleGroup is one compute group of a cluster.
type ScaleGroup struct {
	Name        string
	Least, Most int           // of the model
	Nodes       []ScaleNode   // that are to run, by name
	Shape       *Shape        // that a new node gets; nil: the provider has none that covers it
	Need        billing.Hours // what one new node sets aside until the lease's end
	Cost        billing.Money // of Need at the form's price
}

// ScaleNode is a node that may go.
type ScaleNode struct {
	ID    uuid.UUID
	Name  string
	State provisioner.NodeState
	Rate  billing.Rate
	Back  billing.Hours // what comes back of it were its machine gone now
}

// ScaleForm reads what a scale's form shows beside what is typed.
func (db *DB) ScaleForm(ctx context.Context, orgID, personID, id uuid.UUID) (f ScaleForm, err error) {
	// One snapshot, so that what is shown belongs together.
	err = db.core.Snapshot(ctx, func(tx pgx.Tx) error {
		c, err := readCluster(ctx, tx, id, "")
		if err != nil {
			return err
		}
		if c.OrganizationID != orgID {
			return refusal.NotFound("cluster")
		}
		s, err := readScaling(ctx, tx, c)
		if err != nil {
			return err
		}
		f.Drains, f.LeaseEnds, f.Refusal = len(s.Version.Model.Commands.Drain) > 0, s.Ends, s.refuse()
		if err := c.refusePaused(ctx, tx); err != nil {
			refused, ok := refusal.As(err)
			if !ok {
				return err
			}
			f.Refusal = refused
		}
		if f.Cap, err = readCap(ctx, tx, orgID, personID); err != nil {
			return err
		}
		if f.Left, _, err = db.books.Available(ctx, tx, c.PoolID, orgID, c.Now); err != nil {
			return err
		}
		if f.Price, err = db.books.PriceOn(ctx, tx, c.PoolID, c.Now); err != nil {
			return err
		}
		return f.readGroups(ctx, tx, s)
	})
	if err != nil {
		return ScaleForm{}, fmt.Errorf("scale form of cluster %s: %w", id, err)
	}
	return f, nil
}

func (f *ScaleForm) readGroups(ctx context.Context, tx pgx.Tx, s scaling) error {
	shapes, err := ReadShapes(ctx, tx, s.ProviderID)
	if err != nil {
		return err
	}
	left := int64(0)
	if s.Ends != nil {
		left = leaseLeft(*s.Ends, s.At)
	}
	f.LeaseLeft = time.Duration(left) * time.Second
	for _, g := range s.Version.Groups {
		if g.Role() == provisioner.RoleHead {
			continue
		}
		group := ScaleGroup{Name: g.Name, Least: g.Count.Least, Most: g.Count.Most}
		for _, n := range s.of(g.Name) {
			back, _ := billing.Need([]billing.Rate{n.Rate}, left) // too much for a lease to set aside is none
			group.Nodes = append(group.Nodes, ScaleNode{ID: n.ID, Name: n.Name, State: n.State, Rate: n.Rate, Back: back})
		}
		if shape, ok := Cheapest(shapes, g.Shape); ok {
			group.Shape = &shape
			group.Need, _ = billing.Need([]billing.Rate{shape.Rate}, left)
			if f.Price != nil {
				group.Cost, _ = f.Price.Price(group.Need)
			}
		}
		f.Groups = append(f.Groups, group)
	}
	return nil
}

// Scaling is what of a cluster's nodes comes and goes, for its page.
type Scaling struct {
	Batch *ScaleBatch // that is on its way up, or the last one where that failed; nil: neither
	Drain *Drain      // open; nil: none
}

// ScaleBatch is nodes that are, or were, to be added.
type ScaleBatch struct {
	Group        string
	Nodes        int
	Ready        int // whose gate was met
	Asked        time.Time
	GateDeadline *time.Time // nil: none of it has begun to start
	Held         billing.Hours
	EndedAt      *time.Time // it was given up
	Reason       provisioner.Reason
	ReasonDetail string
}

func readClusterScaling(ctx context.Context, tx pgx.Tx, clusterID uuid.UUID) (s Scaling, err error) {
	// Of what failed the page tells until something else was made of the cluster.
	rows, _ := tx.Query(ctx, `
		SELECT n.group_name AS group, n.nodes, n.ready, b.created_at AS asked, b.gate_deadline, b.held, b.ended_at, b.reason, b.reason_detail
		FROM batches b CROSS JOIN LATERAL (
			SELECT min(group_name) AS group_name, count(*)::int AS nodes,
				(count(*) FILTER (WHERE EXISTS (SELECT FROM node_steps s WHERE s.node_id = nodes.id AND s.step = 'gate' AND s.at >= nodes.started_at)))::int AS ready
			FROM nodes WHERE batch_id = b.id) AS n
		WHERE b.id = (SELECT id FROM batches WHERE cluster_id = $1 ORDER BY id DESC LIMIT 1) AND b.kind = 'scale' AND b.ready_at IS NULL AND n.nodes > 0`, clusterID)
	list, err := store.All(rows, "scale of a cluster", pgx.RowToStructByName[ScaleBatch])
	if err != nil {
		return s, err
	}
	if len(list) > 0 {
		s.Batch = &list[0]
	}
	s.Drain, err = openDrain(ctx, tx, clusterID)
	return s, err
}
