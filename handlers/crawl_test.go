package handlers_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	xhtml "golang.org/x/net/html"

	"volary.dev/handlers/handlertest"
)

// TestCrawl follows every link that a page offers, as every role: none leads to a refusal, every page keeps the rules
// that its content security policy, a screen reader and a reader without scripts rely on, and by links alone everybody
// comes to every page that they may open.
func TestCrawl(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	paths := worldPaths(a, w)
	a.Apply(w)
	mailed := a.MailLinks(w)
	renameRightToLeft(t, a)
	// Forms as a person fills them: what North has a node for, and an order of its offer.
	const need = "/market?nodes=1&vcpus=1&memory=0.25&disk=2&hours=1"
	order := "/org/orders/new?hours=20&offer=" + strings.TrimPrefix(paths("/provider/offers/:id"), "/provider/offers/")
	for _, p := range everyone() {
		b, begin := a.Browser(), []string{"/", "/sign-in", need}
		if p == anonymous {
			begin = append(begin, mailed...)
		} else {
			b = a.SignIn(string(p))
			begin = []string{"/", "/workplaces", need}
		}
		if slices.Contains(orgOrder(), p) {
			begin = append(begin, order)
		}
		if slices.Contains(orgRead(), p) {
			begin = append(begin, "/org/search?q=e") // as the frame's form sends it
		}
		if slices.Contains(staff(), p) {
			begin = append(begin, "/provider/search?q=r")
		}
		for _, pattern := range unreached(p, crawl(t, b, p, begin)) {
			t.Errorf("%s finds no way to %s", p, pattern)
		}
	}
}

// rightToLeft begins every name in the crawl: whatever stands beside it must not be turned around by it.
const rightToLeft = "مختبر"

func renameRightToLeft(t *testing.T, a *handlertest.App) {
	t.Helper()
	for _, table := range []string{"organizations", "people", "providers", "pools", "shapes", "offers", "model_clusters", "images", "ssh_keys"} {
		if _, err := a.Pool.Exec(t.Context(), `UPDATE `+table+` SET name = $1 || ' ' || name`, rightToLeft); err != nil {
			t.Fatal(err)
		}
	}
}

// checkIsolated wants a name to stand in a bdi, or between the marks of typed.Isolate, wherever text may stand beside it.
func checkIsolated(t *testing.T, path string, p who, doc *xhtml.Node) {
	t.Helper()
	alone := []string{"bdi", "title", "option", "textarea", "script"}
	for n := range doc.Descendants() {
		if n.Type != xhtml.TextNode || !strings.Contains(strings.ReplaceAll(n.Data, "\u2068"+rightToLeft, ""), rightToLeft) {
			continue
		}
		isolated := false
		for up := range n.Ancestors() {
			isolated = isolated || slices.Contains(alone, up.Data)
		}
		if !isolated {
			t.Errorf("%s as %s: a name stands without bdi in %q of <%s>", path, p, strings.TrimSpace(n.Data), n.Parent.Data)
		}
	}
}

var (
	links    = regexp.MustCompile(`(?:href|data-refresh)="([^"]*)"`)
	inline   = regexp.MustCompile(`<style|\sstyle=|\son[a-z]+=|javascript:|<script(?:\s[^>]*)?>[^<]`)
	leftover = regexp.MustCompile(`%!|&lt;nil&gt;|0001-01-01|1 Jan 0001|invalid IP|<no value>`)
	headings = regexp.MustCompile(`<h1[ >]`)
)

func crawl(t *testing.T, b *handlertest.Browser, p who, begin []string) map[string]bool {
	t.Helper()
	seen, queue := map[string]bool{}, begin
	for len(queue) > 0 {
		path := queue[0]
		queue = queue[1:]
		if seen[path] || !strings.HasPrefix(path, "/") {
			continue
		}
		seen[path] = true
		got := b.Get(path)
		if got.Status == http.StatusSeeOther {
			queue = append(queue, got.Header.Get("Location"))
			continue
		}
		if got.Status != http.StatusOK && !strings.HasSuffix(path, "/console.log") { // no worker answers here
			t.Errorf("%s as %s: %d", path, p, got.Status)
		}
		if !strings.HasPrefix(got.Header.Get("Content-Type"), "text/html") {
			continue
		}
		checkPage(t, path, p, got)
		for _, m := range links.FindAllStringSubmatch(got.Body, -1) {
			link, _, _ := strings.Cut(html.UnescapeString(m[1]), "#")
			queue = append(queue, link)
		}
		queue = append(queue, asked(got.Body)...)
	}
	return seen
}

// asked are the addresses that a page's GET forms ask for as they stand.
func asked(page string) (paths []string) {
	doc, err := xhtml.Parse(strings.NewReader(page))
	if err != nil {
		return nil
	}
	for n := range doc.Descendants() {
		if n.Data == "form" && attribute(n, "method") == "get" {
			paths = append(paths, attribute(n, "action")+"?"+fields(n).Encode())
		}
	}
	return paths
}

func fields(form *xhtml.Node) url.Values {
	v := url.Values{}
	for n := range form.Descendants() {
		name := attribute(n, "name")
		switch {
		case n.Data == "input" && name != "" && attribute(n, "type") != "checkbox":
			v.Set(name, attribute(n, "value"))
		case n.Data == "select":
			for o := range n.Descendants() {
				if o.Data == "option" && (!v.Has(name) || slices.ContainsFunc(o.Attr, func(a xhtml.Attribute) bool { return a.Key == "selected" })) {
					v.Set(name, attribute(o, "value"))
				}
			}
		}
	}
	return v
}

func attribute(n *xhtml.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// oneOfMany is a one before the word for several.
var oneOfMany = regexp.MustCompile(`[> (]1 (nodes|hosts|vCPUs|clusters|pools|networks|ports|days|hours|minutes|launches|members|checks|entries|offers|orders|images|rounds)\b`)

func checkPage(t *testing.T, path string, p who, got handlertest.Answer) {
	t.Helper()
	if m := inline.FindString(got.Body); m != "" {
		t.Errorf("%s as %s has inline %q", path, p, m)
	}
	if m := leftover.FindString(got.Body); m != "" {
		t.Errorf("%s as %s shows %q", path, p, m)
	}
	if m := oneOfMany.FindString(got.Body); m != "" {
		t.Errorf("%s as %s says %q: one node, two nodes (ui.Plural)", path, p, m)
	}
	if n := len(headings.FindAllString(got.Body, -1)); n != 1 {
		t.Errorf("%s as %s has %d first headings", path, p, n)
	}
	if doc, err := xhtml.Parse(strings.NewReader(got.Body)); err == nil {
		checkIsolated(t, path, p, doc)
	}
	policy := got.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("%s: policy %q", path, policy)
	}
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cache-Control": "no-store", "Referrer-Policy": "same-origin",
	} {
		if got.Header.Get(name) != want {
			t.Errorf("%s: %s is %q", path, name, got.Header.Get(name))
		}
	}
}
