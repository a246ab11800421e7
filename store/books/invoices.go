package books

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

// issueInvoice writes the invoice of an order that is being approved, and returns its id and number, and the tax. The row of the year's
// last number is locked until the end of the transaction, so that no number is given twice or left out. It is locked behind
// the wallet and before the journal's head, and it is from there on that nobody else issues: the time of the paper is read
// then, and comes after the last one's.
func issueInvoice(ctx context.Context, tx pgx.Tx, o waitingOrder, w wallet) (issued, error) {
	zone, err := w.zone()
	if err != nil {
		return issued{}, err
	}
	p, err := readParties(ctx, tx, o.ProviderID, o.OrganizationID)
	if err != nil {
		return issued{}, err
	}
	year := o.Now.In(zone).Year()
	var serial int
	err = tx.QueryRow(ctx, `
		INSERT INTO invoice_numbers (provider_id, year, last) VALUES ($1, $2, 1)
		ON CONFLICT (provider_id, year) DO UPDATE SET last = invoice_numbers.last + 1 RETURNING last`, o.ProviderID, year).Scan(&serial)
	if err != nil {
		return issued{}, fmt.Errorf("number of an invoice: %w", err)
	}
	var at time.Time
	err = tx.QueryRow(ctx, `
		SELECT greatest($4, (SELECT issued_at + interval '1 microsecond' FROM invoices WHERE provider_id = $1 AND year = $2 AND serial = $3 - 1))`,
		o.ProviderID, year, serial, o.Now).Scan(&at)
	if err != nil {
		return issued{}, fmt.Errorf("time of an invoice: %w", err)
	}
	taxing, err := readTaxing(ctx, tx, o.ProviderID, o.OrganizationID, typed.DayOf(at, zone))
	if err != nil {
		return issued{}, err
	}
	tax := taxing.On(o.Amount)
	id, err := store.NewID()
	if err != nil {
		return issued{}, err
	}
	number := billing.InvoiceNumber(*p.Prefix, year, serial)
	batch := &pgx.Batch{}
	batch.Queue(`
		INSERT INTO invoices (id, provider_id, organization_id, year, serial, number, seller, tax_id, buyer, net, currency, issued_at, due_on, printed, tax)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::text::date, $14, $15)`,
		id, o.ProviderID, o.OrganizationID, year, serial, number, p.Seller, p.TaxID, p.Buyer, o.Amount, o.Currency, at, p.due(at, zone).String(), p.printed(), tax)
	batch.Queue(`
		INSERT INTO invoice_lines (invoice_id, number, order_id, description, hours, price, amount, tax_category, tax_rate) VALUES ($1, 1, $2, $3, $4, $5, $6, nullif($7, ''), CASE WHEN $7 <> '' THEN $8::int END)`,
		id, o.ID, "Compute hours, offer "+o.OfferName, o.Hours, o.Price, o.Amount, taxing.Category, taxing.Rate)
	if taxing.Category != "" {
		batch.Queue(`INSERT INTO invoice_taxes (invoice_id, category, rate, base, amount, reason) VALUES ($1, $2, $3, $4, $5, $6)`,
			id, taxing.Category, taxing.Rate, o.Amount, tax, taxing.Reason)
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return issued{}, fmt.Errorf("issue invoice %s: %w", number, err)
	}
	return issued{id, number, billing.Money{Minor: tax, Currency: o.Currency}}, nil
}

// issued is an invoice that was just written.
type issued struct {
	id     uuid.UUID
	number string
	tax    billing.Money
}

// Invoice is what an approved order was billed by. All that is printed is that of its day; invoices of before 2026-12-01 have terms and
// contact of now.
type Invoice struct {
	ID               uuid.UUID
	Number           string
	ProviderID       uuid.UUID
	ProviderName     string
	OrganizationID   uuid.UUID
	OrganizationName string
	Seller           string
	TaxID            string
	Buyer            string
	Printed          billing.Printed
	Net              billing.Money
	Total            billing.Money    // with tax
	Taxes            []billing.TaxSum // read by the two readings of one invoice; none: of before tax was computed
	Open             billing.Money    // what is left to pay
	IssuedAt         time.Time
	DueOn            typed.Day // zero: none was printed
	AccountingZone   string
	SupportContact   string
	Terms            string
	Lines            []InvoiceLine // read by the two readings of one invoice
	Head             billing.Head  // of its journal at the entry that says its digest; the same readings
	Settled          []InvoicePart // what paid it, the first first; the same readings
}

