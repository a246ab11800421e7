package handlers_test

import (
	"cmp"
	"html"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	xhtml "golang.org/x/net/html"

	"volary.dev/handlers/handlertest"
)

// hostileValues are what no page sends: bytes that are no text, and what no type has room for.
func hostileValues() []string {
	return []string{"\x00", "a\xff\xfe", "9223372036854775807", "294277-01-01"}
}

// typedForm is a form of a page with what it holds.
type typedForm struct {
	method, action string
	values         url.Values
	fields         []string // that a person may change, selects among them
}

func formsOf(page string) (list []typedForm) {
	doc, err := xhtml.Parse(strings.NewReader(page))
	if err != nil {
		return nil
	}
	for n := range doc.Descendants() {
		if n.Data != "form" {
			continue
		}
		f := typedForm{method: strings.ToUpper(attribute(n, "method")), action: attribute(n, "action"), values: url.Values{}}
		for x := range n.Descendants() {
			name := attribute(x, "name")
			if name == "" {
				continue
			}
			switch x.Data {
			case "input":
				f.values.Set(name, attribute(x, "value"))
			case "select":
				for o := range x.Descendants() {
					if o.Data == "option" && !f.values.Has(name) {
						f.values.Set(name, attribute(o, "value"))
					}
				}
			case "textarea":
			default:
				continue
			}
			f.fields = append(f.fields, name)
		}
		list = append(list, f)
	}
	return list
}

// No value of any field of any form, and of no address, is a fault of ours: whoever sends them is refused, and the log stays quiet.
func TestHostileValuesAreRefused(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	worldPaths(a, w)
	a.Apply(w)
	tried := map[string]bool{}
	for _, p := range []who{handlertest.Owner, handlertest.Admin, handlertest.PlatformAdmin} {
		b := a.SignIn(string(p))
		for _, f := range everyForm(b) {
			if slices.Contains([]string{"/sign-out", "/switch", "/account/password", "/account/email", "/org/leave", "/account/sessions/end-others"}, f.action) {
				continue // ends what the rest is tried with
			}
			for _, field := range f.fields {
				if key := f.method + routeLike(f.action) + field; !tried[key] {
					tried[key] = true
					f.try(t, b, field)
				}
			}
		}
		for _, path := range []string{"/uploads/%ff/sums", "/uploads/%00/sums", "/org/clusters/%ff", "/invitations/%00", "/confirm?token=%ff", "/market/providers/%ff"} {
			if got := b.Get(path); got.Status >= http.StatusInternalServerError {
				t.Errorf("%s as %s: %d", path, p, got.Status)
			}
		}
	}
	if len(tried) < 500 {
		t.Errorf("%d fields are tried", len(tried))
	}
}

// everyForm is each form that the pages show to somebody, and for each page what its address may hold.
func everyForm(b *handlertest.Browser) (all []typedForm) {
	seen, queue := map[string]bool{}, []string{"/", "/workplaces", "/org", "/provider", "/platform", "/account"}
	for len(queue) > 0 {
		path := queue[0]
		queue = queue[1:]
		at, _, _ := strings.Cut(path, "?")
		if seen[path] || !strings.HasPrefix(path, "/") || strings.Contains(path, "console") {
			continue
		}
		seen[path] = true
		got := b.Get(path)
		if got.Status == http.StatusSeeOther {
			queue = append(queue, got.Header.Get("Location"))
			continue
		}
		for _, m := range links.FindAllStringSubmatch(got.Body, -1) {
			link, _, _ := strings.Cut(html.UnescapeString(m[1]), "#")
			if bare, _, asks := strings.Cut(link, "?"); !asks || !seen[bare] {
				queue = append(queue, link)
			}
		}
		for _, f := range formsOf(got.Body) {
			f.action = cmp.Or(f.action, at)
			all = append(all, f)
		}
		all = append(all, typedForm{http.MethodGet, at, url.Values{}, []string{"sort", "from", "desc", "q", "made_for"}})
	}
	return all
}

func (f typedForm) try(t *testing.T, b *handlertest.Browser, field string) {
	t.Helper()
	for _, v := range hostileValues() {
		form := maps.Clone(f.values)
		form.Del("slip")
		form.Set(field, v)
		method, path := f.method, f.action
		if method != http.MethodPost {
			method, path, form = http.MethodGet, path+"?"+form.Encode(), nil
		}
		if got := b.Do(method, path, form, nil); got.Status >= http.StatusInternalServerError {
			t.Errorf("%s %s with %s=%q: %d", method, f.action, field, v, got.Status)
		}
	}
}

// routeLike is an address without its ids.
func routeLike(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if len(p) >= 32 {
			parts[i] = ":id"
		}
	}
	return strings.Join(parts, "/")
}
