package org

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/billing"
	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/handlers/sales"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
	"volary.dev/store/books"
	web "volary.dev/web/org"
)

// walletLots is how many purchases the wallet shows before it names the list of all.
const walletLots = 20

// ShowWallet shows a card for each provider with its forecast, what may still be used, and the ledger.
func (h Handlers) ShowWallet(c echo.Context) error {
	p := web.WalletProps{Layout: h.layout(c), MayOrder: request.Allowed(c, request.OrgOrder), MayExport: request.AllowedToRead(c, request.OrgUsage)}
	var err error
	if p.Cards, err = h.walletCards(c, p.Layout.Now); err != nil {
		return err
	}
	orgID, _ := where(c)
	lots, sum, err := h.Books.Lots(c.Request().Context(), orgID, books.LotFilter{Open: true, Page: store.Page{Limit: walletLots}})
	if err != nil {
		return err
	}
	p.Purchases, p.More = lotRows(lots), sum.Count > len(lots)
	if err := h.ledger(c, &p); err != nil {
		return err
	}
	return page.Live(c, web.Wallet(p))
}

func (h Handlers) walletCards(c echo.Context, now time.Time) ([]web.WalletCard, error) {
	orgID, _ := where(c)
	ctx := c.Request().Context()
	cards, err := h.Books.Wallet(ctx, orgID)
	if err != nil {
		return nil, err
	}
	outlook, err := h.Books.Outlook(ctx, orgID)
	var list []web.WalletCard
	for _, w := range cards {
		o := outlook[w.ProviderID]
		card := web.WalletCard{
			ProviderID: w.ProviderID, Provider: w.ProviderName, Granted: int64(w.Granted), Expiring: int64(w.Expiring), ExpiresFirst: page.Time(w.NextExpiry),
			Hours: web.HoursSummary{
				Bought: int64(w.Bought), Used: int64(w.Used), Held: int64(w.SetAside), Left: int64(w.Left), Expired: int64(w.Expired),
			},
			RateHour: int64(o.Rate) * 3600, Week: int64(o.Week), FullMCS: int64(o.Full),
		}
		card.Empty, _ = billing.EmptyAt(now, billing.PaceOf(o.Rate), w.SetAside, o.Lots)
		card.WeekEnds, _ = billing.EmptyAt(now, billing.Pace{Used: o.Week, Over: 7 * 24 * time.Hour}, w.SetAside, o.Lots)
		list = append(list, card)
	}
	return list, err
}

func lotRows(lots []books.LotRow) []web.LotRow {
	var list []web.LotRow
	for _, l := range lots {
		row := web.LotRow{
			ID: l.ID, Provider: l.ProviderName, Order: l.OrderNumber, Purpose: l.Purpose, Pool: l.PoolName, Bought: int64(l.Bought),
			Left: int64(l.Available), Held: int64(l.Held), Used: int64(l.Used), Created: l.CreatedAt, Expires: page.Time(l.ExpiresAt),
		}
		if l.OrderID != nil {
			row.OrderID = *l.OrderID
		} else if row.Purpose == "" {
			row.Purpose = l.Note
		}
		if l.Amount != nil {
			row.Amount = costText(&l.Amount.Minor, l.Amount.Currency)
		}
		list = append(list, row)
	}
	return list
}

// ListPurchases shows everything the organization ever bought or was granted.
func (h Handlers) ListPurchases(c echo.Context) error {
	l, q := request.ParseList(c, "party", "created", "bought", "left", "expires"), request.ParseQuery(c)
	f := books.LotFilter{Page: l.Page(), Sort: l.Sorting, Open: q.Typed("open") == "1", Party: q.Typed("search")}
	if q.Has("kind") {
		f.Kind = q.Choice("kind", "a kind", "bought", "granted")
	}
	orgID, _ := where(c)
	lots, sum, err := h.Books.Lots(c.Request().Context(), orgID, f)
	if err != nil {
		return err
	}
	return page.Render(c, http.StatusOK, web.PurchaseList(web.PurchaseListProps{
		Layout: h.layout(c), List: page.List(l, sum.Count), Search: f.Party, Kind: f.Kind, Open: q.Typed("open"), Lots: lotRows(lots),
		Sum:      web.LotRow{Bought: int64(sum.Bought), Left: int64(sum.Available), Held: int64(sum.Held), Used: int64(sum.Used)},
		MayOrder: request.Allowed(c, request.OrgOrder),
	}))
}

