package machines

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// Cap is how many compute hours a member may have used and set aside without asking.
type Cap struct {
	Hours billing.Hours
	Since time.Time     // what was started before does not count
	Spent billing.Hours // used and still held by what the member started since
}

// Left is what the member may still set aside; never below zero.
func (c Cap) Left() billing.Hours { return max(c.Hours-c.Spent, 0) }

// selectCaps reads the caps that count: an owner or manager who once had one has none.
const selectCaps = `
	SELECT m.person_id, m.cap, m.cap_since, coalesce(sum(coalesce(next.base, h.total) - s.base), 0)::bigint
	FROM memberships m
	LEFT JOIN cluster_starts s ON s.organization_id = m.organization_id AND s.person_id = m.person_id AND s.at >= m.cap_since
	LEFT JOIN cluster_starts next ON next.cluster_id = s.cluster_id AND next.number = s.number + 1
	LEFT JOIN LATERAL (SELECT coalesce(sum(set_aside - released), 0) AS total FROM holds WHERE cluster_id = s.cluster_id) AS h ON true
	WHERE m.organization_id = $1 AND m.role = 'member' AND m.cap IS NOT NULL`

const groupCaps = ` GROUP BY m.organization_id, m.person_id`

type capRow struct {
	PersonID uuid.UUID
	Cap
}

func rowToCap(row pgx.CollectableRow) (c capRow, err error) {
	err = row.Scan(&c.PersonID, &c.Hours, &c.Since, &c.Spent)
	return c, err
}

// Caps are those of an organization's members who have one.
func (db *DB) Caps(ctx context.Context, orgID uuid.UUID) (map[uuid.UUID]Cap, error) {
	return ReadCaps(ctx, db.pool, orgID)
}

// CapOf is a person's cap in an organization; nil where there is none.
func (db *DB) CapOf(ctx context.Context, orgID, personID uuid.UUID) (*Cap, error) {
	return readCap(ctx, db.pool, orgID, personID)
}

// ReadCaps is Caps in a caller's transaction.
func ReadCaps(ctx context.Context, q store.Queryer, orgID uuid.UUID) (map[uuid.UUID]Cap, error) {
	rows, _ := q.Query(ctx, selectCaps+groupCaps, orgID)
	list, err := store.All(rows, "caps", rowToCap)
	if err != nil {
		return nil, err
	}
	caps := make(map[uuid.UUID]Cap, len(list))
	for _, c := range list {
		caps[c.PersonID] = c.Cap
	}
	return caps, nil
}

// readCap gives a person's cap in an organization; nil where there is none.
func readCap(ctx context.Context, q store.Queryer, orgID, personID uuid.UUID) (*Cap, error) {
	rows, _ := q.Query(ctx, selectCaps+` AND m.person_id = $2`+groupCaps, orgID, personID)
	list, err := store.All(rows, "cap", rowToCap)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0].Cap, nil
}

// holdToCap refuses with "cap" what goes beyond a member's cap. The membership's lock makes launches of one person
// queue, so that two at once cannot exceed it; what was spent is read in a second statement, after the lock.
func holdToCap(ctx context.Context, tx pgx.Tx, orgID, personID uuid.UUID, need billing.Hours) error {
	_, err := tx.Exec(ctx, `
		SELECT FROM memberships WHERE organization_id = $1 AND person_id = $2 FOR NO KEY UPDATE`, orgID, personID)
	if err != nil {
		return fmt.Errorf("lock membership: %w", err)
	}
	c, err := readCap(ctx, tx, orgID, personID)
	if err != nil || c == nil {
		return err
	}
	if refusal := c.refuses(need); refusal != nil {
		return refusal
	}
	return nil
}

// refuses says why a need is above the cap; nil where it is not. Quote says the same before the button is pressed.
func (c Cap) refuses(need billing.Hours) *refusal.Error {
	if need <= c.Left() {
		return nil
	}
	return &refusal.Error{
		Code: "cap",
		Title: fmt.Sprintf("This takes %s compute hours; of your cap of %s there are %s left. It counts all that you started since %s, and does not begin anew by itself.",
			need.Ceil(), c.Hours, c.Left(), c.Since.UTC().Format("2 January 2006")),
		Next: "Ask a manager of your organization for it, shorten the lease or take fewer nodes.",
	}
}

// writeStart notes who started a cluster, in the transaction that does it and before the hours are set aside: what
// the cluster took until then is not this start's.
func writeStart(ctx context.Context, tx pgx.Tx, clusterID, personID uuid.UUID) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO cluster_starts (cluster_id, number, organization_id, person_id, at, base)
		SELECT c.id, c.start_count, c.organization_id, $2, now(), (SELECT coalesce(sum(set_aside - released), 0) FROM holds WHERE cluster_id = c.id)
		FROM clusters c WHERE c.id = $1`, clusterID, personID)
	if err != nil {
		return fmt.Errorf("note start of cluster %s: %w", clusterID, err)
	}
	return nil
}
