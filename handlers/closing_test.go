package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"volary.dev/handlers/handlertest"
)

// TestClosingPages: the months of a provider, what a month needs to be closed, and its files before and after.
func TestClosingPages(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	a.Sell(w)
	a.Statement(w)
	b := a.SignIn(handlertest.Accountant)
	closed := handlertest.ClosedMonth()
	between := closed.Next()
	month := between.Next()
	form := url.Values{"grace_days": {"61"}, "receivable": {"1 400"}}
	says(t, "bad accounts", b.Post("/provider/accounts", form), http.StatusUnprocessableEntity, `value="61"`, `value="1 400"`)
	form.Set("grace_days", "0")
	says(t, "a bad code", b.Post("/provider/accounts", form), http.StatusUnprocessableEntity, "Write up to 20 letters", `value="1 400"`)
	form.Set("receivable", "1400")
	says(t, "good accounts", b.Post("/provider/accounts", form), http.StatusSeeOther)
	says(t, "the accounts", b.Get("/provider/accounts"), http.StatusOK, `value="0"`, `value="1400"`)

	present, done := "/provider/periods/"+month.String(), "/provider/periods/"+between.String()
	says(t, "the months", b.Get("/provider/periods"), http.StatusOK, month.Words(), closed.Words(), "open", "closed")
	says(t, "the present month", b.Get(present), http.StatusOK, "The month and its days of grace are over", between.Words()+" is open", "These files are provisional", "trial-balance.csv")
	says(t, "closing it", b.Post(present+"/close", nil), http.StatusUnprocessableEntity, month.Words()+" is not over: it ends at 1 ", "provisional until then")
	says(t, "closing what is closed", b.Post("/provider/periods/"+closed.String()+"/close", nil), http.StatusConflict, closed.Words()+" was closed at")
	says(t, "a month of nobody's", b.Get("/provider/periods/2020-01"), http.StatusNotFound)
	says(t, "no month", b.Get("/provider/periods/soon"), http.StatusNotFound)
	says(t, "one that can be closed", b.Get(done), http.StatusOK, "Close "+between.Words())
	says(t, "closing one", b.Post(done+"/close", nil), http.StatusSeeOther)
	says(t, "one that is closed", b.Get(done), http.StatusOK, "This month is closed.", "SHA-256")
	for path, want := range map[string][]string{
		present + "/files/journal.csv":                                  {"journal-" + month.String() + "-provisional.csv", ",provisional", ",receivable,1400,"},
		present + "/files/trial-balance.csv":                            {"trial-balance-" + month.String() + "-provisional.csv", ",provisional", "9.00"},
		present + "/files/roll-forward-totals.csv":                      {"roll-forward-totals-" + month.String() + "-provisional.csv", ",provisional", "9.00"},
		present + "/files/heads.txt":                                    {"heads-" + month.String() + "-provisional.txt", "volary-head-1:"},
		done + "/files/usage-totals.csv":                                {"usage-totals-" + between.String() + ".csv", ",closed"},
		"/provider/usage.csv?lines=totals&month=" + between.String():    {"usage-" + between.String() + "-totals.csv", ",closed"},
		"/provider/usage.jsonl?lines=totals&month=" + between.String():  {"usage-" + between.String() + "-totals.jsonl", `"closed"`},
		"/provider/usage.csv?lines=totals":                              {"usage-" + month.String() + "-totals-provisional.csv", ",provisional"},
		"/provider/invoices.csv":                                        {"invoices-" + month.String() + "-provisional.csv", ",provisional"},
		"/provider/invoices.csv?lines=totals&month=" + between.String(): {"invoices-" + between.String() + "-totals.csv", "invoice_lines"},
	} {
		got := b.Get(path)
		says(t, path, got, http.StatusOK, want[1:]...)
		if name := got.Header.Get("Content-Disposition"); !strings.Contains(name, `"`+want[0]+`"`) {
			t.Errorf("%s is sent as %s", path, name)
		}
	}
	says(t, "a file that is none", b.Get(present+"/files/passwords.csv"), http.StatusNotFound)
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
	says(t, "a month that runs", b.Get(ask(handlertest.ClosedMonth().Next().Next().String())), http.StatusUnprocessableEntity, "is not over at", "provisional figures")
	closed := handlertest.ClosedMonth()
	open := closed.Next()
	says(t, "an open month", b.Get(ask(open.String())), http.StatusUnprocessableEntity, "has not closed "+open.Words()+" yet, which it does 5 days or later")
	says(t, "no month", b.Get(ask("soon")), http.StatusUnprocessableEntity, "Write the month as 2026-11.")
	says(t, "another provider", b.Get("/org/statements?month="+closed.String()+"&provider="+w.South.String()), http.StatusNotFound)
	says(t, "a closed month", b.Get(ask(closed.String())), http.StatusSeeOther)
	says(t, "the statement", b.Get("/org/statements/"+id.String()), http.StatusOK, "Statement of "+closed.Words(), "At the beginning", "volary-head-1:")
	says(t, "its file", b.Get("/org/statements/"+id.String()+"/statement.csv"), http.StatusOK, "hours,closing,0,", "volary-head-1:")
	other := a.SignIn(handlertest.OtherOwner)
	says(t, "another organization's", other.Get("/org/statements/"+id.String()), http.StatusNotFound)
}
