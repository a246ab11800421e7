package webtest

import (
	"strings"
	"time"

	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/web/provider"
	"volary.dev/web/sales"
	"volary.dev/web/ui"
)

func statementList() sales.StatementListProps {
	return sales.StatementListProps{
		Layout: orgLayout(), Month: "2026-10", Provider: id(3).String(), Providers: []ui.Option{{Value: id(3).String(), Label: "Northern Compute"}, {Value: id(4).String(), Label: "Southern Compute"}},
		List: ui.ListProps{Path: "/org/statements", PerPage: 50, Total: 2},
		Statements: []sales.StatementRow{
			{ID: id(95), Month: "October 2026", Provider: "Northern Computing GmbH", Used: 412 * hour, Left: 788 * hour, Owed: euros(5_400)},
			{ID: id(96), Month: "September 2026", Provider: "Northern Computing GmbH", Used: 12 * hour, Left: 1200 * hour, Owed: euros(0)},
		},
	}
}

func refusedStatement() sales.StatementListProps {
	p := statementList()
	p.Form = ui.Form{Refusal: &refusal.Error{
		Code: "not_closed", Title: "Northern Compute has not closed October 2026 yet, which it does 5 days or later after the month’s end.",
		Next: "Until then Usage shows provisional figures, and whoever reads the bills is mailed.",
	}}
	return p
}

func statement() sales.StatementShowProps {
	cost := func(minor int64) billing.Cost { return billing.Cost{Minor: minor, Currency: "EUR"} }
	return sales.StatementShowProps{
		Layout: orgLayout(), Head: "volary-head-1:" + strings.Repeat("4f", 32) + ":12:" + strings.Repeat("0a", 32),
		Statement: billing.Statement{
			ID: id(95), Month: billing.Month{Year: 2026, Month: time.October}, MadeAt: ago(72 * time.Hour), Seller: "Northern Computing GmbH", TaxID: "DE123456789", Buyer: "Heliophysics", Zone: time.UTC,
			Currency: "EUR", Hours: billing.StatementHours{Opening: 20 * hour, Bought: 1200 * hour, Used: 412 * hour, Expired: 20 * hour, Closing: 788 * hour},
			Prepaid: billing.StatementPrepaid{Opening: 90, Sold: 5_400, Used: 1_854, Expired: 90, Closing: 3_546}, Owed: billing.StatementOwed{Invoiced: 5_400, Closing: 5_400},
		},
		List: ui.ListProps{Path: "/org/statements/" + id(95).String(), PerPage: 50, Total: 2},
		Uses: []sales.StatementUse{
			{ClusterID: id(20), Cluster: "solar-wind", Person: "Ada Lovelace", References: references(), Used: 400 * hour, Cost: cost(1_800)},
			{ClusterID: id(21), Cluster: "trial", Person: "Ben Böhm", Used: 12 * hour, Cost: cost(54)},
		},
		Parts: []sales.StatementPart{
			{By: "member", Sums: []sales.StatementSum{{Name: "Ada Lovelace", Used: 400 * hour, Cost: cost(1_800)}, {Name: "Ben Böhm", Used: 12 * hour, Cost: cost(54)}}},
			{By: "cost_centre", Sums: []sales.StatementSum{{Name: "4711", Used: 400 * hour, Cost: cost(1_800)}, {Used: 12 * hour, Cost: cost(54)}}},
		},
	}
}

func periodList() provider.PeriodListProps {
	return provider.PeriodListProps{
		Layout: providerLayout(), List: ui.ListProps{Path: "/provider/periods", PerPage: 50, Total: 3},
		Periods: []provider.PeriodRow{
			{Month: "2026-11", Name: "November 2026"},
			{Month: "2026-10", Name: "October 2026", Closed: ago(72 * time.Hour), ClosedBy: "Cleo Account", Statements: 4},
			{Month: "2026-09", Name: "September 2026", Closed: ago(900 * time.Hour), Statements: 3},
		},
	}
}

func period(closed bool) provider.PeriodShowProps {
	from, until := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	p := provider.PeriodShowProps{
		Layout: providerLayout(), Month: "2026-10", Name: "October 2026", From: from, Until: until, Zone: "UTC", MayCloseAt: until.AddDate(0, 0, 5), Over: true, Due: true, MayClose: true,
		Checks: []provider.PeriodCheck{
			{Title: "All proven use is booked", Blocks: true},
			{Title: "The last audit run found the ledger whole", Found: "the audit run of 2026-11-07 found a difference", Next: "An admin of the platform reads on its first page what differs, and mends it.", Blocks: true},
			{Title: "No order of the month waits", Found: "2 orders wait", Next: "An order that is approved later is in the accounts of the month in which that is done."},
		},
		Files: []provider.PeriodFile{{Name: "usage-runs.csv"}, {Name: "usage.xlsx"}, {Name: "trial-balance.csv"}, {Name: "journal.csv"}, {Name: "heads.txt"}},
	}
	if closed {
		p.Closed, p.ClosedBy, p.Statements, p.Checks = ago(72*time.Hour), "Cleo Account", 4, nil
		for i := range p.Files {
			p.Files[i].Size, p.Files[i].SHA256 = int64(4_812*(i+1)), strings.Repeat("4f", 32)
		}
	}
	return p
}

func accountsForm() provider.AccountsProps {
	p := provider.AccountsProps{Layout: providerLayout(), GraceDays: "5"}
	for _, a := range billing.MoneyAccounts() {
		p.Accounts = append(p.Accounts, provider.AccountCode{Account: string(a)})
	}
	p.Accounts[0].Code, p.Accounts[4].Code = "1400", "8400"
	return p
}
