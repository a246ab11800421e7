package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"volary.dev/provisioner"
)

// VersionState says whether a version may still change.
type VersionState string

// The states of a version.
const (
	VersionStateDraft     VersionState = "draft"
	VersionStatePublished VersionState = "published"
)

// RoleDraft describes the nodes of one role.
type RoleDraft struct {
	Role     provisioner.Role
	ImageID  uuid.UUID
	Shape    provisioner.Shape
	UserData string // at most 64 KiB
}

// VersionDraft is a version as a form gives it.
type VersionDraft struct {
	ID             uuid.UUID // Nil makes a new version
	ModelClusterID uuid.UUID
	Version        string // "1.0"
	Revision       int    // the one the form was made from; ignored for a new version
	Roles          []RoleDraft
	ComputeMin     int
	ComputeMax     int
	Gate           provisioner.Gate
}

// VersionRole is one role of a version as pages show it.
type VersionRole struct {
	Role       provisioner.Role
	ImageID    uuid.UUID
	ImageName  string
	ImageState string
	Digest     string // canonical digest of the image
	Shape      provisioner.Shape
	UserData   string
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
	CreatedAt        time.Time
	PublishedAt      *time.Time
	Roles            []VersionRole // head, then compute where ComputeMax > 0
}

// PublishedVersion is one choice of a launch form.
type PublishedVersion struct {
	ID         uuid.UUID
	Name       string // "trial 1.0"
	ComputeMin int
	ComputeMax int
}

// SaveVersion makes a draft or changes one. Refusals: "invalid" by field (version, compute_min, compute_max,
// gate_kind, gate_text, gate_timeout, and head_image, head_vcpus, head_memory, head_disk, head_user_data,
// compute_…), "duplicate", "stale_form", "published", NotFound("version" or "model cluster").
func (db *DB) SaveVersion(ctx context.Context, orgID, by uuid.UUID, d VersionDraft) (uuid.UUID, error) {
	return uuid.Nil, errUnwritten
}

// Version shows one version.
func (db *DB) Version(ctx context.Context, orgID, id uuid.UUID) (Version, error) {
	return Version{}, errUnwritten
}

// PublishedVersions lists what an organization may launch, by name, the newest version first.
func (db *DB) PublishedVersions(ctx context.Context, orgID uuid.UUID) ([]PublishedVersion, error) {
	return nil, errUnwritten
}

// PublishVersion freezes a version. Refusals: "stale_form", "published", "image" (one that is not ready), NotFound.
func (db *DB) PublishVersion(ctx context.Context, orgID, by, id uuid.UUID, revision int) error {
	return errUnwritten
}
