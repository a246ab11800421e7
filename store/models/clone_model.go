package models

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/manifest"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/people"
)

// CloneModel makes a model cluster of the organization's own of a published version that another one shares with it: a published version of the same
// document, whose images are rows over the same bytes, with its certificates. Refusals: "invalid" for name, "duplicate", "day_limit", "suspended", what
// PublishVersion refuses of a version that is not right by today's rules, NotFound where the version does not reach the organization.
func (db *DB) CloneModel(ctx context.Context, orgID, by, source uuid.UUID, name string) (version uuid.UUID, err error) {
	err = db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := people.RefuseSuspended(ctx, tx, orgID); err != nil {
			return err
		}
		owner, whose, err := findShared(ctx, tx, orgID, source)
		if err != nil {
			return err
		}
		if err := HoldVersion(ctx, tx, owner, source); err != nil {
			return err
		}
		v, err := ReadVersion(ctx, tx, owner, source)
		if err != nil {
			return err
		}
		if v.State != VersionStatePublished { // withdrawn since it was found
			return refusal.NotFound("version")
		}
		if err := v.right(); err != nil {
			return err
		}
		modelID, err := createModel(ctx, tx, orgID, name)
		if err != nil {
			return err
		}
		if version, err = v.cloneInto(ctx, tx, orgID, by, modelID); err != nil {
			return err
		}
		origin := Origin{Version: source, Whose: whose, Model: v.ModelClusterName, Label: v.Version}
		if err := origin.write(ctx, tx, orgID, modelID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `SELECT give_certificates($1, $2)`, source, orgID); err != nil {
			return fmt.Errorf("give the certificates of version %s: %w", source, err)
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Organization: orgID, Verb: "clone model cluster", Subject: "model_cluster", SubjectID: modelID,
			Detail: map[string]any{"from": whose, "model": v.ModelClusterName, "version": v.Version, "document_digest": v.DocumentDigest},
		})
	})
	return version, err
}

// findShared finds whose a published version is that reaches the organization.
func findShared(ctx context.Context, tx pgx.Tx, orgID, version uuid.UUID) (owner uuid.UUID, name string, err error) {
	err = tx.QueryRow(ctx, `
		SELECT o.id, o.name FROM model_versions v JOIN model_clusters m ON m.id = v.model_cluster_id JOIN organizations o ON o.id = m.organization_id
		WHERE v.id = $2 AND v.state = 'published' AND `+reaches, orgID, version).Scan(&owner, &name)
	return owner, name, store.Found(err, "version")
}

// right is what a version has to be before it is published.
func (v Version) right() error {
	for _, right := range []func() error{v.ImagesFit, v.ImagesThere, v.imagesNamed, v.userDataRuns, v.isRight} {
		if err := right(); err != nil {
			return err
		}
	}
	return nil
}

// cloneInto makes the version anew in a model cluster of another organization, as it is, with images of its own.
func (v Version) cloneInto(ctx context.Context, tx pgx.Tx, orgID, by, modelID uuid.UUID) (uuid.UUID, error) {
	if err := refuseManyVersions(ctx, tx, orgID); err != nil {
		return uuid.Nil, err
	}
	id, err := store.NewID()
	if err != nil {
		return uuid.Nil, err
	}
	d := VersionDraft{ID: id, ModelClusterID: modelID, Version: v.Version, Model: v.Model}
	made := map[string]uuid.UUID{} // by bytes and name: what a group is of
	for position, g := range v.Groups {
		key := g.Digest + " " + g.Image.Name
		if made[key] == uuid.Nil {
			if made[key], err = v.cloneImage(ctx, tx, orgID, by, position, g); err != nil {
				return uuid.Nil, err
			}
		}
		d.Images = append(d.Images, made[key])
	}
	if err := d.insert(ctx, tx, orgID); err != nil {
		return uuid.Nil, err
	}
	if err := d.project(ctx, tx, orgID); err != nil {
		return uuid.Nil, err
	}
	if manifest.Digest(manifest.Canonical(d.Model)) != v.DocumentDigest {
		return uuid.Nil, fmt.Errorf("the clone of version %s would be another document", v.ID)
	}
	_, err = tx.Exec(ctx, `UPDATE model_versions SET state = 'published', published_at = now() WHERE id = $1 AND organization_id = $2`, id, orgID)
	if err != nil {
		return uuid.Nil, fmt.Errorf("publish the clone of version %s: %w", v.ID, err)
	}
	return id, nil
}

