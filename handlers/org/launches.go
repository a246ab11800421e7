package org

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
	"volary.dev/store/machines"
	"volary.dev/store/models"
	web "volary.dev/web/org"
	"volary.dev/web/sales"
	"volary.dev/web/ui"
)

// launchFields are the form's names of the fields that store refuses.
func launchFields(f *request.Form) map[string]string {
	return map[string]string{"compute": "compute_count", "lease": leaseField(f)}
}

// launchAgain shows the form with the refusal of a launch and the figures it follows from, all of which the refusal carries.
func (h Handlers) launchAgain(c echo.Context, f *request.Form, refused *machines.LaunchRefused) error {
	p, r := h.launchForm(c, f, refused.Form), renamed(refused.Refusal, launchFields(f))
	r = shown(r, p.Counts)
	p.Form.Refusal = r
	if refused.Quote != nil {
		// The panel says what was answered, and never that it fits; fields are marked beside it.
		p.Quote = quoteProps(*refused.Quote, f)
		p.Quote.Refusal, p.Quote.Sent = r, true
		if len(r.Fields) == 0 {
			p.Form.Refusal = nil
		}
	}
	return page.Render(c, respond.Status(r.Code), web.ClusterNew(p))
}

// launchUnread shows a form whose fields do not make a launch, with what is wrong with those that could be read, too.
func (h Handlers) launchUnread(c echo.Context, f *request.Form, l machines.LaunchRequest, r *refusal.Error) error {
	orgID, personID := where(c)
	faults, err := h.Machines.LaunchFaults(c.Request().Context(), orgID, l)
	if err != nil {
		return err
	}
	all := maps.Clone(renamed(&refusal.Error{Fields: faults}, launchFields(f)).Fields)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, r.Fields) // what could not be read is said as it is
	r = refusal.Invalid(all)
	form, err := h.Machines.LaunchForm(c.Request().Context(), orgID, personID)
	if err != nil {
		return err
	}
	return h.launchAgain(c, f, &machines.LaunchRefused{Refusal: r, Form: form})
}

// suggest fills in what was not sent at all, so that the form shows a cost at once: what was tested last and where, else the
// first version and the first pool, three compute nodes or as near to it as the version takes, and two hours.
func suggest(f *request.Form, form machines.LaunchForm) {
	var last models.PublishedVersion
	for _, v := range form.Versions {
		if v.PassedAt != nil && (last.PassedAt == nil || v.PassedAt.After(*last.PassedAt)) {
			last = v
		}
	}
	open := func(pool uuid.UUID) bool {
		return slices.ContainsFunc(form.Pools, func(p machines.PoolPlace) bool { return p.PoolID == pool })
	}
	if last.PassedOn != nil && open(*last.PassedOn) && !f.Has("version") && !f.Has("pool") {
		f.Default("version", last.ID.String())
		f.Default("pool", last.PassedOn.String())
	}
	if len(form.Versions) > 0 {
		f.Default("version", form.Versions[0].ID.String())
	}
	if len(form.Pools) > 0 {
		f.Default("pool", form.Pools[0].PoolID.String())
	}
	if groups, chosen := groupsOf(f, form); chosen {
		suggestCounts(f, groups)
	}
	f.Default("compute_count", strconv.Itoa(suggestedNodes))
	f.Default("lease", leaseHours)
	f.Default("lease_hours", "2")
	f.Default("at_end", string(machines.AtEndKeep))
	f.Default("keep_days", "1")
}

const suggestedNodes = 3

// suggestCounts fills in as many nodes of the first group as are asked for on the market, else three, and one of each other.
func suggestCounts(f *request.Form, groups []models.CountedGroup) {
	if len(groups) == 0 {
		groups = []models.CountedGroup{{}} // of which there may be none
	}
	for i, g := range groups {
		nodes := 1
		if i == 0 {
			nodes = suggestedNodes
			if n, err := strconv.Atoi(f.Typed("compute_count")); err == nil && len(groups) > 1 {
				nodes = n
			}
		}
		f.Default(countField(groups, g.Name), strconv.Itoa(min(max(nodes, g.Least), g.Most)))
	}
}

