package machines

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

// codeLife is how long a code is waited for. It is no secret: it counts only where the machine at the host's own address
// reports it. So it is shown as long as it is waited for, and forgotten then.
const codeLife = 24 * time.Hour

func newCode() string { return rand.Text() }

// EnrolmentStep is what becomes of a host whose machine was asked who it is.
type EnrolmentStep string

// The steps.
const (
	EnrolmentDone    EnrolmentStep = "done"    // it is enrolled: something may be made on it
	EnrolmentWaits   EnrolmentStep = "waits"   // it is to be asked again
	EnrolmentForgone EnrolmentStep = "forgone" // no code is waited for any more
)

// EnrolHost writes down what the machine at a host's address said of itself. Where its hook reports the host's code, and no
// other host is the same machine, the host is enrolled and its check runs; else the host's page says what was seen instead.
func (db *DB) EnrolHost(ctx context.Context, hostID uuid.UUID, e provisioner.Enrolment) (step EnrolmentStep, err error) {
	err = db.core.Tx(ctx, func(tx pgx.Tx) error {
		w, err := lockWaiting(ctx, tx, hostID)
		if err != nil {
			return err
		}
		if w.Code == "" || w.Late {
			step = EnrolmentForgone
			if w.Enrolled && w.Mistaken == "" {
				step = EnrolmentDone
			}
			return forgetCode(ctx, tx, hostID)
		}
		seen, err := w.judge(ctx, tx, e)
		if err != nil {
			return err
		}
		if seen != "" {
			step = EnrolmentWaits
			return noteEnrolment(ctx, tx, hostID, seen)
		}
		step = EnrolmentDone
		return db.enrolled(ctx, tx, w, e.Machine)
	})
	return step, err
}

// EnrolmentUnanswered writes down that the machine at a host's address could not be asked. Steps as of EnrolHost.
func (db *DB) EnrolmentUnanswered(ctx context.Context, hostID uuid.UUID, why string) (EnrolmentStep, error) {
	step := EnrolmentWaits
	return step, db.core.Tx(ctx, func(tx pgx.Tx) error {
		w, err := lockWaiting(ctx, tx, hostID)
		if err != nil {
			return err
		}
		if w.Code == "" || w.Late {
			step = EnrolmentForgone
			return forgetCode(ctx, tx, hostID)
		}
		return noteEnrolment(ctx, tx, hostID, why)
	})
}

// waiting is a host that waits for its code, its row locked.
type waiting struct {
	ID         uuid.UUID
	ProviderID uuid.UUID
	Enrolled   bool
	Code       string
	Late       bool
	Mistaken   string
}

func lockWaiting(ctx context.Context, tx pgx.Tx, id uuid.UUID) (waiting, error) {
	rows, _ := tx.Query(ctx, `
		SELECT id, provider_id, enrolled_at IS NOT NULL AS enrolled, coalesce(enrol_code, '') AS code,
			coalesce(enrol_until <= now(), false) AS late, mistaken
		FROM hosts WHERE id = $1 AND removed_at IS NULL FOR UPDATE`, id)
	return store.One(rows, "host", pgx.RowToStructByName[waiting])
}

// judge says what is there in the code's place; empty where it is the host's own code and a machine of its own.
func (w waiting) judge(ctx context.Context, tx pgx.Tx, e provisioner.Enrolment) (string, error) {
	switch e.Hook {
	case provisioner.HookAnswers:
	case provisioner.HookSilent:
		return "Its network hook does not answer: run the hook's installation there, restart libvirtd once, then paste the line again.", nil
	case provisioner.HookOlder:
		return "Its network hook is of an older version, which reports no code: install the present one there, then paste the line.", nil
	default:
		return "libvirt answers there, but nothing by which a hook could be asked: the line was not pasted there, or the machine was started anew since.", nil
	}
	if e.Code == "" || e.Machine.Key == uuid.Nil {
		return "Its hook answers and reports no code: the line was not pasted there.", nil
	}
	if e.Code != provisioner.CodeHash(w.Code) {
		return w.otherCode(ctx, tx, e.Code)
	}
	return w.twin(ctx, tx, e.Machine)
}

// otherCode names the host whose code it is where that is the provider's own.
func (w waiting) otherCode(ctx context.Context, tx pgx.Tx, reported string) (string, error) {
	rows, _ := tx.Query(ctx, `
		SELECT name, enrol_code FROM hosts WHERE provider_id = $1 AND id <> $2 AND removed_at IS NULL AND enrol_code IS NOT NULL`, w.ProviderID, w.ID)
	var name, code string
	said := "Its hook reports another code: this host's line was not pasted there, or a later one was."
	_, err := pgx.ForEachRow(rows, []any{&name, &code}, func() error {
		if provisioner.CodeHash(code) == reported {
			said = "Its hook reports the code of " + typed.Isolate(name) + ": is this the address of another machine?"
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("read codes: %w", err)
	}
	return said, nil
}

// sameMachine tells nothing of another provider.
const sameMachine = "this machine is another host already, under another name or address"

// twin says that another host is the same machine, whoever's that is.
func (w waiting) twin(ctx context.Context, tx pgx.Tx, m provisioner.Machine) (string, error) {
	rows, _ := tx.Query(ctx, `
		SELECT CASE WHEN provider_id = $4 THEN name ELSE '' END FROM hosts
		WHERE id <> $1 AND removed_at IS NULL AND (machine_key = $2 OR machine = $3) LIMIT 1`, w.ID, m.Key, m.UUID, w.ProviderID)
	names, err := store.All(rows, "hosts of a machine", pgx.RowTo[string])
	switch {
	case err != nil || len(names) == 0:
		return "", err
	case names[0] != "":
		return "This machine is " + names[0] + " already, under another name or address.", nil
	}
	return "T" + sameMachine[1:] + ". If it is a copy of another machine's disk, remove /var/lib/libvirt/volary/machine.json there, give libvirt a host_uuid of its own, and paste the line again.", nil
}

// enrolled keeps who the machine is. A host that was mistaken for another is the one that reported its new code.
func (db *DB) enrolled(ctx context.Context, tx pgx.Tx, w waiting, m provisioner.Machine) error {
	_, err := tx.Exec(ctx, `
		UPDATE hosts SET enrolled_at = now(), enrol_code = NULL, enrol_until = NULL, enrol_seen = '', machine = $2, machine_key = $3,
			mistaken = '', twin_of = NULL, check_state = 'running', check_report = '[]', checked = false
		WHERE id = $1`, w.ID, m.UUID, m.Key)
	if err != nil {
		return fmt.Errorf("enrol host %s: %w", w.ID, err)
	}
	return store.WriteAudit(ctx, tx, store.AuditRow{Provider: w.ProviderID, Verb: "enrol host", Subject: "host", SubjectID: w.ID, Detail: map[string]any{"again": w.Enrolled}})
}

func noteEnrolment(ctx context.Context, tx pgx.Tx, id uuid.UUID, seen string) error {
	if _, err := tx.Exec(ctx, `UPDATE hosts SET enrol_seen = $2 WHERE id = $1 AND enrol_seen <> $2`, id, seen); err != nil {
		return fmt.Errorf("note what was seen of host %s: %w", id, err)
	}
	return nil
}

func forgetCode(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	_, err := tx.Exec(ctx, `
		UPDATE hosts SET enrol_code = NULL, enrol_until = NULL, check_state = CASE check_state WHEN 'waiting' THEN 'none' ELSE check_state END
		WHERE id = $1`, id)
	if err != nil {
		return fmt.Errorf("forget the code of host %s: %w", id, err)
	}
	return nil
}
