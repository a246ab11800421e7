package webtest

import (
	"time"

	"volary.dev/provisioner"
	"volary.dev/web/org"
)

func usageSamples() []Sample {
	return []Sample{
		{"usage", org.Usage(usage())},
		{"usage-empty", org.Usage(org.UsageProps{Layout: orgLayout()})},
	}
}

func usage() org.UsageProps {
	run := func(node string, rate int64, began, ended time.Time, open bool) org.RunRow {
		return org.RunRow{Node: node, Rate: rate, Began: began, Ended: ended, Open: open, UsedMCS: rate * int64(ended.Sub(began)/time.Second)}
	}
	began := ago(59 * time.Minute)
	return org.UsageProps{
		Layout: orgLayout(), Hours: hours(), Next: "/org/usage?before=39",
		Lots: []org.LotRow{
			{ID: id(70), Provider: "Northern Compute", Bought: 1200 * hour, Left: 793 * hour, Created: ago(900 * time.Hour), Expires: now().AddDate(1, 0, 0)},
			{ID: id(71), Provider: "Northern Compute", Bought: 40 * hour, Left: 40 * hour, Created: ago(20 * time.Hour)},
		},
		Clusters: []org.ClusterUsage{
			{ID: id(40), Name: "trial-1", State: provisioner.ClusterReady, UsedMCS: 49_560_000, HeldMCS: 14 * hour, Runs: []org.RunRow{
				run("head", 2000, began, now(), true), run("compute-001", 4000, began, now(), true), run("compute-002", 4000, began, ago(20*time.Minute), false), run("compute-003", 4000, began, now(), true),
			}},
			{ID: id(43), Name: "night-run", State: provisioner.ClusterGone},
		},
		Entries: []org.EntryRow{
			{Seq: 42, At: ago(4 * time.Minute), Kind: "Used", Text: "trial-1, hourly", ChangeMCS: 0, Digest: digest(8)},
			{Seq: 41, At: ago(time.Hour), Kind: "Set aside", Text: "trial-1, lease of 2 h", ChangeMCS: -28 * hour, Digest: digest(7)},
			{Seq: 40, At: ago(20 * time.Hour), Kind: "Bought", Text: "granted by Northern Compute", ChangeMCS: 40 * hour, Digest: digest(6)},
		},
	}
}
