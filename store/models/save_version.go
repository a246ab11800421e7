package models

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/provisioner/manifest"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/provisioner/userdata"
	"volary.dev/store"
)

// VersionDraft is a version as a form gives it.
type VersionDraft struct {
	ID             uuid.UUID // Nil makes a new version
	ModelClusterID uuid.UUID
	Version        string // "1.0"
	Revision       int    // the one the form was made from; ignored for a new version
	// Model is the document. What it calls its images, and its format, is written by SaveVersion; a byte order mark before user-data
	// and the text and port of a gate that has none are taken away.
	Model  provisioner.Model
	Images []uuid.UUID // of the head, then of each compute group
}

// SaveVersion makes a draft or changes one, whose document is replaced whole. Refusals: "invalid" by "version" and the paths of the document
// (manifest.Check, manifest.Beyond, and "head.image" or "compute[0].image" for an image that is not there), "too_large", "duplicate", "stale_form",
// "published", "day_limit" for a new one, NotFound("version" or "model cluster").
func (db *DB) SaveVersion(ctx context.Context, orgID, by uuid.UUID, d VersionDraft) (uuid.UUID, error) {
	isNew := d.ID == uuid.Nil
	if isNew {
		var err error
		if d.ID, err = store.NewID(); err != nil {
			return uuid.Nil, err
		}
	}
	return d.ID, db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := d.begin(ctx, tx, orgID, isNew); err != nil {
			return err
		}
		images, err := d.readImages(ctx, tx, orgID)
		if err != nil {
			return err
		}
		d.Model = d.document(images)
		if err := d.check(images); err != nil {
			return err
		}
		write, verb := d.update, "change version" // of the draft as it is now
		if isNew {
			write, verb = d.insert, "create version"
		}
		if err := write(ctx, tx, orgID); err != nil {
			return err
		}
		if err := d.project(ctx, tx, orgID); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Organization: orgID, Verb: verb, Subject: "version", SubjectID: d.ID})
	})
}

// namedImage is what a document and its check want to know of an image.
type namedImage struct {
	ID     uuid.UUID
	Name   string
	Digest string // guest-visible; empty: of before it was looked at
	Starts provisioner.Firmware
	unseen bool // nobody looked
}

// readImages reads what the draft's images are called. One of another organization is none.
func (d VersionDraft) readImages(ctx context.Context, tx pgx.Tx, orgID uuid.UUID) (map[uuid.UUID]namedImage, error) {
	rows, _ := tx.Query(ctx, `
		SELECT id, name, guest_digest AS digest, firmware AS starts FROM images WHERE organization_id = $1 AND id = ANY ($2)`, orgID, d.Images)
	list, err := store.All(rows, "images of a version", pgx.RowToStructByName[namedImage])
	if err != nil {
		return nil, err
	}
	images := map[uuid.UUID]namedImage{}
	for _, i := range list {
		images[i.ID] = i
	}
	return images, nil
}

// image is the id that was chosen for a group, by its position: the head's is 0.
func (d VersionDraft) image(position int) uuid.UUID {
	if position < len(d.Images) {
		return d.Images[position]
	}
	return uuid.Nil
}

// document is the draft's model as it is kept.
func (d VersionDraft) document(images map[uuid.UUID]namedImage) provisioner.Model {
	m := d.Model
	m.Format = provisioner.ModelFormat
	m.Compute = slices.Clone(m.Compute)
	kept := func(g *provisioner.Group, position int) {
		i := images[d.image(position)]
		g.Image = provisioner.ImageRef{Name: i.Name, Digest: i.Digest}
		g.UserData = userdata.Clean(g.UserData)
		if g.Gate.Kind != provisioner.GateConsole {
			g.Gate.Text = "" // what was typed before the kind was changed
		}
		if g.Gate.Kind != provisioner.GatePort {
			g.Gate.Port = 0
		}
	}
	kept(&m.Head, 0)
	for i := range m.Compute {
		kept(&m.Compute[i], i+1)
	}
	return m
}

// Check is what SaveVersion refuses of what was typed ("invalid"), for a form that tells all faults at once. Whether the chosen images
// are there is not looked at.
func (d VersionDraft) Check() error {
	chosen := map[uuid.UUID]namedImage{}
	for _, id := range d.Images {
		if id != uuid.Nil {
			chosen[id] = namedImage{ID: id, Name: "chosen", Digest: strings.Repeat("0", 64), unseen: true}
		}
	}
	d.Model = d.document(chosen)
	return d.check(chosen)
}

func (d VersionDraft) check(images map[uuid.UUID]namedImage) error {
	f := store.Fields{}
	f.Length("version", d.Version, 1, 40)
	wrong := manifest.Check(d.Model)
	starts := map[string]provisioner.Firmware{}
	for position, g := range d.Model.Groups() {
		path := groupPath(position) + ".image"
		i, ok := images[d.image(position)]
		if starts[g.Name] = i.Starts; i.unseen {
			starts[g.Name] = g.Firmware // nobody looked what starts the image
		}
		switch {
		case ok && i.Digest == "":
			delete(wrong, path+".digest") // who publishes it is told
		case !ok && d.image(position) != uuid.Nil:
			wrong[path] = "There is no such image: choose one of the list."
		}
	}
	if large := wrong[""]; large != "" && len(wrong) == 1 {
		return &refusal.Error{Code: "too_large", Title: large, Next: "Shorten its user-data."}
	}
	maps.Copy(f, wrong)
	if len(f) == 0 {
		f = manifest.Beyond(d.Model, starts)
	}
	return f.Refusal()
}

