package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner"
)

// ProviderApplication is what a person who wants to sell hours says.
type ProviderApplication struct {
	Name     string // on the market
	Currency string // ISO 4217
	ProviderWords
}

// ApplicationState is where a person's application stands.
type ApplicationState struct {
	ID uuid.UUID
	ProviderApplication
	State     string // "applied", "active", "rejected", "suspended"
	Reason    string
	AppliedAt time.Time
	DecidedAt *time.Time
}

// MyApplication is a person's application that waits, else the last one; nil where there is none.
func (db *DB) MyApplication(ctx context.Context, personID uuid.UUID) (*ApplicationState, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT id, name, currency, legal_name, tax_id, coalesce(invoice_prefix, ''), accounting_zone, support_contact, about, terms, state, state_reason, applied_at, decided_at
		FROM providers WHERE applied_by = $1 ORDER BY state = 'applied' DESC, applied_at DESC LIMIT 1`, personID)
	a, err := pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (a ApplicationState, err error) {
		err = row.Scan(&a.ID, &a.Name, &a.Currency, &a.LegalName, &a.TaxID, &a.InvoicePrefix, &a.AccountingZone, &a.SupportContact, &a.About, &a.Terms,
			&a.State, &a.Reason, &a.AppliedAt, &a.DecidedAt)
		return a, err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // no application is an answer
	}
	if err != nil {
		return nil, fmt.Errorf("read application: %w", err)
	}
	return &a, nil
}

// ApplyAsProvider asks the platform to take a provider on. A rejected application is corrected by applying again.
// Refusals: "invalid" by field (name, currency and those of ProviderWords), "duplicate" by field, "applied" where one
// of the person's waits already.
func (db *DB) ApplyAsProvider(ctx context.Context, personID uuid.UUID, a ProviderApplication) (uuid.UUID, error) {
	f := fields{}
	f.length("name", a.Name, 2, 80)
	_, err := billing.Currency(a.Currency).MinorDigits()
	f.check(err == nil, "currency", "%q is no currency: write its three letters, such as EUR.", a.Currency)
	a.check(f)
	if err := f.refusal(); err != nil {
		return uuid.Nil, err
	}
	id, err := newID()
	if err != nil {
		return uuid.Nil, err
	}
	err = db.tx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT FROM people WHERE id = $1 FOR NO KEY UPDATE`, personID); err != nil {
			return fmt.Errorf("lock applicant: %w", err)
		}
		waiting, again, err := earlierApplications(ctx, tx, personID)
		if err != nil {
			return err
		}
		if waiting {
			return &provisioner.Refusal{Code: "applied", Title: "An application of yours waits for the platform's answer.", Next: "You hear by mail when it is decided; until then it stays as it is."}
		}
		if again != uuid.Nil {
			id = again
		}
		if err := a.write(ctx, tx, id, personID); err != nil {
			return err
		}
		return writeAudit(ctx, tx, auditRow{By: personID, Provider: id, Verb: "apply as provider", Subject: "provider", SubjectID: id})
	})
	return id, err
}

func earlierApplications(ctx context.Context, tx pgx.Tx, personID uuid.UUID) (waiting bool, rejected uuid.UUID, err error) {
	rows, _ := tx.Query(ctx, `SELECT id, state FROM providers WHERE applied_by = $1 AND state IN ('applied', 'rejected') ORDER BY applied_at FOR UPDATE`, personID)
	type row struct {
		ID    uuid.UUID
		State string
	}
	list, err := all(rows, "applications", pgx.RowToStructByName[row])
	for _, r := range list {
		if r.State == "applied" {
			waiting = true
		} else {
			rejected = r.ID
		}
	}
	return waiting, rejected, err
}

