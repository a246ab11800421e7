package handlers

import (
	"volary.dev/handlers/org"
	"volary.dev/handlers/provider"
	"volary.dev/handlers/request"
)

// orgSalesRoutes are those by which an organization buys.
func orgSalesRoutes(o org.Handlers) []route {
	return []route{
		{get, "/org/wallet", request.OrgRead, o.ShowWallet, costly},
		{get, "/org/wallet/purchases", request.OrgRead, o.ListPurchases, ordinary},
		{get, "/org/ledger.jsonl", request.OrgUsage, o.ExportLedger, exporting},
		{get, "/org/orders", request.OrgOrder, o.ListOrders, ordinary},
		{post, "/org/orders", request.OrgOrder, o.CreateOrder, ordinary},
		{get, "/org/orders/new", request.OrgOrder, o.NewOrder, ordinary},
		{get, "/org/orders/quote", request.OrgOrder, o.ShowOrderQuote, ordinary},
		{get, "/org/orders/:id", request.OrgOrder, o.ShowOrder, ordinary},
		{post, "/org/orders/:id/withdraw", request.OrgOrder, o.WithdrawOrder, ordinary},
		{get, "/org/exports", request.OrgUsage, o.ShowExports, ordinary},
		{get, "/org/exports/focus.csv", request.OrgUsage, o.ExportFocus, exporting},
		{get, "/org/exports/focus.json", request.OrgUsage, o.ExportFocusMetadata, ordinary},
		{get, "/org/exports/apel.zip", request.OrgUsage, o.ExportApel, exporting},
		{get, "/org/statements", request.OrgOrder, o.ListStatements, ordinary},
		{get, "/org/statements/:id", request.OrgOrder, o.ShowStatement, ordinary},
		{get, "/org/statements/:id/statement.csv", request.OrgOrder, o.ExportStatement, exporting},
		{get, "/org/invoices", request.OrgOrder, o.ListInvoices, ordinary},
		{get, "/org/invoices/:id", request.OrgOrder, o.ShowInvoice, ordinary},
		{get, "/org/invoices/:id/invoice.pdf", request.OrgOrder, o.DownloadInvoicePDF, exporting},
		{get, "/org/invoices/:id/invoice.xml", request.OrgOrder, o.DownloadInvoiceUBL, exporting},
		{get, "/org/credit-notes", request.OrgOrder, o.ListCreditNotes, ordinary},
		{get, "/org/credit-notes/:id", request.OrgOrder, o.ShowCreditNote, ordinary},
		{get, "/org/credit-notes/:id/credit-note.pdf", request.OrgOrder, o.DownloadCreditNotePDF, exporting},
		{get, "/org/credit-notes/:id/credit-note.xml", request.OrgOrder, o.DownloadCreditNoteUBL, exporting},
		{get, "/org/payments", request.OrgOrder, o.ListPayments, ordinary},
		{get, "/org/settings", request.OrgOrder, o.EditSettings, ordinary},
		{post, "/org/settings", request.OrgOrder, o.UpdateSettings, ordinary},
	}
}

