package people

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/billing/typeface"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

// OrganizationWords is what papers say of an organization. All may be empty: then they have its name alone.
type OrganizationWords struct {
	LegalName string
	PaperName string // in letters that papers are printed in; empty: LegalName, or the name
	Address   string // up to six lines
	Country   string // of two letters
	VATID     string `db:"vat_id"`
	Contact   string
}

// OrganizationSettings is what papers say of an organization now.
type OrganizationSettings struct {
	Name string
	OrganizationWords
}

const selectOrganizationSettings = `SELECT name, legal_name, paper_name, address, country, vat_id, contact FROM organizations WHERE id = $1`

// OrganizationSettings reads what papers say of an organization.
func (db *DB) OrganizationSettings(ctx context.Context, orgID uuid.UUID) (OrganizationSettings, error) {
	rows, _ := db.pool.Query(ctx, selectOrganizationSettings, orgID)
	return store.One(rows, "organization", pgx.RowToStructByName[OrganizationSettings])
}

// UpdateOrganization changes what papers say of an organization from now on; those that are issued stay as they are. Refusals: "invalid" by
// field.
func (db *DB) UpdateOrganization(ctx context.Context, by, orgID uuid.UUID, w OrganizationWords) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		var name string
		if err := tx.QueryRow(ctx, `SELECT name FROM organizations WHERE id = $1 FOR NO KEY UPDATE`, orgID).Scan(&name); err != nil {
			return store.Found(err, "organization")
		}
		f := store.Fields{}
		w.check(f, name)
		if err := f.Refusal(); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE organizations SET legal_name = $2, paper_name = $3, address = $4, country = $5, vat_id = $6, contact = $7 WHERE id = $1`,
			orgID, w.LegalName, w.PaperName, w.Address, w.Country, w.VATID, w.Contact)
		if err != nil {
			return fmt.Errorf("change organization: %w", err)
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Organization: orgID, Verb: "change organization", Subject: "organization", SubjectID: orgID})
	})
}

func (w *OrganizationWords) check(f store.Fields, name string) {
	if w.LegalName != "" {
		f.Length("legal_name", w.LegalName, 2, 120)
	}
	f.Length("contact", w.Contact, 0, 200)
	printable(f, "contact", w.Contact)
	checkAddress(f, &w.Address, w.Country)
	checkVATID(f, &w.VATID, w.Country)
	if w.PaperName != "" {
		f.Length("paper_name", w.PaperName, 2, 120)
		printable(f, "paper_name", w.PaperName)
		return
	}
	if w.LegalName != "" {
		name = w.LegalName
	}
	if missing := typeface.Lacks(name); missing != "" {
		f.Add("paper_name", "Papers are printed in Latin, Greek and Cyrillic letters, and %s has others: %s. Write the name as papers are to have it.", typed.Isolate(name), typed.Isolate(missing))
	}
}

// checkAddress wants an address as it stands on an envelope, and the country that it is in.
func checkAddress(f store.Fields, address *string, country string) {
	lines := strings.Split(strings.TrimSpace(strings.ReplaceAll(*address, "\r\n", "\n")), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRightFunc(l, unicode.IsSpace)
	}
	*address = strings.Join(lines, "\n")
	f.Check(len([]rune(*address)) <= 400 && len(lines) <= 6, "address", "Write at most six lines and 400 characters.")
	f.Check(!slices.ContainsFunc(lines, func(l string) bool { return strings.ContainsFunc(l, store.IsControl) }), "address", "Leave out tabs and other control characters.")
	f.Check(country == "" || billing.CountryName(country) != "", "country", "%q is no country: choose one of the list.", country)
	f.Check(*address == "" || country != "", "country", "Choose the country that the address is in.")
	printable(f, "address", *address)
}

func checkVATID(f store.Fields, id *string, country string) {
	if *id == "" {
		return
	}
	parsed, err := billing.ParseVATID(country, *id)
	if err != nil {
		f.Add("vat_id", "%s", err)
		return
	}
	*id = parsed
}

// printable wants letters that papers are printed in.
func printable(f store.Fields, field, text string) {
	if missing := typeface.Lacks(text); missing != "" {
		f.Add(field, "Papers are printed in Latin, Greek and Cyrillic letters; leave out %s.", typed.Isolate(missing))
	}
}
