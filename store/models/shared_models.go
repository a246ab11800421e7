package models

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// reaches is the condition that a model cluster m of an organization o is another's and shared with the organization of the first argument. Nothing is
// spread of an organization that is suspended.
const reaches = `m.organization_id <> $1 AND o.suspended_at IS NULL
	AND EXISTS (SELECT FROM model_shares s WHERE s.model_cluster_id = m.id AND (s.with_id = $1 OR s.with_id IS NULL))`

// SharedModel is another organization's model cluster in the list of those that are shared with one. It has a published version.
type SharedModel struct {
	ID        uuid.UUID
	Name      string
	Owner     string // the organization's name
	Starter   bool   // the platform's own
	Everyone  bool   // it is shared with everyone
	Versions  int    // that are published
	Latest    string // the newest of them
	Published time.Time
	Certified bool // a test of the newest passed, and its certificate is good by one key at least
	Size      int64
	Total     int `db:"total"`
}

// SharedModelFilter narrows and orders them. Sorting keys: name, owner, size, published.
type SharedModelFilter struct {
	Search string // part of the model's name or its owner's
	store.Sorting
	store.Page
}

var sharedModelColumns = store.Sortable{"name": "m.name", "owner": "o.name", "size": "b.size", "published": "l.published_at"}

var fromSharedModels = `
	FROM model_clusters m JOIN organizations o ON o.id = m.organization_id
	CROSS JOIN LATERAL (SELECT count(*)::int AS versions FROM model_versions v WHERE v.model_cluster_id = m.id AND v.state = 'published') AS n
	JOIN LATERAL (SELECT v.id, v.version, v.published_at, v.document_digest FROM model_versions v WHERE v.model_cluster_id = m.id AND v.state = 'published'
		ORDER BY v.published_at DESC, v.id DESC LIMIT 1) AS l ON true
	CROSS JOIN LATERAL (SELECT coalesce(sum(size), 0)::bigint AS size FROM (SELECT max(i.canonical_size) AS size FROM version_roles r JOIN images i ON i.id = r.image_id
		WHERE r.version_id = l.id GROUP BY i.canonical_digest) AS once) AS b
	WHERE ` + reaches + ` AND (m.name ILIKE $2 OR o.name ILIKE $2)`

// ListSharedModels gives a page of what others share with an organization: starter models first, then by name unless asked otherwise.
func (db *DB) ListSharedModels(ctx context.Context, orgID uuid.UUID, f SharedModelFilter) ([]SharedModel, int, error) {
	args := []any{orgID, store.Like(f.Search)}
	rows, _ := db.pool.Query(ctx, `
		SELECT m.id, m.name, o.name AS owner, o.starters AND `+toEveryone+` AS starter, `+toEveryone+` AS everyone, n.versions, l.version AS latest, l.published_at AS published,
			EXISTS (SELECT FROM certificates c WHERE c.organization_id = m.organization_id AND c.document_digest = l.document_digest
				AND (`+goodKey("c.provider_key")+` OR `+goodKey("c.platform_key")+`)) AS certified,
			b.size, (count(*) OVER ())::int AS total`+fromSharedModels+
		sharedModelColumns.OrderBy(f.Sorting, "starter DESC, m.name, m.id")+` LIMIT $3 OFFSET $4`, append(args, f.Most(), f.Skip())...)
	list, err := store.All(rows, "shared model clusters", pgx.RowToStructByName[SharedModel])
	if err != nil || len(list) > 0 {
		return list, store.TotalOf(list, func(r SharedModel) int { return r.Total }), err
	}
	total, err := db.core.Count(ctx, `SELECT count(*)`+fromSharedModels, args...)
	return nil, total, err
}

// toEveryone tells whether a model cluster m is shared with everyone.
const toEveryone = `EXISTS (SELECT FROM model_shares e WHERE e.model_cluster_id = m.id AND e.with_id IS NULL)`

// SharedModelVersions is a model cluster that another organization shares, with what is published of it.
type SharedModelVersions struct {
	ID           uuid.UUID
	Name, Owner  string
	Starter      bool
	Versions     []Version                      // the newest first, at most mostSharedVersions
	Certificates map[uuid.UUID][]CertificateRow // by version, the newest first
}

const mostSharedVersions = 20

// SharedModel shows a model cluster that reaches the organization. NotFound where none does, whether there is one or not, and where nothing of it is published.
func (db *DB) SharedModel(ctx context.Context, orgID, id uuid.UUID) (SharedModelVersions, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT m.id, m.name, m.organization_id, o.name AS owner, o.starters AND `+toEveryone+` AS starter,
			(SELECT coalesce(array_agg(id), '{}') FROM (SELECT v.id FROM model_versions v WHERE v.model_cluster_id = m.id AND v.state = 'published'
				ORDER BY v.published_at DESC, v.id DESC LIMIT $3) AS newest) AS versions
		FROM model_clusters m JOIN organizations o ON o.id = m.organization_id WHERE `+reaches+` AND m.id = $2`, orgID, id, mostSharedVersions)
	m, err := store.One(rows, "shared model cluster", pgx.RowToStructByName[struct {
		ID             uuid.UUID
		Name           string
		OrganizationID uuid.UUID
		Owner          string
		Starter        bool
		Versions       []uuid.UUID
	}])
	if err != nil {
		return SharedModelVersions{}, err
	}
	if len(m.Versions) == 0 {
		return SharedModelVersions{}, refusal.NotFound("shared model cluster")
	}
	s := SharedModelVersions{ID: m.ID, Name: m.Name, Owner: m.Owner, Starter: m.Starter, Certificates: map[uuid.UUID][]CertificateRow{}}
	read, err := ReadVersions(ctx, db.pool, m.OrganizationID, m.Versions...)
	if err != nil {
		return s, err
	}
	for _, wanted := range m.Versions { // in the order in which they were found
		for _, v := range read {
			if v.ID == wanted && v.State == VersionStatePublished {
				s.Versions = append(s.Versions, v)
			}
		}
	}
	for _, v := range s.Versions {
		if s.Certificates[v.ID], err = db.CertificatesOfVersion(ctx, m.OrganizationID, v.ID); err != nil {
			return s, err
		}
	}
	return s, nil
}
