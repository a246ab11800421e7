package models

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/provisioner/bundle"
	"volary.dev/provisioner/certificate"
	"volary.dev/provisioner/manifest"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
	"volary.dev/store/people"
)

// BundleOfUpload is what an upload that is a bundle holds beside its images: a stranger's word but for the document's digest.
type BundleOfUpload struct {
	Whose          string // the address of the deployment that it says it comes from; empty: it says none
	Model, Version string
	Document       string
	DocumentDigest string
	Certificates   []string // envelopes
	Keys           string   // by which they are to be checked, as the bundle has them; empty: none
}

// BundleOfUpload finds it; ok is false where the upload is no bundle, or not the organization's.
func (db *DB) BundleOfUpload(ctx context.Context, orgID uuid.UUID, uploadID string) (b BundleOfUpload, ok bool, err error) {
	return bundleOfUpload(ctx, db.pool, orgID, uploadID)
}

func bundleOfUpload(ctx context.Context, q store.Queryer, orgID uuid.UUID, uploadID string) (b BundleOfUpload, ok bool, err error) {
	rows, _ := q.Query(ctx, `SELECT whose, model, version, document, document_digest, certificates, keys FROM bundles WHERE organization_id = $1 AND upload_id = $2`, orgID, uploadID)
	b, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[BundleOfUpload])
	if errors.Is(err, pgx.ErrNoRows) {
		return b, false, nil
	}
	if err != nil {
		return b, false, fmt.Errorf("bundle of upload %s: %w", uploadID, err)
	}
	return b, true, nil
}

// keepBundle keeps what a verdict of done has beside its images.
func (u judgedUpload) keepBundle(ctx context.Context, tx pgx.Tx, id string, v provisioner.UploadVerdict) error {
	if v.Bundle == nil || v.State != provisioner.UploadDone {
		return nil
	}
	b := v.Bundle
	if b.Certificates == nil {
		b.Certificates = []string{}
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO bundles (upload_id, organization_id, whose, model, version, document, document_digest, certificates, keys) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		id, u.OrganizationID, b.Source, b.Model, b.Version, b.Document, manifest.Digest([]byte(b.Document)), b.Certificates, b.Keys)
	if err != nil {
		return fmt.Errorf("keep the bundle of upload %s: %w", id, err)
	}
	return nil
}

// CreateModelFromBundle makes a model cluster of an upload that is a bundle: a draft of the bundle's document, with the same digest, of the upload's
// images, and with the certificates that came along. Refusals: "invalid" for name and what SaveVersion refuses of the document, "duplicate", "day_limit",
// "suspended", "image_gone" where one of its images was deleted, NotFound.
func (db *DB) CreateModelFromBundle(ctx context.Context, orgID, by uuid.UUID, uploadID, name string) (version uuid.UUID, err error) {
	err = db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := people.RefuseSuspended(ctx, tx, orgID); err != nil {
			return err
		}
		b, ok, err := bundleOfUpload(ctx, tx, orgID, uploadID)
		if err != nil {
			return err
		}
		if !ok {
			return refusal.NotFound("bundle")
		}
		modelID, err := createModel(ctx, tx, orgID, name)
		if err != nil {
			return err
		}
		if version, err = b.draft(ctx, tx, orgID, modelID, uploadID); err != nil {
			return err
		}
		origin := Origin{Whose: b.Whose, Model: b.Model, Label: b.Version}
		if err := origin.write(ctx, tx, orgID, modelID); err != nil {
			return err
		}
		for n, envelope := range b.Certificates {
			_, err := tx.Exec(ctx, `INSERT INTO foreign_certificates (version_id, organization_id, position, envelope, keys) VALUES ($1, $2, $3, $4, $5)`, version, orgID, n, envelope, b.Keys)
			if err != nil {
				return fmt.Errorf("keep a certificate of the bundle %s: %w", uploadID, err)
			}
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Organization: orgID, Verb: "import model cluster", Subject: "model_cluster", SubjectID: modelID,
			Detail: map[string]any{"from": b.Whose, "model": b.Model, "version": b.Version, "document_digest": b.DocumentDigest},
		})
	})
	return version, err
}

