package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
)

const module = "volary.dev"

// layer says which of our packages a package may import. Everything absent is forbidden.
type layer struct {
	packages []string // patterns
	may      []string // patterns
	// never lists what must not be reached at all, through however many packages; "cgo" is any C code.
	never []string
}

// A pattern is a package path below the module, "/**" after it takes the package and everything below.

// layers is the house's import table, the first matching row counting. A package without a row is refused: a new
// package gets its row together with its doc.go.
func layers() []layer { return slices.Concat(lowest(), pages(), mains()) }

// lowest are the rows below the pages.
func lowest() []layer {
	return []layer{
		{packages: []string{"provisioner/refusal", "provisioner", "migrations", "static", "store/queue", "store/blob", "store/sender", "store/sealing", "handlers/handshake", "billing/typeface"}},
		{packages: []string{"store/blob/bucket"}, may: []string{"store/blob"}},
		{packages: []string{"provisioner/typed"}},
		{packages: []string{"provisioner/fetch"}, may: []string{"provisioner/typed"}, never: []string{"cgo"}},
		// What a file's first bytes tell is told before it is whole, by who may not open it.
		{packages: []string{"provisioner/image/magic"}},
		{packages: []string{"provisioner/image"}, may: []string{"provisioner", "provisioner/typed", "provisioner/image/magic", "provisioner/bundle"}},
		{packages: []string{"provisioner/bundle"}, may: []string{"provisioner", "provisioner/typed", "provisioner/manifest"}, never: []string{"store", "github.com/jackc/**", "net/http", "cgo"}},
		{packages: []string{"billing"}, may: []string{"provisioner/typed"}},
		{packages: []string{"billing/workbook"}, may: []string{"billing"}},
		{packages: []string{"billing/paper"}, may: []string{"billing", "billing/typeface", "provisioner/typed"}},
		{packages: []string{
			"provisioner/placement", "provisioner/memory",
			"provisioner/acceptance", "provisioner/gate", "provisioner/reconcile", "provisioner/nethook", "provisioner/lab", "provisioner/userdata",
		}, may: []string{"provisioner"}},
		// What anybody checks who was not there.
		{packages: []string{"provisioner/certificate"}, may: []string{"provisioner"}, never: []string{"store", "github.com/jackc/**", "net/http", "cgo"}},
		{packages: []string{"provisioner/manifest"}, may: []string{"provisioner", "provisioner/typed", "provisioner/userdata"}},
		{packages: []string{"provisioner/cloudinit"}, may: []string{"provisioner", "provisioner/userdata"}},
		// Whoever runs a model plans it, with a deployment around it or none.
		{packages: []string{"provisioner/plan"}, may: []string{"provisioner", "provisioner/cloudinit", "provisioner/userdata"}, never: []string{"store", "github.com/jackc/**", "cgo"}},
		// A workstation: what it needs beside the words is written for any driver, or for no deployment.
		{packages: []string{"provisioner/guestagent", "provisioner/usernet"}, may: []string{"provisioner"}, never: []string{"cgo"}},
		{packages: []string{"provisioner/qemu"}, may: []string{"provisioner", "provisioner/guestagent", "provisioner/usernet"}, never: []string{"cgo"}},
		{packages: []string{"provisioner/tryout"}, may: []string{
			"provisioner", "provisioner/plan", "provisioner/cloudinit", "provisioner/acceptance", "provisioner/gate", "provisioner/reconcile",
		}, never: []string{"store", "provisioner/libvirt", "cgo"}},
		// The process that a host's driver lives in is the driver's choice: hostline knows none.
		{packages: []string{"provisioner/hostline"}, may: []string{"provisioner"}, never: []string{"cgo", "provisioner/libvirt"}},
		// What libvirt's networks carry for the hook is written in the hook's own words.
		{packages: []string{"provisioner/domainxml"}, may: []string{"provisioner", "provisioner/nethook"}},
		{packages: []string{"provisioner/enrolment"}, may: []string{"provisioner", "provisioner/domainxml", "provisioner/nethook"}, never: []string{"cgo"}},
		{packages: []string{"provisioner/debian", "provisioner/lab/intruder"}},
		{packages: []string{"provisioner/lab/sample"}, may: []string{"provisioner/debian"}},
		{packages: []string{"provisioner/starter"}, may: []string{"provisioner", "provisioner/debian"}, never: []string{"cgo"}},
		{
			packages: []string{"provisioner/libvirt"},
			may:      []string{"provisioner", "provisioner/domainxml", "provisioner/cloudinit", "provisioner/nethook", "provisioner/guestagent"},
		},
		// The store's floors: the core below, and what one needs of another inside a transaction is an interface of who
		// needs it, unless the other is below it.
		{packages: []string{"store"}, may: []string{"provisioner", "store/queue", "store/sealing", "provisioner/typed"}},
		{packages: []string{"store/people"}, may: []string{"store", "billing", "billing/typeface", "provisioner", "store/sender", "provisioner/typed"}},
		{packages: []string{"store/books"}, may: []string{"store", "store/people", "billing", "billing/workbook", "provisioner", "provisioner/typed"}},
		{packages: []string{"store/models"}, may: []string{"store", "store/people", "provisioner", "provisioner/userdata", "provisioner/manifest", "provisioner/certificate", "provisioner/bundle", "store/queue", "provisioner/typed"}},
		{packages: []string{"store/machines"}, may: []string{
			"store", "store/people", "store/models", "billing", "provisioner", "provisioner/placement", "provisioner/plan", "provisioner/manifest", "store/queue", "provisioner/typed",
		}},
		// Readers of several floors.
		{packages: []string{"store/overview"}, may: []string{
			"store", "store/people", "store/books", "store/models", "store/machines", "billing", "provisioner", "provisioner/placement", "provisioner/plan", "store/queue", "provisioner/typed",
		}},
		// It puts the handles together.
		{packages: []string{"store/floors"}, may: []string{
			"store", "store/people", "store/books", "store/models", "store/machines", "store/overview",
		}},
	}
}

