package handlers_test

import (
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	xhtml "golang.org/x/net/html"

	"volary.dev/handlers/handlertest"
)

// No page shows anybody a form whose POST they may not send, nor a link to a page that is such a form: not as an auditor, not for
// the bills, not as a member, nor as anybody else. What each finds is looked at by following every link, and at every page that
// their role may open by its address.
func TestNobodyIsShownAFormThatIsRefused(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	paths := worldPaths(a, w)
	a.Apply(w)
	for _, p := range everyone() {
		if p == anonymous {
			continue
		}
		b := a.SignIn(string(p))
		queue, seen := []string{"/", "/workplaces", "/market?nodes=1&vcpus=1&memory=0.25&disk=2&hours=1"}, map[string]bool{}
		for _, r := range matrix() {
			pattern, isGet := strings.CutPrefix(r.route, http.MethodGet+" ")
			if others := r.owned && (p == handlertest.OtherOwner || p == handlertest.OtherAdmin); isGet && slices.Contains(r.may, p) && !others && !unasked(pattern) {
				queue = append(queue, paths(pattern))
			}
		}
		for len(queue) > 0 {
			at := queue[0]
			queue = queue[1:]
			plain, query, _ := strings.Cut(at, "?")
			if look := plain + queried(query); seen[look] || !strings.HasPrefix(at, "/") || unasked(plain) {
				continue
			} else {
				seen[look] = true
			}
			got := b.Get(at)
			if got.Status != http.StatusOK || !strings.HasPrefix(got.Header.Get("Content-Type"), "text/html") {
				continue
			}
			queue = append(queue, checkForms(t, at, p, got.Body)...)
		}
		if len(seen) < 5 {
			t.Errorf("%s sees %d pages", p, len(seen))
		}
	}
}

// queried names what a query asks for, without the values: a page that is sorted another way has the same forms.
func queried(query string) string {
	values, _ := url.ParseQuery(query)
	return "?" + strings.Join(slices.Sorted(maps.Keys(values)), "&")
}

// unasked are routes that answer with a stream or no page.
func unasked(pattern string) bool {
	return pattern == "/events" || strings.HasSuffix(pattern, "/ws") || strings.HasSuffix(pattern, "*") || strings.Contains(pattern, "console") ||
		slices.Contains([]string{".csv", ".xlsx", ".jsonl"}, path.Ext(pattern))
}

// checkForms looks at the forms and links of a page, and gives the links.
func checkForms(t *testing.T, at string, p who, page string) (next []string) {
	t.Helper()
	doc, err := xhtml.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		switch n.Data {
		case "form":
			for _, to := range postsTo(n) {
				to, _, _ = strings.Cut(to, "#")
				if row := postOf(to); row == nil || !slices.Contains(row.may, p) {
					t.Errorf("%s shows %s a form to %s, which they may not send", at, p, to)
				}
			}
		case "a":
			href, _, _ := strings.Cut(attribute(n, "href"), "#")
			plain, _, _ := strings.Cut(href, "?")
			if route, is := formOfPage()[patternOf(plain)]; is && !slices.Contains(rowOf(route).may, p) {
				t.Errorf("%s leads %s to %s, a form that they may not send", at, p, href)
			}
			next = append(next, href)
		}
	}
	return next
}

// postsTo are the addresses that a form posts to, by itself and by its buttons.
func postsTo(form *xhtml.Node) (to []string) {
	if attribute(form, "method") == "post" {
		to = append(to, attribute(form, "action"))
	}
	for n := range form.Descendants() {
		if n.Data != "button" || attribute(n, "formmethod") != "post" && (attribute(form, "method") != "post" || attribute(n, "formaction") == "" || attribute(n, "formmethod") == "get") {
			continue
		}
		if action := attribute(n, "formaction"); action != "" {
			to = append(to, action)
		} else {
			to = append(to, attribute(form, "action"))
		}
	}
	return to
}

// postOf is the row of the matrix for a POST to an address; nil: there is none.
func postOf(to string) (best *row) {
	to, _, _ = strings.Cut(to, "?")
	rows := matrix()
	for i, r := range rows {
		pattern, isPost := strings.CutPrefix(r.route, http.MethodPost+" ")
		if isPost && fits(pattern, to) && (best == nil || strings.Count(pattern, ":") < strings.Count(best.route, ":")) {
			best = &rows[i]
		}
	}
	return best
}

func rowOf(route string) row {
	rows := matrix()
	if i := slices.IndexFunc(rows, func(r row) bool { return r.route == route }); i >= 0 {
		return rows[i]
	}
	return row{}
}

// formOfPage is what each page that is a form sends.
func formOfPage() map[string]string {
	pages := map[string]string{}
	for _, r := range matrix() {
		pattern, isGet := strings.CutPrefix(r.route, http.MethodGet+" ")
		switch last := path.Base(pattern); {
		case !isGet:
		case last == "delete" || last == "remove":
			pages[pattern] = http.MethodPost + " " + pattern
		case last == "new" || last == "edit":
			pages[pattern] = http.MethodPost + " " + path.Dir(pattern)
		}
	}
	pages["/org/images/new"] = "POST /uploads/"
	return pages
}

func TestFormsOfPagesAreRoutes(t *testing.T) {
	for page, route := range formOfPage() {
		if rowOf(route).route == "" {
			t.Errorf("%s sends to %s, which is no route", page, route)
		}
	}
	if row := postOf("/org/requests/" + uuid.NewString() + "/approve"); row == nil || row.route != "POST /org/requests/:id/approve" {
		t.Errorf("approving is %v", row)
	}
}
