package machines

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// DisksKept is for how long the disks of a cluster that its provider ended are kept.
const DisksKept = 7 * 24 * time.Hour

// EndCluster ends a cluster on a provider's hosts, whoever's it is: its nodes are stopped, its organization may not start
// it until AllowCluster, and it is deleted after DisksKept. A paused one is ended as it stands: its guests do not run again. One of an acceptance test is deleted at once. Who started it
// and the organization's owners get reason by mail, and it stands on their page and in both logs. It works for a
// suspended provider too and never fails for money. Refusals: "invalid" for reason, "state" (ended or being deleted
// already), NotFound.
func (db *DB) EndCluster(ctx context.Context, by, providerID, id uuid.UUID, reason string) error {
	if err := checkStaffReason(reason); err != nil {
		return err
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		c, err := lockHostedCluster(ctx, tx, providerID, id)
		if err != nil {
			return err
		}
		switch {
		case c.Desired == provisioner.DesiredGone:
			return wrongState("ended", c.State(), "Nothing is to be done: it is deleted or being deleted.")
		case c.BarredAt != nil:
			return wrongState("ended", c.State(), "It was ended already. Allow it to be started again first to give another reason.")
		}
		return db.endByStaff(ctx, tx, c, by, reason)
	})
}

// endByStaff ends a locked cluster; by is uuid.Nil where a pause lasted for as long as it may.
func (db *DB) endByStaff(ctx context.Context, tx pgx.Tx, c lockedCluster, by uuid.UUID, reason string) error {
	want := provisioner.DesiredStopped
	if c.Kind == "test" {
		want = provisioner.DesiredGone
	} else if err := c.bar(ctx, tx, by, reason); err != nil {
		return err
	}
	if err := c.want(ctx, tx, want, provisioner.ReasonStaff, reason); err != nil {
		return err
	}
	if err := db.tellOfStaff(ctx, tx, c, store.MailClusterEnded, reason); err != nil {
		return err
	}
	return store.WriteAudit(ctx, tx, store.AuditRow{
		By: by, Organization: c.OrganizationID, Provider: c.ProviderID, Verb: "end cluster", Subject: "cluster", SubjectID: c.ID,
		Detail: map[string]any{"reason": reason, "desired": want},
	})
}

// checkStaffReason is what is asked of the words that an organization reads.
func checkStaffReason(reason string) error {
	f := store.Fields{}
	f.Length("reason", reason, 5, 500)
	return f.Refusal()
}

func (c lockedCluster) bar(ctx context.Context, tx pgx.Tx, by uuid.UUID, reason string) error {
	_, err := tx.Exec(ctx, `
		UPDATE clusters SET barred_at = now(), barred_by = $2, barred_why = $3, disks_until = now() + $4::interval WHERE id = $1`,
		c.ID, store.OrNull(by), reason, DisksKept)
	if err != nil {
		return fmt.Errorf("bar cluster %s: %w", c.ID, err)
	}
	return nil
}

// tellOfStaff tells what staff did to a cluster: those of the organization who want to hear of it.
func (db *DB) tellOfStaff(ctx context.Context, tx pgx.Tx, c lockedCluster, kind store.MailKind, reason string) error {
	rows, _ := tx.Query(ctx, selectTold+` WHERE c.id = $1`, c.ID)
	t, err := store.One(rows, "cluster of a mail", pgx.RowToStructByName[toldCluster])
	if err != nil {
		return err
	}
	data := map[string]string{"reason": reason, "support": t.Support}
	if t.Until != nil {
		data["until"] = store.MailTime(*t.Until)
	}
	return db.core.Tell(ctx, tx, store.EventClusterStaff, t.happening(kind, c.changeMark(), data))
}

// refuseBarred refuses to start what its provider ended.
func (c lockedCluster) refuseBarred(ctx context.Context, tx pgx.Tx) error {
	if c.BarredAt == nil {
		return nil
	}
	var provider string
	if err := tx.QueryRow(ctx, `SELECT name FROM providers WHERE id = $1`, c.ProviderID).Scan(&provider); err != nil {
		return fmt.Errorf("read provider of cluster %s: %w", c.ID, err)
	}
	return &refusal.Error{
		Code: "barred", Title: fmt.Sprintf("%s ended this cluster: “%s”", provider, c.BarredWhy),
		Next: fmt.Sprintf("Ask %s to allow it to be started again. Its disks are kept until %s.", provider, c.DisksUntil.UTC().Format("2 January 2006 15:04 MST")),
	}
}
