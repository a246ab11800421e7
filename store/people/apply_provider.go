package people

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
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

func (a ProviderApplication) write(ctx context.Context, tx pgx.Tx, id, personID uuid.UUID) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO providers (id, name, currency, accounting_zone, legal_name, tax_id, invoice_prefix, support_contact, about, terms, state, applied_by, applied_at, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'applied', $11, now(), now())
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, currency = excluded.currency, accounting_zone = excluded.accounting_zone, legal_name = excluded.legal_name,
			tax_id = excluded.tax_id, invoice_prefix = excluded.invoice_prefix, support_contact = excluded.support_contact, about = excluded.about, terms = excluded.terms,
			state = 'applied', state_reason = '', applied_at = now(), decided_at = NULL, decided_by = NULL`,
		id, a.Name, a.Currency, a.AccountingZone, a.LegalName, a.TaxID, a.InvoicePrefix, a.SupportContact, a.About, a.Terms, personID)
	switch {
	case store.UniqueViolation(err, "providers_name_key"):
		return store.Duplicate("a provider", "name", a.Name)
	case store.UniqueViolation(err, "providers_invoice_prefix_key"):
		return takenPrefix(a.InvoicePrefix)
	case err != nil:
		return fmt.Errorf("apply as provider: %w", err)
	}
	return store.TakeName(ctx, tx, store.TakenName{Kind: store.ProviderName, Subject: id, Name: a.Name, Field: "name"})
}

type providerDecision struct {
	from, to, verb, word, reason string
	needsReason                  bool
}

func (db *DB) decideProvider(ctx context.Context, by, id uuid.UUID, d providerDecision) error {
	d.reason = strings.TrimSpace(d.reason)
	f := store.Fields{}
	if d.needsReason {
		f.Length("reason", d.reason, 3, 500)
	}
	if err := f.Refusal(); err != nil {
		return err
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		var name, state string
		var applicant *uuid.UUID
		err := tx.QueryRow(ctx, `SELECT name, state, applied_by FROM providers WHERE id = $1 FOR UPDATE`, id).Scan(&name, &state, &applicant)
		if err != nil {
			return store.Found(err, "provider")
		}
		if state != d.from {
			return &refusal.Error{Code: "decided", Title: fmt.Sprintf("%s is %s now.", typed.Isolate(name), stateWord(state)), Next: "Look at the page again."}
		}
		_, err = tx.Exec(ctx, `UPDATE providers SET state = $2, state_reason = $3, decided_by = $4, decided_at = now() WHERE id = $1`, id, d.to, d.reason, by)
		if err != nil {
			return fmt.Errorf("%s: %w", d.verb, err)
		}
		if err := db.tellProvider(ctx, tx, id, name, applicant, d); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Provider: id, Verb: d.verb, Subject: "provider", SubjectID: id, Detail: map[string]any{"reason": d.reason}})
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
	return db.core.MailTo(ctx, tx, people, store.MailProviderDecided, map[string]string{"provider": name, "decision": d.word, "reason": d.reason, "path": path})
}
