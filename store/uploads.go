package store

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"volary.dev/provisioner"
	"volary.dev/store/queue"
)

// MaxOpenUploads is how many unfinished uploads an organization may have: each keeps space on the image volume.
const MaxOpenUploads = 8

// Upload is a file on its way to us, in parts.
type Upload struct {
	ID           string // 32 lower-case hex digits, chosen by the tus handler
	Organization uuid.UUID
	Person       string
	Filename     string
	Size         int64 // bytes, as announced
	CreatedAt    time.Time
	Image        *uuid.UUID // what came of it; nil as long as it is unfinished
}

const uploadColumns = `u.id, u.organization_id AS organization, p.name AS person, u.filename, u.size, u.created_at, i.id AS image
	FROM uploads u JOIN people p ON p.id = u.person_id LEFT JOIN images i ON i.upload_id = u.id`

var uploadID = regexp.MustCompile(`^[0-9a-f]{32}$`)

// CreateUpload records the owner of an upload before its first byte. Refusals: "invalid" for filename and size,
// "uploads" where the organization has MaxOpenUploads unfinished ones, "suspended".
func (db *DB) CreateUpload(ctx context.Context, orgID, personID uuid.UUID, id, filename string, size int64) error {
	if !uploadID.MatchString(id) {
		return fmt.Errorf("create upload: id %q is not 32 hex digits", id)
	}
	f := fields{}
	f.length("file", filename, 1, 255)
	f.check(size > 0, "file", "The file is empty.")
	if err := f.refusal(); err != nil {
		return err
	}
	return db.tx(ctx, func(tx pgx.Tx) error {
		// The organization's row serialises its uploads, so that two at once are not both the last one allowed.
		if _, err := tx.Exec(ctx, `SELECT 1 FROM organizations WHERE id = $1 FOR NO KEY UPDATE`, orgID); err != nil {
			return fmt.Errorf("lock organization %s: %w", orgID, err)
		}
		if err := refuseSuspended(ctx, tx, orgID); err != nil {
			return err
		}
		var open int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM uploads WHERE organization_id = $1 AND finished_at IS NULL`, orgID).Scan(&open); err != nil {
			return fmt.Errorf("count uploads of %s: %w", orgID, err)
		}
		if open >= MaxOpenUploads {
			return &provisioner.Refusal{
				Code:  "uploads",
				Title: fmt.Sprintf("%d uploads are unfinished, %d may be.", open, MaxOpenUploads),
				Next:  "Finish or discard one of them; those without progress for a day are discarded by themselves.",
			}
		}
		if _, err := tx.Exec(ctx, `
			INSERT INTO uploads (id, organization_id, person_id, filename, size, created_at)
			VALUES ($1, $2, $3, $4, $5, now())`, id, orgID, personID, filename, size); err != nil {
			return fmt.Errorf("create upload %s: %w", id, err)
		}
		return nil
	})
}

// Upload finds an upload of the organization, finished or not, and refuses with "not_found" where there is none.
func (db *DB) Upload(ctx context.Context, orgID uuid.UUID, id string) (Upload, error) {
	rows, _ := db.pool.Query(ctx, `SELECT `+uploadColumns+` WHERE u.organization_id = $1 AND u.id = $2`, orgID, id)
	return one(rows, "upload", pgx.RowToStructByName[Upload])
}

// Uploads lists the organization's unfinished uploads, the newest first.
func (db *DB) Uploads(ctx context.Context, orgID uuid.UUID) ([]Upload, error) {
	rows, _ := db.pool.Query(ctx, `SELECT `+uploadColumns+`
		WHERE u.organization_id = $1 AND u.finished_at IS NULL ORDER BY u.created_at DESC, u.id LIMIT $2`, orgID, MaxOpenUploads)
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[Upload])
	if err != nil {
		return nil, fmt.Errorf("read uploads of %s: %w", orgID, err)
	}
	return list, nil
}

// StaleUploads names unfinished uploads that were begun before a time, for the worker that discards their bytes.
func (db *DB) StaleUploads(ctx context.Context, before time.Time) ([]string, error) {
	rows, _ := db.pool.Query(ctx, `SELECT id FROM uploads WHERE finished_at IS NULL AND created_at < $1 ORDER BY created_at LIMIT 1000`, before)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("read stale uploads: %w", err)
	}
	return ids, nil
}

// DeleteUpload forgets an unfinished upload and tells whether there was one. Only then may its bytes be removed:
// those of a finished one belong to its image.
func (db *DB) DeleteUpload(ctx context.Context, id string) (bool, error) {
	tag, err := db.pool.Exec(ctx, `DELETE FROM uploads WHERE id = $1 AND finished_at IS NULL`, id)
	if err != nil {
		return false, fmt.Errorf("delete upload %s: %w", id, err)
	}
	return tag.RowsAffected() == 1, nil
}

// FinishUpload makes an image of an upload whose last byte arrived, and asks for its verification, in one
// transaction. A second call gives the same image. An empty name takes the file's.
func (db *DB) FinishUpload(ctx context.Context, id, name string) (uuid.UUID, error) {
	var image uuid.UUID
	return image, db.tx(ctx, func(tx pgx.Tx) error {
		var err error
		image, err = db.finishUpload(ctx, tx, id, strings.TrimSpace(name))
		return err
	})
}

func (db *DB) finishUpload(ctx context.Context, tx pgx.Tx, id, name string) (uuid.UUID, error) {
	// Locked, so that two last requests of a client that lost its connection make one image.
	rows, _ := tx.Query(ctx, `
		SELECT u.organization_id, u.person_id, u.filename, u.size, i.id AS image
		FROM uploads u LEFT JOIN images i ON i.upload_id = u.id WHERE u.id = $1 FOR NO KEY UPDATE OF u`, id)
	u, err := one(rows, "upload", pgx.RowToStructByName[struct {
		OrganizationID, PersonID uuid.UUID
		Filename                 string
		Size                     int64
		Image                    *uuid.UUID
	}])
	if err != nil {
		return uuid.Nil, err
	}
	if u.Image != nil {
		return *u.Image, nil
	}
	if name == "" {
		name = u.Filename
	}
	if len([]rune(name)) > 255 {
		name = string([]rune(name)[:255])
	}
	image, err := newID()
	if err != nil {
		return uuid.Nil, err
	}
	if _, err := tx.Exec(ctx, `UPDATE uploads SET finished_at = now() WHERE id = $1`, id); err != nil {
		return uuid.Nil, fmt.Errorf("finish upload %s: %w", id, err)
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO images (id, organization_id, person_id, upload_id, name, size, state, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, 'checking', now())`, image, u.OrganizationID, u.PersonID, id, name, u.Size); err != nil {
		return uuid.Nil, fmt.Errorf("image of upload %s: %w", id, err)
	}
	if err := enqueue(ctx, tx, queue.VerifyImage{ImageID: image}); err != nil {
		return uuid.Nil, fmt.Errorf("ask for verification of image %s: %w", image, err)
	}
	return image, writeAudit(ctx, tx, auditRow{
		By: u.PersonID, Organization: u.OrganizationID, Verb: "upload image", Subject: "image", SubjectID: image,
		Detail: map[string]any{"name": name, "size": u.Size},
	})
}
