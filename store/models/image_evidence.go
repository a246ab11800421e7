package models

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// testsRead is of how many of an organization's newest tests it is looked what they showed of an image.
const testsRead = 100

// RecordedConsole is the end of what a node of an image wrote in the newest acceptance test that kept any of it.
type RecordedConsole struct {
	Image  uuid.UUID
	TestID uuid.UUID
	Node   string
	Text   string // as a report keeps it: without control sequences, and hostile
	At     time.Time
}

// RecordedConsoles finds those of an organization's images, by image; the head's where it is of the image. Which image a node had is the
// version's to say: a node that is gone has none.
func (db *DB) RecordedConsoles(ctx context.Context, orgID uuid.UUID, images []uuid.UUID) (map[uuid.UUID]RecordedConsole, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT DISTINCT ON (v.image_id) v.image_id AS image, t.id AS test_id, n.name AS node, r ->> 'console' AS text, coalesce(t.ended_at, t.created_at) AS at
		FROM (SELECT id, version_id, cluster_id, organization_id, report, created_at, ended_at FROM acceptance_tests
			WHERE organization_id = $1 AND cluster_id IS NOT NULL ORDER BY created_at DESC LIMIT $3) AS t
		JOIN nodes n ON n.cluster_id = t.cluster_id AND n.organization_id = t.organization_id
		JOIN version_roles v ON v.version_id = t.version_id AND v.organization_id = t.organization_id AND v.group_name = n.group_name
		CROSS JOIN LATERAL jsonb_array_elements(CASE jsonb_typeof(t.report -> 'nodes') WHEN 'array' THEN t.report -> 'nodes' ELSE '[]' END) AS r
		WHERE v.image_id = ANY ($2) AND r ->> 'name' = n.name AND coalesce(r ->> 'console', '') <> ''
		ORDER BY v.image_id, t.created_at DESC, n.role = 'head' DESC, n.name`, orgID, images, testsRead)
	list, err := store.All(rows, "recorded consoles", pgx.RowToStructByName[RecordedConsole])
	found := make(map[uuid.UUID]RecordedConsole, len(list))
	for _, c := range list {
		found[c.Image] = c
	}
	return found, err
}

// AgentlessImages are those of an organization's images of which the newest test that asked a head of theirs found no guest agent.
func (db *DB) AgentlessImages(ctx context.Context, orgID uuid.UUID, images []uuid.UUID) (map[uuid.UUID]bool, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT image FROM (
			SELECT DISTINCT ON (v.image_id) v.image_id AS image, t.report ->> 'guest_agent' AS agent
			FROM (SELECT version_id, organization_id, report, created_at FROM acceptance_tests
				WHERE organization_id = $1 AND cluster_id IS NOT NULL ORDER BY created_at DESC LIMIT $3) AS t
			JOIN version_roles v ON v.version_id = t.version_id AND v.organization_id = t.organization_id AND v.position = 0
			WHERE v.image_id = ANY ($2) AND t.report ->> 'guest_agent' IN ('answers', 'none')
			ORDER BY v.image_id, t.created_at DESC) AS last
		WHERE agent = 'none'`, orgID, images, testsRead)
	list, err := store.All(rows, "images without an agent", pgx.RowTo[uuid.UUID])
	found := make(map[uuid.UUID]bool, len(list))
	for _, id := range list {
		found[id] = true
	}
	return found, err
}
