package main

import (
	"bytes"
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The limits in lines. A test may be longer than a function, since it tells a whole story.
const (
	mostFileLines     = 600
	mostFunctionLines = 60
	mostTestLines     = 100
)

// checkSizes refuses files and functions that are too long, and packages without a doc comment.
func checkSizes(_ context.Context, root string) error {
	var found []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != root && (strings.HasPrefix(name, ".") || name == "vendor" || name == "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(name, "_templ.go") || strings.Contains(name, ".min.") {
			return nil
		}
		switch filepath.Ext(name) {
		case ".go", ".templ", ".css", ".js", ".sh":
		default:
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		more, err := sizeFaults(rel, source)
		found = append(found, more...)
		return err
	})
	if err != nil {
		return err
	}
	return faults(found)
}

func sizeFaults(path string, source []byte) (found []string, err error) {
	if n := bytes.Count(source, []byte("\n")); n > mostFileLines {
		found = append(found, fmt.Sprintf("%s has %d lines, at most %d", path, n, mostFileLines))
	}
	if filepath.Ext(path) != ".go" {
		return found, nil
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	most := mostFunctionLines
	if strings.HasSuffix(path, "_test.go") || strings.HasSuffix(file.Name.Name, "test") {
		most = mostTestLines
	}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Body == nil {
			continue
		}
		if n := set.Position(f.End()).Line - set.Position(f.Pos()).Line + 1; n > most {
			found = append(found, fmt.Sprintf("%s: %s has %d lines, at most %d", path, f.Name.Name, n, most))
		}
	}
	return found, nil
}