// InvoiceLine is one order on an invoice.
type InvoiceLine struct {
	OrderID     uuid.UUID
	OrderNumber int64
	Description string
	Hours       billing.Hours
	Price       billing.UnitPrice
	Amount      billing.Money
	GoodUntil   *time.Time
	Tax         billing.Taxing
	store.References
}

const selectInvoices = `
	SELECT i.id, i.number, i.provider_id, p.name, i.organization_id, g.name, i.seller, i.tax_id, i.buyer, i.net, i.currency, i.issued_at,
	       coalesce(i.printed ->> 'zone', p.accounting_zone), p.support_contact, p.terms, coalesce(i.due_on::text, ''), i.printed, b.open, b.total`

const fromInvoices = `
	  FROM invoices i JOIN providers p ON p.id = i.provider_id JOIN organizations g ON g.id = i.organization_id
	  JOIN invoice_balances b ON b.invoice_id = i.id`

func rowToInvoice(row pgx.CollectableRow) (Invoice, error) {
	var i Invoice
	var due string
	err := row.Scan(&i.ID, &i.Number, &i.ProviderID, &i.ProviderName, &i.OrganizationID, &i.OrganizationName, &i.Seller, &i.TaxID, &i.Buyer,
		&i.Net.Minor, &i.Net.Currency, &i.IssuedAt, &i.AccountingZone, &i.SupportContact, &i.Terms, &due, &i.Printed, &i.Open.Minor, &i.Total.Minor)
	if err != nil {
		return i, err
	}
	i.Open.Currency, i.Total.Currency = i.Net.Currency, i.Net.Currency
	if len(i.Printed) > 0 {
		i.SupportContact, i.Terms = i.Printed["seller_contact"], i.Printed["terms"]
	}
	i.DueOn, err = orNoDay(due)
	return i, err
}

// InvoiceOfOrganization finds one of the invoices that an organization got.
func (db *DB) InvoiceOfOrganization(ctx context.Context, orgID, invoiceID uuid.UUID) (Invoice, error) {
	return db.invoice(ctx, `i.organization_id = $1 AND i.id = $2`, orgID, invoiceID)
}

// InvoiceOfProvider finds one of the invoices that a provider issued.
func (db *DB) InvoiceOfProvider(ctx context.Context, providerID, invoiceID uuid.UUID) (Invoice, error) {
	return db.invoice(ctx, `i.provider_id = $1 AND i.id = $2`, providerID, invoiceID)
}

func (db *DB) invoice(ctx context.Context, where string, args ...any) (Invoice, error) {
	rows, _ := db.pool.Query(ctx, selectInvoices+fromInvoices+` WHERE `+where, args...)
	i, err := store.One(rows, "invoice", rowToInvoice)
	if err != nil {
		return i, err
	}
	rows, _ = db.pool.Query(ctx, `
		SELECT r.id, r.number, l.description, l.hours, l.price, l.amount, r.good_until, r.purchase_order, r.cost_centre, r.grant_number, coalesce(l.tax_category, ''), coalesce(l.tax_rate, 0)
		  FROM invoice_lines l JOIN orders r ON r.id = l.order_id WHERE l.invoice_id = $1 ORDER BY l.number`, i.ID)
	i.Lines, err = store.All(rows, "invoice lines", func(row pgx.CollectableRow) (InvoiceLine, error) {
		l := InvoiceLine{Price: billing.UnitPrice{Currency: i.Net.Currency}, Amount: billing.Money{Currency: i.Net.Currency}}
		err := row.Scan(&l.OrderID, &l.OrderNumber, &l.Description, &l.Hours, &l.Price.Millionths, &l.Amount.Minor, &l.GoodUntil,
			&l.PurchaseOrder, &l.CostCentre, &l.GrantNumber, &l.Tax.Category, &l.Tax.Rate)
		return l, err
	})
	if err != nil {
		return i, err
	}
	taxes, err := readTaxes(ctx, db.pool, "invoice_taxes", "invoice_id", i.ID)
	if err != nil {
		return i, err
	}
	i.Taxes = taxes[i.ID]
	if i.Settled, err = db.partsOf(ctx, i); err != nil {
		return i, err
	}
	i.Head, err = db.headOf(ctx, billing.Journal{ProviderID: i.ProviderID, OrganizationID: i.OrganizationID}, billing.FactInvoice, i.ID)
	return i, err
}

