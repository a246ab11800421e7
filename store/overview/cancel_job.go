package overview

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store/models"
	"volary.dev/store/queue"
)

// CancelJob ends a job: at once where it waits, and within seconds where it runs. What it was for is written down as
// failed, a test as cancelled, so that nothing waits for it. providerID Nil is the platform: any job. Refusals: "job_state" where it has
// ended, NotFound("job").
func (db *DB) CancelJob(ctx context.Context, by, providerID uuid.UUID, id int64) error {
	return db.changeJob(ctx, by, providerID, id, "cancel job", func(tx pgx.Tx, j aJob) error {
		state, err := j.change(ctx, tx, `SELECT cancel_job($1)`)
		if err != nil {
			return err
		}
		switch state {
		case "completed", "cancelled", "discarded":
			return jobState(state, "has ended")
		default:
			return db.giveUp(ctx, tx, j)
		}
	})
}

const cancelled = "cancelled before it was done"

// giveUp writes down that what a job is for will not come.
func (db *DB) giveUp(ctx context.Context, tx pgx.Tx, j aJob) (err error) {
	switch j.Kind {
	case queue.CheckHost{}.Kind():
		report, _ := json.Marshal([]provisioner.HostCheck{{Name: "check", State: provisioner.CheckFailed, Detail: cancelled}})
		_, err = tx.Exec(ctx, `UPDATE hosts SET check_state = 'failed', check_report = $2, checked_at = now() WHERE id = $1 AND check_state = 'running'`, j.SubjectID, report)
	case queue.RunAcceptance{}.Kind():
		err = db.models.CancelTest(ctx, tx, *j.SubjectID, "It was "+cancelled+".")
	case queue.VerifyUpload{}.Kind():
		_, err = tx.Exec(ctx, `UPDATE uploads SET state = 'unverified', reason = $2 WHERE id = $1 AND state = 'checking'`, models.UploadOf(*j.SubjectID), "Its check was "+cancelled+".")
	case queue.FetchUpload{}.Kind():
		err = models.CancelFetch(ctx, tx, models.UploadOf(*j.SubjectID), cancelled)
	case queue.SendMail{}.Kind():
		_, err = tx.Exec(ctx, `UPDATE mails SET state = 'failed', error = $2 WHERE id = $1 AND state = 'waiting'`, j.SubjectID, cancelled)
	}
	if err != nil {
		return fmt.Errorf("give up what job %s is for: %w", j.Kind, err)
	}
	return nil
}
