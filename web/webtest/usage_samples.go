package webtest

import (
	"time"

	"volary.dev/web/layout"
	"volary.dev/web/org"
	"volary.dev/web/sales"
	"volary.dev/web/ui"
)

func usageSamples() []Sample {
	return []Sample{
		{"usage", org.Usage(usage())},
		{"usage-empty", org.Usage(org.UsageProps{Layout: orgLayout()})},
		{"usage-people", org.PeopleUsage(peopleUsage())},
		{"usage-people-own", org.PeopleUsage(org.PeopleUsageProps{Layout: orgLayout(), Month: "2026-11", Own: true})},
		{"usage-people-refused", org.PeopleUsage(org.PeopleUsageProps{Layout: orgLayout(), Month: "2026-13", Form: refused(map[string]string{"month": "Write the month as 2026-11."})})},
		{"usage-cluster", org.ClusterUsageShow(clusterUsage())},
		{"usage-cluster-empty", org.ClusterUsageShow(org.ClusterUsageProps{Layout: orgLayout(), ID: id(43), Name: "night-run", Provider: "Southern Grid"})},
		{"exports", sales.Exports(exports(orgLayout(), sales.Buyer))},
		{"exports-empty", sales.Exports(sales.ExportsProps{Layout: orgLayout(), Side: sales.Buyer, Month: "2026-11"})},
		{"exports-refused", sales.Exports(sales.ExportsProps{Layout: orgLayout(), Side: sales.Buyer, Month: "2026-13", Form: refused(map[string]string{"month": "Write the month as 2026-11."})})},
		{"provider-exports", sales.Exports(exports(providerLayout(), sales.Seller))},
		{"wallet", org.Wallet(wallet())},
		{"wallet-empty", org.Wallet(org.WalletProps{Layout: orgLayout(), MayOrder: true})},
		{"purchases", org.PurchaseList(org.PurchaseListProps{
			Layout: orgLayout(), MayOrder: true, List: ui.ListProps{Path: "/org/wallet/purchases", PerPage: 50, Total: 2}, Lots: lots(),
			Sum: org.LotRow{Bought: 1240 * hour, Used: 393 * hour, Held: 14 * hour, Left: 833 * hour},
		})},
		{"purchases-empty", org.PurchaseList(org.PurchaseListProps{Layout: orgLayout()})},
	}
}

func exports(frame layout.Props, side sales.Side) sales.ExportsProps {
	return sales.ExportsProps{Layout: frame, Side: side, Month: "2026-10", Site: "Northern-Compute", Parts: []ui.MonthPart{{
		From: time.Date(2026, 9, 30, 22, 0, 0, 0, time.UTC), Until: time.Date(2026, 10, 31, 23, 0, 0, 0, time.UTC), Zone: "Europe/Berlin", Over: true,
		Settled: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC),
	}}}
}

func wallet() org.WalletProps {
	north := org.WalletCard{
		ProviderID: id(74), Provider: "Northern Compute", Hours: hours(), Granted: 40 * hour, Expiring: 120 * hour, ExpiresFirst: now().AddDate(0, 0, 11),
		RateHour: 14 * hour, Empty: now().Add(95 * time.Hour), Week: 311 * hour, WeekEnds: now().AddDate(0, 0, 19),
	}
	south := org.WalletCard{ProviderID: id(75), Provider: "South Computing", Hours: org.HoursSummary{Bought: 100 * hour, Left: 100 * hour}, ExpiresFirst: now().AddDate(1, 0, 0)}
	return org.WalletProps{
		Layout: orgLayout(), MayOrder: true, MayExport: true, Cards: []org.WalletCard{north, south}, More: true, List: ui.ListProps{Path: "/org/wallet", PerPage: 50, Total: 120},
		Purchases: lots(),
		Journals: []org.Journal{
			{ProviderID: id(60), Provider: "Northern Compute", Entries: []org.EntryRow{
				{Seq: 42, At: ago(4 * time.Minute), Text: "trial-1", Used: hour / 4, Moved: hour / 4, Balance: 833 * hour, Digest: digest(8)},
				{Seq: 41, At: ago(time.Hour), Text: "trial-1", SetAside: 28 * hour, Moved: 28 * hour, Balance: 833 * hour, Digest: digest(7)},
				{Seq: 40, At: ago(20 * time.Hour), Text: "grant: summer school", Bought: 40 * hour, Moved: 40 * hour, Balance: 861 * hour, Digest: digest(6)},
			}},
			{ProviderID: id(61), Provider: "Southern Grid", Entries: []org.EntryRow{
				{Seq: 3, At: ago(90 * time.Hour), Text: "expired", Bought: -12*hour - 1234, Moved: 12*hour + 1234, Digest: digest(5)},
				{Seq: 2, At: ago(99 * time.Hour), Text: "night-run", Released: 2*hour + 1234, Moved: 2*hour + 1234, Balance: 12*hour + 1234, Digest: digest(4)},
			}},
		},
		Sums: []org.EntrySum{{Kind: "bought or granted", Count: 3, MCS: 1240 * hour}, {Kind: "set aside", Count: 40, MCS: 900 * hour}, {Kind: "used of what was set aside", Count: 77, MCS: 407 * hour}},
	}
}

