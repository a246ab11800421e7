package webtest

import (
	"time"

	"volary.dev/provisioner"
	"volary.dev/web/layout"
	"volary.dev/web/public"
	"volary.dev/web/ui"
)

func marketSamples() []Sample {
	bare := layout.Props{Area: layout.AreaPublic, Now: now(), Version: "v0.1.0"}
	wrong := marketFull(bare)
	wrong.Offers.Rows = nil
	wrong.Values.Nodes, wrong.Values.Price = "many", "cheap"
	wrong.Form = refused(map[string]string{
		"nodes": "Give the number of nodes as a whole number between 1 and 1000.", "price": "The price has to be a number such as 0.05, of one compute hour.",
	})
	none := public.MarketProps{Layout: bare, Values: needValues(), List: ui.ListProps{Path: "/market"}, Offers: public.Offers{Now: now()}}
	return []Sample{
		{"market", public.Market(marketFull(bare))},
		{"market-owner", public.Market(marketOwner())},
		{"market-refused", public.Market(wrong)},
		{"market-empty", public.Market(none)},
		{"market-images", public.ImageGuide(imageGuide(bare))},
		{"market-provider", public.Provider(providerFull(bare))},
		{"market-provider-new", public.Provider(providerNew(bare))},
		{"market-provider-refused", public.Provider(providerRefused(bare))},
	}
}

func needValues() public.MarketValues {
	return public.MarketValues{Nodes: "8", VCPUs: "4", Memory: "8", Disk: "20", Hours: "24"}
}

func marketFull(l layout.Props) public.MarketProps {
	return public.MarketProps{
		Layout: l, Values: needValues(), Locations: []string{"Hamburg, Germany", "Luleå, Sweden"}, Lacking: 1,
		List:   ui.ListProps{Path: "/market", PerPage: 50, Total: 4, Sort: "cost"},
		Offers: public.Offers{Rows: offerRows(), Now: now()},
	}
}

func marketOwner() public.MarketProps {
	l := orgLayout()
	p := marketFull(l)
	p.Offers.Owner, p.Offers.Mixed = true, true
	p.Offers.Rows[1].OwnedMCS, p.Offers.Rows[1].ToBuyMCS = 640*hour, 128*hour
	p.Offers.Rows[0].OwnedMCS, p.Offers.Rows[0].ToBuyMCS = 900*hour, 0
	for i := range p.Offers.Rows {
		p.Offers.Rows[i].BestPrice = false
		p.Offers.Rows[i].Order = "/org/orders/new?offer=1"
	}
	p.Offers.Rows[1].Price, p.Offers.Rows[1].CostPerHour, p.Offers.Rows[1].Cost = "0.21 SEK", "6.72 SEK", "161.28 SEK"
	return p
}

func offerRows() []public.OfferRow {
	standard := provisioner.Shape{VCPUs: 4, MemoryMiB: 8192, DiskGiB: 40}
	row := public.OfferRow{
		ProviderID: id(60), Provider: "Northern Compute", Pool: "lab-a", Location: "Hamburg, Germany", Offer: "Standard hours", Node: "standard-4",
		Shape: standard, Price: "0.0125 EUR", CostPerHour: "0.40 EUR", Cost: "9.60 EUR", NeedMCS: 768 * hour, ToBuyMCS: 768 * hour, LeastMCS: 100 * hour,
		FreeVCPUs: 52, VCPUs: 92, FreeMiB: 212992, When: "now", Launch: "/org/clusters/new?pool=1", BestPrice: true,
		Made: made(provisioner.AccelerationKVM, "AMD EPYC 7302 16-Core Processor", 96, 96),
	}
	second, third, fourth := row, row, row
	second.Provider, second.Pool, second.Location, second.Offer = "Midnight Sun HPC", "rack 7", "Luleå, Sweden", "Hydropower hours"
	second.Price, second.CostPerHour, second.Cost, second.BestPrice = "0.019 EUR", "0.61 EUR", "14.59 EUR", false
	second.Made.KVM = 3
	second.FreeVCPUs, second.VCPUs, second.FreeMiB, second.When, second.Start = 12, 124, 40960, "at", now().Add(95*time.Minute)
	third.Provider, third.Pool, third.Location, third.Offer, third.BestPrice = "Northern Compute", "lab-b", "", "", false
	third.Price, third.CostPerHour, third.Cost = "", "", ""
	third.FreeVCPUs, third.VCPUs, third.FreeMiB, third.When, third.Launch = 8, 28, 20480, "larger", ""
	fourth.Launch = ""
	fourth.Provider, fourth.Pool, fourth.Offer, fourth.BestPrice = "Southern Grid", "east", "Reserved block", false
	fourth.Price, fourth.CostPerHour, fourth.Cost = "0.03 EUR", "0.96 EUR", "23.04 EUR"
	fourth.FreeVCPUs, fourth.VCPUs, fourth.When, fourth.TooLong = 0, 64, "open", true
	second.Short = []string{"vCPUs: 12 of 124 free, 32 needed"}
	third.Made = made(provisioner.AccelerationTCG, "Intel Core i5-6500", 32, 16)
	third.Short = []string{"vCPUs: 28 in all, 32 needed", "memory: 62.5 GiB in all, 64 GiB needed"}
	fourth.Short = []string{"vCPUs: 0 of 64 free, 32 needed", "lease: at most 12 h here, 24 h asked for"}
	return []public.OfferRow{row, second, fourth, third}
}