// headOf reads the entry that says what a paper is: whoever keeps the paper keeps the head of its journal then.
func (db *DB) headOf(ctx context.Context, of billing.Journal, what string, id uuid.UUID) (billing.Head, error) {
	head := billing.Head{Journal: of}
	var hash []byte
	err := db.pool.QueryRow(ctx, `
		SELECT e.seq, e.hash FROM ledger_facts f JOIN ledger_entries e USING (wallet_id, seq) WHERE f.what = $1 AND f.subject_id = $2`, what, id).Scan(&head.Seq, &hash)
	if errors.Is(err, pgx.ErrNoRows) {
		return head, nil // the audit run names it
	}
	if err != nil {
		return head, fmt.Errorf("entry of %s %s: %w", what, id, err)
	}
	copy(head.Hash[:], hash)
	return head, nil
}

// InvoiceFilter narrows and orders a list of invoices by number, party, net, issued, due or open.
type InvoiceFilter struct {
	Page  store.Page
	Sort  store.Sorting
	Party uuid.UUID  // of an organization's invoices the provider, of a provider's the organization; Nil: all
	Text  string     // a part of the number or the other party's name
	Days  store.Days // issued on
	Open  bool       // those that something is left to pay of
}

// InvoicesOfOrganization gives a page of what an organization was billed, the newest first, with how many and how much
// the filter leaves.
func (db *DB) InvoicesOfOrganization(ctx context.Context, orgID uuid.UUID, f InvoiceFilter) ([]Invoice, int, []Total, error) {
	return db.invoices(ctx, "organization", "provider", "p.name", orgID, f)
}

// InvoicesOfProvider gives a page of what a provider billed, the newest first.
func (db *DB) InvoicesOfProvider(ctx context.Context, providerID uuid.UUID, f InvoiceFilter) ([]Invoice, int, []Total, error) {
	return db.invoices(ctx, "provider", "organization", "g.name", providerID, f)
}

func (db *DB) invoices(ctx context.Context, own, other, party string, ownID uuid.UUID, f InvoiceFilter) ([]Invoice, int, []Total, error) {
	where := ` WHERE i.` + own + `_id = $1 AND ($2::uuid IS NULL OR i.` + other + `_id = $2) AND (i.number ILIKE $3 OR ` + party + ` ILIKE $3)
		AND ($4::text IS NULL OR (i.issued_at AT TIME ZONE p.accounting_zone)::date >= $4::text::date)
		AND ($5::text IS NULL OR (i.issued_at AT TIME ZONE p.accounting_zone)::date <= $5::text::date)
		AND (NOT $6 OR b.open > 0)`
	args := []any{ownID, store.OrNull(f.Party), store.Like(f.Text), store.OrNoDay(f.Days.Since), store.OrNoDay(f.Days.Until), f.Open}
	order := store.Sortable{
		"number": "(split_part(i.number, '-', 1), i.year, i.serial)", "party": party, "net": "i.net", "issued": "i.issued_at", "due": "i.due_on", "open": "b.open",
	}.OrderBy(f.Sort, "i.issued_at DESC, i.id")
	rows, _ := db.pool.Query(ctx, selectInvoices+fromInvoices+where+order+` LIMIT $7 OFFSET $8`, append(args, f.Page.Most(), f.Page.Skip())...)
	list, err := store.All(rows, "invoices", rowToInvoice)
	if err != nil {
		return nil, 0, nil, err
	}
	rows, _ = db.pool.Query(ctx, `SELECT count(*), 0::bigint, sum(i.net)::bigint, i.currency`+fromInvoices+where+
		` GROUP BY i.currency ORDER BY i.currency`, args...)
	totals, err := store.All(rows, "sums of invoices", rowToTotal)
	return list, count(totals), totals, err
}

