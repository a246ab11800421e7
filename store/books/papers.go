package books

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
)

// parties are who stands on a paper that is issued now.
type parties struct {
	Prefix                           *string
	Provider, Seller, TaxID, Buyer   string
	PaymentDays                      int
	BuyerAddress, BuyerCountry       string
	BuyerVATID, BuyerContact         string
	SellerAddress, SellerCountry     string
	SellerVATID, SellerContact       string
	BankName, IBAN, BIC, Terms, Zone string
}

// readParties reads what a provider and an organization say of themselves. Refusals: "no_prefix" where papers cannot be numbered.
func readParties(ctx context.Context, tx pgx.Tx, providerID, orgID uuid.UUID) (parties, error) {
	var p parties
	err := tx.QueryRow(ctx, `
		SELECT p.invoice_prefix, p.name, coalesce(nullif(p.legal_name, ''), p.name), p.tax_id, coalesce(nullif(g.paper_name, ''), nullif(g.legal_name, ''), g.name),
		       p.payment_days, g.address, g.country, g.vat_id, g.contact, p.address, p.country, p.vat_id, p.support_contact, p.bank_name, p.iban, p.bic,
		       p.terms, p.accounting_zone
		  FROM providers p, organizations g WHERE p.id = $1 AND g.id = $2`, providerID, orgID).Scan(
		&p.Prefix, &p.Provider, &p.Seller, &p.TaxID, &p.Buyer, &p.PaymentDays, &p.BuyerAddress, &p.BuyerCountry, &p.BuyerVATID, &p.BuyerContact,
		&p.SellerAddress, &p.SellerCountry, &p.SellerVATID, &p.SellerContact, &p.BankName, &p.IBAN, &p.BIC, &p.Terms, &p.Zone)
	if err != nil {
		return p, fmt.Errorf("parties of a paper: %w", err)
	}
	if p.Prefix == nil {
		return p, &refusal.Error{
			Code: "no_prefix", Title: fmt.Sprintf("%s has no prefix for the numbers of its invoices, such as NOR.", p.Provider),
			Next: "An admin of the provider sets it under Settings; then approve the order.",
		}
	}
	return p, nil
}

// printed is what is copied of them, beside names and the seller's tax id. What is empty is left out.
func (p parties) printed() billing.Printed {
	all := billing.Printed{
		"buyer_address": p.BuyerAddress, "buyer_country": p.BuyerCountry, "buyer_vat_id": p.BuyerVATID, "buyer_contact": p.BuyerContact,
		"seller_address": p.SellerAddress, "seller_country": p.SellerCountry, "seller_vat_id": p.SellerVATID, "seller_contact": p.SellerContact,
		"seller_bank": p.BankName, "seller_iban": p.IBAN, "seller_bic": p.BIC, "terms": p.Terms, "zone": p.Zone,
	}
	for what, text := range all {
		if text == "" {
			delete(all, what)
		}
	}
	return all
}

// due is the day until which a paper that is issued at a time is to be paid.
func (p parties) due(issued time.Time, zone *time.Location) typed.Day {
	return typed.DayOf(issued, zone).Add(p.PaymentDays)
}

// orNoDay reads a day as the database writes it; an empty text is none.
func orNoDay(s string) (typed.Day, error) {
	if s == "" {
		return typed.Day{}, nil
	}
	return typed.ParseDay(s)
}
