package main

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// routeWords are the words of addresses that stand for a resource of another name: short ones, and verbs. Everything else
// is found in the file of its own name, or of its plural.
func routeWords() map[string]string {
	return map[string]string{
		"models": "model_clusters", "versions": "versions", "test": "acceptance_tests", "tests": "acceptance_tests",
		"consent": "console_consents", "sign_in": "sessions", "sign_out": "sessions", "switch": "sessions", "workplaces": "sessions",
		"confirm": "sign_up", "confirm_email": "resets", "reset": "resets", "leave": "members", "provider_application": "applications",
		"email": "home", "healthz": "health", "readyz": "health",
	}
}

// routeRow is one row of the route table: the address, and the package and method that answer it.
type routeRow struct{ path, pkg, method string }

// checkRoutes refuses a route whose handler is not in the file that the mirror rule names: GET /org/clusters/:id is
// answered by handlers/org/clusters.go.
func checkRoutes(_ context.Context, root string) error {
	tables, err := filepath.Glob(filepath.Join(root, "handlers", "routes*.go"))
	if err != nil {
		return err
	}
	var rows []routeRow
	for _, table := range tables {
		more, err := readRoutes(table)
		if err != nil {
			return err
		}
		rows = append(rows, more...)
	}
	if len(rows) == 0 {
		return errors.New("no route was found in handlers/routes*.go: check_routes.go does not read the table any more")
	}
	where := map[string]string{}
	for _, r := range rows {
		if err := readHandlers(root, r.pkg, where); err != nil {
			return err
		}
	}
	return faults(routeFaults(rows, where))
}

// routeFaults compares each row with where the method stands, by "package.Method".
func routeFaults(rows []routeRow, where map[string]string) (found []string) {
	for _, r := range rows {
		may := routeFiles(r.path)
		switch file := where[r.pkg+"."+r.method]; {
		case file == "":
			found = append(found, fmt.Sprintf("%s: handlers/%s has no method %s", r.path, r.pkg, r.method))
		case !slices.Contains(may, file):
			found = append(found, fmt.Sprintf("%s: %s is in handlers/%s/%s.go, and belongs into one of %s (cmd/dev/check_routes.go)",
				r.path, r.method, r.pkg, file, strings.Join(may, ", ")))
		}
	}
	return found
}

// routeFiles are the files in which a newcomer looks for an address: named after one of its words, the audience's own
// being the last resort.
func routeFiles(address string) (files []string) {
	segments := strings.Split(strings.Trim(address, "/"), "/")
	if len(segments) == 1 {
		files = append(files, "home", "overview") // the audience's own page
	} else if _, audience := audiencePaths()[segments[0]]; audience {
		segments = segments[1:]
	}
	for _, segment := range segments {
		if segment == "" || segment[0] == ':' || segment[0] == '*' {
			continue
		}
		word, _, _ := strings.Cut(strings.ReplaceAll(segment, "-", "_"), ".")
		if file, ok := routeWords()[word]; ok {
			files = append(files, file)
			continue
		}
		files = append(files, word)
		if !strings.HasSuffix(word, "s") {
			files = append(files, word+"s")
		}
	}
	return files
}

// audiencePaths are the first words of addresses that name who is answered, and not what.
func audiencePaths() map[string]struct{} {
	return map[string]struct{}{"org": {}, "provider": {}, "platform": {}, "account": {}}
}

// readRoutes reads the rows whose handler is a method of an audience's Handlers.
func readRoutes(file string) (rows []routeRow, err error) {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		names := handlerNames(fn)
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			if c, ok := n.(*ast.CompositeLit); ok && len(c.Elts) == 5 {
				if r, ok := routeOf(c, names); ok {
					rows = append(rows, r)
				}
			}
			return true
		})
	}
	return rows, nil
}

// handlerNames are the variables of a function that hold an audience's Handlers, with its package: parameters, and what
// was taken out of audiences.
func handlerNames(fn *ast.FuncDecl) map[string]string {
	names := map[string]string{}
	for _, p := range fn.Type.Params.List {
		if t, ok := p.Type.(*ast.SelectorExpr); ok && t.Sel.Name == "Handlers" {
			for _, n := range p.Names {
				names[n.Name] = t.X.(*ast.Ident).Name
			}
		}
	}
	for _, s := range fn.Body.List {
		a, ok := s.(*ast.AssignStmt)
		if !ok || len(a.Lhs) != 1 {
			continue
		}
		to, isName := a.Lhs[0].(*ast.Ident)
		from, isField := a.Rhs[0].(*ast.SelectorExpr)
		if isName && isField {
			names[to.Name] = from.Sel.Name
		}
	}
	return names
}

func routeOf(c *ast.CompositeLit, names map[string]string) (routeRow, bool) {
	address, ok := c.Elts[1].(*ast.BasicLit)
	if !ok {
		return routeRow{}, false
	}
	handler, ok := c.Elts[3].(*ast.SelectorExpr)
	if !ok {
		return routeRow{}, false
	}
	of, ok := handler.X.(*ast.Ident)
	if !ok || names[of.Name] == "" {
		return routeRow{}, false
	}
	text, err := strconv.Unquote(address.Value)
	return routeRow{path: text, pkg: names[of.Name], method: handler.Sel.Name}, err == nil
}

// readHandlers notes in which file of handlers/PKG each method of its Handlers stands.
func readHandlers(root, pkg string, where map[string]string) error {
	files, err := os.ReadDir(filepath.Join(root, "handlers", pkg))
	if err != nil {
		return err
	}
	for _, e := range files {
		name, isGo := strings.CutSuffix(e.Name(), ".go")
		if !isGo || strings.HasSuffix(name, "_test") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "handlers", pkg, e.Name()), nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil {
				where[path.Base(pkg)+"."+fn.Name.Name] = name
			}
		}
	}
	return nil
}
