package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"volary.dev/store/queue"
)

// MailKind names a text of handlers/jobs/mails and with it what its data has to hold.
type MailKind string

// The kinds of mails, each with the keys of its data. "path" is a page of ours to open. "secret", one
// that opens by a token, is sealed for the worker and forgotten once the mail is sent.
const (
	MailConfirm         MailKind = "confirm"          // secret: finishes a sign-up
	MailAccountKnown    MailKind = "account_known"    // path: a sign-up with an address that has an account
	MailNoAccount       MailKind = "no_account"       // path: a new password for an address without one
	MailReset           MailKind = "reset"            // secret
	MailConfirmEmail    MailKind = "confirm_email"    // secret; to the new address
	MailEmailChanged    MailKind = "email_changed"    // email: the new one; to the old address
	MailInvitation      MailKind = "invitation"       // by, place, role, until, secret
	MailSuspended       MailKind = "suspended"        // organization, reason
	MailOrderWaiting    MailKind = "order_waiting"    // organization, order, hours, amount, path; to a provider's staff
	MailOrderDecided    MailKind = "order_decided"    // provider, order, decision ("approved"), reason, path
	MailRequestWaiting  MailKind = "request_waiting"  // person, cluster, hours, path; to an organization's managers
	MailRequestDecided  MailKind = "request_decided"  // cluster, decision ("approved"), reason, path
	MailProviderDecided MailKind = "provider_decided" // provider, decision ("approved"), reason, path
	MailAnnouncement    MailKind = "announcement"     // provider, title, text, path
	MailLinkShown       MailKind = "link_shown"       // subject: of the mail whose secret link the operator looked at
	MailClusterEnded    MailKind = "cluster_ended"    // provider, cluster, reason, until (empty: deleted at once), path; to who started it and owners
	MailClusterPaused   MailKind = "cluster_paused"   // provider, cluster, reason, until, support (may be empty), path; to who started it and owners
	MailClusterResumed  MailKind = "cluster_resumed"  // provider, cluster, path; to who started it and owners
	MailLedgerDiffers   MailKind = "ledger_differs"   // day, difference, path; to the platform's admins
	MailLedgerHeads     MailKind = "ledger_heads"     // day, journals, lines, sha256, path; to a provider's accountants of its own, to the platform's admins of all
	MailStatement       MailKind = "statement"        // organization, provider, month, used, left, owed, path; to an organization's owners and accountants
	MailSummary         MailKind = "summary"          // count, items (JSON: Summed), more, path; what a person gets beyond MostNotices

	// Of happenings (DB.Tell). All have path; of, role and own say why the person gets it.
	MailClusterReady  MailKind = "cluster_ready"  // cluster, provider, nodes, until
	MailClusterFailed MailKind = "cluster_failed" // cluster, provider, reason, kept ("yes": its disks are)
	MailClusterOver   MailKind = "cluster_over"   // cluster, reason, by (may be empty), deleted ("yes"), grace and until (may be empty: its disks are kept)
	MailScaleFailed   MailKind = "scale_failed"   // cluster, provider, nodes, reason, asked ("yes": whether nodes go that were not drained)
	MailNodesLost     MailKind = "nodes_lost"     // cluster, count, lines
	MailLeaseEnds     MailKind = "lease_ends"     // cluster, provider, left, until, grace, deleted ("yes": at its end), why (it did not extend itself; may be empty)
	MailDisksEnd      MailKind = "disks_end"      // cluster, provider, left, until
	MailTestEnded     MailKind = "test_ended"     // version, pool, outcome ("passed", "failed", "cancelled"), lines, why
	MailHoursLow      MailKind = "hours_low"      // organization, provider, percent, left, full, held
	MailHoursExpire   MailKind = "hours_expire"   // organization, provider, hours, days, until
	MailOverdue       MailKind = "overdue"        // organization, provider, invoice, due, late, open
	MailHostLost      MailKind = "host_lost"      // provider, count, lines
	MailUploadStale   MailKind = "upload_stale"   // upload, file, received, size, until; address of one that was fetched
	MailUploadGone    MailKind = "upload_gone"    // upload, file, received, size; address of one that was fetched

	// Warnings (DB.Warn). All have at, from and last, which may be empty.
	MailKeyAdded  MailKind = "key_added"  // key, fingerprint, path; to whose it is
	MailRoleGiven MailKind = "role_given" // place, role, by, path; to whose it is
	MailHostAdded MailKind = "host_added" // host, address, pool, by, path, again ("yes": in the place of one that was there); to the provider's admins
	MailNewPlace  MailKind = "new_place"  // program: what the browser says of itself; path; to who signed in
	MailPassword  MailKind = "password"   // path; to whose it is: it was changed

	MailCertificateKey MailKind = "certificate_key" // a warning: place, key, revoked ("yes"; empty: retired), reason (of a revocation), by, path; to the owner's admins
)

