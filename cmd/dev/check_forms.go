package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// checkForms refuses a form in web's templates that is posted and does not begin with its slip (web/ui/slip.templ). What asks for
// something between, as for a password, passes on the slip of the form it keeps.
func checkForms(_ context.Context, root string) error {
	var found []string
	posted := 0
	err := filepath.WalkDir(filepath.Join(root, "web"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".templ" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		n, wrong := formFaults(name, string(text))
		posted += n
		found = append(found, wrong...)
		return nil
	})
	if err != nil {
		return err
	}
	if posted == 0 {
		return errors.New("no posted form was found below web/: check_forms.go does not read the templates any more")
	}
	return faults(found)
}

// slipFirst is what a posted form begins with: its slip, or the fields of a form that is kept.
var slipFirst = regexp.MustCompile(`^\s*@(ui\.)?Slip\(\)|^\s*@kept\(`)

// formFaults counts the posted forms of a template, and names those without a slip by their lines.
func formFaults(name, text string) (posted int, found []string) {
	for at := 0; ; {
		begin := strings.Index(text[at:], "<form")
		if begin < 0 {
			return posted, found
		}
		begin += at
		tag, inside := begin+tagLength(text[begin:]), len(text)
		if end := strings.Index(text[tag:], "</form>"); end >= 0 {
			inside = tag + end
		}
		at = tag
		post := strings.ToLower(text[begin:tag] + text[tag:inside])
		if !strings.Contains(post, `method="post"`) && !strings.Contains(post, "method={") {
			continue
		}
		posted++
		if !slipFirst.MatchString(text[tag:inside]) {
			found = append(found, fmt.Sprintf("%s:%d: a form that is posted begins with @ui.Slip()", name, 1+strings.Count(text[:begin], "\n")))
		}
	}
}

// tagLength is up to the > that ends a tag, which is neither in quotes nor in braces.
func tagLength(text string) int {
	var quote byte
	depth := 0
	for i := range len(text) {
		switch c := text[i]; {
		case quote != 0:
			if c == quote && text[i-1] != '\\' {
				quote = 0
			}
		case c == '"' || c == '`':
			quote = c
		case c == '{':
			depth++
		case c == '}':
			depth--
		case c == '>' && depth == 0:
			return i + 1
		}
	}
	return len(text)
}
