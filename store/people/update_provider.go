package people

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// ProviderSettings is what a provider says of itself.
type ProviderSettings struct {
	ID                uuid.UUID
	Name              string
	Currency          string
	AccountingZone    string
	State             string // "applied", "active", "rejected", "suspended"
	StateReason       string
	LegalName         string
	TaxID             string `db:"tax_id"`
	InvoicePrefix     string // of the numbers of its invoices; empty: none yet
	SupportContact    string
	About             string
	Terms             string
	Address           string
	Country           string // of two letters
	VATID             string `db:"vat_id"`
	BankName          string
	IBAN              string `db:"iban"`
	BIC               string `db:"bic"`
	PaymentDays       int
	CertificatesTaken string // before a launch: "none", "own", "platform", "any"
	Booked            bool   // hours were booked in periods of its zone, which stays
	Invoiced          bool   // invoices have numbers with its prefix, which stays
}

const selectSettings = `
	SELECT p.id, p.name, p.currency, p.accounting_zone, p.state, p.state_reason, p.legal_name, p.tax_id, coalesce(p.invoice_prefix, '') AS invoice_prefix,
		p.support_contact, p.about, p.terms, p.address, p.country, p.vat_id, p.bank_name, p.iban, p.bic, p.payment_days, p.certificates_taken,
		EXISTS (SELECT FROM wallets w JOIN ledger_entries e ON e.wallet_id = w.id WHERE w.provider_id = p.id) AS booked,
		EXISTS (SELECT FROM invoices i WHERE i.provider_id = p.id) AS invoiced
	FROM providers p`

// ProviderSettings reads what a provider says of itself.
func (db *DB) ProviderSettings(ctx context.Context, providerID uuid.UUID) (ProviderSettings, error) {
	rows, _ := db.pool.Query(ctx, selectSettings+` WHERE p.id = $1`, providerID)
	return store.One(rows, "provider", pgx.RowToStructByName[ProviderSettings])
}

// ProviderWords is what a provider's admins may change of it, and an applicant says.
type ProviderWords struct {
	LegalName      string
	TaxID          string
	InvoicePrefix  string
	AccountingZone string // IANA
	SupportContact string
	About          string
	Terms          string
	PaperWords
}

// PaperWords is what else the papers of a provider say of it. All may be empty.
type PaperWords struct {
	Address     string // up to six lines
	Country     string // of two letters
	VATID       string
	BankName    string
	IBAN        string
	BIC         string
	PaymentDays int // from issue until an invoice is due
}

func (w *ProviderWords) check(f store.Fields) {
	f.Length("legal_name", w.LegalName, 2, 120)
	f.Length("tax_id", w.TaxID, 0, 40)
	f.Check(validPrefix(w.InvoicePrefix), "invoice_prefix", "Write 2 to 8 capital letters and digits that begin with a letter, such as NC.")
	f.Length("support_contact", w.SupportContact, 3, 200)
	f.Check(len([]rune(w.About)) <= 4000, "about", "Write at most 4000 characters; these are %d.", len([]rune(w.About)))
	f.Check(len([]rune(w.Terms)) <= 20000, "terms", "Write at most 20000 characters; these are %d.", len([]rune(w.Terms)))
	f.Check(validZone(w.AccountingZone), "accounting_zone", "%q is no time zone: write its name, such as Europe/Berlin.", w.AccountingZone)
	for field, text := range map[string]string{"legal_name": w.LegalName, "tax_id": w.TaxID, "support_contact": w.SupportContact, "bank_name": w.BankName} {
		printable(f, field, text)
	}
	w.PaperWords.check(f)
}

var bicForm = regexp.MustCompile(`^[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?$`)

func (w *PaperWords) check(f store.Fields) {
	checkAddress(f, &w.Address, w.Country)
	checkVATID(f, &w.VATID, w.Country)
	f.Length("bank_name", w.BankName, 0, 120)
	if w.IBAN != "" {
		iban, err := billing.ParseIBAN(w.IBAN)
		if err != nil {
			f.Add("iban", "%s", err)
		}
		w.IBAN = iban
	}
	w.BIC = strings.ToUpper(strings.ReplaceAll(w.BIC, " ", ""))
	f.Check(w.BIC == "" || bicForm.MatchString(w.BIC), "bic", "A BIC has 8 or 11 letters and digits, such as COBADEFFXXX.")
	f.Between("payment_days", int64(w.PaymentDays), 0, 365, " days")
}

func validPrefix(s string) bool {
	return len(s) >= 2 && len(s) <= 8 && s[0] >= 'A' && s[0] <= 'Z' && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

// UpdateProvider changes what a provider says of itself. Refusals: "invalid" by field, "fixed" by field for what stays
// once it was used (accounting_zone, invoice_prefix), "duplicate" for invoice_prefix.
func (db *DB) UpdateProvider(ctx context.Context, by, providerID uuid.UUID, w ProviderWords) error {
	f := store.Fields{}
	w.check(f)
	if err := f.Refusal(); err != nil {
		return err
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT FROM providers WHERE id = $1 FOR NO KEY UPDATE`, providerID); err != nil {
			return fmt.Errorf("lock provider: %w", err)
		}
		rows, _ := tx.Query(ctx, selectSettings+` WHERE p.id = $1`, providerID)
		was, err := store.One(rows, "provider", pgx.RowToStructByName[ProviderSettings])
		if err != nil {
			return err
		}
		if err := w.keeps(was); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			UPDATE providers SET legal_name = $2, tax_id = $3, invoice_prefix = $4, accounting_zone = $5, support_contact = $6, about = $7, terms = $8,
				address = $9, country = $10, vat_id = $11, bank_name = $12, iban = $13, bic = $14, payment_days = $15
			WHERE id = $1`, providerID, w.LegalName, w.TaxID, w.InvoicePrefix, w.AccountingZone, w.SupportContact, w.About, w.Terms,
			w.Address, w.Country, w.VATID, w.BankName, w.IBAN, w.BIC, w.PaymentDays)
		if store.UniqueViolation(err, "providers_invoice_prefix_key") {
			return takenPrefix(w.InvoicePrefix)
		}
		if err != nil {
			return fmt.Errorf("change provider: %w", err)
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Provider: providerID, Verb: "change provider", Subject: "provider", SubjectID: providerID})
	})
}

func takenPrefix(prefix string) *refusal.Error {
	title := fmt.Sprintf("Another provider's invoices begin with %s.", prefix)
	return &refusal.Error{Code: "duplicate", Title: title, Next: "Choose another prefix.", Fields: map[string]string{"invoice_prefix": title}}
}

// keeps refuses to change what is printed on what was done already.
func (w ProviderWords) keeps(was ProviderSettings) error {
	f := store.Fields{}
	f.Check(!was.Booked || w.AccountingZone == was.AccountingZone, "accounting_zone",
		"Hours were booked in months of %s: closed periods would change with it.", was.AccountingZone)
	f.Check(!was.Invoiced || w.InvoicePrefix == was.InvoicePrefix, "invoice_prefix",
		"Invoices were numbered with %s: their series goes on.", was.InvoicePrefix)
	if len(f) == 0 {
		return nil
	}
	return &refusal.Error{Code: "fixed", Title: "Some of this stays as it is, since it was used.", Next: "Leave the marked fields as they were.", Fields: f}
}