// draft makes the version, of the images that came of the upload.
func (b BundleOfUpload) draft(ctx context.Context, tx pgx.Tx, orgID, modelID uuid.UUID, uploadID string) (uuid.UUID, error) {
	if err := refuseManyVersions(ctx, tx, orgID); err != nil {
		return uuid.Nil, err
	}
	m, err := manifest.Read([]byte(b.Document))
	if err != nil {
		return uuid.Nil, fmt.Errorf("document of the bundle %s: %w", uploadID, err)
	}
	id, err := store.NewID()
	if err != nil {
		return uuid.Nil, err
	}
	d := VersionDraft{ID: id, ModelClusterID: modelID, Version: b.Version, Model: m}
	for _, g := range m.Groups() {
		var image uuid.UUID
		// Held, so that nobody deletes it before the draft has it.
		err := tx.QueryRow(ctx, `SELECT id FROM images WHERE organization_id = $1 AND upload_id = $2 AND guest_digest = $3 AND name = $4 ORDER BY id LIMIT 1 FOR KEY SHARE`,
			orgID, uploadID, g.Image.Digest, g.Image.Name).Scan(&image)
		if errors.Is(err, pgx.ErrNoRows) {
			return uuid.Nil, &refusal.Error{
				Code: "image_gone", Title: fmt.Sprintf("The image \"%s\" of this bundle was deleted.", typed.Isolate(g.Image.Name)), Next: "Upload the bundle again.",
			}
		}
		if err != nil {
			return uuid.Nil, fmt.Errorf("image of the bundle %s: %w", uploadID, err)
		}
		d.Images = append(d.Images, image)
	}
	images, err := d.readImages(ctx, tx, orgID)
	if err != nil {
		return uuid.Nil, err
	}
	if err := d.check(images); err != nil {
		return uuid.Nil, err
	}
	if manifest.Digest(manifest.Canonical(d.document(images))) != b.DocumentDigest {
		return uuid.Nil, fmt.Errorf("the draft of the bundle %s would be another document", uploadID)
	}
	if err := d.insert(ctx, tx, orgID); err != nil {
		return uuid.Nil, err
	}
	return id, d.project(ctx, tx, orgID)
}

// ForeignCertificate is one that came in a bundle.
type ForeignCertificate struct{ Envelope, Keys string }

// ForeignCertificates lists those that came with a version of the organization's.
func (db *DB) ForeignCertificates(ctx context.Context, orgID, versionID uuid.UUID) ([]ForeignCertificate, error) {
	rows, _ := db.pool.Query(ctx, `SELECT envelope, keys FROM foreign_certificates WHERE organization_id = $1 AND version_id = $2 ORDER BY position`, orgID, versionID)
	return store.All(rows, "foreign certificates", pgx.RowToStructByName[ForeignCertificate])
}

// EnvelopesOfVersion gives the certificates that a version's page lists, the newest first, and the keys that signed them as they stand now.
func (db *DB) EnvelopesOfVersion(ctx context.Context, orgID, versionID uuid.UUID) (envelopes []string, ring certificate.Ring, err error) {
	list, err := db.CertificatesOfVersion(ctx, orgID, versionID)
	if err != nil {
		return nil, ring, err
	}
	for _, row := range list {
		c, keys, err := db.Certificate(ctx, row.Address)
		if err != nil {
			return nil, ring, err
		}
		envelopes = append(envelopes, c.Envelope)
		for _, k := range keys.Keys {
			if !ring.Has(k.ID) {
				ring.Keys = append(ring.Keys, k)
			}
		}
	}
	return envelopes, ring, nil
}

// Bundle puts together what the bundle of a version holds. source is the address of this deployment. Refusals: "state" (it is not published),
// "image_lost", NotFound.
func (db *DB) Bundle(ctx context.Context, orgID, versionID uuid.UUID, source string) (bundle.Bundle, error) {
	v, err := db.Version(ctx, orgID, versionID)
	if err != nil {
		return bundle.Bundle{}, err
	}
	if err := v.Exportable(); err != nil {
		return bundle.Bundle{}, err
	}
	b := bundle.Bundle{Model: v.ModelClusterName, Version: v.Version, Source: source, Document: v.Document()}
	for _, g := range v.Groups {
		b.Images = append(b.Images, bundle.Image{Name: g.Image.Name, Guest: g.Image.Digest, Digest: g.Digest, Size: g.ImageSize})
	}
	envelopes, ring, err := db.EnvelopesOfVersion(ctx, orgID, versionID)
	if err != nil || len(envelopes) == 0 {
		return b, err
	}
	for _, e := range envelopes {
		b.Certificates = append(b.Certificates, []byte(e))
	}
	b.Keys, err = ring.Write()
	return b, err
}