// pages are the rows of what faces people, and of the worker's handlers.
func pages() []layer {
	audience := []string{
		"store", "store/people", "store/books", "store/models", "store/machines", "store/overview", "store/blob", "web/**", "billing", "provisioner", "provisioner/cloudinit",
		"provisioner/userdata", "provisioner/typed",
		"handlers/request", "handlers/respond", "handlers/respond/page", "handlers/live", "handlers/relay",
		"handlers/sales", "handlers/uploads",
	}
	return []layer{
		{
			packages: []string{"web/**"},
			may:      []string{"web/ui", "web/layout", "billing", "provisioner", "static", "provisioner/typed"},
		},
		{packages: []string{"handlers/org"}, may: append(slices.Clone(audience), "provisioner/image/magic", "provisioner/manifest", "provisioner/bundle", "provisioner/certificate"), never: []string{"provisioner/image"}},
		{packages: []string{"handlers/public"}, may: append(slices.Clone(audience), "provisioner/certificate", "provisioner/manifest")},
		{packages: []string{"handlers/account", "handlers/provider", "handlers/platform"}, may: audience},
		{
			packages: []string{"handlers/jobs"},
			may: []string{
				"store", "store/books", "store/models", "store/machines", "store/floors", "store/queue", "store/blob", "store/sealing",
				"billing", "provisioner", "provisioner/typed", "provisioner/placement",
				"provisioner/image", "provisioner/image/magic", "provisioner/acceptance", "provisioner/fetch",
				"provisioner/cloudinit", "provisioner/plan", "provisioner/domainxml", "provisioner/memory",
				"handlers/loops",
			},
			never: []string{"github.com/labstack/echo/v4", "github.com/aws/**", "provisioner/libvirt", "provisioner/lab/**", "web/**"},
		},
		{
			packages: []string{"handlers/loops"},
			may: []string{
				"store", "store/books", "store/models", "store/machines", "store/floors", "store/queue", "store/blob", "store/sealing",
				"billing", "provisioner", "provisioner/acceptance", "provisioner/certificate", "provisioner/cloudinit", "provisioner/gate", "provisioner/plan",
				"provisioner/reconcile", "provisioner/typed",
			},
			never: []string{"github.com/labstack/echo/v4", "github.com/aws/**", "provisioner/libvirt", "provisioner/lab/**", "web/**"},
		},
		{packages: []string{"handlers/console"}, may: []string{"store", "store/floors", "store/machines", "provisioner", "handlers/handshake"}},
		{packages: []string{"handlers/respond/page"}, may: []string{
			"store", "store/people", "store/models", "store/overview", "provisioner", "provisioner/typed", "web/layout", "web/ui", "handlers/request", "handlers/respond",
		}},
		{packages: []string{"handlers/uploads"}, may: []string{"store", "store/models", "store/people", "store/blob", "provisioner/typed", "provisioner/image/magic", "handlers/request", "handlers/respond"}, never: []string{"github.com/aws/**", "provisioner/image"}},
		// What both sides of a sale read.
		{packages: []string{"handlers/sales"}, may: []string{
			"store", "store/books", "billing", "billing/paper", "billing/workbook", "provisioner", "provisioner/typed", "web/sales", "web/layout", "web/ui", "handlers/request", "handlers/respond/page",
		}},
		// What pages of several audiences stream.
		{packages: []string{"handlers/relay"}, may: []string{"provisioner", "handlers/request", "handlers/handshake"}},
		{packages: []string{"handlers/live"}, may: []string{"store", "provisioner", "handlers/request"}},
		{packages: []string{"handlers/middleware"}, may: []string{"store", "store/people", "store/sender", "provisioner", "handlers/request", "handlers/respond"}},
		{packages: []string{"handlers/request"}, may: []string{"store", "store/people", "provisioner", "provisioner/typed"}},
		{packages: []string{"handlers/respond"}, may: []string{"store", "provisioner"}},
		// The root puts the portal together: it hands what it was given to the audiences.
		{packages: []string{"handlers"}, may: []string{
			"handlers/public", "handlers/account", "handlers/org", "handlers/provider", "handlers/platform", "handlers/uploads", "handlers/middleware", "handlers/live", "handlers/relay", "handlers/handshake",
			"handlers/request", "handlers/respond", "handlers/respond/page", "store", "store/floors", "store/blob", "static",
		}},
	}
}

