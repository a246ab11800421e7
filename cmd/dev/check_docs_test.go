package main

import (
	"slices"
	"testing"
)

func TestDocs(t *testing.T) {
	if err := checkDocs(t.Context(), checkoutRoot(t)); err != nil {
		t.Error(err)
	}
}

func TestDocFaults(t *testing.T) {
	d := document{
		dir:     "handlers/jobs",
		files:   []string{"handlers/jobs/doc.go", "handlers/jobs/mail.go", "handlers/routes.go"},
		imports: []string{"store", "store/queue"},
	}
	for text, want := range map[string][]string{
		"Start at mail.go, then handlers/routes.go.":           nil,
		"Start at gone.go.":                                    {"handlers/jobs/doc.go names gone.go, which is not there"},
		"Jobs, a file for each: mail,\nverify_upload.":         {"handlers/jobs/doc.go lists verify_upload, which has no file"},
		"It imports store and queue.":                          nil,
		"It imports store,\nqueue and billing.":                {"handlers/jobs/doc.go says that it imports billing, which it does not"},
		"It imports store.":                                    {"handlers/jobs/doc.go does not say that it imports store/queue"},
		"It imports nothing of ours, and only the worker asks": {"handlers/jobs/doc.go says that it imports nothing of ours, and it imports store, store/queue"},
		"It imports only what it must.":                        nil,
	} {
		d.text = text
		if got := docFaults(d); !slices.Equal(got, want) {
			t.Errorf("%q: found %q, want %q", text, got, want)
		}
	}
}

func TestRatioFault(t *testing.T) {
	if err := ratioFault(leastTestPercent, 100); err != nil {
		t.Error(err)
	}
	if ratioFault(leastTestPercent*10-1, 1000) == nil {
		t.Error("a fall of test lines was not seen")
	}
}

func TestStaleLayers(t *testing.T) {
	table := []layer{{packages: []string{"store"}, may: []string{"web/**", "gone"}, never: []string{"cgo", "left/**", "example.org/served"}}}
	got := staleLayers(table, []goPackage{{ImportPath: "volary.dev/store"}, {ImportPath: "volary.dev/web/org"}, {ImportPath: "example.org/served"}})
	want := []string{
		"the import table (cmd/dev/check_layers.go) names gone, which is no package",
		"the import table (cmd/dev/check_layers.go) names left/**, which is no package",
	}
	if !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}
