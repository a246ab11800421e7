package handlers_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"volary.dev/handlers/handlertest"
)

// unlinked says of routes for whom no page links to them (nil: for nobody who is signed in), and why.
func unlinked() map[string]struct {
	who []who
	why string
} {
	type none = struct {
		who []who
		why string
	}
	strangers := none{nil, "for who is signed out"}
	mailed := none{nil, "in mails alone"}
	given := none{slices.DeleteFunc(all(), func(p who) bool {
		return slices.Contains(access{handlertest.Owner, handlertest.Manager, handlertest.Member, handlertest.Auditor}, p)
	}), "by its address alone, which the group of the test gives away"}
	return map[string]none{
		"/certificates/:address": given, "/certificates/:address/envelope.json": given,
		"/sign-in": strangers, "/sign-up": strangers, "/reset": strangers,
		"/confirm": mailed, "/confirm-email": mailed, "/reset/choose": mailed, "/invitations/:token": mailed,
		"/healthz":                                      {all(), "for load balancers"},
		"/readyz":                                       {all(), "for load balancers"},
		"/events":                                       {all(), "a stream that scripts follow"},
		"/uploads/:id/sums":                             {all(), "what the script of an upload asks"},
		"/org/usage.csv":                                {all(), "of a month in which something was used"},
		"/org/usage.xlsx":                               {all(), "of a month in which something was used"},
		"/org/usage.jsonl":                              {all(), "offered with exports, where there is a provider"},
		"/org/exports/focus.csv":                        {all(), "offered where there is a provider"},
		"/org/exports/focus.json":                       {all(), "offered where there is a provider"},
		"/org/exports/apel.zip":                         {all(), "offered where there is a provider"},
		"/provider/exports/apel.zip":                    {all(), "the button of a form"},
		"/provider/usage.csv":                           {all(), "of a month in which something was used"},
		"/provider/invoices.xlsx":                       {all(), "a second button of a form"},
		"/provider/usage.xlsx":                          {all(), "of a month in which something was used"},
		"/org/wallet/purchases":                         {access{handlertest.OtherOwner}, "linked from a wallet's hours"},
		"/provider/credit-notes/new":                    {access{handlertest.OtherAdmin}, "offered on an invoice"},
		"/org/invoices/:id/invoice.xml":                 {all(), "offered where a paper says how it is taxed"},
		"/org/credit-notes/:id/credit-note.xml":         {all(), "offered where a paper says how it is taxed"},
		"/provider/invoices/:id/invoice.xml":            {all(), "offered where a paper says how it is taxed"},
		"/provider/credit-notes/:id/credit-note.xml":    {all(), "offered where a paper says how it is taxed"},
		"/provider/hosts/new":                           {access{handlertest.OtherAdmin}, "offered where there is a pool"},
		"/anchors":                                      {all(), "linked where a ledger is downloaded, and by the documentation"},
		"/anchors/heads.json":                           {all(), "of the days that are listed, and in mails"},
		"/provider/anchors/heads.json":                  mailed,
		"/org/ledger.jsonl":                             {access{handlertest.OtherOwner}, "linked from a wallet's ledger"},
		"/org/clusters/:id/scale":                       {all(), "offered by a cluster that runs"},
		"/org/clusters/:id/nodes/:node/console/ws":      {all(), "a WebSocket that scripts open"},
		"/provider/clusters/:id/nodes/:node/console/ws": {all(), "a WebSocket that scripts open"},
	}
}

// unreached are the GET routes that a person may open, and to which they found no way. Whoever has nothing is not
// expected at what others own.
func unreached(p who, seen map[string]bool) []string {
	var list []string
	found := map[string]bool{}
	for path := range seen {
		path, _, _ = strings.Cut(path, "?")
		found[patternOf(path)] = true
	}
	for _, r := range matrix() {
		pattern, isGet := strings.CutPrefix(r.route, http.MethodGet+" ")
		others := r.owned && (p == handlertest.OtherOwner || p == handlertest.OtherAdmin)
		if !isGet || !slices.Contains(r.may, p) || found[pattern] || others {
			continue
		}
		if _, form := formOfPage()[pattern]; form && slices.Contains(access{handlertest.Auditor, handlertest.StaffAuditor, handlertest.RootAuditor}, p) {
			continue // a form that they do not fill in
		}
		if not, ok := unlinked()[pattern]; ok && (slices.Contains(not.who, p) || not.who == nil && p != anonymous) {
			continue
		}
		list = append(list, pattern)
	}
	return list
}

// patternOf is the route of a path: one without parameters, or else the one with the fewest.
func patternOf(path string) string {
	best := ""
	for _, r := range matrix() {
		pattern, isGet := strings.CutPrefix(r.route, http.MethodGet+" ")
		if isGet && fits(pattern, path) && (best == "" || strings.Count(pattern, ":") < strings.Count(best, ":")) {
			best = pattern
		}
	}
	return best
}

func fits(pattern, path string) bool {
	if whole, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(path, whole)
	}
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	return slices.EqualFunc(want, got, func(w, g string) bool { return w == g || strings.HasPrefix(w, ":") && g != "" })
}

func TestPatternOf(t *testing.T) {
	for path, want := range map[string]string{
		"/":                                   "/",
		"/org/orders/new":                     "/org/orders/new",
		"/org/orders/1":                       "/org/orders/:id",
		"/static/x.css":                       "/static/*",
		"/invitations/token":                  "/invitations/:token",
		"/org/clusters/1/nodes/2/console.log": "/org/clusters/:id/nodes/:node/console.log",
		"/nowhere":                            "",
	} {
		if got := patternOf(path); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
}