// Secret tells that a mail of the kind is good for nothing without its sealed link.
func (k MailKind) Secret() bool {
	return k == MailConfirm || k == MailAccountKnown || k == MailReset || k == MailConfirmEmail || k == MailInvitation
}

// Outgoing is what QueueMail writes down.
type Outgoing struct {
	ID         uuid.UUID // Nil: a new one
	To         string
	Kind       MailKind
	Data       map[string]string
	CausedBy   uuid.UUID // a person who has to hear that a server refuses it; Nil: nobody but who runs the platform
	Invitation uuid.UUID // which it is about
}

// QueueMail has a mail rendered and sent by the worker, if and only if the caller's transaction commits.
func (db *DB) QueueMail(ctx context.Context, tx pgx.Tx, m Outgoing) error {
	return db.queueMails(ctx, tx, []Outgoing{m})
}

// MailTo is QueueMail for people by their ids: each once, and those who are suspended not at all. data gets each one's
// "name".
func (db *DB) MailTo(ctx context.Context, tx pgx.Tx, people []uuid.UUID, kind MailKind, data map[string]string) error {
	rows, _ := tx.Query(ctx, `SELECT email, name FROM people WHERE id = ANY($1) AND suspended_at IS NULL ORDER BY id`, people)
	to, err := All(rows, "addresses", pgx.RowToStructByName[struct{ Email, Name string }])
	if err != nil {
		return err
	}
	mails := make([]Outgoing, 0, len(to))
	for _, p := range to {
		own := map[string]string{"name": p.Name}
		for k, v := range data {
			own[k] = v
		}
		mails = append(mails, Outgoing{To: p.Email, Kind: kind, Data: own})
	}
	return db.queueMails(ctx, tx, mails)
}

