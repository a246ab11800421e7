package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// texts changes words in files: each file of the folder holds blocks
//
//	@@ path
//	<<<<
//	old
//	====
//	new
//	>>>>
//
// Old must be there once; a block that begins with "@@? path" may be absent. Afterwards prose outside of Go speaks of
// the new places, too.
func (p *program) texts(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		must(err)
		for _, block := range blocks.FindAllStringSubmatch(string(b), -1) {
			optional, path, old, next := block[1] == "?", block[2], strings.TrimSuffix(block[3], "\n"), strings.TrimSuffix(block[4], "\n")
			full := filepath.Join(p.root, path)
			src, err := os.ReadFile(full)
			if err != nil {
				if !optional {
					problem("%s: %v", e.Name(), err)
				}
				continue
			}
			if n := strings.Count(string(src), old); n != 1 {
				if !optional {
					problem("%s: %s has %d times, not once:\n%s", e.Name(), path, n, old)
				}
				continue
			}
			must(os.WriteFile(full, []byte(strings.Replace(string(src), old, next, 1)), 0o644))
		}
	}
	for _, name := range []string{"README.md", ".readme/operate.md", ".github/CONTRIBUTING.md", ".github/SECURITY.md"} {
		full := filepath.Join(p.root, name)
		b, err := os.ReadFile(full)
		if err != nil {
			continue
		}
		if next := p.mentions(string(b)); next != string(b) {
			must(os.WriteFile(full, []byte(next), 0o644))
		}
	}
	fmt.Println("split: done")
}

var blocks = regexp.MustCompile(`(?s)@@(\??) (\S+)\n<<<<\n(.*?)====\n(.*?)>>>>\n`)
