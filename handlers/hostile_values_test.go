package handlers_test

import (
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	xhtml "golang.org/x/net/html"

	"volary.dev/handlers/handlertest"
)

// hostileValues are what no page sends: bytes that are no text, numbers at the ends of types, lines and marks of direction.
func hostileValues() []string {
	return []string{
		"\x00", "a\xff\xfe", "\u202e\u2066x", "\r\nSet-Cookie: a=b", "9223372036854775807", "-9223372036854775808", "1e309", "NaN", "٣", "0x10",
		"0001-01-01", "9999-12-31", "294277-01-01", "-1", strings.Repeat("\u0301", 3000), strings.Repeat("(", 5000), "provider:" + strings.Repeat("0", 36), "org:00000000-0000-0000-0000-000000000000",
		"%", "\\", "[", "'", "\"><script>", strings.Repeat("9", 400), "00000000-0000-0000-0000-000000000000",
	}
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

// No value of any field of any form, and of no list's address, is a fault of ours.
func TestHostileValuesAreRefused(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	worldPaths(a, w)
	a.Apply(w)
	tried := map[string]bool{}
	for _, p := range []who{handlertest.Owner, handlertest.Admin, handlertest.PlatformAdmin} {
		b := a.SignIn(string(p))
		seen, queue := map[string]bool{}, []string{"/", "/workplaces", "/org", "/provider", "/platform", "/account"}
		var all []typedForm
		for len(queue) > 0 {
			path := queue[0]
			queue = queue[1:]
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
				if at, _, query := strings.Cut(link, "?"); !query || !seen[at] {
					queue = append(queue, link)
				}
			}
			for _, f := range formsOf(got.Body) {
				if f.action == "" {
					f.action, _, _ = strings.Cut(path, "?")
				}
				all = append(all, f)
			}
			at, _, _ := strings.Cut(path, "?")
			all = append(all, typedForm{"GET", at, url.Values{}, []string{"sort", "from", "desc", "q", "search", "made_for", "slip", "work_for", "to", "state"}})
		}
		for _, f := range all {
			if slices.Contains([]string{"/sign-out", "/switch", "/account/password", "/account/email", "/org/leave", "/account/sessions/end-others"}, f.action) {
				continue
			}
			for _, field := range f.fields {
				key := f.method + " " + routeLike(f.action) + " " + field
				if tried[key] {
					continue
				}
				tried[key] = true
				for _, v := range hostileValues() {
					form := url.Values{}
					for k, x := range f.values {
						form[k] = x
					}
					form.Del("slip")
					form.Set(field, v)
					var got handlertest.Answer
					if f.method == http.MethodPost {
						got = b.Post(f.action, form)
					} else {
						got = b.Get(f.action + "?" + form.Encode())
					}
					if got.Status >= 500 {
						t.Errorf("%s %s as %s with %s=%.40q: %d", f.method, f.action, p, field, v, got.Status)
					}
					if len(got.Header.Values("Set-Cookie")) > 0 && strings.Contains(strings.Join(got.Header.Values("Set-Cookie"), ";"), "a=b") {
						t.Errorf("%s sets a cookie", f.action)
					}
				}
			}
		}
	}
	t.Log(len(tried), "fields")
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
