package models

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

// Had is an upload that an organization brought before and of which images are there still.
type Had struct {
	Upload      string // its id
	Size        int64  // bytes of the file
	Fingerprint string // of the file; empty where it was not said
	Image       uuid.UUID
	Name        string // of the image, the first of them
	Images      int
}

// UploadHad finds an upload of the organization whose file has a digest (64 lower-case hex digits), the first that came; found is false
// where there is none, and where an image that came of it has lost its bytes: they are whole again once the file is brought anew. What other
// organizations have is not looked at: whoever knows a digest would learn that it is there.
func (db *DB) UploadHad(ctx context.Context, orgID uuid.UUID, digest string) (had Had, found bool, err error) {
	return uploadHad(ctx, db.pool, orgID, digest, "", false)
}

func uploadHad(ctx context.Context, q store.Queryer, orgID uuid.UUID, digest, but string, lost bool) (had Had, found bool, err error) {
	if digest == "" {
		return had, false, nil
	}
	rows, _ := q.Query(ctx, `
		SELECT u.id AS upload, u.size, u.fingerprint, i.image, i.name, i.images FROM uploads u,
			LATERAL (SELECT (array_agg(id ORDER BY id))[1] AS image, (array_agg(name ORDER BY id))[1] AS name, count(*)::int AS images,
				coalesce(bool_or(lost <> ''), false) AS lost FROM images WHERE upload_id = u.id) AS i
		WHERE u.organization_id = $1 AND u.digest = $2 AND u.state = 'done' AND u.id <> $3 AND i.images > 0 AND ($4 OR NOT i.lost) ORDER BY u.created_at, u.id LIMIT 1`, orgID, digest, but, lost)
	list, err := store.All(rows, "uploads of a digest", pgx.RowToStructByName[Had])
	if err != nil || len(list) == 0 {
		return had, false, err
	}
	return list[0], true, nil
}

// noteSameFile adds to the checks of an upload that is taken which image has its bytes already. It is taken all the same: who sent it
// has done so, and called it something; what is kept of both is one, since its canonical digest is.
func (u judgedUpload) noteSameFile(ctx context.Context, tx pgx.Tx, id string, v *provisioner.UploadVerdict) error {
	if v.State != provisioner.UploadDone {
		return nil
	}
	had, found, err := uploadHad(ctx, tx, u.OrganizationID, v.Digest, id, true)
	if err != nil || !found {
		return err
	}
	more := ""
	if had.Images > 1 {
		more = fmt.Sprintf(" and %d more", had.Images-1)
	}
	v.Checks = append(v.Checks[:len(v.Checks):len(v.Checks)], provisioner.ImageCheck{
		Name: "same file", Passed: true, Detail: "Your organization had this very file already: " + typed.Isolate(had.Name) + more + " came of it.",
	})
	return nil
}

// noteOverQuota adds a warning to an upload's checks where its images made more of the organization's quota used than there is.
func (db *DB) noteOverQuota(ctx context.Context, tx pgx.Tx, orgID uuid.UUID, id string) error {
	q, err := db.readQuota(ctx, tx, orgID)
	if err != nil || !q.Over() {
		return err
	}
	text, err := checksJSON([]provisioner.ImageCheck{{
		Name: "quota", Passed: true, Warned: true,
		Detail: fmt.Sprintf("Your organization uses %s of the %s that it may keep: what is kept of this upload is larger than its file.", refusal.Bytes(q.Used()), refusal.Bytes(q.Allowed)),
		Repair: "It is taken, since there was room when it was begun. Delete images before the next upload.",
	}})
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE uploads SET checks = checks || $2 WHERE id = $1`, id, text); err != nil {
		return fmt.Errorf("note quota on upload %s: %w", id, err)
	}
	return nil
}
