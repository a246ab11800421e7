package main

import (
	"slices"
	"testing"
)

func TestRoutes(t *testing.T) {
	if err := checkRoutes(t.Context(), checkoutRoot(t)); err != nil {
		t.Error(err)
	}
}

func TestRouteFaults(t *testing.T) {
	rows := []routeRow{
		{"/org/clusters/:id", "org", "ShowCluster"},
		{"/org/clusters/:id/nodes/:node/console.log", "org", "ShowConsoleLog"},
		{"/org/tests/:id", "org", "ShowTest"},
		{"/org/invoices.csv", "org", "ExportInvoices"},
		{"/org", "org", "ShowHome"},
		{"/org/gone", "org", "ShowGone"},
	}
	where := map[string]string{
		"org.ShowCluster": "clusters", "org.ShowConsoleLog": "consoles", "org.ShowTest": "acceptance_tests",
		"org.ExportInvoices": "orders", "org.ShowHome": "clusters",
	}
	got := routeFaults(rows, where)
	want := []string{
		"/org/invoices.csv: ExportInvoices is in handlers/org/orders.go, and belongs into one of invoices (cmd/dev/check_routes.go)",
		"/org: ShowHome is in handlers/org/clusters.go, and belongs into one of home, overview, org, orgs (cmd/dev/check_routes.go)",
		"/org/gone: handlers/org has no method ShowGone",
	}
	if !slices.Equal(got, want) {
		t.Errorf("found\n%q, want\n%q", got, want)
	}
}
