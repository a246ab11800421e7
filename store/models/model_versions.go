package models

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/provisioner/manifest"
	"volary.dev/provisioner/refusal"
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

// VersionGroup is one group of a version with what is known here of its image. The head has its name, provisioner.HeadName.
type VersionGroup struct {
	provisioner.Group
	ImageID     uuid.UUID            // Nil: a draft whose image is gone, or a withdrawn version whose image was deleted
	Digest      string               // canonical digest of the image
	ImageSize   int64                // bytes of its canonical file
	VirtualSize int64                // bytes of its disk as a guest sees it
	Starts      provisioner.Firmware // what starts it
	Lost        BlobLoss             // what is wrong with its bytes
}

// Version is one version of a model cluster.
type Version struct {
	ID               uuid.UUID
	ModelClusterID   uuid.UUID
	ModelClusterName string
	Version          string
	State            VersionState
	Revision         int
	Model            provisioner.Model // its document
	DocumentDigest   string            // what that is known by
	CreatedAt        time.Time
	PublishedAt      *time.Time
	Groups           []VersionGroup // of the document, the head first
}

// Document is its bytes.
func (v Version) Document() []byte { return manifest.Canonical(v.Model) }

// Exportable is why a version cannot leave as a bundle now; nil: it can. Refusals: "state" (a draft changes still, and a withdrawn version holds no
// images), "image_lost".
func (v Version) Exportable() error {
	if v.State == VersionStatePublished {
		return v.ImagesThere()
	}
	return &refusal.Error{Code: "state", Title: "Only a published version can be exported as a bundle, and this one is " + map[VersionState]string{VersionStateDraft: "a draft", VersionStateWithdrawn: "withdrawn"}[v.State] + ".", Next: "Publish it first."}
}

// Group finds a group by its name, the head by provisioner.HeadName; ok is false where the version has none.
func (v Version) Group(name string) (group VersionGroup, ok bool) {
	for _, g := range v.Groups {
		if g.Name == name {
			return g, true
		}
	}
	return VersionGroup{}, false
}

// CountedGroup is a compute group and how many nodes it may have.
type CountedGroup struct {
	Name  string `json:"name"`
	Least int    `json:"least"`
	Most  int    `json:"most"`
}

// PublishedVersion is one choice of a launch form.
type PublishedVersion struct {
	ID     uuid.UUID
	Name   string         // "trial 1.0"
	Groups []CountedGroup // its compute groups, in the document's order
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
	list, err := ReadVersions(ctx, q, orgID, id)
	if err != nil {
		return Version{}, err
	}
	if len(list) == 0 {
		return Version{}, refusal.NotFound("version")
	}
	return list[0], nil
}

// ReadVersions reads those of the versions that are the organization's, in the order of their ids.
func ReadVersions(ctx context.Context, q store.Queryer, orgID uuid.UUID, ids ...uuid.UUID) ([]Version, error) {
	rows, _ := q.Query(ctx, `
		SELECT v.id, v.model_cluster_id, m.name, v.version, v.state, v.revision, v.document, v.document_digest, v.created_at, v.published_at
		FROM model_versions v JOIN model_clusters m ON m.id = v.model_cluster_id
		WHERE v.organization_id = $1 AND v.id = ANY ($2) ORDER BY v.id`, orgID, ids)
	list, err := store.All(rows, "versions", func(row pgx.CollectableRow) (v Version, err error) {
		var document []byte
		err = row.Scan(&v.ID, &v.ModelClusterID, &v.ModelClusterName, &v.Version, &v.State, &v.Revision, &document, &v.DocumentDigest, &v.CreatedAt, &v.PublishedAt)
		if err != nil {
			return v, err
		}
		if v.Model, err = manifest.Read(document); err != nil {
			return v, fmt.Errorf("version %s: %w", v.ID, err)
		}
		for _, g := range v.Model.Groups() {
			v.Groups = append(v.Groups, VersionGroup{Group: g})
		}
		return v, nil
	})
	if err != nil {
		return nil, err
	}
	return list, readImagesOf(ctx, q, orgID, list)
}

// readImagesOf adds what is known of the images of versions' groups.
func readImagesOf(ctx context.Context, q store.Queryer, orgID uuid.UUID, list []Version) error {
	at := map[uuid.UUID]int{}
	for i, v := range list {
		at[v.ID] = i
	}
	rows, _ := q.Query(ctx, `
		SELECT r.version_id, r.position, coalesce(i.id, '00000000-0000-0000-0000-000000000000'), coalesce(i.canonical_digest, r.image_digest),
			coalesce(i.canonical_size, 0), coalesce(i.virtual_size, 0), coalesce(i.firmware, ''), coalesce(i.lost, '')
		FROM version_roles r LEFT JOIN images i ON i.id = `+imageOfRole+` WHERE r.organization_id = $1 AND r.version_id = ANY ($2)`,
		orgID, slices.Collect(maps.Keys(at)))
	var version uuid.UUID
	var position int
	var of VersionGroup
	_, err := pgx.ForEachRow(rows, []any{&version, &position, &of.ImageID, &of.Digest, &of.ImageSize, &of.VirtualSize, &of.Starts, &of.Lost}, func() error {
		groups := list[at[version]].Groups
		if position >= len(groups) {
			return fmt.Errorf("version %s has no group %d", version, position)
		}
		of.Group = groups[position].Group
		groups[position] = of
		return nil
	})
	if err != nil {
		return fmt.Errorf("read images of versions: %w", err)
	}
	return nil
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

// joinCompute adds to a version v how many compute nodes it may have, in all groups together.
const joinCompute = `
	CROSS JOIN LATERAL (SELECT coalesce(sum(r.least), 0)::int AS compute_min, coalesce(sum(r.most), 0)::int AS compute_max
		FROM version_roles r WHERE r.version_id = v.id AND r.position > 0) AS n`

// PublishedVersions lists what an organization may launch, by name, the newest version first.
func (db *DB) PublishedVersions(ctx context.Context, orgID uuid.UUID) ([]PublishedVersion, error) {
	return ReadPublishedVersions(ctx, db.pool, orgID)
}

// ReadPublishedVersions is PublishedVersions in a caller's transaction.
func ReadPublishedVersions(ctx context.Context, q store.Queryer, orgID uuid.UUID) ([]PublishedVersion, error) {
	rows, _ := q.Query(ctx, `
		SELECT v.id, m.name || ' ' || v.version AS name, t.pool_id AS passed_on, t.ended_at AS passed_at,
			(SELECT coalesce(jsonb_agg(jsonb_build_object('name', r.group_name, 'least', r.least, 'most', r.most) ORDER BY r.position), '[]')
				FROM version_roles r WHERE r.version_id = v.id AND r.position > 0) AS groups
		FROM model_versions v JOIN model_clusters m ON m.id = v.model_cluster_id
		LEFT JOIN LATERAL (SELECT pool_id, ended_at FROM acceptance_tests
			WHERE version_id = v.id AND state = 'passed' ORDER BY created_at DESC LIMIT 1) AS t ON true
		WHERE v.organization_id = $1 AND v.state = 'published' ORDER BY m.name, v.published_at DESC`, orgID)
	return store.All(rows, "published versions", pgx.RowToStructByName[PublishedVersion])
}
