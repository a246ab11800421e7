package org

import (
	"fmt"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/books"
	"volary.dev/store/machines"
	"volary.dev/store/overview"
	web "volary.dev/web/org"
	"volary.dev/web/ui"
)

const (
	homeClusters = 10 // rows of the overview
	homeRequests = 5
	homeDays     = 30 // of the chart
)

// ShowHome is the first page of an organization: the way to a first cluster until there was one, what needs a decision,
// what runs, the hours left at each provider, and the use of the last days.
func (h Handlers) ShowHome(c echo.Context) error {
	p := web.HomeProps{Layout: h.layout(c), MayLaunch: mayWork(c), MayDecide: mayManage(c)}
	// Whoever reads usage alone is shown nothing of what is closed to them.
	if mayWork(c) {
		for _, read := range []func(echo.Context, *web.HomeProps) error{h.homeSteps, h.homeClusters, h.homeRequests} {
			if err := read(c, &p); err != nil {
				return err
			}
		}
	}
	if err := h.homeHours(c, &p); err != nil {
		return err
	}
	return page.Live(c, web.Home(p))
}

func (h Handlers) homeClusters(c echo.Context, p *web.HomeProps) error {
	orgID, _ := where(c)
	clusters, err := h.Machines.Clusters(c.Request().Context(), orgID, machines.ClusterFilter{Page: store.Page{Limit: homeClusters}})
	p.Clusters, p.Attention = clusterRows(clusters), attention(clusters)
	return err
}

func attention(clusters []machines.ClusterRow) []web.Attention {
	var list []web.Attention
	for _, x := range clusters {
		tone := ui.ClusterTone(x.State)
		if tone != ui.ToneBad && tone != ui.ToneWarn {
			continue
		}
		text := fmt.Sprintf("%s is %s", x.Name, x.State)
		if why := provisioner.ReasonText(x.Reason); why != "" {
			text += ": " + why
		}
		list = append(list, web.Attention{Tone: tone, Text: text, Label: "Open " + x.Name, Where: clusterPath(x.ID)})
	}
	return list
}

// homeRequests are what waits for whoever decides, else one's own.
func (h Handlers) homeRequests(c echo.Context, p *web.HomeProps) error {
	orgID, _ := where(c)
	list, total, _, err := h.Overview.LaunchRequests(c.Request().Context(), orgID, overview.LaunchRequestFilter{
		Person: whose(c), State: "waiting", Page: store.Page{Limit: homeRequests},
	})
	for _, r := range list {
		p.Requests = append(p.Requests, requestRow(c, r))
	}
	p.Waiting = total
	return err
}

func (h Handlers) homeHours(c echo.Context, p *web.HomeProps) error {
	orgID, _ := where(c)
	cards, err := h.Books.Wallet(c.Request().Context(), orgID)
	if err != nil {
		return err
	}
	for _, w := range cards {
		p.Hours = append(p.Hours, web.ProviderHours{
			Provider: w.ProviderName, NextExpiry: page.Time(w.NextExpiry),
			HoursSummary: web.HoursSummary{
				Bought: int64(w.Bought), Used: int64(w.Used), Held: int64(w.SetAside), Left: int64(w.Left), Expired: int64(w.Expired),
			},
		})
	}
	days, err := h.Books.UsageByDay(c.Request().Context(), orgID, homeDays)
	p.Days = usageBars(days)
	return err
}

// usageBars are the days of a chart, every fifth with its date; neither of the outermost, whose date would be cut off.
func usageBars(days []books.DayUse) []ui.Bar {
	bars := make([]ui.Bar, len(days))
	for i, d := range days {
		bars[i] = ui.Bar{Label: d.Day.UTC().Format("2 Jan 2006"), Value: int64(d.Used)}
		if (len(days)-1-i)%5 == 2 {
			bars[i].Tick = d.Day.UTC().Format("2 Jan")
		}
	}
	return bars
}

// homeSteps are the way to a first cluster; none once there was one.
func (h Handlers) homeSteps(c echo.Context, p *web.HomeProps) error {
	orgID, _ := where(c)
	f, err := h.Overview.FirstSteps(c.Request().Context(), orgID)
	if err != nil || f.Launched {
		return err
	}
	p.Steps = []web.Step{
		{Done: f.Invited, Title: "Invite your group", Text: "Members launch, managers decide, billing reads what was spent.", Label: "Invite", Where: "/org/members"},
		{Done: f.Uploaded, Title: "Upload an image", Text: "The disk your nodes boot from, qcow2 or raw.", Label: "Upload", Where: "/org/images/new"},
		{Done: f.Tested, Title: "Test it for free", Text: "Describe a model cluster, publish a version, and have it booted in a sealed network.", Label: "Model clusters", Where: "/org/models"},
		{Done: f.Bought, Title: "Buy compute hours", Text: "Compare providers by price, room and the earliest start.", Label: "Market", Where: "/market"},
		{Title: "Launch a cluster", Text: "Hours count from the moment every node is ready.", Label: "Launch", Where: "/org/clusters/new"},
	}
	return nil
}
