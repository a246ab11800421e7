package models

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/queue"
)

// MaxFetchesAnHour is how often an organization may have files fetched, or tried again, within an hour: each asks a server that may be
// a stranger's, in our name.
const MaxFetchesAnHour = 60

// refuseManyFetches counts what the log has of them: an upload that was discarded has been asked for all the same.
func refuseManyFetches(ctx context.Context, tx pgx.Tx, orgID uuid.UUID) error {
	var count int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM audit WHERE organization_id = $1 AND verb = 'fetch upload' AND at > now() - interval '1 hour'`, orgID).Scan(&count); err != nil {
		return fmt.Errorf("count fetches of %s: %w", orgID, err)
	}
	if count < MaxFetchesAnHour {
		return nil
	}
	return &refusal.Error{
		Code: "uploads", Title: fmt.Sprintf("Your organization had files fetched %d times within an hour, %d times it may.", count, MaxFetchesAnHour),
		Next: "Try again in an hour, or upload the file itself.",
	}
}

// beginFetch notes the source of an upload that is begun, where it has one, and asks for it to be fetched.
func (db *DB) beginFetch(ctx context.Context, tx pgx.Tx, u NewUpload) error {
	if u.Source == nil {
		return nil
	}
	if err := refuseManyFetches(ctx, tx, u.Organization); err != nil {
		return err
	}
	sealed, err := db.core.Seal(u.Source.Full)
	if err != nil {
		return fmt.Errorf("source of upload %s: %w", u.ID, err)
	}
	subject, err := UploadSubject(u.ID)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO upload_sources (upload_id, address, asked_by, sealed) VALUES ($1, $2, $3, $4)`, u.ID, u.Source.Shown, u.Person, sealed); err != nil {
		return fmt.Errorf("source of upload %s: %w", u.ID, err)
	}
	if err := store.Enqueue(ctx, tx, queue.FetchUpload{UploadID: subject}); err != nil {
		return err
	}
	return store.WriteAudit(ctx, tx, store.AuditRow{
		By: u.Person, Organization: u.Organization, Verb: "fetch upload", Subject: "upload", SubjectID: subject,
		Detail: map[string]any{"name": u.called(), "address": u.Source.Shown},
	})
}

func (u *NewUpload) called() string {
	if u.Name != "" {
		return u.Name
	}
	return u.Filename
}

// FetchJob is what the worker needs of an upload that it fetches.
type FetchJob struct {
	ID           string
	Organization uuid.UUID
	Filename     string
	State        provisioner.UploadState
	FetchState   FetchState
	Size         int64 // bytes that are set aside
	Sealed       []byte
	Mark         string // of the file that the first bytes came of; empty: it cannot be gone on with
	Length       int64  // of the whole file as its server says; 0: not said
	Received     int64  // bytes, when it was last noted
	Cuts         int    // since something came
	Begun        int    // how often it began at its first byte
	StartedAt    *time.Time
}

// FetchForWorker finds an upload that has a source, and goes on from where its server led, or begins again at what was given, where somebody
// said so. NotFound("upload") where it is gone, or is sent.
func (db *DB) FetchForWorker(ctx context.Context, id string) (FetchJob, error) {
	if _, err := db.pool.Exec(ctx, `
		UPDATE upload_sources SET follow = false, given_sealed = coalesce(given_sealed, sealed), sealed = leads_sealed, leads_sealed = NULL, mark = '', length = 0
		WHERE upload_id = $1 AND follow AND leads_sealed IS NOT NULL`, id); err != nil {
		return FetchJob{}, fmt.Errorf("follow for upload %s: %w", id, err)
	}
	if _, err := db.pool.Exec(ctx, `
		UPDATE upload_sources SET back = false, sealed = coalesce(given_sealed, sealed), given_sealed = NULL, mark = '', length = 0 WHERE upload_id = $1 AND back`, id); err != nil {
		return FetchJob{}, fmt.Errorf("go back for upload %s: %w", id, err)
	}
	rows, _ := db.pool.Query(ctx, `
		SELECT u.id, u.organization_id AS organization, u.filename, u.state, s.state AS fetch_state, u.size, s.sealed, s.mark, s.length, s.received, s.cuts, s.begun, s.started_at
		FROM uploads u JOIN upload_sources s ON s.upload_id = u.id WHERE u.id = $1`, id)
	return store.One(rows, "upload", pgx.RowToStructByName[FetchJob])
}

