package machines

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"volary.dev/provisioner"
	"volary.dev/store"
)

// SilentHead is a head whose console has not said all of signing in since its cluster's present start.
type SilentHead struct {
	ID    uuid.UUID
	Start int // of its cluster
}

// SilentHeads are the ready heads of a host whose consoles are to be read for it: for half an hour from READY on, as
// cloud-init writes late in the boot, and an image without it never does. Acceptance tests' have nobody to sign in.
func (db *DB) SilentHeads(ctx context.Context, hostID uuid.UUID) ([]SilentHead, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT n.id, c.start_count AS start FROM nodes n JOIN clusters c ON c.id = n.cluster_id
		WHERE n.host_id = $1 AND n.role = 'head' AND n.state = 'ready' AND c.kind = 'cluster'
			AND c.ready_at > now() - interval '30 minutes' AND n.sign_in_start <> c.start_count
		ORDER BY n.id`, hostID)
	return store.All(rows, "heads to be read", pgx.RowToStructByName[SilentHead])
}

// RecordSignIn keeps what a node's console said; whole ends the reading in this start. What an earlier start said stays where
// this one says nothing: cloud-init writes it in an instance's first boot alone.
func (db *DB) RecordSignIn(ctx context.Context, h SilentHead, s provisioner.SignIn, whole bool) error {
	b, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("sign-in of node %s: %w", h.ID, err)
	}
	_, err = db.pool.Exec(ctx, `
		UPDATE nodes SET sign_in = sign_in || $3, sign_in_start = CASE WHEN $4 THEN $2 ELSE sign_in_start END
		WHERE id = $1 AND (sign_in IS DISTINCT FROM sign_in || $3 OR $4 AND sign_in_start <> $2)`, h.ID, h.Start, b, whole)
	if err != nil {
		return fmt.Errorf("record sign-in of node %s: %w", h.ID, err)
	}
	return nil
}

// SeenUser is whom the console of a cluster's head named to sign in as. It is the guest's word.
type SeenUser struct {
	ImageID       uuid.UUID // the image that the head's disk stands on, or stood on
	User, Cluster string
}

// SeenUsers are what the newest cluster of each image of an organization said of signing in; none of an image of which none did.
func (db *DB) SeenUsers(ctx context.Context, organizationID uuid.UUID) ([]SeenUser, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT DISTINCT ON (i.id) i.id AS image_id, n.sign_in->>'user' AS user, c.name AS cluster
		FROM images i
		JOIN nodes n ON n.image_digest = i.canonical_digest AND n.organization_id = i.organization_id
		JOIN clusters c ON c.id = n.cluster_id
		WHERE i.organization_id = $1 AND n.role = 'head' AND n.sign_in->>'user' <> '' AND c.kind = 'cluster'
		ORDER BY i.id, c.created_at DESC, c.id DESC`, organizationID)
	return store.All(rows, "users to sign in as", pgx.RowToStructByName[SeenUser])
}
