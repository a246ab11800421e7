package main

import (
	"context"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A file that a document names, such as clusters.go or handlers/routes.go.
var fileName = regexp.MustCompile(`[A-Za-z0-9_/]*[a-z0-9_]\.go\b`)

// A list of files, such as "a file for each: send_mail, verify_upload."
var fileList = regexp.MustCompile(`(?s)a file for each(?: [a-z]+)*:\s+([a-z0-9_,\s]+)\.`)

// A list of imports, such as "It imports billing, provisioner and queue."
var importList = regexp.MustCompile(`It imports ((?:[a-z0-9_/]+,\s)*[a-z0-9_/]+(?:\sand\s[a-z0-9_/]+)?)[.;]`)

// No imports at all.
var importsNothing = regexp.MustCompile(`It imports\snothing\sof\sours`)

// checkDocs refuses a doc.go that names a file which is not there, or lists files or imports that have changed since.
func checkDocs(ctx context.Context, root string) error {
	paths, err := trackedFiles(ctx, root)
	if err != nil {
		return err
	}
	all, err := listPackages(ctx, root, "./...")
	if err != nil {
		return err
	}
	imports := map[string][]string{}
	for _, p := range all {
		name, _ := ourName(p.ImportPath)
		for _, i := range p.Imports {
			if target, ours := ourName(i); ours {
				imports[name] = append(imports[name], target)
			}
		}
	}
	var found []string
	for _, p := range paths {
		if path.Base(p) != "doc.go" {
			continue
		}
		text, err := packageComment(filepath.Join(root, p))
		if os.IsNotExist(err) {
			continue // deleted, and not committed yet
		}
		if err != nil {
			return err
		}
		found = append(found, docFaults(document{dir: path.Dir(p), text: text, files: paths, imports: imports[path.Dir(p)]})...)
	}
	return faults(found)
}

// document is a package's comment with what it may speak of.
type document struct {
	dir     string
	text    string
	files   []string // of the checkout
	imports []string // our packages that this one imports
}

func docFaults(d document) (found []string) {
	say := func(format string, args ...any) {
		found = append(found, d.dir+"/doc.go "+fmt.Sprintf(format, args...))
	}
	for _, name := range fileName.FindAllString(d.text, -1) {
		if !slices.Contains(d.files, path.Join(d.dir, name)) && !slices.Contains(d.files, name) {
			say("names %s, which is not there", name)
		}
	}
	for _, m := range fileList.FindAllStringSubmatch(d.text, -1) {
		for _, name := range words(m[1]) {
			if !slices.Contains(d.files, path.Join(d.dir, name)+".go") {
				say("lists %s, which has no file", name)
			}
		}
	}
	if importsNothing.MatchString(d.text) && len(d.imports) > 0 {
		say("says that it imports nothing of ours, and it imports %s", strings.Join(d.imports, ", "))
	}
	for _, m := range importList.FindAllStringSubmatch(d.text, -1) {
		listed := words(m[1])
		for _, name := range listed {
			if !slices.ContainsFunc(d.imports, func(i string) bool { return i == name || path.Base(i) == name }) {
				say("says that it imports %s, which it does not", name)
			}
		}
		for _, i := range d.imports {
			if !slices.Contains(listed, i) && !slices.Contains(listed, path.Base(i)) {
				say("does not say that it imports %s", i)
			}
		}
	}
	return found
}

// words takes a list in prose apart: "a, b and c".
func words(list string) []string {
	return strings.FieldsFunc(strings.ReplaceAll(strings.Join(strings.Fields(list), " "), " and ", ", "), func(r rune) bool {
		return r == ',' || r == ' '
	})
}

func packageComment(file string) (string, error) {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		return "", err
	}
	return f.Doc.Text(), nil
}
