package org

import (
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/billing"
	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner"
	"volary.dev/store"
	web "volary.dev/web/org"
)

const (
	usageClusters = 50 // clusters the page shows, the newest
	usageEntries  = 50 // ledger entries on one page
)

// ShowUsage shows what was bought, set aside, used and is left; use by cluster and run; and the ledger behind it.
func (h Handlers) ShowUsage(c echo.Context) error {
	q := request.ParseQuery(c)
	from := 0
	if q.Has("from") {
		from = q.Int("from", "the first row", 0, 1_000_000)
	}
	if r := q.Refusal(); r != nil {
		return r
	}
	p := web.UsageProps{Layout: h.layout(c), MayOpen: mayWork(c)}
	var err error
	if p.Hours, err = h.hours(c); err != nil {
		return err
	}
	if p.Clusters, err = h.clusterUsage(c); err != nil {
		return err
	}
	if p.Lots, err = h.lots(c); err != nil {
		return err
	}
	if p.Entries, p.Next, err = h.entries(c, from); err != nil {
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
		list = append(list, web.ClusterUsage{ID: u.ClusterID, Name: u.Name, State: state, UsedMCS: int64(u.Used), HeldMCS: int64(u.SetAside)})
		ids = append(ids, u.ClusterID)
		at[u.ClusterID] = i
	}
	runs, err := h.Store.RunsOfClusters(ctx, orgID, ids)
	for _, r := range runs {
		row := &list[at[r.ClusterID]]
		row.Runs = append(row.Runs, web.RunRow{
			Node: r.NodeName, Rate: int64(r.Rate), Began: r.StartedAt, Ended: r.EndedAt, Open: r.Open, UsedMCS: int64(r.Used),
		})
	}
	return list, err
}

func (h Handlers) lots(c echo.Context) ([]web.LotRow, error) {
	orgID, _ := where(c)
	lots, _, err := h.Store.Lots(c.Request().Context(), orgID, store.LotFilter{Page: store.Page{Limit: 1000}})
	var list []web.LotRow
	for _, l := range lots {
		list = append(list, web.LotRow{
			ID: l.ID, Provider: l.ProviderName, Bought: int64(l.Bought), Left: int64(l.Available),
			Created: l.CreatedAt, Expires: orZero(l.ExpiresAt),
		})
	}
	return list, err
}

func (h Handlers) entries(c echo.Context, from int) (list []web.EntryRow, next string, err error) {
	orgID, _ := where(c)
	entries, err := h.Store.LedgerEntries(c.Request().Context(), orgID, store.Page{Limit: usageEntries + 1, Offset: from})
	if len(entries) > usageEntries {
		entries, next = entries[:usageEntries], fmt.Sprintf("/org/usage?from=%d", from+usageEntries)
	}
	for _, e := range entries {
		list = append(list, web.EntryRow{
			Seq: e.Seq, At: e.At, Kind: entryWord(e.Kind), Text: entryText(e), ChangeMCS: changeOfLeft(e), Digest: e.Hash,
		})
	}
	return list, next, err
}

// entryWord is a booking in the words of pages.
func entryWord(k billing.Kind) string {
	switch k {
	case billing.KindGrant:
		return "hours bought"
	case billing.KindHold:
		return "set aside"
	case billing.KindUse:
		return "used of what was set aside"
	case billing.KindRelease:
		return "back from what was set aside"
	case billing.KindExpire:
		return "expired"
	default:
		return string(k)
	}
}

// changeOfLeft is how an entry changed the hours left. Use takes from what was set aside before, not from them.
func changeOfLeft(e store.LedgerRow) int64 {
	switch e.Kind {
	case billing.KindGrant, billing.KindRelease:
		return int64(e.Hours)
	case billing.KindHold, billing.KindExpire:
		return -int64(e.Hours)
	default:
		return 0
	}
}

func entryText(e store.LedgerRow) string {
	text := strings.Join(append([]string{e.ProviderName}, e.Clusters...), ", ")
	if e.Kind == billing.KindUse {
		text += ": " + e.Hours.Decimal() + " h"
	}
	return text
}
