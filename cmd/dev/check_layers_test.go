package main

import (
	"slices"
	"testing"
)

// TestLayers is the architecture document: who may import whom.
func TestLayers(t *testing.T) {
	if err := checkLayers(t.Context(), checkoutRoot(t)); err != nil {
		t.Error(err)
	}
}

func TestSizes(t *testing.T) {
	if err := checkSizes(t.Context(), checkoutRoot(t)); err != nil {
		t.Error(err)
	}
}

func TestLayerFaults(t *testing.T) {
	all := []goPackage{
		{ImportPath: "volary.dev/store", Imports: []string{"fmt", "volary.dev/web/org", "volary.dev/store/queue", "volary.dev/store/storetest"}},
		{ImportPath: "volary.dev/store/storetest", Imports: []string{"volary.dev/handlers"}},
		{ImportPath: "volary.dev/web/org", Imports: []string{"volary.dev/web/ui"}},
		{ImportPath: "volary.dev/cmd/web", Deps: []string{"os/user", "libvirt.org/go/libvirt", "volary.dev/provisioner/lab"}},
		{ImportPath: "volary.dev/surprise"},
		{ImportPath: "os/user", Standard: true, CgoFiles: []string{"getgrouplist_unix.go"}},
		{ImportPath: "libvirt.org/go/libvirt", CgoFiles: []string{"connect.go"}},
	}
	want := []string{
		"cmd/web must not reach libvirt.org/go/libvirt",
		"cmd/web must not reach provisioner/lab",
		"store imports store/storetest, which only tests may",
		"store may not import web/org",
		"surprise has no row in the import table (cmd/dev/check_layers.go)",
	}
	got := layerFaults(layers(), all)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("found\n%q, want\n%q", got, want)
	}
}

func TestOutsideFaults(t *testing.T) {
	all := []goPackage{
		{ImportPath: "volary.dev/store/blob/bucket", Imports: []string{"github.com/aws/aws-sdk-go-v2/service/s3"}},
		{ImportPath: "volary.dev/store/blob/blobtest", Imports: []string{"github.com/aws/aws-sdk-go-v2/service/s3"}},
		{ImportPath: "volary.dev/handlers/org", Imports: []string{"github.com/aws/aws-sdk-go-v2/service/s3", "fmt"}},
		{ImportPath: "github.com/aws/aws-sdk-go-v2/service/s3", Imports: []string{"github.com/aws/smithy-go"}},
	}
	want := []string{"handlers/org may not import github.com/aws/aws-sdk-go-v2/service/s3"}
	if got := outsideFaults(outside(), all); !slices.Equal(got, want) {
		t.Errorf("found\n%q, want\n%q", got, want)
	}
}

func checkoutRoot(t *testing.T) string {
	t.Helper()
	c, err := findCheckout()
	if err != nil {
		t.Fatal(err)
	}
	return c.root
}