// mains are the rows of the processes.
func mains() []layer {
	return []layer{
		{
			packages: []string{"cmd/web"},
			may:      []string{"cmd/internal/setup", "cmd/internal/demo", "handlers", "handlers/handshake", "store", "store/floors", "store/blob", "store/sealing", "migrations", "static"},
			never:    []string{"provisioner/libvirt", "provisioner/image", "provisioner/lab/**", "cgo"},
		},
		{packages: []string{"cmd/worker"}, may: []string{
			"cmd/internal/setup", "store", "store/floors", "store/queue", "store/blob", "store/sealing", "billing", "migrations",
			"provisioner", "provisioner/placement", "provisioner/image", "provisioner/acceptance",
			"provisioner/cloudinit", "provisioner/domainxml", "provisioner/memory", "provisioner/reconcile",
			"provisioner/libvirt", "provisioner/hostline", "provisioner/fetch", "handlers/jobs", "handlers/loops", "handlers/console", "handlers/handshake",
		}, never: []string{"web/**", "github.com/labstack/echo/v4"}},
		{packages: []string{"cmd/volary"}, may: []string{
			"cmd/internal/setup", "cmd/internal/demo", "store", "store/people", "store/books", "store/models", "store/machines", "store/floors", "store/queue",
			"store/blob", "store/sealing", "handlers/loops", "billing", "billing/workbook", "provisioner/**", "migrations", "provisioner/typed",
		}, never: []string{"cgo", "web/**"}},
		{packages: []string{"cmd/dev/shots"}, may: []string{"cmd/internal/demo", "cmd/internal/session"}},
		{packages: []string{"cmd/dev/bare"}, may: []string{"provisioner", "web/layout", "web/org", "web/ui"}},
		// Benches measure over the tests' fixtures.
		{packages: []string{"cmd/dev"}, may: []string{
			"cmd/internal/**", "store", "store/machines", "store/floors", "store/storetest", "store/blob", "store/sealing", "billing", "provisioner/**", "migrations", "static", "web/**",
		}, never: []string{"cgo", "provisioner/libvirt"}},
		{packages: []string{"cmd/internal/postgres"}, may: []string{"cmd/internal/child"}, never: []string{"cgo"}},
		{packages: []string{"cmd/internal/demo"}, may: []string{
			"store", "store/people", "store/books", "store/models", "store/machines", "store/floors", "store/blob", "billing", "provisioner",
			"provisioner/acceptance",
		}, never: []string{"cgo"}},
		{packages: []string{"cmd/internal/assets/build"}, may: []string{"cmd/internal/assets"}, never: []string{"cgo"}},
		{packages: []string{"cmd/internal/setup"}, may: []string{"store", "store/sender", "store/blob", "store/blob/bucket"}, never: []string{"cgo"}},
		{packages: []string{"cmd/internal/**"}, never: []string{"cgo"}},
	}
}

// outside says who may import what is not ours; what has no row here, anybody may.
func outside() []layer {
	return []layer{
		{packages: []string{"github.com/aws/**"}, may: []string{"store/blob/bucket"}},
		{packages: []string{"gvisor.dev/gvisor/**", "github.com/insomniacslk/dhcp/**", "github.com/miekg/dns"}, may: []string{"provisioner/usernet"}},
		{packages: []string{"github.com/tus/tusd/v2/**"}, may: []string{"store/blob", "store/blob/bucket", "handlers/uploads", "cmd/dev/bare"}},
	}
}

