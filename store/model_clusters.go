package store

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// ModelCluster is a named description of a cluster, in versions.
type ModelCluster struct {
	ID        uuid.UUID
	Name      string
	CreatedAt time.Time
	Versions  []VersionRow // the newest first
}

// VersionRow is a version in a list.
type VersionRow struct {
	ID          uuid.UUID
	Version     string
	State       VersionState
	ComputeMin  int
	ComputeMax  int
	CreatedAt   time.Time
	PublishedAt *time.Time
	LastTestID  *uuid.UUID // the newest acceptance test, if any
	LastTest    string     // its state: running, passed, failed; empty where there is none
}

// CreateModelCluster adds a model cluster without versions. Refusals: "invalid", "duplicate".
func (db *DB) CreateModelCluster(ctx context.Context, orgID, by uuid.UUID, name string) (uuid.UUID, error) {
	return uuid.Nil, errUnwritten
}

// ModelClusters lists an organization's model clusters by name, with their versions.
func (db *DB) ModelClusters(ctx context.Context, orgID uuid.UUID) ([]ModelCluster, error) {
	return nil, errUnwritten
}

// ModelCluster shows one model cluster with its versions.
func (db *DB) ModelCluster(ctx context.Context, orgID, id uuid.UUID) (ModelCluster, error) {
	return ModelCluster{}, errUnwritten
}
