package overview

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/models"
	"volary.dev/store/people"
	"volary.dev/store/queue"
)

// JobFilter narrows and orders a list of background jobs. Sorting keys: id, kind, state, attempts, due.
type JobFilter struct {
	Kind  string
	State string // of the queue: available, scheduled, running, retryable, completed, cancelled, discarded; "open" and "" as they say
	store.Sorting
	store.Page
}

// Job is one background job.
type Job struct {
	ID           int64
	Kind         string
	State        string
	Attempt      int
	MaxAttempts  int
	CreatedAt    time.Time
	ScheduledAt  time.Time // when it is, or was, to be worked
	AttemptedAt  *time.Time
	FinalizedAt  *time.Time
	LastError    string
	SubjectID    uuid.UUID // of the host, test, upload, image or mail; Nil where it is unknown
	SubjectName  string
	ProviderName string // whose host or test it is about
}

// Done tells that nothing more will be tried by itself.
func (j Job) Done() bool { return j.FinalizedAt != nil }

var jobColumns = store.Sortable{"id": "j.id", "kind": "j.kind", "state": "j.state::text", "attempts": "j.attempt", "due": "j.scheduled_at"}

// fromJobs joins jobs j, a view without arguments, with what they are about: only hosts and tests are a provider's.
const fromJobs = `
	FROM jobs j
	LEFT JOIN hosts h ON j.kind = 'check_host' AND h.id = j.subject_id
	LEFT JOIN acceptance_tests t ON j.kind = 'run_acceptance' AND t.id = j.subject_id
	LEFT JOIN providers p ON p.id = coalesce(h.provider_id, t.provider_id)`

const selectJobs = `
	SELECT j.id, j.kind, j.state::text AS state, j.attempt, j.max_attempts, j.created_at, j.scheduled_at, j.attempted_at, j.finalized_at,
		j.last_error, coalesce(j.subject_id, '00000000-0000-0000-0000-000000000000') AS subject_id,
		coalesce(h.name, (SELECT c.name FROM clusters c WHERE c.id = t.cluster_id),
			(SELECT coalesce(nullif(u.name, ''), u.filename) FROM uploads u WHERE j.kind IN ('verify_upload', 'fetch_upload') AND u.id = replace(j.subject_id::text, '-', '')),
			(SELECT m.to_address FROM mails m WHERE j.kind = 'send_mail' AND m.id = j.subject_id), '') AS subject_name,
		coalesce(p.name, '') AS provider_name` + fromJobs

// ProviderJobs lists the jobs about a provider's hosts and the tests on its pools, the newest first unless asked
// otherwise, and how many the filter leaves. The queue forgets jobs some time after their end.
func (db *DB) ProviderJobs(ctx context.Context, providerID uuid.UUID, f JobFilter) ([]Job, int, error) {
	return db.readJobs(ctx, &providerID, f)
}

// Jobs lists the jobs of the whole deployment.
func (db *DB) Jobs(ctx context.Context, f JobFilter) ([]Job, int, error) {
	return db.readJobs(ctx, nil, f)
}

func (db *DB) readJobs(ctx context.Context, providerID *uuid.UUID, f JobFilter) (list []Job, total int, err error) {
	const where = ` WHERE ($1::uuid IS NULL OR p.id = $1) AND ($2 = '' OR j.kind = $2)
		AND ($3 = '' OR j.state::text = $3 OR $3 = 'open' AND j.finalized_at IS NULL)`
	args := []any{providerID, f.Kind, f.State}
	if err := db.pool.QueryRow(ctx, `SELECT count(*)`+fromJobs+where, args...).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("count jobs: %w", err)
	}
	rows, _ := db.pool.Query(ctx, selectJobs+where+jobColumns.OrderBy(f.Sorting, "j.id DESC")+` LIMIT $4 OFFSET $5`, append(args, f.Most(), f.Skip())...)
	list, err = store.All(rows, "jobs", pgx.RowToStructByName[Job])
	return list, total, err
}