func (a ProviderApplication) write(ctx context.Context, tx pgx.Tx, id, personID uuid.UUID) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO providers (id, name, currency, accounting_zone, legal_name, tax_id, invoice_prefix, support_contact, about, terms, state, applied_by, applied_at, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'applied', $11, now(), now())
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, currency = excluded.currency, accounting_zone = excluded.accounting_zone, legal_name = excluded.legal_name,
			tax_id = excluded.tax_id, invoice_prefix = excluded.invoice_prefix, support_contact = excluded.support_contact, about = excluded.about, terms = excluded.terms,
			state = 'applied', state_reason = '', applied_at = now(), decided_at = NULL, decided_by = NULL`,
		id, a.Name, a.Currency, a.AccountingZone, a.LegalName, a.TaxID, a.InvoicePrefix, a.SupportContact, a.About, a.Terms, personID)
	switch {
	case uniqueViolation(err, "providers_name_key"):
		return duplicate("a provider", "name", a.Name)
	case uniqueViolation(err, "providers_invoice_prefix_key"):
		return takenPrefix(a.InvoicePrefix)
	case err != nil:
		return fmt.Errorf("apply as provider: %w", err)
	}
	return nil
}

// ApproveProvider takes a provider on: its hours may be sold, and the applicant is its first admin. Refusals:
// "decided" where it does not wait, NotFound("provider").
func (db *DB) ApproveProvider(ctx context.Context, by, id uuid.UUID) error {
	return db.decideProvider(ctx, by, id, providerDecision{from: "applied", to: "active", verb: "approve provider", word: "approved"})
}

// RejectProvider turns an application down with a reason, after which the person may correct it. Refusals: "invalid" for
// reason, "decided", NotFound("provider").
func (db *DB) RejectProvider(ctx context.Context, by, id uuid.UUID, reason string) error {
	return db.decideProvider(ctx, by, id, providerDecision{from: "applied", to: "rejected", verb: "reject provider", word: "rejected", reason: reason, needsReason: true})
}

// SuspendProvider takes a provider from the market: nothing more is launched on its pools or ordered of it. What runs
// goes on to the end of its lease. Refusals as of RejectProvider.
func (db *DB) SuspendProvider(ctx context.Context, by, id uuid.UUID, reason string) error {
	return db.decideProvider(ctx, by, id, providerDecision{from: "active", to: "suspended", verb: "suspend provider", word: "suspended", reason: reason, needsReason: true})
}

// LiftProvider ends a suspension. Refusals: "decided", NotFound("provider").
func (db *DB) LiftProvider(ctx context.Context, by, id uuid.UUID) error {
	return db.decideProvider(ctx, by, id, providerDecision{from: "suspended", to: "active", verb: "lift suspension", word: "active again"})
}

type providerDecision struct {
	from, to, verb, word, reason string
	needsReason                  bool
}

func (db *DB) decideProvider(ctx context.Context, by, id uuid.UUID, d providerDecision) error {
	d.reason = strings.TrimSpace(d.reason)
	f := fields{}
	if d.needsReason {
		f.length("reason", d.reason, 3, 500)
	}
	if err := f.refusal(); err != nil {
		return err
	}
	return db.tx(ctx, func(tx pgx.Tx) error {
		var name, state string
		var applicant *uuid.UUID
		err := tx.QueryRow(ctx, `SELECT name, state, applied_by FROM providers WHERE id = $1 FOR UPDATE`, id).Scan(&name, &state, &applicant)
		if err != nil {
			return found(err, "provider")
		}
		if state != d.from {
			return &provisioner.Refusal{Code: "decided", Title: fmt.Sprintf("%s is %s now.", name, stateWord(state)), Next: "Look at the page again."}
		}
		_, err = tx.Exec(ctx, `UPDATE providers SET state = $2, state_reason = $3, decided_by = $4, decided_at = now() WHERE id = $1`, id, d.to, d.reason, by)
		if err != nil {
			return fmt.Errorf("%s: %w", d.verb, err)
		}
		if err := db.tellProvider(ctx, tx, id, name, applicant, d); err != nil {
			return err
		}
		return writeAudit(ctx, tx, auditRow{By: by, Provider: id, Verb: d.verb, Subject: "provider", SubjectID: id, Detail: map[string]any{"reason": d.reason}})
	})
}

func stateWord(state string) string {
	if state == "applied" {
		return "waiting for a decision"
	}
	return state
}

// tellProvider makes the applicant the first admin, and mails the admins, or the applicant, what was decided.
func (db *DB) tellProvider(ctx context.Context, tx pgx.Tx, id uuid.UUID, name string, applicant *uuid.UUID, d providerDecision) error {
	path := "/provider"
	if d.from == "applied" && applicant != nil {
		path = "/provider-application"
		if d.to == "active" {
			_, err := tx.Exec(ctx, `INSERT INTO staff (provider_id, person_id, role, created_at) VALUES ($1, $2, 'admin', now()) ON CONFLICT DO NOTHING`, id, *applicant)
			if err != nil {
				return fmt.Errorf("make the applicant an admin: %w", err)
			}
		}
	}
	people, err := staffWith(ctx, tx, id, StaffAdmin)
	if err != nil {
		return err
	}
	if len(people) == 0 && applicant != nil {
		people = []uuid.UUID{*applicant}
	}
	return db.mailTo(ctx, tx, people, MailProviderDecided, map[string]string{"provider": name, "decision": d.word, "reason": d.reason, "path": path})
}
