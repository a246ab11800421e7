package overview

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/machines"
)

// ProviderProfile is what everybody may know of an active provider.
type ProviderProfile struct {
	ID             uuid.UUID
	Name           string
	LegalName      string
	Currency       billing.Currency
	About          string // in their words
	Terms          string
	SupportContact string
	Certificates   string             // that a launch wants: "none", "own", "platform", "any"
	Pools          []PoolProfile      `db:"-"`
	Shapes         []ShapeProfile     `db:"-"` // the cheapest first
	Record         ProviderRecord     `db:"-"`
	Lowest         *billing.UnitPrice `db:"-"` // of a compute hour now; nil: no public price
}

// PoolProfile is a pool with its policies.
type PoolProfile struct {
	ID            uuid.UUID
	Name          string
	Location      string
	Policy        string // what the columns do not say
	Masquerade    bool   // guests may go out
	Storage       string // local
	WipeDisks     bool   // deleted disks are overwritten
	TestVCPUs     int    `db:"test_vcpus"` // set aside for free acceptance tests
	MaxLeaseHours int
	VCPUs         int                    `db:"vcpus"` // of its active hosts
	Hosts         int                    // active ones
	Made          provisioner.Processors `db:"-"`
}

// ShapeProfile is a shape with what an hour of a node costs at the provider's lowest price.
type ShapeProfile struct {
	machines.Shape
	Hour string // exactly; empty: no public price
}

// RecordDays is how far back measured facts look.
const RecordDays = 90

// ProviderRecord is what our own records say of a provider's last 90 days. Launches that are still starting, and those
// that somebody ended before they were ready, count as neither.
type ProviderRecord struct {
	Launches int
	Ready    int
	Median   time.Duration // from launch to READY, in whole seconds; 0 where none became ready
	P95      time.Duration // within which 95 in 100 of those that became ready were
}

// ProviderProfile finds an active provider; any other is NotFound.
func (db *DB) ProviderProfile(ctx context.Context, id uuid.UUID) (p ProviderProfile, err error) {
	err = db.core.Snapshot(ctx, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, `
			SELECT id, name, legal_name, currency, about, terms, support_contact, certificates_taken AS certificates FROM providers WHERE id = $1 AND state = 'active'`, id)
		if p, err = store.One(rows, "provider", pgx.RowToStructByName[ProviderProfile]); err != nil {
			return err
		}
		if err := p.readPools(ctx, tx); err != nil {
			return err
		}
		if err := p.readShapes(ctx, tx); err != nil {
			return err
		}
		p.Record, err = readRecord(ctx, tx, id)
		return err
	})
	if err != nil {
		return ProviderProfile{}, fmt.Errorf("profile of provider %s: %w", id, err)
	}
	return p, nil
}

func (p *ProviderProfile) readPools(ctx context.Context, tx pgx.Tx) (err error) {
	rows, _ := tx.Query(ctx, `
		SELECT p.id, p.name, p.location, p.policy, p.masquerade, p.storage, p.wipe_disks, p.test_vcpus, p.max_lease_hours, h.vcpus, h.hosts
		FROM pools p
		CROSS JOIN LATERAL (SELECT coalesce(sum(`+machines.HostVCPUs+`), 0)::bigint AS vcpus, count(*)::int AS hosts
			FROM hosts h WHERE h.pool_id = p.id AND `+machines.TakesNodes+`) AS h
		WHERE p.provider_id = $1 ORDER BY p.name`, p.ID)
	if p.Pools, err = store.All(rows, "pools", pgx.RowToStructByName[PoolProfile]); err != nil {
		return err
	}
	made, err := machines.ReadProcessors(ctx, tx, `p.provider_id = $1`, p.ID)
	for i := range p.Pools {
		p.Pools[i].Made = made[p.Pools[i].ID]
	}
	return err
}

func (p *ProviderProfile) readShapes(ctx context.Context, tx pgx.Tx) error {
	var lowest *int64
	err := tx.QueryRow(ctx, `
		SELECT min(x.price) FROM offers o JOIN offer_prices x ON x.offer_id = o.id AND x.during @> now()
		WHERE o.provider_id = $1 AND o.ended_at IS NULL`, p.ID).Scan(&lowest)
	if err != nil {
		return fmt.Errorf("read lowest price: %w", err)
	}
	if lowest != nil {
		p.Lowest = &billing.UnitPrice{Millionths: *lowest, Currency: p.Currency}
	}
	shapes, err := machines.ReadShapes(ctx, tx, p.ID)
	if err != nil {
		return err
	}
	for _, s := range shapes {
		row := ShapeProfile{Shape: s}
		if p.Lowest != nil {
			row.Hour = p.Lowest.Hour(s.Rate)
		}
		p.Shapes = append(p.Shapes, row)
	}
	return nil
}

// readRecord looks at the first run of each launch's head: runs begin at READY, which is the same for all nodes.
func readRecord(ctx context.Context, tx pgx.Tx, providerID uuid.UUID) (r ProviderRecord, err error) {
	var median, p95 *float64
	err = tx.QueryRow(ctx, `
		SELECT count(*), count(l.ready_at), 
			percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM l.ready_at - l.created_at)),
			percentile_disc(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM l.ready_at - l.created_at)::float8)
		FROM (
			SELECT c.created_at, CASE WHEN f.started_at IS NOT NULL THEN greatest(f.started_at, c.created_at) END AS ready_at
			FROM clusters c
			JOIN nodes n ON n.cluster_id = c.id AND n.role = 'head'
			LEFT JOIN LATERAL (SELECT started_at FROM runs WHERE node_id = n.id ORDER BY started_at LIMIT 1) AS f ON true
			WHERE c.provider_id = $1 AND c.kind = 'cluster' AND c.created_at >= now() - make_interval(days => $2)
				AND (f.started_at IS NOT NULL OR c.desired NOT IN ('running', 'paused') AND c.reason <> 'asked')
		) AS l`, providerID, RecordDays).Scan(&r.Launches, &r.Ready, &median, &p95)
	if err != nil {
		return r, fmt.Errorf("read record: %w", err)
	}
	if median != nil {
		r.Median, r.P95 = seconds(*median), seconds(*p95)
	}
	return r, nil
}

func seconds(s float64) time.Duration {
	return time.Duration(s * float64(time.Second)).Round(time.Second)
}