// groupPath is where a group stands in the document.
func groupPath(position int) string {
	if position == 0 {
		return "head"
	}
	return fmt.Sprintf("compute[%d]", position-1)
}

// begin finds the model cluster of a new version, or locks the draft that is to change.
func (d VersionDraft) begin(ctx context.Context, tx pgx.Tx, orgID uuid.UUID, isNew bool) error {
	if !isNew {
		return lockDraft(ctx, tx, orgID, d.ID, d.Revision)
	}
	if err := refuseManyVersions(ctx, tx, orgID); err != nil {
		return err
	}
	var id uuid.UUID
	err := tx.QueryRow(ctx, `SELECT id FROM model_clusters WHERE organization_id = $1 AND id = $2`, orgID, d.ModelClusterID).Scan(&id)
	return store.Found(err, "model cluster")
}

func (d VersionDraft) insert(ctx context.Context, tx pgx.Tx, orgID uuid.UUID) error {
	document := manifest.Canonical(d.Model)
	_, err := tx.Exec(ctx, `
		INSERT INTO model_versions (id, organization_id, model_cluster_id, version, state, document, document_digest, created_at)
		VALUES ($1, $2, $3, $4, 'draft', $5, $6, now())`, d.ID, orgID, d.ModelClusterID, d.Version, string(document), manifest.Digest(document))
	return d.refusal(err)
}

func (d VersionDraft) update(ctx context.Context, tx pgx.Tx, orgID uuid.UUID) error {
	document := manifest.Canonical(d.Model)
	_, err := tx.Exec(ctx, `
		UPDATE model_versions SET version = $3, document = $4, document_digest = $5, revision = revision + 1
		WHERE id = $1 AND organization_id = $2`, d.ID, orgID, d.Version, string(document), manifest.Digest(document))
	if err := d.refusal(err); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM version_roles WHERE version_id = $1 AND organization_id = $2`, d.ID, orgID); err != nil {
		return fmt.Errorf("save version: %w", err)
	}
	return nil
}

func (d VersionDraft) refusal(err error) error {
	if store.UniqueViolation(err, "model_versions_model_cluster_id_version_key") {
		return store.Duplicate("a version", "version", d.Version)
	}
	if err != nil {
		return fmt.Errorf("save version: %w", err)
	}
	return nil
}

// lockDraft locks a version that may still change and whose form is not stale.
func lockDraft(ctx context.Context, tx pgx.Tx, orgID, id uuid.UUID, revision int) error {
	var state VersionState
	var now int
	err := tx.QueryRow(ctx, `
		SELECT state, revision FROM model_versions WHERE id = $1 AND organization_id = $2 FOR UPDATE`, id, orgID).Scan(&state, &now)
	if err != nil {
		return store.Found(err, "version")
	}
	if state == VersionStatePublished {
		return &refusal.Error{
			Code: "published", Title: "This version is published and never changes.", Next: "Make a new version of the model cluster.",
		}
	}
	if state == VersionStateWithdrawn {
		return withdrawnNow()
	}
	if now != revision {
		return &refusal.Error{
			Code:  "stale_form",
			Title: fmt.Sprintf("Someone changed this version meanwhile: the form was made from revision %d, it is at %d now.", revision, now),
			Next:  "Open the form again and repeat your changes.",
		}
	}
	return nil
}

// project writes what of the document's groups SQL has to know, beside it: see the migration that made documents.
func (d VersionDraft) project(ctx context.Context, tx pgx.Tx, orgID uuid.UUID) error {
	for position, g := range d.Model.Groups() {
		if position == 0 {
			g.Count = provisioner.Count{Least: 1, Most: 1}
		}
		_, err := tx.Exec(ctx, `
			INSERT INTO version_roles (version_id, organization_id, group_name, position, image_id, least, most, gate_timeout_seconds)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			d.ID, orgID, g.Name, position, d.image(position), g.Count.Least, g.Count.Most, g.Gate.TimeoutSeconds)
		if store.ForeignKeyViolation(err) {
			// It was deleted at this moment.
			return refusal.Invalid(map[string]string{groupPath(position) + ".image": "There is no such image: choose one of the list."})
		}
		if err != nil {
			return fmt.Errorf("save groups of version: %w", err)
		}
	}
	return nil
}

// called is what the group's nodes are called in a sentence: "head", "group compute".
func (g VersionGroup) called() string {
	if g.Role() == provisioner.RoleHead {
		return "head"
	}
	return "group " + g.Name
}

// ImagesFit refuses a version one of whose images is larger than its nodes' disks.
func (v Version) ImagesFit() error {
	for _, g := range v.Groups {
		if need := gibibytes(g.VirtualSize); need > int64(g.Shape.DiskGiB) {
			return &refusal.Error{
				Code:  "image",
				Title: fmt.Sprintf("The image \"%s\" needs a disk of %d GiB, and nodes of the %s have %d GiB.", typed.Isolate(g.Image.Name), need, g.called(), g.Shape.DiskGiB),
				Next:  "Give the group a larger disk, or choose another image.",
			}
		}
	}
	return nil
}

// gibibytes rounds up.
func gibibytes(bytes int64) int64 { return (bytes + 1<<30 - 1) >> 30 }
