package books

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/store"
)

// factsOf reads what an entry that books a lot follows from: the lot, its order and the invoice of that. Of Nil it reads those of
// all lots of the journal, and all its invoices. They are read back from the database where they are booked, so that what is
// hashed is what is kept.
func factsOf(ctx context.Context, tx pgx.Tx, w wallet, lotID uuid.UUID) ([]billing.Fact, error) {
	named, err := termsOf(ctx, tx, w, lotID)
	facts := make([]billing.Fact, len(named))
	for i, n := range named {
		facts[i] = n.Fact()
	}
	return facts, err
}

// namedTerms are what a fact is of, with the words that a person knows it by.
type namedTerms struct {
	billing.Terms
	name string
}

func termsOf(ctx context.Context, tx pgx.Tx, w wallet, lotID uuid.UUID) ([]namedTerms, error) {
	var facts []namedTerms
	for _, read := range []func(context.Context, pgx.Tx, wallet, uuid.UUID) ([]namedTerms, error){lotFacts, orderFacts, invoiceFacts} {
		more, err := read(ctx, tx, w, lotID)
		if err != nil {
			return nil, fmt.Errorf("facts of journal %s: %w", w.ID, err)
		}
		facts = append(facts, more...)
	}
	if lotID != uuid.Nil {
		return facts, nil
	}
	for _, read := range []func(context.Context, pgx.Tx, wallet) ([]namedTerms, error){creditFacts, paymentFacts} {
		more, err := read(ctx, tx, w)
		if err != nil {
			return nil, fmt.Errorf("facts of journal %s: %w", w.ID, err)
		}
		facts = append(facts, more...)
	}
	return facts, nil
}

// creditFacts reads all credit notes of a journal.
func creditFacts(ctx context.Context, tx pgx.Tx, w wallet) ([]namedTerms, error) {
	notes, err := readCreditNotes(ctx, tx, `c.provider_id = $1 AND c.organization_id = $2`, w.ProviderID, w.OrganizationID)
	facts := make([]namedTerms, len(notes))
	for i, n := range notes {
		facts[i] = namedTerms{n, "credit note " + n.Number}
	}
	return facts, err
}

// paymentFacts reads all payments of a journal.
func paymentFacts(ctx context.Context, tx pgx.Tx, w wallet) ([]namedTerms, error) {
	payments, err := readPayments(ctx, tx, `p.wallet_id = $1`, w.ID)
	facts := make([]namedTerms, len(payments))
	for i, p := range payments {
		facts[i] = namedTerms{p, "payment " + p.ID.String()}
	}
	return facts, err
}

func lotFacts(ctx context.Context, tx pgx.Tx, w wallet, lotID uuid.UUID) ([]namedTerms, error) {
	const none = `'00000000-0000-0000-0000-000000000000'`
	rows, _ := tx.Query(ctx, `
		SELECT id, coalesce(order_id, `+none+`), coalesce(pool_id, `+none+`), coalesce(created_by, `+none+`), created_at, expires_at, amount, coalesce(currency, ''), purpose
		  FROM lots WHERE wallet_id = $1 AND ($2::uuid IS NULL OR id = $2) ORDER BY id`, w.ID, store.OrNull(lotID))
	return store.All(rows, "terms of lots", func(row pgx.CollectableRow) (namedTerms, error) {
		var l billing.LotTerms
		var t lotRow
		var currency billing.Currency
		err := row.Scan(&l.ID, &l.Order, &l.Pool, &l.By, &l.MadeAt, &t.ExpiresAt, &t.Amount, &currency, &l.Purpose)
		l.ExpiresAt = orZero(t.ExpiresAt)
		if t.Amount != nil {
			l.Paid = &billing.Money{Minor: *t.Amount, Currency: currency}
		}
		return namedTerms{l, "lot " + l.ID.String()}, err
	})
}