// providerSalesRoutes are those by which a provider sells.
func providerSalesRoutes(v provider.Handlers) []route {
	return []route{
		{get, "/provider/offers", request.ProviderRead, v.ListOffers, ordinary},
		{post, "/provider/offers", request.ProviderPrices, v.CreateOffer, lasting},
		{get, "/provider/offers/new", request.ProviderPrices, v.NewOffer, ordinary},
		{get, "/provider/offers/:id", request.ProviderRead, v.ShowOffer, ordinary},
		{post, "/provider/offers/:id/prices", request.ProviderPrices, v.CreatePrice, lasting},
		{post, "/provider/offers/:id/prices/:price/withdraw", request.ProviderPrices, v.WithdrawPrice, lasting},
		{post, "/provider/offers/:id/end", request.ProviderPrices, v.EndOffer, lasting},

		{get, "/provider/anchors/heads.json", request.ProviderUsage, v.DownloadAnchor, costly},
		{get, "/provider/ledger.jsonl", request.ProviderUsage, v.ExportLedger, exporting},
		{get, "/provider/grants", request.ProviderOrders, v.ListGrants, ordinary},
		{post, "/provider/grants", request.ProviderOrders, v.CreateGrant, lasting},
		{get, "/provider/grants/new", request.ProviderOrders, v.NewGrant, ordinary},

		{get, "/provider/orders", request.ProviderOrders, v.ListOrders, ordinary},
		{get, "/provider/orders/:id", request.ProviderOrders, v.ShowOrder, ordinary},
		{post, "/provider/orders/:id/approve", request.ProviderOrders, v.ApproveOrder, ordinary},
		{post, "/provider/orders/:id/reject", request.ProviderOrders, v.RejectOrder, ordinary},
		{get, "/provider/usage.jsonl", request.ProviderUsage, v.ExportUsageLines, exporting},
		{get, "/provider/exports", request.ProviderUsage, v.ShowExports, ordinary},
		{get, "/provider/exports/focus.csv", request.ProviderUsage, v.ExportFocus, exporting},
		{get, "/provider/exports/focus.json", request.ProviderUsage, v.ExportFocusMetadata, ordinary},
		{get, "/provider/exports/apel.zip", request.ProviderUsage, v.ExportApel, exporting},
		{get, "/provider/periods", request.ProviderUsage, v.ListPeriods, ordinary},
		{get, "/provider/periods/:month", request.ProviderUsage, v.ShowPeriod, costly},
		{post, "/provider/periods/:month/close", request.ProviderOrders, v.ClosePeriod, costly},
		{get, "/provider/periods/:month/files/:name", request.ProviderUsage, v.DownloadPeriodFile, exporting},
		{get, "/provider/accounts", request.ProviderUsage, v.EditAccounts, ordinary},
		{post, "/provider/accounts", request.ProviderOrders, v.UpdateAccounts, ordinary},
		{get, "/provider/taxes", request.ProviderUsage, v.ListTaxes, ordinary},
		{post, "/provider/taxes/rates", request.ProviderOrders, v.CreateTaxRate, ordinary},
		{post, "/provider/taxes/exemptions", request.ProviderOrders, v.CreateTaxExemption, ordinary},
		{get, "/provider/invoices", request.ProviderOrders, v.ListInvoices, ordinary},
		{get, "/provider/invoices.csv", request.ProviderOrders, v.ExportInvoices, exporting},
		{get, "/provider/invoices.xlsx", request.ProviderOrders, v.ExportInvoicesWorkbook, exporting},
		{get, "/provider/invoices/:id", request.ProviderOrders, v.ShowInvoice, ordinary},
		{get, "/provider/invoices/:id/invoice.pdf", request.ProviderOrders, v.DownloadInvoicePDF, exporting},
		{get, "/provider/invoices/:id/invoice.xml", request.ProviderOrders, v.DownloadInvoiceUBL, exporting},
		{post, "/provider/invoices/:id/use-credit", request.ProviderOrders, v.UseCredit, ordinary},
		{get, "/provider/credit-notes", request.ProviderOrders, v.ListCreditNotes, ordinary},
		{post, "/provider/credit-notes", request.ProviderOrders, v.CreateCreditNote, ordinary},
		{get, "/provider/credit-notes/new", request.ProviderOrders, v.NewCreditNote, ordinary},
		{get, "/provider/credit-notes/:id", request.ProviderOrders, v.ShowCreditNote, ordinary},
		{get, "/provider/credit-notes/:id/credit-note.pdf", request.ProviderOrders, v.DownloadCreditNotePDF, exporting},
		{get, "/provider/credit-notes/:id/credit-note.xml", request.ProviderOrders, v.DownloadCreditNoteUBL, exporting},
		{get, "/provider/receivables", request.ProviderOrders, v.ListReceivables, costly},
		{get, "/provider/payments", request.ProviderOrders, v.ListPayments, ordinary},
		{post, "/provider/payments", request.ProviderOrders, v.CreatePayment, ordinary},
		{get, "/provider/payments/new", request.ProviderOrders, v.NewPayment, ordinary},
		{get, "/provider/repayments/new", request.ProviderOrders, v.NewRepayment, ordinary},
		{post, "/provider/repayments", request.ProviderOrders, v.CreateRepayment, ordinary},
	}
}
