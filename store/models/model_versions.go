package models

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// VersionState says whether a version may still change.
type VersionState string

// The states of a version.
const (
	VersionStateDraft     VersionState = "draft"
	VersionStatePublished VersionState = "published"
	VersionStateWithdrawn VersionState = "withdrawn" // published once, and held by nothing: withdraw_version.go
)

// VersionRole is one role of a version as pages show it.
type VersionRole struct {
	Role      provisioner.Role
	ImageID   uuid.UUID // Nil: of a withdrawn version, and the image was deleted
	ImageName string
	Digest    string   // canonical digest of the image
	Lost      BlobLoss // what is wrong with its bytes
	// VirtualSize is the image's disk as a guest sees it, in bytes.
	VirtualSize int64
	Shape       provisioner.Shape
	UserData    string
}

// Version is one version of a model cluster.
type Version struct {
	ID               uuid.UUID
	ModelClusterID   uuid.UUID
	ModelClusterName string
	Version          string
	State            VersionState
	Revision         int
	ComputeMin       int
	ComputeMax       int
	Gate             provisioner.Gate
	SignInUser       string // whom people sign in as; empty: whom the image makes
	CreatedAt        time.Time
	PublishedAt      *time.Time
	Roles            []VersionRole // head, then compute where there is one
}

// Role finds the description of a role; ok is false where the version has none.
func (v Version) Role(r provisioner.Role) (role VersionRole, ok bool) {
	for _, role := range v.Roles {
		if role.Role == r {
			return role, true
		}
	}
	return VersionRole{}, false
}

// PublishedVersion is one choice of a launch form.
type PublishedVersion struct {
	ID         uuid.UUID
	Name       string // "trial 1.0"
	ComputeMin int
	ComputeMax int
	// PassedOn is the pool of its last acceptance test that passed, PassedAt that test's end; nil: none has.
	PassedOn *uuid.UUID
	PassedAt *time.Time
}

// Version shows one version.
func (db *DB) Version(ctx context.Context, orgID, id uuid.UUID) (Version, error) {
	return ReadVersion(ctx, db.pool, orgID, id)
}

// ReadVersion is Version in a caller's transaction.
func ReadVersion(ctx context.Context, q store.Queryer, orgID, id uuid.UUID) (Version, error) {
	rows, _ := q.Query(ctx, `
		SELECT v.id, v.model_cluster_id, m.name, v.version, v.state, v.revision, v.compute_min, v.compute_max,
			v.gate_kind, v.gate_text, v.gate_timeout_seconds, v.sign_in_user, v.created_at, v.published_at
		FROM model_versions v JOIN model_clusters m ON m.id = v.model_cluster_id
		WHERE v.organization_id = $1 AND v.id = $2`, orgID, id)
	v, err := store.One(rows, "version", func(row pgx.CollectableRow) (v Version, err error) {
		err = row.Scan(&v.ID, &v.ModelClusterID, &v.ModelClusterName, &v.Version, &v.State, &v.Revision, &v.ComputeMin, &v.ComputeMax,
			&v.Gate.Kind, &v.Gate.Text, &v.Gate.TimeoutSeconds, &v.SignInUser, &v.CreatedAt, &v.PublishedAt)
		return v, err
	})
	if err != nil {
		return v, err
	}
	rows, _ = q.Query(ctx, `
		SELECT r.role, coalesce(i.id, '00000000-0000-0000-0000-000000000000'), coalesce(i.name, r.image_name), coalesce(i.canonical_digest, r.image_digest),
			coalesce(i.lost, ''), coalesce(i.virtual_size, 0), r.vcpus, r.memory_mib, r.disk_gib, r.user_data
		FROM version_roles r LEFT JOIN images i ON i.id = `+imageOfRole+`
		WHERE r.version_id = $1 ORDER BY r.role = 'head' DESC, r.role`, id)
	v.Roles, err = store.All(rows, "roles of a version", func(row pgx.CollectableRow) (r VersionRole, err error) {
		err = row.Scan(&r.Role, &r.ImageID, &r.ImageName, &r.Digest, &r.Lost, &r.VirtualSize, &r.Shape.VCPUs, &r.Shape.MemoryMiB, &r.Shape.DiskGiB, &r.UserData)
		return r, err
	})
	return v, err
}

// VersionBefore finds the version of a model cluster that was made before another of it; of one that is not made yet (its ID is
// Nil) that is the newest. Not ok where there is none. NotFound("version") of one that is not there.
func (db *DB) VersionBefore(ctx context.Context, orgID uuid.UUID, v Version) (before Version, ok bool, err error) {
	var id *uuid.UUID
	err = db.pool.QueryRow(ctx, `
		SELECT (SELECT b.id FROM model_versions b
			WHERE b.organization_id = $1 AND b.model_cluster_id = $2 AND (v.id IS NULL OR (b.created_at, b.id) < (v.created_at, v.id))
			ORDER BY b.created_at DESC, b.id DESC LIMIT 1)
		FROM (SELECT $3::uuid AS id) AS a LEFT JOIN model_versions v ON v.id = a.id`, orgID, v.ModelClusterID, v.ID).Scan(&id)
	if err != nil || id == nil {
		return before, false, store.Found(err, "version")
	}
	before, err = ReadVersion(ctx, db.pool, orgID, *id)
	return before, err == nil, err
}

// PublishedVersions lists what an organization may launch, by name, the newest version first.
func (db *DB) PublishedVersions(ctx context.Context, orgID uuid.UUID) ([]PublishedVersion, error) {
	return ReadPublishedVersions(ctx, db.pool, orgID)
}

// ReadPublishedVersions is PublishedVersions in a caller's transaction.
func ReadPublishedVersions(ctx context.Context, q store.Queryer, orgID uuid.UUID) ([]PublishedVersion, error) {
	rows, _ := q.Query(ctx, `
		SELECT v.id, m.name || ' ' || v.version AS name, v.compute_min, v.compute_max, t.pool_id AS passed_on, t.ended_at AS passed_at
		FROM model_versions v JOIN model_clusters m ON m.id = v.model_cluster_id
		LEFT JOIN LATERAL (SELECT pool_id, ended_at FROM acceptance_tests
			WHERE version_id = v.id AND state = 'passed' ORDER BY created_at DESC LIMIT 1) AS t ON true
		WHERE v.organization_id = $1 AND v.state = 'published' ORDER BY m.name, v.published_at DESC`, orgID)
	return store.All(rows, "published versions", pgx.RowToStructByName[PublishedVersion])
}
