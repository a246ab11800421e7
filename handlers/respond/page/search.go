package page

import (
	"net/url"
	"strings"
	"time"

	"volary.dev/store/overview"
	"volary.dev/web/ui"
)

// SearchTyped is what was typed into the frame's search, cut to what is looked for.
func SearchTyped(q url.Values) string {
	const most = 120 // characters, as its field says
	typed := []rune(strings.ToValidUTF8(strings.ReplaceAll(strings.TrimSpace(q.Get("q")), "\x00", ""), ""))
	return string(typed[:min(len(typed), most)])
}

// Search makes the answer to a search of what was found. area is "/org" or "/provider"; what names all that was looked through.
func Search(found []overview.Hits, area, typed, what string, zone *time.Location) ui.SearchProps {
	p := ui.SearchProps{Path: area + "/search", Typed: typed, What: what, Zone: zone}
	for _, hits := range found {
		title, folder := kindWords(hits.Kind)
		if hits.Kind == overview.HitPerson && area == "/provider" {
			title, folder = "Staff", "/staff"
		}
		param := "search"
		if folder == "/members" {
			param = "q"
		}
		all := area + folder
		g := ui.SearchGroup{Title: title, Total: hits.Total, All: all + "?" + param + "=" + url.QueryEscape(typed)}
		if hits.Kind == overview.HitUpload {
			g.All = area + "/images" // where uploads are listed
		}
		for _, h := range hits.Rows {
			row := ui.SearchRow{Name: h.Name, Detail: h.Detail, Gone: h.Gone, At: h.At, Where: all + "/" + h.ID.String()}
			if at, err := time.LoadLocation(h.Zone); h.Zone != "" && err == nil {
				row.Paper, row.At = true, h.At.In(at)
			}
			switch hits.Kind {
			case overview.HitOrder:
				row.Name = "Order " + h.Name
			case overview.HitPerson:
				// People have no page of their own: the list shows the one.
				email, _, _ := strings.Cut(h.Detail, ", ")
				row.Where = all + "?" + param + "=" + url.QueryEscape(email)
			default:
			}
			g.Rows = append(g.Rows, row)
		}
		p.Groups = append(p.Groups, g)
	}
	return p
}

// kindWords are a group's title and where its list is, below the area.
func kindWords(k overview.HitKind) (title, folder string) {
	switch k {
	case overview.HitCluster:
		return "Clusters", "/clusters"
	case overview.HitModelCluster:
		return "Models", "/models"
	case overview.HitImage:
		return "Images", "/images"
	case overview.HitUpload:
		return "Uploads", "/uploads"
	case overview.HitHost:
		return "Hosts", "/hosts"
	case overview.HitPool:
		return "Pools", "/pools"
	case overview.HitOrganization:
		return "Organizations", "/organizations"
	case overview.HitPerson:
		return "Members", "/members"
	case overview.HitOrder:
		return "Orders", "/orders"
	case overview.HitInvoice:
		return "Invoices", "/invoices"
	default:
		return string(k), ""
	}
}
