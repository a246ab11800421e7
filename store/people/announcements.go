package people

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// Announcement is what a provider tells the organizations that have something with it.
type Announcement struct {
	ID           uuid.UUID
	ProviderName string
	PoolName     string // empty: all of the provider
	Title        string
	Text         string
	Tone         string
	FromAt       time.Time
	UntilAt      *time.Time
	EndedAt      *time.Time
	PersonName   string // who announced it
}

// concerned are the organizations that announcement a is for: those with clusters or requests there, or hours.
const concerned = `
	SELECT c.organization_id FROM clusters c
	WHERE c.provider_id = a.provider_id AND c.ended_at IS NULL AND (a.pool_id IS NULL OR c.pool_id = a.pool_id)
	UNION SELECT r.organization_id FROM launch_requests r JOIN pools p ON p.id = r.pool_id
	WHERE r.state = 'waiting' AND p.provider_id = a.provider_id AND (a.pool_id IS NULL OR r.pool_id = a.pool_id)
	UNION SELECT w.organization_id FROM wallets w JOIN lots l ON l.wallet_id = w.id
	WHERE w.provider_id = a.provider_id AND (l.available > 0 OR l.held > 0)`

const selectAnnouncements = `
	SELECT a.id, pr.name AS provider_name, coalesce(p.name, '') AS pool_name, a.title, a.text, a.tone, a.from_at, a.until_at, a.ended_at, pe.name AS person_name
	FROM announcements a JOIN providers pr ON pr.id = a.provider_id JOIN people pe ON pe.id = a.created_by LEFT JOIN pools p ON p.id = a.pool_id`

// AnnouncementFilter narrows and orders a list of announcements. Sorting keys: title, from, until.
type AnnouncementFilter struct {
	Search string // part of title or text
	Over   bool   // those that are over, instead of those that are shown or will be
	store.Sorting
	store.Page
}

var announcementColumns = store.Sortable{"title": "a.title", "from": "a.from_at", "until": "coalesce(a.ended_at, a.until_at)"}

// ProviderAnnouncements lists a provider's announcements, the newest first unless asked otherwise, and how many the
// filter leaves.
func (db *DB) ProviderAnnouncements(ctx context.Context, providerID uuid.UUID, f AnnouncementFilter) (list []Announcement, total int, err error) {
	const where = ` WHERE a.provider_id = $1 AND (a.ended_at IS NOT NULL OR coalesce(a.until_at <= now(), false)) = $2
		AND ($3 = '' OR a.title ILIKE $4 OR a.text ILIKE $4)`
	args := []any{providerID, f.Over, f.Search, store.Like(f.Search)}
	if err := db.pool.QueryRow(ctx, `SELECT count(*) FROM announcements a`+where, args...).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("count announcements: %w", err)
	}
	rows, _ := db.pool.Query(ctx, selectAnnouncements+where+announcementColumns.OrderBy(f.Sorting, "a.created_at DESC, a.id DESC")+` LIMIT $5 OFFSET $6`,
		append(args, f.Most(), f.Skip())...)
	list, err = store.All(rows, "announcements", pgx.RowToStructByName[Announcement])
	return list, total, err
}

// shownAtOnce is how many announcements a page shows above itself.
const shownAtOnce = 3

// presentAnnouncements are those that concern organization $1 now and person $2 has not dismissed, $3 at most: warnings
// first, then the newest.
const presentAnnouncements = selectAnnouncements + `
	WHERE a.ended_at IS NULL AND a.from_at <= now() AND (a.until_at IS NULL OR a.until_at > now())
		AND $1 IN (` + concerned + `)
		AND NOT EXISTS (SELECT FROM announcement_dismissals d WHERE d.announcement_id = a.id AND d.person_id = $2)
	ORDER BY a.tone = 'warning' DESC, a.from_at DESC, a.id LIMIT $3`

// QueueAnnouncements reads the present announcements of an organization for a person when the batch is read.
func QueueAnnouncements(b *pgx.Batch, orgID, personID uuid.UUID, list *[]Announcement) {
	store.QueueAll(b, list, pgx.RowToStructByName[Announcement], presentAnnouncements, orgID, personID, shownAtOnce)
}

// DismissAnnouncement takes an announcement from one person's pages; twice is no error.
func (db *DB) DismissAnnouncement(ctx context.Context, orgID, personID, id uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			INSERT INTO announcement_dismissals (announcement_id, person_id, created_at)
			SELECT a.id, $3, now() FROM announcements a WHERE a.id = $1 AND $2 IN (`+concerned+`)
			ON CONFLICT (announcement_id, person_id) DO UPDATE SET created_at = announcement_dismissals.created_at`, id, orgID, personID)
		if err != nil {
			return fmt.Errorf("dismiss announcement: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return refusal.NotFound("announcement")
		}
		return nil
	})
}