// goPackage is what `go list -json` says of a package.
type goPackage struct {
	ImportPath   string
	Standard     bool
	CgoFiles     []string
	Imports      []string
	Deps         []string
	TestImports  []string
	XTestImports []string
}

// listPackages runs `go list`, with the worker's libvirt build included.
func listPackages(ctx context.Context, root string, args ...string) ([]goPackage, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{
		"list", "-e", "-tags", "libvirt", "-json=ImportPath,Standard,CgoFiles,Imports,Deps,TestImports,XTestImports",
	}, args...)...)
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, stderr.Bytes())
	}
	var all []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		all = append(all, p)
	}
}

// checkLayers refuses each import that the table does not allow.
func checkLayers(ctx context.Context, root string) error {
	all, err := listPackages(ctx, root, "-deps", "./...")
	if err != nil {
		return err
	}
	return faults(slices.Concat(layerFaults(layers(), all), outsideFaults(outside(), all), staleLayers(slices.Concat(layers(), outside()), all)))
}

func layerFaults(table []layer, all []goPackage) []string {
	cgo := map[string]bool{}
	for _, p := range all {
		cgo[p.ImportPath] = !p.Standard && len(p.CgoFiles) > 0
	}
	var found []string
	for _, p := range all {
		name, ours := ourName(p.ImportPath)
		if !ours {
			continue
		}
		if isTestPackage(name) {
			continue
		}
		row := slices.IndexFunc(table, func(l layer) bool { return matchesAny(l.packages, name) })
		if row < 0 {
			found = append(found, name+" has no row in the import table (cmd/dev/check_layers.go)")
			continue
		}
		found = append(found, importFaults(table[row], name, p.Imports)...)
		found = append(found, reachFaults(table[row], name, p.Deps, cgo)...)
	}
	return found
}

func outsideFaults(table []layer, all []goPackage) (found []string) {
	for _, p := range all {
		name, ours := ourName(p.ImportPath)
		if !ours || isTestPackage(name) {
			continue
		}
		for _, l := range table {
			for _, i := range p.Imports {
				if matchesAny(l.packages, i) && !matchesAny(l.may, name) {
					found = append(found, name+" may not import "+i)
				}
			}
		}
	}
	return found
}

// staleLayers are the patterns of the table that name no package any more: who reads the table would look for it.
func staleLayers(table []layer, all []goPackage) (found []string) {
	for _, l := range table {
		for _, pattern := range slices.Concat(l.packages, l.may, l.never) {
			if pattern == "cgo" {
				continue
			}
			if !slices.ContainsFunc(all, func(p goPackage) bool {
				name, _ := ourName(p.ImportPath)
				return matchesAny([]string{pattern}, name)
			}) {
				found = append(found, "the import table (cmd/dev/check_layers.go) names "+pattern+", which is no package")
			}
		}
	}
	return found
}

func importFaults(l layer, name string, imports []string) (found []string) {
	for _, i := range imports {
		target, ours := ourName(i)
		switch {
		case !ours || target == name || target == "provisioner/refusal": // anybody may say no
		case isTestPackage(target) && !slices.Contains(l.may, target):
			found = append(found, name+" imports "+target+", which only tests may")
		case !matchesAny(l.may, target):
			found = append(found, name+" may not import "+target)
		}
	}
	return found
}

func reachFaults(l layer, name string, deps []string, cgo map[string]bool) (found []string) {
	for _, d := range deps {
		target, _ := ourName(d)
		if matchesAny(l.never, target) || (cgo[d] && slices.Contains(l.never, "cgo")) {
			found = append(found, name+" must not reach "+target)
		}
	}
	return found
}

// ourName gives a package's path below the module, and others' as they are.
func ourName(importPath string) (name string, ours bool) {
	return strings.CutPrefix(importPath, module+"/")
}

// isTestPackage tells the packages that only tests import (storetest, drivertest, …): they may import anything, and what is no test needs them
// by name in its row.
func isTestPackage(name string) bool { return strings.HasSuffix(path.Base(name), "test") }

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		if below, ok := strings.CutSuffix(p, "/**"); ok {
			return name == below || strings.HasPrefix(name, below+"/")
		}
		return name == p
	})
}

// faults makes one error of what a check found, nil of nothing.
func faults(found []string) error {
	if len(found) == 0 {
		return nil
	}
	slices.Sort(found)
	return errors.New(strings.Join(slices.Compact(found), "\n"))
}
