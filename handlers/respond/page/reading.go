package page

import (
	"bytes"
	"html"
	"path"
	"regexp"
	"slices"
	"strings"

	"volary.dev/store/people"
)

// readOnly are the addresses below which a session sends nothing, as it is an auditor's there.
func readOnly(s *people.Session) (below []string) {
	switch {
	case s == nil:
		return nil
	case s.OrganizationID != nil && s.OrganizationRole == people.RoleAuditor:
		below = append(below, "/org", "/uploads")
	}
	if s.ProviderID != nil && s.ProviderRole == people.StaffAuditor {
		below = append(below, "/provider")
	}
	if s.PlatformAuditor && !s.PlatformAdmin {
		below = append(below, "/platform")
	}
	return below
}

var (
	attributes = regexp.MustCompile(`([a-z-]+)="([^"]*)"`)
	posting    = regexp.MustCompile(`<button[^>]* formmethod="post"[^>]*>`)
	// formPages are the last words of addresses whose pages are forms.
	formPages = []string{"new", "edit", "delete", "remove"}
)

// ownToEnd is what an auditor posts, too: it ends their own membership and changes nothing of the organization's.
const ownToEnd = "/org/leave"

// insteadOfForm stands where a page's form would.
const insteadOfForm = `<p class="quiet">An auditor reads here. The form that belongs to this page is shown to those who may send it.</p>`

// forReading takes out of a page what a reader may not send: forms that post below one of the addresses, and links to pages that
// are such forms. It is done to the page as it is, so that no page can forget it; what else a role may not is each page's own to
// leave out, and a crawl looks at both.
func forReading(page []byte, below []string) []byte {
	if len(below) == 0 {
		return page
	}
	var b bytes.Buffer
	said := false
	for {
		form, link := bytes.Index(page, []byte("<form")), bytes.Index(page, []byte("<a "))
		at, end := form, "</form>"
		if form < 0 || link >= 0 && link < form {
			at, end = link, "</a>"
		}
		if at < 0 {
			break
		}
		b.Write(page[:at])
		page = page[at:]
		over := bytes.Index(page, []byte(end))
		if over < 0 {
			break
		}
		element := string(page[:over+len(end)])
		page = page[over+len(end):]
		tag, content, _ := strings.Cut(element, ">")
		switch is := attributesOf(tag); {
		case end == "</a>" && leadsToForm(is["href"], below) && !slices.Contains(strings.Fields(is["class"]), "button"):
			b.WriteString(strings.TrimSuffix(content, end))
		case end == "</a>" && leadsToForm(is["href"], below), end == "</form>" && sends(element, is, below):
			if words := strings.Fields(is["class"]); !said && slices.Contains(words, "form") && !slices.Contains(words, "form-inline") {
				b.WriteString(insteadOfForm)
				said = true
			}
		default:
			b.WriteString(element)
		}
	}
	b.Write(page)
	return b.Bytes()
}

func attributesOf(tag string) map[string]string {
	list := map[string]string{}
	for _, m := range attributes.FindAllStringSubmatch(tag, -1) {
		list[m[1]] = html.UnescapeString(m[2])
	}
	return list
}

// sends tells of a form, with its attributes, whether it or one of its buttons posts below one of the addresses.
func sends(form string, is map[string]string, below []string) bool {
	if is["method"] == "post" && isBelow(is["action"], below) {
		return true
	}
	for _, button := range posting.FindAllString(form, -1) {
		to := attributesOf(button)["formaction"]
		if to == "" {
			to = is["action"]
		}
		if isBelow(to, below) {
			return true
		}
	}
	return false
}

func leadsToForm(href string, below []string) bool {
	to, _, _ := strings.Cut(href, "?")
	return isBelow(to, below) && slices.Contains(formPages, path.Base(to))
}

func isBelow(address string, below []string) bool {
	return address != ownToEnd && slices.ContainsFunc(below, func(b string) bool { return address == b || strings.HasPrefix(address, b+"/") })
}
