package org

import (
	"fmt"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner"
	"volary.dev/store"
	web "volary.dev/web/org"
	"volary.dev/web/ui"
)

// ShowHome is the first page of an organization: what needs a look, its hours, its clusters, and until it has had a
// cluster the way to the first one.
func (h Handlers) ShowHome(c echo.Context) error {
	orgID, _ := where(c)
	clusters, err := h.Store.Clusters(c.Request().Context(), orgID, store.ClusterFilter{})
	if err != nil {
		return err
	}
	p := web.HomeProps{Layout: h.layout(c), MayLaunch: mayWork(c)}
	if mayWork(c) { // whoever reads usage alone is shown no links to what is closed
		p.Clusters, p.Attention = clusterRows(clusters), attention(clusters)
	}
	if p.Hours, err = h.hours(c); err != nil {
		return err
	}
	if len(clusters) == 0 && mayWork(c) {
		if p.Steps, err = h.firstSteps(c, p.Hours); err != nil {
			return err
		}
	}
	return page.Live(c, web.Home(p))
}

func attention(clusters []store.ClusterRow) []web.Attention {
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

// firstSteps are none where the organization has had a cluster.
func (h Handlers) firstSteps(c echo.Context, hours web.HoursSummary) ([]web.Step, error) {
	orgID, _ := where(c)
	ctx := c.Request().Context()
	gone, err := h.Store.Clusters(ctx, orgID, store.ClusterFilter{Gone: true, Page: store.Page{Limit: 1}})
	if err != nil || len(gone) > 0 {
		return nil, err
	}
	images, err := h.Store.Images(ctx, orgID, store.Page{Limit: 1})
	if err != nil {
		return nil, err
	}
	models, err := h.Store.ModelClusters(ctx, orgID)
	if err != nil {
		return nil, err
	}
	versions, err := h.Store.PublishedVersions(ctx, orgID)
	if err != nil {
		return nil, err
	}
	steps := []web.Step{
		{Done: len(images) > 0, Title: "Upload an image", Text: "The disk your nodes boot from, qcow2 or raw.", Label: "Upload", Where: "/org/images/new"},
		{Done: len(models) > 0, Title: "Describe a model cluster", Text: "Which image and size each role takes, and when it is ready.", Label: "Describe", Where: "/org/models/new"},
		{Done: len(versions) > 0, Title: "Publish a version", Text: "Published versions can be tested for free and launched.", Label: "Open", Where: "/org/models"},
		{Done: hours.Left > 0, Title: "Have compute hours", Text: "Your provider grants them.", Label: "Usage", Where: "/org/usage"},
		{Title: "Launch a cluster", Text: "Hours count from the moment every node is ready.", Label: "Launch", Where: "/org/clusters/new"},
	}
	// Only the next step has a link.
	next := false
	for i := range steps {
		if steps[i].Done || next {
			steps[i].Where = ""
		}
		next = next || !steps[i].Done
	}
	return steps, nil
}
