package handlers_test

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"volary.dev/handlers/handlertest"
)

// TestCrawl follows every link that a page offers, as every role: none leads to a refusal, and every page keeps the
// rules that its content security policy, a screen reader and a reader without scripts rely on.
func TestCrawl(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	paths := worldPaths(a, w)
	for _, p := range everyone() {
		b := a.Browser()
		begin := []string{"/sign-in"}
		if p != anonymous {
			b = a.SignIn(string(p))
			begin = []string{"/", "/workplaces"}
		}
		seen := crawl(t, b, p, begin)
		if p == handlertest.Owner && !seen[paths("/org/clusters/:id")] {
			t.Error("an owner finds no way to the cluster")
		}
		if p == handlertest.Operator && !seen[paths("/provider/hosts/:id")] {
			t.Error("an operator finds no way to the host")
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
	}
	return seen
}

func checkPage(t *testing.T, path string, p who, got handlertest.Answer) {
	t.Helper()
	if m := inline.FindString(got.Body); m != "" {
		t.Errorf("%s as %s has inline %q", path, p, m)
	}
	if m := leftover.FindString(got.Body); m != "" {
		t.Errorf("%s as %s shows %q", path, p, m)
	}
	if n := len(headings.FindAllString(got.Body, -1)); n != 1 {
		t.Errorf("%s as %s has %d first headings", path, p, n)
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
