package models

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
	"volary.dev/store/people"
)

var uploadID = regexp.MustCompile(`^[0-9a-f]{32}$`)

var (
	fingerprintPattern = regexp.MustCompile(`^[a-z0-9]{1,8}-[0-9a-f]{64}$`)
	senderPattern      = regexp.MustCompile(`^[0-9A-Za-z-]{16,64}$`)
)

// NewUpload is an upload before its first byte. Name, Fingerprint, Sender and ExpectedDigest are as of Upload, and may be empty; a digest
// may be written in any form that typed.ParseDigest reads.
type NewUpload struct {
	Organization, Person uuid.UUID
	ID, Filename, Name   string
	Size                 int64 // bytes
	Fingerprint, Sender  string
	ExpectedDigest       string
	// Room refuses what there is no room for beside the uploads that are announced. One is asked at a time, by whichever process, and
	// knows of all that were told yes; nil: there is.
	Room func(announced []Announced) error
	// Source has the worker fetch it; its size is 0 then, since nobody knows it yet. nil: it is sent.
	Source *typed.WebAddress
}

// CreateUpload records the upload of a client that gives no fingerprint of its file.
func (db *DB) CreateUpload(ctx context.Context, orgID, personID uuid.UUID, id, filename string, size int64) error {
	return db.BeginUpload(ctx, NewUpload{Organization: orgID, Person: personID, ID: id, Filename: filename, Size: size})
}

// BeginUpload records the owner of an upload before its first byte. Refusals: "invalid" for file, name, size and digest, "malformed"
// for fingerprint and sender, "uploads" where the organization has MaxOpenUploads unfinished ones or the person MaxOpenUploadsEach
// of them, uploads wait for their check, or it had MaxFetchesAnHour fetched, "quota" where it may not keep that much more, "busy" where the sender began it already
// (UploadOfSender finds it), "suspended".
func (db *DB) BeginUpload(ctx context.Context, u NewUpload) error {
	if err := u.check(); err != nil {
		return err
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		// The organization's row serialises its uploads, so that two at once are not both the last one allowed.
		if _, err := tx.Exec(ctx, `SELECT 1 FROM organizations WHERE id = $1 FOR NO KEY UPDATE`, u.Organization); err != nil {
			return fmt.Errorf("lock organization %s: %w", u.Organization, err)
		}
		if err := people.RefuseSuspended(ctx, tx, u.Organization); err != nil {
			return err
		}
		if err := refuseBegun(ctx, tx, u); err != nil {
			return err
		}
		if err := refuseManyUploads(ctx, tx, u.Organization, u.Person); err != nil {
			return err
		}
		if err := refuseManyChecking(ctx, tx, u.Organization); err != nil {
			return err
		}
		back := bringsBack{Organization: u.Organization, Digest: u.ExpectedDigest, Size: u.Size}
		if err := db.reserve(ctx, tx, back, u.Filename, u.Size); err != nil {
			return err
		}
		if err := u.askForRoom(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			INSERT INTO uploads (id, organization_id, person_id, filename, name, size, fingerprint, sender, expected_digest, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now())`, u.ID, u.Organization, u.Person, u.Filename, u.Name, u.Size, u.Fingerprint, u.Sender, u.ExpectedDigest); err != nil {
			return fmt.Errorf("begin upload %s: %w", u.ID, err)
		}
		return db.beginFetch(ctx, tx, u)
	})
}

// askForRoom is the transaction's last lock, and held until its end only.
func (u *NewUpload) askForRoom(ctx context.Context, tx pgx.Tx) error {
	if u.Room == nil {
		return nil
	}
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('volary room for uploads', 0))`); err != nil {
		return fmt.Errorf("wait for the room of uploads: %w", err)
	}
	announced, err := announcedUploads(ctx, tx)
	if err != nil {
		return err
	}
	return u.Room(announced)
}

func (u *NewUpload) check() error {
	if !uploadID.MatchString(u.ID) {
		return fmt.Errorf("begin upload: id %q is not 32 hex digits", u.ID)
	}
	if err := CheckSender(u.Fingerprint, u.Sender); err != nil {
		return err
	}
	f := store.Fields{}
	f.Name("file", &u.Filename, 1, 255)
	if u.Name = strings.TrimSpace(u.Name); u.Name != "" {
		f.Name("name", &u.Name, 1, 255)
	}
	f.Digest("digest", &u.ExpectedDigest)
	f.Check(u.Size > 0 || u.Source != nil, "size", "The file is empty: it has 0 bytes. Look whether its download or its export came to an end, and choose the file that holds the disk.")
	return f.Refusal()
}

// CheckSender refuses ("malformed") what a client says of its file and of itself where it is none; both may be empty.
func CheckSender(fingerprint, sender string) error {
	if (fingerprint == "" || fingerprintPattern.MatchString(fingerprint)) && (sender == "" || senderPattern.MatchString(sender)) {
		return nil
	}
	return &refusal.Error{
		Code: "malformed", Title: "The upload's fingerprint or sender is none.",
		Next: "A fingerprint is a scheme, a hyphen and 64 hex digits; a sender has 16 to 64 letters, digits and hyphens.",
	}
}

func refuseBegun(ctx context.Context, tx pgx.Tx, u NewUpload) error {
	if u.Sender == "" {
		return nil
	}
	var begun bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM uploads WHERE organization_id = $1 AND person_id = $2 AND sender = $3)`, u.Organization, u.Person, u.Sender).Scan(&begun); err != nil {
		return fmt.Errorf("look for the upload of a sender: %w", err)
	}
	if begun {
		return &refusal.Error{Code: "busy", Title: "This upload is begun already.", Next: "Ask again."}
	}
	return nil
}

func refuseManyUploads(ctx context.Context, tx pgx.Tx, orgID, personID uuid.UUID) error {
	var all, own int
	err := tx.QueryRow(ctx, `
		SELECT count(*), count(*) FILTER (WHERE person_id = $2) FROM uploads WHERE organization_id = $1 AND state = 'arriving'`, orgID, personID).Scan(&all, &own)
	if err != nil {
		return fmt.Errorf("count uploads of %s: %w", orgID, err)
	}
	r := &refusal.Error{Code: "uploads", Next: "Finish or discard one of them on the page of images; those without progress for a day are discarded by themselves."}
	switch {
	case own >= MaxOpenUploadsEach:
		r.Title = fmt.Sprintf("%d uploads of yours are unfinished, %d may be.", own, MaxOpenUploadsEach)
	case all >= MaxOpenUploads:
		r.Title = fmt.Sprintf("%d uploads of your organization are unfinished, %d may be.", all, MaxOpenUploads)
	default:
		return nil
	}
	return r
}