// groupsOf are the compute groups of the version that is chosen, if one is.
func groupsOf(f *request.Form, form machines.LaunchForm) (groups []models.CountedGroup, chosen bool) {
	for _, v := range form.Versions {
		if v.ID.String() == f.Typed("version") {
			return v.Groups, true
		}
	}
	return nil, false
}

// countPrefix begins the names of fields in which several groups are counted, each by its name; the only group of a version is counted in
// compute_count, whatever its name.
const (
	countPrefix = "count."
	mostGroups  = 64 // that a form is read for
)

func countField(groups []models.CountedGroup, name string) string {
	if len(groups) < 2 {
		return "compute_count"
	}
	return countPrefix + name
}

// launchCounts reads how many nodes of each group there are to be. Of several groups no field may be missing: the store says which are.
func launchCounts(f *request.Form) machines.Counts {
	counts := machines.Counts{}
	for _, name := range f.Named(countPrefix, mostGroups) {
		counts[name] = f.Int(countPrefix+name, "the number of "+typed.Isolate(name)+" nodes", 0, 1000)
	}
	if len(counts) == 0 || f.Has("compute_count") {
		counts[machines.OnlyGroup] = f.Int("compute_count", "the number of compute nodes", 0, 1000)
	}
	return counts
}

// ofGroups leaves out what was counted of the groups of another version, which was chosen before this one.
func ofGroups(counts machines.Counts, groups []models.CountedGroup) machines.Counts {
	maps.DeleteFunc(counts, func(name string, _ int) bool {
		return name != machines.OnlyGroup && !slices.ContainsFunc(groups, func(g models.CountedGroup) bool { return g.Name == name })
	})
	return counts
}

// shown says beside the version what is wrong with counts that the form has no field for: they are of another version's groups.
func shown(r *refusal.Error, counts []web.GroupCount) *refusal.Error {
	names := map[string]string{}
	for field := range r.Fields {
		if strings.HasPrefix(field, countPrefix) && !slices.ContainsFunc(counts, func(g web.GroupCount) bool { return g.Field == field }) {
			names[field] = "version"
		}
	}
	return renamed(r, names)
}

func (h Handlers) launchForm(c echo.Context, f *request.Form, form machines.LaunchForm) web.ClusterNewProps {
	p := web.ClusterNewProps{Layout: h.layout(c), Values: web.ClusterValues{
		Name: f.Typed("name"), Version: f.Typed("version"), Pool: f.Typed("pool"),
		ComputeCount: f.Typed("compute_count"), Lease: leaseValues(f),
		References: web.References{
			PurchaseOrder: f.Typed("purchase_order"), CostCentre: f.Typed("cost_centre"), GrantNumber: f.Typed("grant_number"),
		},
	}}
	if groups, _ := groupsOf(f, form); len(groups) > 1 {
		for _, g := range groups {
			field := countField(groups, g.Name)
			p.Counts = append(p.Counts, web.GroupCount{Group: g.Name, Field: field, Value: f.Typed(field), Least: g.Least, Most: g.Most})
		}
	}
	p.CountsStay = request.IsFragment(c) && f.Typed("counted") == f.Typed("version")
	for _, v := range form.Versions {
		label := v.Name
		if v.PassedAt != nil {
			label += ", test passed"
		}
		p.Versions = append(p.Versions, ui.Option{Value: v.ID.String(), Label: label})
	}
	p.Cap, p.Keys, p.OwnKeys = capProps(form.Cap), form.Keys, form.OwnKeys
	p.Pools, _ = placeOptions(form.Pools)
	return p
}