func orderFacts(ctx context.Context, tx pgx.Tx, w wallet, lotID uuid.UUID) ([]namedTerms, error) {
	rows, _ := tx.Query(ctx, `
		SELECT r.id, r.number, r.offer_id, r.price_id, p.price, r.hours, r.amount, r.currency, r.created_at, r.purchase_order, r.cost_centre, r.grant_number
		  FROM lots l JOIN orders r ON r.id = l.order_id JOIN offer_prices p ON p.id = r.price_id
		 WHERE l.wallet_id = $1 AND ($2::uuid IS NULL OR l.id = $2) ORDER BY r.id`, w.ID, store.OrNull(lotID))
	return store.All(rows, "terms of orders", func(row pgx.CollectableRow) (namedTerms, error) {
		var o billing.OrderTerms
		err := row.Scan(&o.ID, &o.Number, &o.Offer, &o.PriceID, &o.Price, &o.Hours, &o.Amount.Minor, &o.Amount.Currency, &o.OrderedAt,
			&o.PurchaseOrder, &o.CostCentre, &o.GrantNumber)
		return namedTerms{o, fmt.Sprintf("order %d", o.Number)}, err
	})
}

func invoiceFacts(ctx context.Context, tx pgx.Tx, w wallet, lotID uuid.UUID) ([]namedTerms, error) {
	rows, _ := tx.Query(ctx, `
		SELECT i.id, i.number, i.year, i.serial, i.issued_at, i.net, i.currency, i.seller, i.tax_id, i.buyer, coalesce(i.due_on::text, ''), i.printed,
		       n.number, n.order_id, n.hours, n.price, n.amount, n.description, coalesce(n.tax_category, ''), coalesce(n.tax_rate, 0)
		  FROM invoices i LEFT JOIN invoice_lines n ON n.invoice_id = i.id
		 WHERE i.provider_id = $1 AND i.organization_id = $2
		   AND ($3::uuid IS NULL OR i.id IN (SELECT x.invoice_id FROM invoice_lines x JOIN lots l ON l.order_id = x.order_id WHERE l.id = $3))
		 ORDER BY i.id, n.number`, w.ProviderID, w.OrganizationID, store.OrNull(lotID))
	var papers []billing.Paper
	var p billing.Paper
	var due string
	var line struct {
		number, hours, price, amount *int64
		order                        *uuid.UUID
		description                  *string
		tax                          billing.Taxing
	}
	_, err := pgx.ForEachRow(rows, []any{
		&p.ID, &p.Number, &p.Year, &p.Serial, &p.IssuedAt, &p.Net.Minor, &p.Net.Currency, &p.Seller, &p.TaxID, &p.Buyer, &due, &p.Printed,
		&line.number, &line.order, &line.hours, &line.price, &line.amount, &line.description, &line.tax.Category, &line.tax.Rate,
	}, func() error {
		if n := len(papers); n == 0 || papers[n-1].ID != p.ID {
			day, err := orNoDay(due)
			if err != nil {
				return err
			}
			p.DueOn = day
			papers = append(papers, p)
		}
		p.Printed = nil // the next one's is another map
		if line.number != nil {
			last := &papers[len(papers)-1]
			last.Lines = append(last.Lines, billing.PaperLine{
				Number: int(*line.number), OrderID: *line.order, Hours: billing.Hours(*line.hours), Price: *line.price, Amount: *line.amount, Description: *line.description, Tax: line.tax,
			})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	ids := make([]uuid.UUID, len(papers))
	for i, p := range papers {
		ids[i] = p.ID
	}
	taxes, err := readTaxes(ctx, tx, "invoice_taxes", "invoice_id", ids...)
	facts := make([]namedTerms, len(papers))
	for i, p := range papers {
		p.Taxes = taxes[p.ID]
		facts[i] = namedTerms{p, "invoice " + p.Number}
	}
	return facts, err
}

// verifyFacts compares what entries say of lots, orders and invoices with what these are.
func verifyFacts(ctx context.Context, tx pgx.Tx, w wallet, audit *billing.Audit, report *LedgerReport) error {
	terms, err := termsOf(ctx, tx, w, uuid.Nil)
	if err != nil {
		return err
	}
	found := make([]billing.NamedFact, len(terms))
	report.terms = make([]billing.Terms, len(terms))
	for i, t := range terms {
		report.terms[i] = t.Terms
		found[i] = billing.NamedFact{Fact: t.Fact(), Name: t.name}
	}
	report.Difference = audit.CompareFacts(found)
	return nil //nolint:nilerr // what was found is the report
}