func (db *DB) queueMails(ctx context.Context, tx pgx.Tx, mails []Outgoing) error {
	if len(mails) == 0 {
		return nil
	}
	ids, to, kinds, data := make([]uuid.UUID, len(mails)), make([]string, len(mails)), make([]string, len(mails)), make([]string, len(mails))
	sealed := make([][]byte, len(mails))
	caused, invitations := make([]*uuid.UUID, len(mails)), make([]*uuid.UUID, len(mails))
	wanted := make([]queue.SendMail, len(mails))
	for i, m := range mails {
		id := m.ID
		if id == uuid.Nil {
			var err error
			if id, err = NewID(); err != nil {
				return err
			}
		}
		open, link, err := db.seal(m.Data)
		if err != nil {
			return fmt.Errorf("mail %s: %w", m.Kind, err)
		}
		b, err := json.Marshal(open)
		if err != nil {
			return fmt.Errorf("mail %s: %w", m.Kind, err)
		}
		ids[i], to[i], kinds[i], data[i], sealed[i] = id, m.To, string(m.Kind), string(b), link
		caused[i], invitations[i] = OrNull(m.CausedBy), OrNull(m.Invitation)
		wanted[i] = queue.SendMail{MailID: id}
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO mails (id, to_address, kind, data, sealed, created_at, caused_by, invitation_id)
		SELECT id, to_address, kind, data::jsonb, sealed, now(), caused_by, invitation_id
		FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::uuid[], $7::uuid[])
			AS m (id, to_address, kind, data, sealed, caused_by, invitation_id)`,
		ids, to, kinds, data, sealed, caused, invitations)
	if err != nil {
		return fmt.Errorf("write mails: %w", err)
	}
	if err := Enqueue(ctx, tx, wanted...); err != nil {
		return fmt.Errorf("queue mails: %w", err)
	}
	return nil
}

// seal parts what a mail holds into what anyone of the database may read and its secret link.
func (db *DB) seal(data map[string]string) (open map[string]string, sealed []byte, err error) {
	secret, there := data["secret"]
	if !there {
		return data, nil, nil
	}
	if db.mailsTo.IsZero() {
		return nil, nil, errors.New("it has a secret link, and VOLARY_MAIL_RECIPIENT, for whom links are sealed, is not given")
	}
	open = maps.Clone(data)
	delete(open, "secret")
	sealed, err = db.mailsTo.Seal(secret)
	return open, sealed, err
}

// Mail is a mail as the worker gets it.
type Mail struct {
	ID        uuid.UUID
	ToAddress string
	Kind      MailKind
	Data      map[string]string
	Sealed    []byte // its secret link, where it has one
	State     string // "waiting", "sent", "kept", "failed", "refused"
	CreatedAt time.Time
}

// MailForWorker reads a mail that is to be sent.
func (db *DB) MailForWorker(ctx context.Context, id uuid.UUID) (Mail, error) {
	rows, _ := db.pool.Query(ctx, `SELECT id, to_address, kind, data, sealed, state, created_at FROM mails WHERE id = $1`, id)
	return One(rows, "mail", pgx.RowToStructByName[Mail])
}

// MailSent notes that a mail went out. body is what stays of it, without the secret link, which is forgotten.
func (db *DB) MailSent(ctx context.Context, id uuid.UUID, subject, body string) error {
	return db.endMail(ctx, id, `state = 'sent', subject = $2, body = $3, error = '', sent_at = now(), sealed = NULL`, subject, body)
}

// MailKept keeps a mail where no SMTP is configured. The outbox shows it, with body for its text; a secret link stays sealed.
func (db *DB) MailKept(ctx context.Context, id uuid.UUID, subject, body string) error {
	return db.endMail(ctx, id, `state = 'kept', subject = $2, body = $3, error = ''`, subject, body)
}

// MailRefused notes that a server, by its name, refuses a mail for good, in words that are fit for people: they stand where
// who caused the mail looks (RefusedMail). It is tried no more; the outbox can send it again. A secret link is kept for that.
func (db *DB) MailRefused(ctx context.Context, id uuid.UUID, server, words, why string) error {
	return db.endMail(ctx, id, `state = 'refused', refused_by = left($2, 255), refused = left($3, 300), error = $4`, server, words, why)
}

// MailFailed notes a failed try. The last one leaves the mail "failed", for the outbox to send again.
func (db *DB) MailFailed(ctx context.Context, id uuid.UUID, why string, last bool) error {
	return db.endMail(ctx, id, `state = CASE WHEN $3 THEN 'failed' ELSE 'waiting' END, error = $2`, why, last)
}

func (db *DB) endMail(ctx context.Context, id uuid.UUID, set string, args ...any) error {
	_, err := db.pool.Exec(ctx, `UPDATE mails SET attempts = attempts + 1, `+set+` WHERE id = $1 AND state = 'waiting'`, append([]any{id}, args...)...)
	if err != nil {
		return fmt.Errorf("note mail %s: %w", id, err)
	}
	return nil
}
