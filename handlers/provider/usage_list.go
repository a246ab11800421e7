package provider

import (
	"cmp"
	"slices"
	"strings"

	"volary.dev/handlers/request"
	web "volary.dev/web/provider"
)

// organizationUse is a line of a month's totals, with what it is ordered by.
type organizationUse struct {
	web.OrganizationUsage
	cost int64 // in minor units of the provider's currency
}

// narrowUse is the part of a month's lines that a list asks for, and how many its search leaves. The lines are added up
// from the runs of the month, which is why they are ordered here and not by the database.
func narrowUse(lines []organizationUse, search string, l request.List) (shown []web.OrganizationUsage, total int) {
	search = strings.ToLower(strings.TrimSpace(search))
	lines = slices.DeleteFunc(lines, func(x organizationUse) bool { return !strings.Contains(strings.ToLower(x.Name), search) })
	slices.SortFunc(lines, func(a, b organizationUse) int {
		by := 0
		switch l.By {
		case "clusters":
			by = cmp.Compare(a.Clusters, b.Clusters)
		case "runs":
			by = cmp.Compare(a.Runs, b.Runs)
		case "used":
			by = cmp.Compare(a.UsedMCS, b.UsedMCS)
		case "cost":
			by = cmp.Compare(a.cost, b.cost)
		case "name":
			by = cmp.Compare(a.Name, b.Name)
		}
		if l.Desc {
			by = -by
		}
		return cmp.Or(by, cmp.Compare(a.Name, b.Name))
	})
	from := min(l.From, len(lines))
	for _, x := range lines[from:min(from+request.RowsPerPage, len(lines))] {
		shown = append(shown, x.OrganizationUsage)
	}
	return shown, len(lines)
}