// ExportInvoices writes the invoice lines of a provider's month; billing's document has the columns. Lines and sums are
// read in one snapshot; the file is good only where it returns nil.
func (db *DB) ExportInvoices(ctx context.Context, providerID uuid.UUID, month billing.Month, to billing.Book) error {
	period, err := db.accountingPeriod(ctx, providerID, month)
	if err != nil {
		return err
	}
	return db.core.LongSnapshot(ctx, func(tx pgx.Tx) error {
		known, err := asOf(ctx, tx, providerID, uuid.Nil)
		if err != nil {
			return err
		}
		return writeInvoices(ctx, tx, accounts{providerID, month, period, known}, to)
	})
}

// writeInvoices writes the invoices that are in a month's accounts.
func writeInvoices(ctx context.Context, tx pgx.Tx, a accounts, to billing.Book) error {
	w, err := billing.NewInvoiceWriter(to, a.period, a.known)
	if err != nil {
		return err
	}
	if err := eachInvoiceLine(ctx, tx, a, w.Line); err != nil {
		return err
	}
	rows, _ := tx.Query(ctx, `
		SELECT sum(i.net)::bigint, i.currency FROM invoices i WHERE `+invoicesInAccounts+` GROUP BY i.currency ORDER BY i.currency`,
		a.providerID, a.period.From, a.period.To, a.month.FirstDay())
	totals, err := store.All(rows, "sums of invoices", pgx.RowToStructByPos[billing.Money])
	if err != nil {
		return err
	}
	return w.Finish(totals)
}

// invoicesInAccounts are those that a provider ($1) issued in a month ($2 to $3), less those that are in a later one's accounts; and those that are
// in this one's ($4) of an earlier month: an order may be decided in the moment that its month is closed.
const (
	lateInvoices = `SELECT f.subject_id FROM wallets w JOIN ledger_entries e ON e.wallet_id = w.id AND e.kind = 'grant' AND e.period > e.accounting_date
		   JOIN ledger_facts f ON f.wallet_id = e.wallet_id AND f.seq = e.seq AND f.what = 'invoice'
		  WHERE w.provider_id = $1`
	invoicesInAccounts = `i.provider_id = $1 AND (i.issued_at >= $2 AND i.issued_at < $3 AND i.id NOT IN (` + lateInvoices + `)
		    OR i.id IN (` + lateInvoices + ` AND e.period = $4::text::date))`
)

func eachInvoiceLine(ctx context.Context, tx pgx.Tx, a accounts, fn func(billing.InvoicedLine) error) error {
	rows, err := tx.Query(ctx, `
		SELECT i.number, i.issued_at, i.organization_id, i.buyer, r.number, l.description, l.hours, l.price, l.amount, i.currency,
		       r.purchase_order, r.cost_centre, r.grant_number
		  FROM invoices i JOIN invoice_lines l ON l.invoice_id = i.id JOIN orders r ON r.id = l.order_id
		 WHERE `+invoicesInAccounts+` ORDER BY i.year, i.serial, l.number`, a.providerID, a.period.From, a.period.To, a.month.FirstDay())
	if err != nil {
		return err
	}
	var l billing.InvoicedLine
	_, err = pgx.ForEachRow(rows, []any{
		&l.Invoice, &l.IssuedAt, &l.OrganizationID, &l.OrganizationName, &l.Order, &l.Description, &l.Hours, &l.Price.Millionths, &l.Amount.Minor,
		&l.Amount.Currency, &l.PurchaseOrder, &l.CostCentre, &l.GrantNumber,
	}, func() error {
		l.Price.Currency = l.Amount.Currency
		return fn(l)
	})
	return err
}

// LacksInvoicePrefix tells whether a provider cannot issue invoices yet.
func (db *DB) LacksInvoicePrefix(ctx context.Context, providerID uuid.UUID) (bool, error) {
	var lacks bool
	err := db.pool.QueryRow(ctx, `SELECT invoice_prefix IS NULL FROM providers WHERE id = $1`, providerID).Scan(&lacks)
	return lacks, store.Found(err, "provider")
}
