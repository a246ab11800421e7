package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// otherWord is a second word for a thing that has one, or a second thing under a word that is taken.
type otherWord struct {
	is  *regexp.Regexp
	say string
}

// otherWords are those that stood in the code once. README's glossary has the words themselves.
func otherWords() []otherWord {
	return []otherWord{
		{regexp.MustCompile(`(?i)ledger_?proof|\b(proofs?|proven?|proves|proved) (of )?(the )?ledger|\bledger (is|was) proven`), `the ledger's is an "audit run"; a proof is a proof of life`},
		{regexp.MustCompile(`(?i)\b(proofs?|proven?|proves|proved) (of )?(the |its )?password|name="?proof\b`), `a password is given again; a proof is a proof of life`},
		{regexp.MustCompile(`(?i)\bseed(s|ed|ing)? (the |a )?(demo|database)|\bdemo'?s? seed|\bseeded (user|people)`), `a database is filled with a "demo"; a seed is NoCloud's`},
		{regexp.MustCompile(`(?i)\bserial (console|line)s?\b|class="terminal`), `say "console"`},
		{regexp.MustCompile(`(?i)\bpay.as.you.go`), `hours are bought before they are used`},
		{
			regexp.MustCompile(`(Hours|HoursFine|HoursTyped|Ceil|Decimal|HoursText)\([^()]*(\([^()]*\))?[^()]*\)( \}|\))? ?(\+ ?")? ?h\b|%s h\b|"(Compute hours|Order at least)"[^\n]*Suffix: "h"|Unit: "h"`),
			`the sign of compute hours is ui.CH; "h" is an hour of the clock`,
		},
		{
			regexp.MustCompile(`%d (of %d )?(compute |logical )?(nodes|hosts|vCPUs|clusters|pools|networks|ports|days|hours|minutes|launches|members|checks|journals|entries|runs|processors)\b`),
			`one node, two nodes: refusal.Plural, and ui.Plural in pages`,
		},
		{regexp.MustCompile(`(?i)\breconciler'?s? session|\bsession of (the reconciler|a cluster)`), `the reconciler's is a "visit"; a session is a person's`},
	}
}

// checkWords refuses a word that stands for two things, or two for one, where people read them: code, pages, texts. Migrations are
// as they were, and README's glossary says what a console is.
func checkWords(ctx context.Context, root string) error {
	paths, err := trackedFiles(ctx, root)
	if err != nil {
		return err
	}
	var found []string
	for _, path := range paths {
		switch {
		case strings.HasPrefix(path, "migrations/"), strings.HasSuffix(path, "_templ.go"), strings.HasPrefix(path, "cmd/dev/check_words"), strings.HasPrefix(path, "static/vendor/"), strings.HasPrefix(path, "static/dist/"), path == "README.md":
			continue
		}
		switch filepath.Ext(path) {
		case ".go", ".templ", ".txt", ".md", ".css", ".js":
		default:
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, path))
		if os.IsNotExist(err) {
			continue // deleted, and git still tracks it
		}
		if err != nil {
			return err
		}
		found = append(found, wordFaults(path, string(text))...)
	}
	return faults(found)
}

func wordFaults(path, text string) (found []string) {
	words := otherWords()
	tests := strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "cmd/dev/") || strings.HasPrefix(path, "provisioner/drivertest/")
	for n, line := range strings.Split(text, "\n") {
		if !mayHold(line) {
			continue
		}
		for _, w := range words {
			if word := w.is.FindString(line); word != "" && !(tests && strings.Contains(word, "%")) && !strings.Contains(line, "Errorf(") {
				found = append(found, fmt.Sprintf("%s:%d: %q: %s (cmd/dev/check_words.go)", path, n+1, word, w.say))
			}
		}
	}
	return found
}

// mayHold says at little cost that a line is not worth the expressions.
func mayHold(line string) bool {
	line = strings.ToLower(line)
	for _, stem := range []string{"proof", "prove", "seed", "serial", "terminal", "session", "%d ", "%s h", "hours", "ceil(", "decimal(", "pay", "unit:"} {
		if strings.Contains(line, stem) {
			return true
		}
	}
	return false
}
