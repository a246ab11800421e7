package models

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/provisioner/userdata"
	"volary.dev/store"
)

// RoleDraft describes the nodes of one role.
type RoleDraft struct {
	Role     provisioner.Role
	ImageID  uuid.UUID
	Shape    provisioner.Shape
	UserData string // as userdata.Check takes it; a byte order mark before it is taken away
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
	SignInUser     string // as provisioner.ParseUser takes it; empty: whom the image makes
}

// SaveVersion makes a draft or changes one. Refusals: "invalid" by field (version, compute_min, compute_max,
// gate_kind, gate_text, gate_timeout, sign_in_user, and head_image, head_vcpus, head_memory, head_disk, head_user_data,
// compute_…), "duplicate", "stale_form", "published", "day_limit" for a new one, NotFound("version" or "model cluster").
func (db *DB) SaveVersion(ctx context.Context, orgID, by uuid.UUID, d VersionDraft) (uuid.UUID, error) {
	for i := range d.Roles {
		d.Roles[i].UserData = userdata.Clean(d.Roles[i].UserData)
	}
	if err := d.check(); err != nil {
		return uuid.Nil, err
	}
	isNew := d.ID == uuid.Nil
	if isNew {
		var err error
		if d.ID, err = store.NewID(); err != nil {
			return uuid.Nil, err
		}
	}
	return d.ID, db.core.Tx(ctx, func(tx pgx.Tx) error {
		save, verb := d.update, "change version"
		if isNew {
			save, verb = d.insert, "create version"
		}
		if err := save(ctx, tx, orgID); err != nil {
			return err
		}
		if err := d.saveRoles(ctx, tx, orgID); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Organization: orgID, Verb: verb, Subject: "version", SubjectID: d.ID})
	})
}

// Check is what the command refuses of the fields themselves ("invalid"), for a form that tells all faults at once.
func (d VersionDraft) Check() error {
	return d.check()
}

func (d VersionDraft) check() error {
	f := store.Fields{}
	f.Length("version", d.Version, 1, 40)
	f.Between("compute_min", int64(d.ComputeMin), 0, 1000, " compute nodes")
	f.Between("compute_max", int64(d.ComputeMax), 0, 1000, " compute nodes")
	f.Check(d.ComputeMax >= d.ComputeMin, "compute_max", "The most (%d) is less than the least (%d).", d.ComputeMax, d.ComputeMin)
	f.Between("gate_timeout", int64(d.Gate.TimeoutSeconds), 10, 3600, " seconds")
	switch d.Gate.Kind {
	case provisioner.GateAddress:
	case provisioner.GateConsole:
		f.Check(d.Gate.Text != "" && utf8.RuneCountInString(d.Gate.Text) <= 200 && !strings.ContainsFunc(d.Gate.Text, store.IsControl),
			"gate_text", "Write the text that appears on the console when the node is ready, 1 to 200 characters.")
	default:
		f.Add("gate_kind", "Choose how readiness is known: address or console.")
	}
	if _, err := provisioner.ParseUser(d.SignInUser); err != nil && d.SignInUser != "" {
		f.Add("sign_in_user", "A user's name %s.", err)
	}
	seen := map[provisioner.Role]int{}
	for _, r := range d.Roles {
		seen[r.Role]++
		r.check(f)
	}
	f.Check(seen[provisioner.RoleHead] == 1, "head_image", "Describe one head.")
	f.Check(seen[provisioner.RoleCompute] == 1 || (d.ComputeMax == 0 && seen[provisioner.RoleCompute] == 0), "compute_image",
		"Describe the compute nodes, of which there may be up to %d.", d.ComputeMax)
	return f.Refusal()
}

func (r RoleDraft) check(f store.Fields) {
	p := string(r.Role) + "_"
	f.Check(r.ImageID != uuid.Nil, p+"image", "Choose an image.")
	f.Between(p+"vcpus", int64(r.Shape.VCPUs), 1, 256, " vCPUs")
	f.Between(p+"memory", int64(r.Shape.MemoryMiB), 64, 4<<20, " MiB")
	f.Between(p+"disk", int64(r.Shape.DiskGiB), 1, 16384, " GiB")
	if wrong := userdata.Check(r.UserData); wrong != nil {
		f.Add(p+userdata.Field, "%s", wrong.Fields[userdata.Field])
	}
}

