package handlers_test

import (
	"net/http"

	"volary.dev/handlers/handlertest"
)

func orgOrder() access {
	return access{handlertest.Owner, handlertest.Manager, handlertest.Billing, handlertest.OtherOwner}
}

// salesMatrix are the rows of what is bought and sold.
func salesMatrix() []row {
	page, decided := []int{http.StatusOK}, []int{http.StatusSeeOther, http.StatusUnprocessableEntity, http.StatusConflict}
	refused := []int{http.StatusUnprocessableEntity}
	return []row{
		{"GET /org/wallet", orgRead(), false, page},
		{"GET /org/wallet/purchases", orgRead(), false, page},
		{"GET /org/ledger.jsonl", orgOrder(), false, page},
		{"GET /org/orders", orgOrder(), false, page},
		{"POST /org/orders", orgOrder(), false, refused},
		{"GET /org/orders/new", orgOrder(), false, page},
		{"GET /org/orders/quote", orgOrder(), false, refused}, // of nothing
		{"GET /org/orders/:id", orgOrder(), true, page},
		{"GET /org/exports", orgOrder(), false, page},
		{"GET /org/exports/focus.csv", orgOrder(), false, page},
		{"GET /org/exports/focus.json", orgOrder(), false, page},
		{"GET /org/exports/apel.zip", orgOrder(), false, page},
		{"GET /org/statements", orgOrder(), false, page},
		{"GET /org/statements/:id", orgOrder(), true, page},
		{"GET /org/statements/:id/statement.csv", orgOrder(), true, page},
		{"GET /org/invoices", orgOrder(), false, page},
		{"GET /org/invoices/:id", orgOrder(), true, page},
		{"GET /org/invoices/:id/invoice.pdf", orgOrder(), true, page},
		{"GET /org/invoices/:id/invoice.xml", orgOrder(), true, []int{http.StatusUnprocessableEntity}}, // the seller has no country
		{"GET /org/credit-notes", orgOrder(), false, page},
		{"GET /org/credit-notes/:id", orgOrder(), true, page},
		{"GET /org/credit-notes/:id/credit-note.pdf", orgOrder(), true, page},
		{"GET /org/credit-notes/:id/credit-note.xml", orgOrder(), true, []int{http.StatusUnprocessableEntity}}, // the seller has no country
		{"GET /org/payments", orgOrder(), false, page},
		{"GET /org/settings", orgOrder(), false, page},
		{"POST /org/settings", orgOrder(), false, []int{http.StatusSeeOther}}, // all of it may be empty
		{"GET /provider/offers", staff(), false, page},
		{"POST /provider/offers", staffUsage(), false, refused},
		{"GET /provider/offers/new", staffUsage(), false, page},
		{"GET /provider/offers/:id", staff(), true, page},
		{"POST /provider/offers/:id/prices", staffUsage(), true, refused},
		{"POST /provider/offers/:id/prices/:price/withdraw", staffUsage(), true, []int{http.StatusNotFound, http.StatusSeeOther}}, // the first takes it
		{"GET /provider/grants", staffUsage(), false, page},
		{"POST /provider/grants", staffUsage(), false, refused},
		{"GET /provider/grants/new", staffUsage(), false, page},
		{"GET /provider/orders", staffUsage(), false, page},
		{"GET /provider/orders/:id", staffUsage(), true, page},
		{"GET /provider/exports", staffUsage(), false, page},
		{"GET /provider/exports/focus.csv", staffUsage(), false, page},
		{"GET /provider/exports/focus.json", staffUsage(), false, page},
		{"GET /provider/exports/apel.zip", staffUsage(), false, page},
		{"GET /provider/periods", staffUsage(), false, page},
		{"GET /provider/periods/:month", staffUsage(), true, page},
		{"POST /provider/periods/:month/close", staffUsage(), true, []int{http.StatusConflict}}, // it is closed
		{"GET /provider/periods/:month/files/:name", staffUsage(), true, page},
		{"GET /provider/accounts", staffUsage(), false, page},
		{"POST /provider/accounts", staffUsage(), false, refused},
		{"GET /provider/taxes", staffUsage(), false, page},
		{"POST /provider/taxes/rates", staffUsage(), false, refused},
		{"POST /provider/taxes/exemptions", staffUsage(), false, refused},
		{"GET /provider/invoices", staffUsage(), false, page},
		{"GET /provider/invoices.csv", staffUsage(), false, page},
		{"GET /provider/anchors/heads.json", staffUsage(), false, []int{http.StatusNotFound}}, // no day is asked for
		{"GET /provider/ledger.jsonl", staffUsage(), false, page},
		{"GET /provider/invoices.xlsx", staffUsage(), false, page},
		{"GET /provider/invoices/:id", staffUsage(), true, page},
		{"GET /provider/invoices/:id/invoice.pdf", staffUsage(), true, page},
		{"GET /provider/invoices/:id/invoice.xml", staffUsage(), true, []int{http.StatusUnprocessableEntity}},                      // the seller has no country
		{"POST /provider/invoices/:id/use-credit", staffUsage(), true, []int{http.StatusConflict, http.StatusUnprocessableEntity}}, // there is none
		{"GET /provider/credit-notes", staffUsage(), false, page},
		{"POST /provider/credit-notes", staffUsage(), false, refused},
		{"GET /provider/credit-notes/new", staffUsage(), false, []int{http.StatusSeeOther}}, // of no invoice
		{"GET /provider/credit-notes/:id", staffUsage(), true, page},
		{"GET /provider/credit-notes/:id/credit-note.pdf", staffUsage(), true, page},
		{"GET /provider/credit-notes/:id/credit-note.xml", staffUsage(), true, []int{http.StatusUnprocessableEntity}}, // the seller has no country
		{"GET /provider/receivables", staffUsage(), false, page},
		{"GET /provider/payments", staffUsage(), false, page},
		{"POST /provider/payments", staffUsage(), false, refused},
		{"GET /provider/payments/new", staffUsage(), false, page},
		{"POST /provider/repayments", staffUsage(), false, refused},
		{"GET /provider/repayments/new", staffUsage(), false, page},
		{"POST /provider/orders/:id/reject", staffUsage(), true, refused},
		{"POST /provider/orders/:id/approve", staffUsage(), true, decided},
		{"POST /provider/offers/:id/end", staffUsage(), true, decided},
		{"POST /org/orders/:id/withdraw", orgOrder(), true, decided},
	}
}