// cloneImage gives the image of a group in the organization: one with the same bytes and name that it has, or a row of its own over the bytes.
func (v Version) cloneImage(ctx context.Context, tx pgx.Tx, orgID, by uuid.UUID, position int, g VersionGroup) (uuid.UUID, error) {
	var had uuid.UUID
	// Held, so that nobody deletes it before the version has it.
	err := tx.QueryRow(ctx, `SELECT id FROM images WHERE organization_id = $1 AND canonical_digest = $2 AND guest_digest = $3 AND name = $4 ORDER BY id LIMIT 1 FOR KEY SHARE`,
		orgID, g.Digest, g.Image.Digest, g.Image.Name).Scan(&had)
	if err == nil {
		return had, nil
	}
	if r, ok := refusal.As(store.Found(err, "image")); !ok || r.Code != "not_found" {
		return uuid.Nil, fmt.Errorf("look for the image of %s: %w", g.Name, err)
	}
	id, err := store.NewID()
	if err != nil {
		return uuid.Nil, err
	}
	var ok bool
	if err := tx.QueryRow(ctx, `SELECT clone_image($1, $2, $3, $4, $5, $6)`, id, v.ID, position, orgID, by, g.Image.Name).Scan(&ok); err != nil {
		return uuid.Nil, fmt.Errorf("clone the image of %s: %w", g.Name, err)
	}
	if !ok {
		return uuid.Nil, refusal.NotFound("version") // the share was withdrawn at this moment
	}
	return id, nil
}

// createModel makes a model cluster for what has versions at once.
func createModel(ctx context.Context, tx pgx.Tx, orgID uuid.UUID, name string) (uuid.UUID, error) {
	f := store.Fields{}
	f.Name("name", &name, 1, 80)
	if err := f.Refusal(); err != nil {
		return uuid.Nil, err
	}
	if err := refuseManyModels(ctx, tx, orgID); err != nil {
		return uuid.Nil, err
	}
	id, err := store.NewID()
	if err != nil {
		return uuid.Nil, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO model_clusters (id, organization_id, name, created_at) VALUES ($1, $2, $3, now())`, id, orgID, name)
	if store.UniqueViolation(err, "model_clusters_organization_id_name_key") {
		return uuid.Nil, store.Duplicate("a model cluster", "name", name)
	}
	if err != nil {
		return uuid.Nil, fmt.Errorf("create model cluster: %w", err)
	}
	return id, store.TakeName(ctx, tx, store.TakenName{Kind: store.ModelName, Scope: orgID, Subject: id, Name: name, Field: "name"})
}

// Origin is where a model cluster came from.
type Origin struct {
	Version uuid.UUID // of which it is a clone; Nil: it came in a bundle
	Whose   string    // the organization's name then, or the address of a deployment as its bundle gives it
	Model   string    // what it was called there
	Label   string    // which version
}

func (o Origin) write(ctx context.Context, tx pgx.Tx, orgID, modelID uuid.UUID) error {
	_, err := tx.Exec(ctx, `INSERT INTO model_origins (model_cluster_id, organization_id, version_id, whose, model, version) VALUES ($1, $2, $3, $4, $5, $6)`,
		modelID, orgID, store.OrNull(o.Version), o.Whose, o.Model, o.Label)
	if err != nil {
		return fmt.Errorf("note where model cluster %s came from: %w", modelID, err)
	}
	return nil
}

// OriginOfModel tells where a model cluster of the organization came from; ok is false where it was made here.
func (db *DB) OriginOfModel(ctx context.Context, orgID, modelID uuid.UUID) (o Origin, ok bool, err error) {
	err = db.pool.QueryRow(ctx, `
		SELECT coalesce(version_id, '00000000-0000-0000-0000-000000000000'), whose, model, version FROM model_origins WHERE organization_id = $1 AND model_cluster_id = $2`,
		orgID, modelID).Scan(&o.Version, &o.Whose, &o.Model, &o.Label)
	if r, none := refusal.As(store.Found(err, "origin")); none && r.Code == "not_found" {
		return o, false, nil
	}
	if err != nil {
		return o, false, fmt.Errorf("origin of model cluster %s: %w", modelID, err)
	}
	return o, true, nil
}