// StartFetch notes that bytes come, from the first on or after those that are here, of a file with a mark and a length (0: not said).
func (db *DB) StartFetch(ctx context.Context, id string, from int64, mark string, length int64) error {
	_, err := db.pool.Exec(ctx, `
		UPDATE upload_sources SET state = 'fetching', mark = $3, length = $4, received = $2, rate = 0, begun = begun + CASE $2::bigint WHEN 0 THEN 1 ELSE 0 END,
			started_at = coalesce(started_at, now()) WHERE upload_id = $1 AND state IN ('waiting', 'fetching')`, id, from, mark, length)
	if err == nil {
		_, err = db.pool.Exec(ctx, `UPDATE uploads SET reason = '' WHERE id = $1 AND state = 'arriving' AND reason <> ''`, id)
	}
	if err != nil {
		return fmt.Errorf("start fetch of upload %s: %w", id, err)
	}
	return nil
}

// RecordFetched shows how many bytes are here, and how fast they come (per second).
func (db *DB) RecordFetched(ctx context.Context, id string, received, perSecond int64) error {
	if _, err := db.pool.Exec(ctx, `
		UPDATE upload_sources SET received = $2, rate = $3 WHERE upload_id = $1 AND state = 'fetching' AND (received, rate) <> ($2, $3)`, id, received, perSecond); err != nil {
		return fmt.Errorf("record progress of upload %s: %w", id, err)
	}
	return nil
}

// FetchWait is what an upload that is to be fetched waits for.
type FetchWait struct {
	Why  string // a sentence for a person
	Cuts int    // since enough came
	Turn bool   // for its turn, or for a store that is away, which is no time of its fetching; else for another try after a cut
}

// RecordFetchWaits shows what an upload that is to be fetched waits for.
func (db *DB) RecordFetchWaits(ctx context.Context, id string, w FetchWait) error {
	_, err := db.pool.Exec(ctx, `
		UPDATE upload_sources SET state = 'waiting', rate = 0, cuts = $2, waits_since = CASE WHEN $3 THEN coalesce(waits_since, clock_timestamp()) END
		WHERE upload_id = $1 AND state IN ('waiting', 'fetching')`, id, w.Cuts, w.Turn)
	if err == nil {
		_, err = db.pool.Exec(ctx, `UPDATE uploads SET reason = $2 WHERE id = $1 AND state = 'arriving' AND reason <> $2`, id, w.Why)
	}
	if err != nil {
		return fmt.Errorf("upload %s waits: %w", id, err)
	}
	return nil
}

// liveFetch is of a source s that a job works, or will.
const liveFetch = `EXISTS (SELECT FROM river_job j WHERE j.kind = 'fetch_upload' AND (j.args ->> 'upload_id')::uuid = s.upload_id::uuid
	AND j.state IN ('available', 'pending', 'retryable', 'running', 'scheduled'))`

// FetchesWait tells whether another upload waits for the place that the fetch of an upload holds: of its own organization, or of one of which
// nothing is fetched.
func (db *DB) FetchesWait(ctx context.Context, orgID uuid.UUID, uploadID string) (wait bool, err error) {
	if err := db.pool.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM upload_sources s JOIN uploads u ON u.id = s.upload_id WHERE s.upload_id <> $2 AND s.state = 'waiting' AND u.state = 'arriving' AND (
			u.organization_id = $1 AND s.waits_since IS NOT NULL AND `+liveFetch+`
			OR EXISTS (SELECT FROM river_job j WHERE j.kind = 'fetch_upload' AND (j.args ->> 'upload_id')::uuid = s.upload_id::uuid AND j.state = 'available' AND j.scheduled_at < now() - interval '2 seconds')
				AND (u.organization_id = $1 OR NOT EXISTS (SELECT FROM upload_sources o JOIN uploads v ON v.id = o.upload_id JOIN river_job r ON r.id = o.job_id
					WHERE v.organization_id = u.organization_id AND v.state = 'arriving' AND o.state = 'fetching' AND r.state = 'running'))))`, orgID, uploadID).Scan(&wait); err != nil {
		return false, fmt.Errorf("who waits for the place of upload %s: %w", uploadID, err)
	}
	return wait, nil
}

// ReviveFetches asks again for the fetches that nobody works any more although they are not ended, and counts them.
func (db *DB) ReviveFetches(ctx context.Context) (int, error) {
	var count int
	return count, db.core.Tx(ctx, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, `
			SELECT s.upload_id::uuid FROM upload_sources s JOIN uploads u ON u.id = s.upload_id WHERE s.state IN ('waiting', 'fetching') AND u.state = 'arriving' AND NOT `+liveFetch+` LIMIT 1000`)
		ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil {
			return fmt.Errorf("read fetches without a job: %w", err)
		}
		count = len(ids)
		for _, id := range ids {
			if err := store.Enqueue(ctx, tx, queue.FetchUpload{UploadID: id}); err != nil {
				return err
			}
		}
		return nil
	})
}
