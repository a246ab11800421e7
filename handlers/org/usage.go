package org

import (
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/billing"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner"
	"volary.dev/store"
	web "volary.dev/web/org"
	"volary.dev/web/sales"
)

// usageClusters is how many clusters the page shows, the newest.
const usageClusters = 50

// ShowUsage shows use and cost by cluster and run. Purchases and ledger are the wallet's.
func (h Handlers) ShowUsage(c echo.Context) error {
	p := web.UsageProps{Layout: h.layout(c), MayOpen: mayWork(c)}
	var err error
	if p.Hours, err = h.hours(c); err != nil {
		return err
	}
	if p.Clusters, err = h.clusterUsage(c); err != nil {
		return err
	}
	return page.Live(c, web.Usage(p))
}

// hours sums what the organization has with all providers.
func (h Handlers) hours(c echo.Context) (web.HoursSummary, error) {
	orgID, _ := where(c)
	cards, err := h.Store.Wallet(c.Request().Context(), orgID)
	var sum web.HoursSummary
	for _, w := range cards {
		sum.Bought += int64(w.Bought)
		sum.Used += int64(w.Used)
		sum.Held += int64(w.SetAside)
		sum.Left += int64(w.Left)
		sum.Expired += int64(w.Expired)
	}
	return sum, err
}

func (h Handlers) clusterUsage(c echo.Context) ([]web.ClusterUsage, error) {
	orgID, _ := where(c)
	ctx := c.Request().Context()
	used, err := h.Store.UsageOfClusters(ctx, orgID, store.Page{Limit: usageClusters})
	if err != nil || len(used) == 0 {
		return nil, err
	}
	present, err := h.Store.Clusters(ctx, orgID, store.ClusterFilter{Page: store.Page{Limit: 1000}})
	if err != nil {
		return nil, err
	}
	states := map[uuid.UUID]provisioner.ClusterState{}
	for _, x := range present {
		states[x.ID] = x.State
	}
	list := make([]web.ClusterUsage, 0, len(used))
	ids, at := make([]uuid.UUID, 0, len(used)), map[uuid.UUID]int{}
	for i, u := range used {
		state, ok := states[u.ClusterID]
		if !ok {
			state = provisioner.ClusterGone
		}
		list = append(list, web.ClusterUsage{ID: u.ClusterID, Name: u.Name, State: state, UsedMCS: int64(u.Used), HeldMCS: int64(u.SetAside), Cost: costText(u.Cost, u.Currency)})
		ids = append(ids, u.ClusterID)
		at[u.ClusterID] = i
	}
	runs, err := h.Store.RunsOfClusters(ctx, orgID, ids)
	for _, r := range runs {
		row := &list[at[r.ClusterID]]
		row.Runs = append(row.Runs, web.RunRow{
			Node: r.NodeName, Rate: int64(r.Rate), Began: r.StartedAt, Ended: r.EndedAt, Open: r.Open, UsedMCS: int64(r.Used), Cost: costText(r.Cost, r.Currency),
		})
	}
	return list, err
}

// costText shows what booked use cost; empty where no lot with a price paid.
func costText(minor *int64, currency billing.Currency) string {
	if minor == nil {
		return ""
	}
	return sales.Amount(billing.Money{Minor: *minor, Currency: currency})
}