// ledger reads the part of the ledger that the query asks for.
func (h Handlers) ledger(c echo.Context, p *web.WalletProps) error {
	l, q := request.ParseList(c, "at"), request.ParseQuery(c)
	f := books.LedgerFilter{Page: l.Page(), Sort: l.Sorting, Cluster: strings.TrimSpace(q.Typed("cluster"))}
	f.Days = sales.Days(c)
	if q.Has("kind") {
		f.Kind = billing.Kind(q.Choice("kind", "a kind", "grant", "hold", "use", "release", "expire"))
	}
	if q.Has("provider") {
		f.Provider, _ = uuid.Parse(q.Typed("provider"))
	}
	orgID, _ := where(c)
	entries, sums, err := h.Books.LedgerEntries(c.Request().Context(), orgID, f)
	if err != nil {
		return err
	}
	total := 0
	for _, s := range sums {
		total += s.Count
		p.Sums = append(p.Sums, web.EntrySum{Kind: entryWord(s.Kind), Count: s.Count, MCS: int64(s.Hours)})
	}
	p.List = page.List(l, total)
	p.Provider, p.Kind, p.Since, p.Until, p.Cluster = q.Typed("provider"), string(f.Kind), q.Typed("since"), q.Typed("until"), q.Typed("cluster")
	for _, e := range entries {
		if n := len(p.Journals); n == 0 || p.Journals[n-1].ProviderID != e.ProviderID {
			p.Journals = append(p.Journals, web.Journal{ProviderID: e.ProviderID, Provider: e.ProviderName})
		}
		j := &p.Journals[len(p.Journals)-1]
		j.Entries = append(j.Entries, entryRow(e))
	}
	return nil
}

// entryWord is a booking in the words of pages.
func entryWord(k billing.Kind) string {
	switch k {
	case billing.KindGrant:
		return "bought or granted"
	case billing.KindHold:
		return "set aside"
	case billing.KindUse:
		return "used of what was set aside"
	case billing.KindRelease:
		return "back from what was set aside"
	case billing.KindExpire:
		return "expired"
	case billing.KindCreditNote:
		return "taken back by a credit note"
	case billing.KindCorrection:
		return "corrected"
	default:
		return string(k)
	}
}

func entryRow(e books.LedgerRow) web.EntryRow {
	row := web.EntryRow{Seq: e.Seq, At: e.At, Text: entryText(e), Balance: int64(e.Balance), Moved: int64(e.Hours), Digest: e.Hash}
	switch e.Kind {
	case billing.KindGrant:
		row.Bought = row.Moved
	case billing.KindExpire:
		row.Bought = -row.Moved
	case billing.KindHold:
		row.SetAside = row.Moved
	case billing.KindUse:
		row.Used = row.Moved
	case billing.KindRelease:
		row.Released = row.Moved
	case billing.KindCreditNote:
		row.Bought = -row.Moved
	case billing.KindCorrection:
		row.Used = -row.Moved
	case billing.KindOpening, billing.KindPayment, billing.KindRefund, billing.KindWriteOff, billing.KindGoodwill: // of money alone: not listed
	}
	return row
}

func entryText(e books.LedgerRow) string {
	clusters := strings.Join(e.Clusters, ", ")
	switch {
	case e.Kind == billing.KindGrant && e.OrderNumber != nil:
		return fmt.Sprintf("order %d", *e.OrderNumber)
	case e.Kind == billing.KindGrant && e.Purpose != "":
		return "grant: " + typed.Isolate(e.Purpose)
	case e.Kind == billing.KindGrant:
		return "grant"
	case e.Kind == billing.KindExpire, e.Kind == billing.KindCreditNote, e.Kind == billing.KindCorrection:
		return entryWord(e.Kind)
	}
	return clusters
}
