package main

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"volary.dev/cmd/internal/session"
)

var (
	link = regexp.MustCompile(`href="(/[^"#]*)"`)
	id   = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
)

// crawl follows links from the first page and returns one address of each kind of page.
func crawl(ctx context.Context, address string, cookies []*http.Cookie) ([]string, error) {
	seen := map[string]bool{}
	var pages []string
	for queue := []string{"/"}; len(queue) > 0; queue = queue[1:] {
		path := queue[0]
		if seen[pageName(path)] || strings.HasPrefix(path, "/static/") {
			continue
		}
		seen[pageName(path)] = true
		body, location, err := get(ctx, address+path, cookies)
		if err != nil {
			return nil, err
		}
		if location != "" {
			queue = append(queue, location)
			continue
		}
		if body == "" {
			continue
		}
		pages = append(pages, path)
		for _, m := range link.FindAllStringSubmatch(body, -1) {
			queue = append(queue, strings.ReplaceAll(m[1], "&amp;", "&"))
		}
	}
	slices.Sort(pages)
	return pages, nil
}

// get returns the body of a page, or where it leads; nothing of what is no page.
func get(ctx context.Context, address string, cookies []*http.Cookie) (body, location string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", "", err
	}
	for _, c := range cookies {
		req.AddCookie(c)
	}
	resp, err := session.Stay().Do(req)
	if err != nil {
		return "", "", err
	}
	defer resp.Body.Close()
	if to := resp.Header.Get("Location"); to != "" {
		return "", to, nil
	}
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		return "", "", nil
	}
	b, err := io.ReadAll(resp.Body)
	return string(b), "", err
}

// pageName is the same for all addresses of one kind of page: /org/clusters/{id} is org-clusters-id.
func pageName(path string) string {
	path, _, _ = strings.Cut(path, "?")
	name := strings.ReplaceAll(strings.Trim(id.ReplaceAllString(path, "id"), "/"), "/", "-")
	if name == "" {
		return "home"
	}
	return name
}