// capProps is what the person may still set aside without asking; nil: all there is.
func capProps(limit *machines.Cap) *web.Cap {
	if limit == nil {
		return nil
	}
	return &web.Cap{MCS: int64(limit.Hours), LeftMCS: int64(limit.Left()), Since: limit.Since}
}

// launchRequest reads the form. A quote needs no name.
func launchRequest(f *request.Form, named bool, zone *time.Location) (machines.LaunchRequest, *refusal.Error) {
	r := machines.LaunchRequest{
		VersionID: f.ID("version", "a version"),
		PoolID:    f.ID("pool", "a pool"),
		Counts:    launchCounts(f),
		References: store.References{
			PurchaseOrder: f.Text("purchase_order", "the purchase order", 0, 80),
			CostCentre:    f.Text("cost_centre", "the cost centre", 0, 80),
			GrantNumber:   f.Text("grant_number", "the grant number", 0, 80),
		},
	}
	r.LeaseSeconds, r.Terms = readLease(f, zone)
	if named {
		r.Name = f.Text("name", "a name", 1, 40)
	}
	return r, f.Refusal()
}

func (h Handlers) quote(c echo.Context, f *request.Form, r machines.LaunchRequest) (*web.Quote, *refusal.Error, error) {
	orgID, _ := where(c)
	q, err := h.Machines.Quote(c.Request().Context(), orgID, r)
	if refusal, ok := refusal.As(err); ok {
		return nil, renamed(refusal, launchFields(f)), nil
	}
	if err != nil {
		return nil, nil, err
	}
	return quoteProps(q, f), nil, nil
}

func quoteProps(q machines.Quote, f *request.Form) *web.Quote {
	w := &web.Quote{
		RateMCS: int64(q.RatePerHour) / 3600, NeedMCS: int64(q.Need), LeftMCS: int64(q.Left), LeftAfterMCS: int64(q.LeftAfter),
		Shapes: shapesText(q), Hosts: hostFits(q), CopyHosts: q.Copies.Hosts, CopyBytes: q.Copies.Bytes, Refusal: renamed(q.Refusal, launchFields(f)), Lease: quoteLease(q.Lease),
	}
	if q.Price != nil {
		w.Cost, w.CostPerHour, w.Price = sales.Amount(q.Cost), sales.Amount(q.CostPerHour), q.Price.String()
	}
	return w
}

// shapesText says what is launched: the head that every cluster has, and the compute nodes beside it.
func shapesText(q machines.Quote) string {
	nodes, parts := 0, []string{}
	for _, s := range q.Shapes {
		if s.Count > 0 {
			nodes += s.Count
			parts = append(parts, fmt.Sprintf("%d %s with %s and %s", s.Count, s.Group, ui.Plural(s.Shape.VCPUs, "vCPU", "vCPUs"), ui.MiB(s.Shape.MemoryMiB)))
		}
	}
	if nodes == 0 {
		return ""
	}
	return ui.Plural(nodes, "node", "nodes") + ": " + strings.Join(parts, ", ")
}

func hostFits(q machines.Quote) []web.HostFit {
	var fits []web.HostFit
	for _, h := range q.Hosts {
		fits = append(fits, web.HostFit{Name: h.Name, Fits: h.Fits, Reason: h.Reason})
	}
	return fits
}

// renamed gives a refusal's fields the names that the form has for them. Where the form's field has a fault of its own that one is told.
func renamed(r *refusal.Error, names map[string]string) *refusal.Error {
	if r == nil || len(r.Fields) == 0 {
		return r
	}
	out := *r
	out.Fields = maps.Clone(r.Fields)
	for field := range r.Fields {
		if _, ok := names[field]; ok {
			delete(out.Fields, field)
		}
	}
	for field, name := range names {
		sentence, wrong := r.Fields[field]
		if _, told := out.Fields[name]; wrong && !told {
			out.Fields[name] = sentence
		}
	}
	return &out
}