func jobState(state, why string) error {
	return &refusal.Error{Code: "job_state", Title: fmt.Sprintf("This job is %s; it %s.", state, why), Next: "Look at the list again."}
}

// aJob is what of a job never changes.
type aJob struct {
	ID         int64
	Kind       string
	SubjectID  *uuid.UUID // of the kind's host, test, upload, image or mail
	ProviderID *uuid.UUID
}

func (db *DB) changeJob(ctx context.Context, by, providerID uuid.UUID, id int64, verb string, f func(pgx.Tx, aJob) error) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, `SELECT j.id, j.kind, j.subject_id, p.id AS provider_id`+fromJobs+`
			WHERE j.id = $1 AND ($2::uuid IS NULL OR p.id = $2)`, id, store.OrNull(providerID))
		j, err := store.One(rows, "job", pgx.RowToStructByName[aJob])
		if err != nil {
			return err
		}
		if err := f(tx, j); err != nil {
			return err
		}
		a := store.AuditRow{By: by, Verb: verb, Subject: "job", Detail: map[string]any{"job": j.Kind, "number": id}}
		if j.ProviderID != nil {
			a.Provider = *j.ProviderID
		}
		return store.WriteAudit(ctx, tx, a)
	})
}

// change has one of the database's functions change the job, which locks it until the transaction ends, and returns the
// state that it found.
func (j aJob) change(ctx context.Context, tx pgx.Tx, call string) (string, error) {
	var state *string
	if err := tx.QueryRow(ctx, call, j.ID).Scan(&state); err != nil {
		return "", fmt.Errorf("change job %d: %w", j.ID, err)
	}
	if state == nil {
		return "", refusal.NotFound("job") // the queue forgot it meanwhile
	}
	return *state, nil
}

// refuseSuspended refuses to check a host of a suspended provider, as the button on its page does.
func (j aJob) refuseSuspended(ctx context.Context, tx pgx.Tx) error {
	var provider uuid.UUID
	err := tx.QueryRow(ctx, `SELECT provider_id FROM hosts WHERE id = $1 AND removed_at IS NULL`, j.SubjectID).Scan(&provider)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read provider of job %d: %w", j.ID, err)
	}
	return people.RefuseSuspendedProvider(ctx, tx, provider)
}

// reopen makes what a job is for wait for it again.
func (j aJob) reopen(ctx context.Context, tx pgx.Tx) (err error) {
	switch j.Kind {
	case queue.CheckHost{}.Kind():
		if err := j.refuseSuspended(ctx, tx); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE hosts SET check_state = 'running', check_report = '[]' WHERE id = $1 AND removed_at IS NULL`, j.SubjectID)
	case queue.RunAcceptance{}.Kind():
		var over bool
		err = tx.QueryRow(ctx, `SELECT ended_at IS NOT NULL FROM acceptance_tests WHERE id = $1`, j.SubjectID).Scan(&over)
		if err == nil && over {
			return &refusal.Error{Code: "job_state", Title: "The acceptance test has ended.", Next: "Its organization can start another one."}
		}
	case queue.VerifyUpload{}.Kind():
		_, err = tx.Exec(ctx, `UPDATE uploads SET state = 'checking', reason = '' WHERE id = $1 AND state = 'unverified'`, models.UploadOf(*j.SubjectID))
	case queue.FetchUpload{}.Kind():
		err = models.ReopenFetch(ctx, tx, models.UploadOf(*j.SubjectID))
	case queue.SendMail{}.Kind():
		_, err = tx.Exec(ctx, `UPDATE mails SET state = 'waiting' WHERE id = $1 AND state = 'failed'`, j.SubjectID)
	}
	if err != nil {
		return fmt.Errorf("reopen what job %s is for: %w", j.Kind, err)
	}
	return nil
}
