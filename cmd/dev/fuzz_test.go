package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestFuzzTargets holds the list that is fuzzed against what the folders have, so that none is forgotten.
func TestFuzzTargets(t *testing.T) {
	c, err := openState("")
	if err != nil {
		t.Fatal(err)
	}
	found, err := c.fuzzTargets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, f := range found {
		got = append(got, strings.TrimPrefix(f.pkg, module+"/")+" "+f.name)
	}
	root := filepath.Join(c.root, "provisioner", "image")
	err = filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(c.root, filepath.Dir(path))
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && strings.HasPrefix(f.Name.Name, "Fuzz") {
				want = append(want, folder+" "+f.Name.Name)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	slices.Sort(want)
	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("fuzzed are %v, there are %v", got, want)
	}
}

func TestReadFuzzOutput(t *testing.T) {
	list := "FuzzA\nFuzzB\nok  \tvolary.dev/x\t0.01s\nok  \tvolary.dev/y\t0.01s\nFuzzC\nok  \tvolary.dev/z\t0.01s\n?   \tvolary.dev/none\t[no test files]\n"
	want := []fuzzTarget{{"volary.dev/x", "FuzzA"}, {"volary.dev/x", "FuzzB"}, {"volary.dev/z", "FuzzC"}}
	if got := parseFuzzTargets(list); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	if got := fuzzExecs("fuzz: elapsed: 3s, execs: 12 (4/sec)\nfuzz: elapsed: 5s, execs: 3371 (1123/sec), new interesting: 5 (total: 10)\nPASS\n"); got != "3371 runs" {
		t.Errorf("%q", got)
	}
	for said, ended := range map[string]bool{
		"fuzz: elapsed: 5s, execs: 12 (4/sec)\n--- FAIL: FuzzA (5.02s)\n    context deadline exceeded\nFAIL\n":                                                               true,
		"--- FAIL: FuzzA (1.02s)\n    --- FAIL: FuzzA (0.00s)\n        a_test.go:9: accepted\n    \n    Failing input written to testdata/fuzz/FuzzA/1\n":                    false,
		"--- FAIL: FuzzA (1.02s)\n    context deadline exceeded\n    Failing input written to testdata/fuzz/FuzzA/1\n":                                                       false,
		"# volary.dev/x\n./a_test.go:9:1: syntax error\nFAIL\tvolary.dev/x [build failed]\n":                                                                                 false,
		"--- FAIL: FuzzA (0.10s)\n    --- FAIL: FuzzA (0.00s)\n        testing.go:1: panic: context deadline exceeded\n    Failing input written to testdata/fuzz/FuzzA/1\n": false,
	} {
		if timeEnded(said) != ended {
			t.Errorf("%q: %t", said, !ended)
		}
	}
}

// TestFuzzWhen: a whole run fuzzes, and a part of one does not.
func TestFuzzWhen(t *testing.T) {
	for args, want := range map[string]bool{"": true, "-v": true, "-count=1": true, "-short": false, "-run X": false, "-run=X": false, "--run=X": false, "-skip X": false, "-list .": false, "-fuzz X": false} {
		if got := fuzzes(strings.Fields(args)); got != want {
			t.Errorf("%q: %t", args, got)
		}
	}
}
