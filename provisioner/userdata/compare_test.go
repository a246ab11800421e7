package userdata_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"volary.dev/provisioner/userdata"
)

// written gives a comparison as a diff is written.
func written(c userdata.Comparison) string {
	var b strings.Builder
	for _, l := range c.Lines {
		switch l.Kind {
		case userdata.LineSkipped:
			fmt.Fprintf(&b, "@%d\n", l.Of)
		default:
			b.WriteString(map[userdata.LineKind]string{userdata.LineSame: " ", userdata.LineAdded: "+", userdata.LineRemoved: "-"}[l.Kind] + l.Text + "\n")
		}
	}
	return b.String()
}

func TestCompare(t *testing.T) {
	long := "#cloud-config\n1\n2\n3\n4\n5\n6\n7\n8\n9\n"
	for name, c := range map[string]struct{ before, after, want string }{
		"the same":             {long, long, ""},
		"only ends of lines":   {"#!/bin/sh\nls\n", "\ufeff#!/bin/sh\r\nls", ""},
		"nothing before":       {"", "#!/bin/sh\n", "+#!/bin/sh\n"},
		"nothing after":        {"#!/bin/sh\n", "", "-#!/bin/sh\n"},
		"one line of many":     {long, strings.Replace(long, "5\n", "five\n", 1), "@2\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n@1\n"},
		"two places":           {long, strings.NewReplacer("#cloud-config\n", "#cloud-config\n0\n", "9\n", "").Replace(long), " #cloud-config\n+0\n 1\n 2\n 3\n@2\n 6\n 7\n 8\n-9\n"},
		"a line moved, empty":  {"a\n\nb\n", "a\nb\n\n", " a\n+b\n \n-b\n"},
		"marks of a diff stay": {"-a\n", "+a\n", "--a\n++a\n"},
	} {
		if got := written(userdata.Compare(c.before, c.after)); got != c.want {
			t.Errorf("%s:\n%swant\n%s", name, got, c.want)
		}
	}
}

// Whatever two texts of the size that is taken: what is shown is bounded, what is left out is counted, and it does not take long.
func TestCompareIsBounded(t *testing.T) {
	lines := func(sign string) string { return strings.Repeat(sign+"\n", userdata.Most/2) }
	shuffled := strings.Join(slices.Repeat([]string{"a\nb\n", "c\n", "b\na\na\n"}, userdata.Most/12), "")
	for name, c := range map[string][2]string{
		"all lines": {lines("a"), lines("b")}, "shuffled": {shuffled, lines("a")}, "one long line": {strings.Repeat("é", userdata.Most/2), "b"},
	} {
		got := userdata.Compare(c[0], c[1])
		differ := 0
		for _, l := range got.Lines {
			if l.Kind == userdata.LineAdded || l.Kind == userdata.LineRemoved {
				differ++
			}
			if n := len([]rune(l.Text)); n > userdata.MostLineShown+1 {
				t.Errorf("%s: a line of %d characters", name, n)
			}
		}
		if len(got.Lines) > userdata.MostLinesShown || differ+got.Left != got.Added+got.Removed || got.Added+got.Removed == 0 {
			t.Errorf("%s: %d lines shown, of which %d differ, %d left; %d added and %d removed", name, len(got.Lines), differ, got.Left, got.Added, got.Removed)
		}
	}
}

// From what is shown in full, both texts can be made.
func FuzzCompare(f *testing.F) {
	f.Add("a\nb\n", "b\na\n")
	f.Add("", "\n\n")
	f.Add("a\r\nb", "\ufeffa\n")
	f.Fuzz(func(t *testing.T, before, after string) {
		c := userdata.Compare(before, after)
		if c.Left > 0 || slices.ContainsFunc(c.Lines, func(l userdata.Line) bool {
			return l.Kind == userdata.LineSkipped || strings.HasSuffix(l.Text, "…")
		}) || len(c.Lines) == 0 {
			return
		}
		text := func(not userdata.LineKind) (s string) {
			for _, l := range c.Lines {
				if l.Kind != not {
					s += l.Text + "\n"
				}
			}
			return s
		}
		for _, side := range []struct {
			got, want string
		}{{text(userdata.LineAdded), before}, {text(userdata.LineRemoved), after}} {
			want := userdata.Clean(side.want)
			if strings.TrimSuffix(side.got, "\n") != strings.TrimSuffix(want, "\n") {
				t.Fatalf("%q and %q: %q, want %q", before, after, side.got, want)
			}
		}
	})
}