func made(a provisioner.Acceleration, model string, vcpus, processors int) (p provisioner.Processors) {
	p.Add(a, model, vcpus, processors)
	if a == provisioner.AccelerationKVM {
		p.UEFI = 1
	}
	return p
}

func providerFull(l layout.Props) public.ProviderProps {
	return public.ProviderProps{
		Layout: l, Values: needValues(), Name: "Northern Compute", LegalName: "Northern Compute GmbH & Co. KG",
		About:   "A machine room below the physics department, cooled by the canal.\nWe run KVM for groups that would rather do science.",
		Support: "support@northern.example, weekdays 9 to 17", Terms: "Hours are good for a year from their approval.",
		Record: public.Record{Days: 90, Launches: 126, Ready: 124, Median: 131 * time.Second, P95: 402 * time.Second},
		Offers: public.Offers{Rows: offerRows()[:1], Now: now()}, List: ui.ListProps{Path: "/market/providers/1", PerPage: 50, Total: 1},
		Pools: []public.Pool{
			{Name: "lab-a", Location: "Hamburg, Germany", Masquerade: true, TestVCPUs: 4, MaxLease: 720, VCPUs: 96, Hosts: 3, Made: made(provisioner.AccelerationKVM, "AMD EPYC 7302 16-Core Processor", 96, 96), Policy: "Maintenance on the first Tuesday of a month, 8 to 10 in the morning."},
			{Name: "lab-b", Wiped: true, TestVCPUs: 4, MaxLease: 168, VCPUs: 32, Hosts: 1, Made: made(provisioner.AccelerationTCG, "Intel Core i5-6500", 32, 16)},
		},
		Shapes: []public.Shape{
			{Name: "small", Size: provisioner.Shape{VCPUs: 1, MemoryMiB: 2048, DiskGiB: 10}, RateMCS: 1000, Hour: "0.0125 EUR"},
			{Name: "standard-4", Size: provisioner.Shape{VCPUs: 4, MemoryMiB: 8192, DiskGiB: 40}, RateMCS: 4000, Hour: "0.05 EUR"},
		},
	}
}

func providerNew(l layout.Props) public.ProviderProps {
	return public.ProviderProps{
		Layout: l, Values: needValues(), Name: "Southern Grid", Alone: true, Record: public.Record{Days: 90},
		Offers: public.Offers{Now: now()}, List: ui.ListProps{Path: "/market", PerPage: 50},
	}
}

func providerRefused(l layout.Props) public.ProviderProps {
	p := providerFull(l)
	p.Offers.Rows, p.Values.Hours = nil, "forever"
	p.Form = refused(map[string]string{"hours": "The time has to be hours like 4 or 1.5, between 6 min and 8760 h."})
	return p
}

func imageGuide(l layout.Props) public.ImageGuideProps {
	p := public.ImageGuideProps{
		Layout: l, Cluster: "trial-1", Node: provisioner.ComputeName(1), Most: 64,
		Env:   "VOLARY_ROLE=compute\nVOLARY_NAME=compute-001\nVOLARY_DOMAIN=trial-1.volary\nVOLARY_HEAD=head\nVOLARY_HEAD_ADDRESS=10.128.4.10\nVOLARY_COMPUTE=\"compute-001 compute-002\"\n",
		Hosts: "# volary begin\n10.128.4.10 head.trial-1.volary head\n# volary end\n",
		Files: []public.SeedFile{{Name: "meta-data", Content: "instance-id: \"01939f3c\"\n"}},
	}
	for _, n := range []string{provisioner.HeadName, provisioner.ComputeName(1), provisioner.ComputeName(2)} {
		p.Nodes = append(p.Nodes, public.NamedNode{Name: n, Domain: provisioner.ClusterDomain("trial-1"), Address: "10.128.4.10"})
	}
	return p
}