func lots() []org.LotRow {
	return []org.LotRow{
		{ID: id(70), Provider: "Northern Compute", OrderID: id(90), Order: 12, Amount: "54.00 EUR", Bought: 1200 * hour, Used: 393 * hour, Held: 14 * hour, Left: 793 * hour, Created: ago(900 * time.Hour), Expires: now().AddDate(1, 0, 0)},
		{ID: id(71), Provider: "Northern Compute", Pool: "lab-a", Purpose: "summer school", Bought: 40 * hour, Left: 40 * hour, Created: ago(20 * time.Hour)},
	}
}

func usage() org.UsageProps {
	return org.UsageProps{
		Layout: orgLayout(), Hours: hours(), List: ui.ListProps{Path: "/org/usage", PerPage: 50, Total: 2}, UsedMCS: 49_560_000, HeldMCS: 14 * hour, Cost: "0.62 EUR",
		Clusters: []org.ClusterUsage{
			{
				ID: id(40), Name: "trial-1", Provider: "Northern Compute", Nodes: 4, Created: ago(time.Hour), UsedMCS: 49_560_000, HeldMCS: 14 * hour, Cost: "0.62 EUR",
				References: org.References{CostCentre: "4711", GrantNumber: "ERC-2026-113"},
			},
			{ID: id(43), Name: "night-run", Provider: "Southern Grid", Nodes: 9, Created: ago(30 * time.Hour), Ended: ago(29 * time.Hour)},
		},
	}
}

func peopleUsage() org.PeopleUsageProps {
	from, berlin := now().AddDate(0, 0, 1-now().Day()).Truncate(24*time.Hour), time.FixedZone("CET", 3600)
	return org.PeopleUsageProps{
		Layout: orgLayout(), Month: "2026-11", Before: "2026-10", List: ui.ListProps{Path: "/org/usage/people", PerPage: 50, Total: 3},
		Parts: []ui.MonthPart{
			{Party: "Northern Compute", From: from.In(berlin).Add(-time.Hour), Until: from.AddDate(0, 1, 0).In(berlin).Add(-time.Hour), Zone: "Europe/Berlin", Settled: ago(20 * time.Minute)},
			{Party: "Southern Grid", From: from, Until: from.AddDate(0, 1, 0), Zone: "UTC", Settled: ago(20 * time.Minute)},
		},
		Providers: []ui.Option{{Value: "1", Label: "Northern Compute"}, {Value: "2", Label: "Southern Grid"}},
		People: []org.PersonUsage{
			{Name: "Lena Vogel", Provider: "Northern Compute", Clusters: 3, Runs: 14, UsedMCS: 393 * hour, Cost: "17.69 EUR"},
			{Name: "O'Brien-Featherstonehaugh", Provider: "Northern Compute", Clusters: 1, Runs: 4, UsedMCS: 49_560_000},
			{Name: "Lena Vogel", Provider: "Southern Grid", Clusters: 1, Runs: 2, UsedMCS: 12*hour + 1234, Cost: "0.64 USD"},
		},
		Runs: 20, UsedMCS: 405*hour + 49_561_234, Cost: "17.69 EUR, 0.64 USD",
	}
}

func clusterUsage() org.ClusterUsageProps {
	run := func(node string, rate int64, began, ended time.Time, open bool) org.RunRow {
		proofs, gap := int(ended.Sub(began)/(5*time.Second)), 9*time.Second
		return org.RunRow{Node: node, Rate: rate, Began: began, Ended: ended, Open: open, Proofs: &proofs, Gap: &gap, UsedMCS: rate * int64(ended.Sub(began)/time.Second), Cost: "0.16 EUR"}
	}
	began := ago(59 * time.Minute)
	return org.ClusterUsageProps{
		Layout: orgLayout(), ID: id(40), Name: "trial-1", Provider: "Northern Compute", UsedMCS: 49_560_000, ListedMCS: 49_560_000, Cost: "0.64 EUR", HeldMCS: 14 * hour, MayOpen: true,
		List: ui.ListProps{Path: "/org/usage/1", PerPage: 50, Total: 5}, References: org.References{CostCentre: "4711"},
		Runs: []org.RunRow{
			run("head", 2000, began, now(), true), run("compute-001", 4000, began, now(), true),
			run("compute-002", 4000, began, ago(20*time.Minute), false), run("compute-003", 4000, began, now(), true),
			{Node: "compute-004", Rate: 4000, Began: began, Ended: ago(50 * time.Minute), UsedMCS: 4000 * 540, Cost: "0.02 EUR"}, // before proofs were counted
		},
	}
}
