package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"volary.dev/billing"
	"volary.dev/handlers/handlertest"
)

// TestClosingPages: the months of a provider, what a month needs to be closed, and its files before and after.
func TestClosingPages(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	a.Sell(w)
	a.Statement(w)
	b := a.SignIn(handlertest.Accountant)
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	month := billing.MonthOf(time.Now(), zone)
	present := "/provider/periods/" + month.String()
	says(t, "the months", b.Get("/provider/periods"), http.StatusOK, month.Words(), "September 2025", "open", "closed")
	says(t, "the present month", b.Get(present), http.StatusOK, "The month and its days of grace are over", "October 2025 is open", "These files are provisional", "trial-balance.csv")
	says(t, "closing it", b.Post(present+"/close", nil), http.StatusUnprocessableEntity, month.Words()+" is not over: it ends at 1 ", "provisional until then")
	says(t, "closing what is closed", b.Post("/provider/periods/"+handlertest.ClosedMonth+"/close", nil), http.StatusConflict, "September 2025 was closed at")
	says(t, "a month between", b.Post("/provider/periods/2025-11/close", nil), http.StatusUnprocessableEntity, "October 2025 is open still", "Close October 2025 first.")
	says(t, "closing one", b.Post("/provider/periods/2025-10/close", nil), http.StatusSeeOther)
	says(t, "a month of nobody's", b.Get("/provider/periods/2020-01"), http.StatusNotFound)
	says(t, "no month", b.Get("/provider/periods/soon"), http.StatusNotFound)
	for path, want := range map[string][]string{
		present + "/files/journal.csv":                      {"journal-" + month.String() + "-provisional.csv", ",provisional", "receivable"},
		present + "/files/trial-balance.csv":                {"trial-balance-" + month.String() + "-provisional.csv", ",provisional", "9.00"},
		present + "/files/roll-forward-totals.csv":          {"roll-forward-totals-" + month.String() + "-provisional.csv", ",provisional", "9.00"},
		present + "/files/heads.txt":                        {"heads-" + month.String() + "-provisional.txt", "volary-head-1:"},
		"/provider/periods/2025-10/files/usage-totals.csv":  {"usage-totals-2025-10.csv", ",closed"},
		"/provider/usage.csv?month=2025-10&lines=totals":    {"usage-2025-10-totals.csv", ",closed"},
		"/provider/usage.jsonl?month=2025-10&lines=totals":  {"usage-2025-10-totals.jsonl", `"closed"`},
		"/provider/usage.csv?lines=totals":                  {"usage-" + month.String() + "-totals-provisional.csv", ",provisional"},
		"/provider/invoices.csv":                            {"invoices-" + month.String() + "-provisional.csv", ",provisional"},
		"/provider/invoices.csv?month=2025-10&lines=totals": {"invoices-2025-10-totals.csv", "invoice_lines"},
	} {
		got := b.Get(path)
		says(t, path, got, http.StatusOK, want[1:]...)
		if name := got.Header.Get("Content-Disposition"); !strings.Contains(name, `"`+want[0]+`"`) {
			t.Errorf("%s is sent as %s", path, name)
		}
	}
	says(t, "a file that is none", b.Get(present+"/files/passwords.csv"), http.StatusNotFound)
	form := url.Values{"grace_days": {"61"}, "receivable": {"1 400"}}
	says(t, "bad accounts", b.Post("/provider/accounts", form), http.StatusUnprocessableEntity, `value="61"`, `value="1 400"`)
	form.Set("grace_days", "3")
	says(t, "a bad code", b.Post("/provider/accounts", form), http.StatusUnprocessableEntity, "Write up to 20 letters", `value="1 400"`)
	form.Set("receivable", "1400")
	says(t, "good accounts", b.Post("/provider/accounts", form), http.StatusSeeOther)
	says(t, "the accounts", b.Get("/provider/accounts"), http.StatusOK, `value="3"`, `value="1400"`)
	says(t, "the journal by codes", b.Get(present+"/files/journal.csv"), http.StatusOK, ",receivable,1400,")
}

// TestStatementPages: the statements of an organization, and why there is none of a month.
func TestStatementPages(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	a.Sell(w)
	b := a.SignIn(handlertest.Billing)
	says(t, "none", b.Get("/org/statements"), http.StatusOK, "No statement yet")
	id := a.Statement(w)
	ask := func(month string) string { return "/org/statements?month=" + month + "&provider=" + w.North.String() }
	says(t, "a month that runs", b.Get(ask(time.Now().Format("2006-01"))), http.StatusUnprocessableEntity, "is not over at", "provisional figures")
	says(t, "an open month", b.Get(ask("2025-10")), http.StatusUnprocessableEntity, "has not closed October 2025 yet, which it does 5 days or later")
	says(t, "no month", b.Get(ask("soon")), http.StatusUnprocessableEntity, "Write the month as 2026-11.")
	says(t, "another provider", b.Get("/org/statements?month=2025-09&provider="+w.South.String()), http.StatusNotFound)
	says(t, "a closed month", b.Get(ask(handlertest.ClosedMonth)), http.StatusSeeOther)
	says(t, "the statement", b.Get("/org/statements/"+id.String()), http.StatusOK, "Statement of September 2025", "At the beginning", "volary-head-1:")
	says(t, "its file", b.Get("/org/statements/"+id.String()+"/statement.csv"), http.StatusOK, "hours,closing,0,", "volary-head-1:")
	other := a.SignIn(handlertest.OtherOwner)
	says(t, "another organization's", other.Get("/org/statements/"+id.String()), http.StatusNotFound)
}
