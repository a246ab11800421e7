package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// leastTestPercent is how many lines of tests there are at least for a hundred lines of code. It only ever rises: raise
// it where a change leaves the figure clearly above.
const leastTestPercent = 52

// checkRatio refuses a change that adds code without its tests.
func checkRatio(ctx context.Context, root string) error {
	paths, err := trackedFiles(ctx, root)
	if err != nil {
		return err
	}
	var tests, code int
	for _, p := range paths {
		if path.Ext(p) != ".go" || strings.HasSuffix(p, "_templ.go") || strings.HasSuffix(p, "_gen.go") {
			continue
		}
		source, err := os.ReadFile(filepath.Join(root, p))
		if os.IsNotExist(err) {
			continue // deleted, and not committed yet
		}
		if err != nil {
			return err
		}
		if n := bytes.Count(withoutHead(source), []byte("\n")); isTestFile(p) {
			tests += n
		} else {
			code += n
		}
	}
	return ratioFault(tests, code)
}

// withoutHead leaves out what comes before the end of the imports: more and smaller files are not more code.
func withoutHead(source []byte) []byte {
	_, imports, ok := bytes.Cut(source, []byte("\nimport (\n"))
	if !ok {
		return source
	}
	_, body, _ := bytes.Cut(imports, []byte("\n)\n"))
	return body
}

// isTestFile tells tests, and the packages that only tests import, from code.
func isTestFile(p string) bool {
	return strings.HasSuffix(p, "_test.go") || isTestPackage(path.Dir(p))
}

func ratioFault(tests, code int) error {
	if tests*100 >= code*leastTestPercent {
		return nil
	}
	return fmt.Errorf("%d lines of tests for %d lines of code are %d per hundred, at least %d (cmd/dev/check_ratio.go): %d lines are missing",
		tests, code, tests*100/code, leastTestPercent, (code*leastTestPercent+99)/100-tests)
}