func (d VersionDraft) insert(ctx context.Context, tx pgx.Tx, orgID uuid.UUID) error {
	if err := refuseManyVersions(ctx, tx, orgID); err != nil {
		return err
	}
	tag, err := tx.Exec(ctx, `
		INSERT INTO model_versions (id, organization_id, model_cluster_id, version, state, compute_min, compute_max,
			gate_kind, gate_text, gate_timeout_seconds, sign_in_user, created_at)
		SELECT $1, m.organization_id, m.id, $4, 'draft', $5, $6, $7, $8, $9, $10, now()
		FROM model_clusters m WHERE m.organization_id = $2 AND m.id = $3`,
		d.ID, orgID, d.ModelClusterID, d.Version, d.ComputeMin, d.ComputeMax, d.Gate.Kind, d.gateText(), d.Gate.TimeoutSeconds, d.SignInUser)
	if err := d.refusal(err); err != nil {
		return err
	}
	if tag.RowsAffected() == 0 {
		return refusal.NotFound("model cluster")
	}
	return nil
}

// gateText is nothing for a gate that needs none: what was typed before the kind was changed is not kept.
func (d VersionDraft) gateText() string {
	if d.Gate.Kind == provisioner.GateConsole {
		return d.Gate.Text
	}
	return ""
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

func (d VersionDraft) update(ctx context.Context, tx pgx.Tx, orgID uuid.UUID) error {
	if err := lockDraft(ctx, tx, orgID, d.ID, d.Revision); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `
		UPDATE model_versions SET version = $2, compute_min = $3, compute_max = $4, gate_kind = $5, gate_text = $6,
			gate_timeout_seconds = $7, sign_in_user = $8, revision = revision + 1
		WHERE id = $1`, d.ID, d.Version, d.ComputeMin, d.ComputeMax, d.Gate.Kind, d.gateText(), d.Gate.TimeoutSeconds, d.SignInUser)
	if err := d.refusal(err); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM version_roles WHERE version_id = $1`, d.ID); err != nil {
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
	if now != revision {
		return &refusal.Error{
			Code:  "stale_form",
			Title: fmt.Sprintf("Someone changed this version meanwhile: the form was made from revision %d, it is at %d now.", revision, now),
			Next:  "Open the form again and repeat your changes.",
		}
	}
	return nil
}

func (d VersionDraft) saveRoles(ctx context.Context, tx pgx.Tx, orgID uuid.UUID) error {
	for _, r := range d.Roles {
		_, err := tx.Exec(ctx, `
			INSERT INTO version_roles (version_id, organization_id, role, image_id, vcpus, memory_mib, disk_gib, user_data)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			d.ID, orgID, r.Role, r.ImageID, r.Shape.VCPUs, r.Shape.MemoryMiB, r.Shape.DiskGiB, r.UserData)
		if store.ForeignKeyViolation(err) {
			// The image of another organization is no image.
			return refusal.Invalid(map[string]string{string(r.Role) + "_image": "There is no such image: choose one of the list."})
		}
		if err != nil {
			return fmt.Errorf("save roles of version: %w", err)
		}
	}
	return nil
}

// ImagesFit refuses a version one of whose images is larger than its nodes' disks.
func (v Version) ImagesFit() error {
	for _, r := range v.Roles {
		if need := gibibytes(r.VirtualSize); need > int64(r.Shape.DiskGiB) {
			return &refusal.Error{
				Code:  "image",
				Title: fmt.Sprintf("The image \"%s\" needs a disk of %d GiB, and nodes of role %s have %d GiB.", typed.Isolate(r.ImageName), need, r.Role, r.Shape.DiskGiB),
				Next:  "Give the role a larger disk, or choose another image.",
			}
		}
	}
	return nil
}

// gibibytes rounds up.
func gibibytes(bytes int64) int64 { return (bytes + 1<<30 - 1) >> 30 }
