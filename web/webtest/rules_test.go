package webtest

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// maxBytes is what a page may weigh.
const maxBytes = 150_000

// TestPagesKeepTheRules renders the gallery and holds every page against what all pages promise.
func TestPagesKeepTheRules(t *testing.T) {
	for _, s := range Gallery() {
		t.Run(s.Name, func(t *testing.T) {
			var b bytes.Buffer
			if err := s.Page.Render(t.Context(), &b); err != nil {
				t.Fatal(err)
			}
			if b.Len() > maxBytes {
				t.Errorf("the page has %d bytes, at most %d are allowed", b.Len(), maxBytes)
			}
			doc, err := html.Parse(&b)
			if err != nil {
				t.Fatal(err)
			}
			for n := range doc.Descendants() {
				if n.Type == html.TextNode && n.Parent.Data != "script" {
					if words := oneOfMany.FindString(n.Data); words != "" {
						t.Errorf("%q: one node, two nodes (ui.Plural)", words)
					}
				}
			}
			p := read(doc)
			for _, fault := range p.faults() {
				t.Error(fault)
			}
		})
	}
}

// oneOfMany is a one before the word for several, and a plural that leaves the choice to the reader.
var oneOfMany = regexp.MustCompile(`(^|[^\d.,:/\x{202f}-])1 (nodes|hosts|vCPUs|clusters|pools|networks|ports|days|hours|minutes|launches|members|checks|entries|offers|orders|images|rounds)\b|[a-z]\(s\)`)

// page is what the rules look at.
type page struct {
	headings  int
	title     string
	ids       map[string]int
	labelled  map[string]bool // ids named by a label's for
	described []string        // ids named by aria-describedby and aria-labelledby
	controls  []string        // ids of fields that need a label
	broken    []string
}

func read(doc *html.Node) *page {
	p := &page{ids: map[string]int{}, labelled: map[string]bool{}}
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode {
			p.element(n)
		}
	}
	return p
}

func (p *page) element(n *html.Node) {
	attrs := map[string]string{}
	for _, a := range n.Attr {
		attrs[a.Key] = a.Val
		if a.Key == "style" || strings.HasPrefix(a.Key, "on") || strings.HasPrefix(a.Key, "hx-on") {
			p.broken = append(p.broken, fmt.Sprintf("<%s %s=%q> is inline, and the policy allows none", n.Data, a.Key, a.Val))
		}
	}
	if attrs["id"] != "" {
		p.ids[attrs["id"]]++
	}
	p.described = append(p.described, strings.Fields(attrs["aria-describedby"]+" "+attrs["aria-labelledby"])...)
	switch n.Data {
	case "h1":
		p.headings++
	case "title":
		if n.FirstChild != nil && p.title == "" {
			p.title = n.FirstChild.Data
		}
	case "label":
		p.labelled[attrs["for"]] = true
	case "script":
		if attrs["src"] == "" || n.FirstChild != nil {
			p.broken = append(p.broken, "a script is inline")
		}
		if _, deferred := attrs["defer"]; !deferred && attrs["type"] != "module" {
			p.broken = append(p.broken, "the first paint waits for the script "+attrs["src"])
		}
	case "style":
		p.broken = append(p.broken, "a style element is inline")
	case "input", "select", "textarea":
		if attrs["type"] != "hidden" {
			p.controls = append(p.controls, attrs["id"])
		}
	case "td":
		if attrs["data-label"] == "" && n.FirstChild != nil {
			p.broken = append(p.broken, "a table cell does not name its column in data-label")
		}
	case "form":
		if m := attrs["method"]; m != "get" && m != "post" {
			p.broken = append(p.broken, "a form lacks its method")
		}
	}
}

func (p *page) faults() []string {
	list := p.broken
	if p.headings != 1 {
		list = append(list, fmt.Sprintf("%d first headings, one is wanted", p.headings))
	}
	if !strings.HasSuffix(p.title, " · Volary") || strings.HasPrefix(p.title, " ") {
		list = append(list, fmt.Sprintf("the title is %q", p.title))
	}
	for id, n := range p.ids {
		if n > 1 {
			list = append(list, fmt.Sprintf("id %q is there %d times", id, n))
		}
	}
	for _, id := range p.described {
		if p.ids[id] == 0 {
			list = append(list, fmt.Sprintf("id %q is referred to and not there", id))
		}
	}
	for _, id := range p.controls {
		if id == "" || !p.labelled[id] {
			list = append(list, fmt.Sprintf("field %q has no label", id))
		}
	}
	return list
}
