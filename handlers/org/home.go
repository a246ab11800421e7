package org

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
	"volary.dev/store/books"
	"volary.dev/store/machines"
	"volary.dev/store/overview"
	"volary.dev/store/people"
	web "volary.dev/web/org"
	"volary.dev/web/ui"
)

const (
	homeClusters = 10 // rows of each of the overview's tables
	homeLooks    = 50 // clusters that it looks at, the next to end first
	homeRequests = 5
	homeDays     = 30 // of the chart
)

// ShowHome is the first page of an organization: the way to a first cluster until there was one, what needs a decision,
// what runs, the hours left at each provider, and the use of the last days.
func (h Handlers) ShowHome(c echo.Context) error {
	p := web.HomeProps{Layout: h.layout(c), MayLaunch: mayWork(c), MayDecide: mayManage(c)}
	// Whoever reads usage alone is shown nothing of what is closed to them.
	reads := []func(echo.Context, *web.HomeProps) error{}
	if mayWork(c) {
		reads = append(reads, h.homeSteps, h.homeCap)
	}
	if request.AllowedToRead(c, request.OrgWork) {
		reads = append(reads, h.homeClusters, h.homeRequests)
	}
	if mayWork(c) {
		reads = append(reads, h.homeKeys)
	}
	for _, read := range append(reads, h.homeHours) {
		if err := read(c, &p); err != nil {
			return err
		}
	}
	return page.Live(c, web.Home(p))
}

// homeClusters are those that run, the next to end first, and those at rest.
func (h Handlers) homeClusters(c echo.Context, p *web.HomeProps) error {
	orgID, _ := where(c)
	clusters, err := h.Machines.Clusters(c.Request().Context(), orgID, machines.ClusterFilter{Due: true, Page: store.Page{Limit: homeLooks}})
	rows := clusterRows(clusters)
	for i, x := range clusters {
		switch {
		case !runs(x.State) && len(p.Clusters) < homeClusters:
			p.Clusters = append(p.Clusters, rows[i])
		case runs(x.State) && len(p.Running) < homeClusters:
			p.Running = append(p.Running, web.RunningRow{ClusterRow: rows[i], Lease: time.Duration(x.LeaseSeconds) * time.Second, RateMCS: int64(x.RatePerHour) / 3600})
		case runs(x.State):
			p.MoreRun++
		}
	}
	p.Attention = attention(clusters)
	return err
}

// homeCap is what the reader may take without asking, where that is bounded.
func (h Handlers) homeCap(c echo.Context, p *web.HomeProps) error {
	orgID, personID := where(c)
	limit, err := h.Machines.CapOf(c.Request().Context(), orgID, personID)
	p.Cap = capProps(limit)
	return err
}

// homeKeys says before a launch that the reader could not sign in to what they launch.
func (h Handlers) homeKeys(c echo.Context, p *web.HomeProps) error {
	_, personID := where(c)
	_, total, err := h.People.SSHKeys(c.Request().Context(), personID, people.SSHKeyFilter{Page: store.Page{Limit: 1}})
	if err == nil && total == 0 {
		p.Attention = append(p.Attention, web.Attention{
			Tone: ui.ToneWarn, Text: "You have no SSH key. A node takes the keys that are there when it is started: add yours before a launch.",
			Label: "Add an SSH key", Where: "/account/ssh-keys",
		})
	}
	return err
}

// runs tells whether a cluster runs, is on its way there, or stands where it ran.
func runs(s provisioner.ClusterState) bool {
	return slices.Contains([]provisioner.ClusterState{
		provisioner.ClusterWaiting, provisioner.ClusterStarting, provisioner.ClusterReady, provisioner.ClusterDegraded, provisioner.ClusterPaused,
	}, s)
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

// homeHours are what is left at each provider, how long it lasts, and a warning where that is little.
func (h Handlers) homeHours(c echo.Context, p *web.HomeProps) error {
	cards, err := h.walletCards(c, p.Layout.Now)
	if err != nil {
		return err
	}
	for _, w := range cards {
		hours := web.ProviderHours{
			Provider: w.Provider, NextExpiry: w.ExpiresFirst, HoursSummary: w.Hours, RateHour: w.RateHour, Empty: w.Empty,
			FullMCS: w.FullMCS, Percent: lowPercent(w.Hours.Left, w.FullMCS),
		}
		p.Hours = append(p.Hours, hours)
		if hours.Percent > 0 {
			p.Attention = append(p.Attention, lowHours(c, hours))
		}
	}
	slices.SortStableFunc(p.Attention, func(a, b web.Attention) int { return cmp.Compare(urgency(a), urgency(b)) })
	orgID, _ := where(c)
	days, err := h.Books.UsageByDay(c.Request().Context(), orgID, homeDays)
	p.Days = usageBars(days)
	return err
}

// lowPercent is 5 or 20 where that much or less is left, as the mails have it (books.TellHours), and 0 where more is.
func lowPercent(left, full int64) int {
	switch {
	case full <= 0 || left > full/5:
		return 0
	case left > full/20:
		return 20
	default:
		return 5
	}
}

func lowHours(c echo.Context, w web.ProviderHours) web.Attention {
	a := web.Attention{Tone: ui.ToneWarn, Text: fmt.Sprintf("%s at %s: %d %% or less of what there was", leftWords(w.Left), typed.Isolate(w.Provider), w.Percent), Label: "Open the wallet", Where: "/org/wallet"}
	if w.Percent == 5 {
		a.Tone = ui.ToneBad
	}
	if request.Allowed(c, request.OrgOrder) {
		a.Label, a.Where = "Order hours", "/org/orders/new"
	}
	return a
}

func leftWords(mcs int64) string {
	if mcs <= 0 {
		return "No compute hours left"
	}
	return ui.ComputeHours(mcs) + " left"
}

func urgency(a web.Attention) int {
	if a.Tone == ui.ToneBad {
		return 0
	}
	return 1
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
		{Done: f.Uploaded, Title: "Upload an image", Text: "The disk your nodes boot from: qcow2, raw, VMDK, VHD or an OVA.", Label: "Upload", Where: "/org/images/new"},
		{Done: f.Tested, Title: "Test it for free", Text: "Describe a model cluster, publish a version, and have it booted in a sealed network.", Label: "Model clusters", Where: "/org/models"},
		{Done: f.Bought, Title: "Buy compute hours", Text: "Compare providers by price, room and the earliest start.", Label: "Market", Where: "/market"},
		{Title: "Launch a cluster", Text: "Hours count from the moment every node is ready.", Label: "Launch", Where: "/org/clusters/new"},
	}
	return nil
}
