package provider

import (
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/respond/page"
	"volary.dev/store"
	"volary.dev/store/machines"
	web "volary.dev/web/provider"
)

// shownDeeds is how much of a host's history its page shows; the log has all of it.
const shownDeeds = 20

// hostShow reads all that a host's page shows.
func (h Handlers) hostShow(c echo.Context, id uuid.UUID) (p web.HostShowProps, err error) {
	ctx := c.Request().Context()
	x, err := h.Machines.Host(ctx, where(c), id)
	if err != nil {
		return p, err
	}
	nodes, err := h.Machines.HostNodes(ctx, where(c), id)
	if err != nil {
		return p, err
	}
	clusters, err := h.Machines.HostClusters(ctx, where(c), id)
	if err != nil {
		return p, err
	}
	smallest, err := h.smallestShape(c)
	if err != nil {
		return p, err
	}
	p = h.hostProps(x)
	p.Layout, p.Unused = h.layout(c), whyUnused(x, smallest)
	p.Nodes = len(nodes)
	hostNodesShown(c, nodes, &p)
	for _, x := range clusters {
		p.Clusters = append(p.Clusters, web.HostCluster{ID: x.ID, Name: x.Name, Organization: x.OrganizationName, Test: x.Test, Nodes: x.Nodes})
	}
	if err := h.hostPast(c, &p); err != nil {
		return p, err
	}
	images, err := h.Machines.HostImages(ctx, where(c), id)
	for _, i := range images {
		p.Images = append(p.Images, hostImage(i))
	}
	return p, err
}

// hostPast fills in when a host did not answer, and what was done to it.
func (h Handlers) hostPast(c echo.Context, p *web.HostShowProps) error {
	ctx := c.Request().Context()
	silences, err := h.Machines.HostSilences(ctx, where(c), p.ID, shownSilences)
	if err != nil {
		return err
	}
	for _, s := range silences {
		p.Silences = append(p.Silences, web.HostSilence{From: s.FromAt, Until: page.Time(s.UntilAt), Rounds: s.Rounds, Why: s.Why})
	}
	deeds, total, err := h.Core.ProviderMachinesLog(ctx, where(c), store.LogFilter{Subject: "host", Of: p.ID, Page: store.Page{Limit: shownDeeds}})
	for _, d := range deeds {
		p.History = append(p.History, web.HostDeed{At: d.At, Person: d.PersonName, Verb: d.Verb, Why: whyDone(d.Detail)})
	}
	p.HistoryTotal = total
	return err
}

// whyDone is the reason that a deed was done for, in the words of who did it.
func whyDone(detail map[string]any) string {
	for _, key := range []string{"reason", "why", "because"} {
		if why, ok := detail[key].(string); ok && why != "" {
			return why
		}
	}
	return ""
}

func hostImage(i machines.BaseImage) web.HostImage {
	row := web.HostImage{Digest: i.Digest, Bytes: i.Bytes, Nodes: i.Nodes, Used: page.Time(i.UsedAt), Where: web.ImageThere}
	switch {
	case i.Going:
		row.Where = web.ImageGoing
	case i.Coming && !i.Whole:
		row.Where = web.ImageComing
	case !i.There:
		row.Where = web.ImageWanted
	case !i.Whole:
		row.Where = web.ImagePart
	}
	return row
}

// keptDays is for how many days a host keeps what no node uses.
const keptDays = int(machines.ImagesKept / (24 * time.Hour))
