package userdata

import (
	"strings"

	udiff "github.com/aymanbagabas/go-udiff"
)

// LineKind says what became of a line.
type LineKind string

// The kinds.
const (
	LineSame    LineKind = "same"
	LineAdded   LineKind = "added"
	LineRemoved LineKind = "removed"
	LineSkipped LineKind = "skipped" // stands for lines that are the same; its text says how many
)

// Line is one line of a comparison.
type Line struct {
	Kind LineKind
	Text string // without its end, at most MostLineShown characters
	Of   int    // of LineSkipped: how many lines it stands for
}

// The bounds of what a comparison gives: a text has up to Most bytes, which may be as many lines.
const (
	MostLinesShown = 200
	MostLineShown  = 300
	linesAround    = 3
)

// Comparison is what differs between two texts, line by line.
type Comparison struct {
	Lines          []Line // what differs with three lines around it, at most MostLinesShown; none where only line ends differ
	Added, Removed int    // of all lines, shown or not
	Left           int    // lines that differ and are not shown
}

// Compare tells two texts apart. Line ends and a byte order mark do not count. It takes milliseconds for whatever texts: of
// such that have little in common the lines are not matched as well as they could be.
func Compare(before, after string) Comparison {
	before, after = lineEnds(before), lineEnds(after)
	var all []Line
	at := 0
	for _, e := range udiff.Lines(before, after) {
		all = appendLines(all, LineSame, before[at:e.Start])
		all = appendLines(all, LineRemoved, before[e.Start:e.End])
		all = appendLines(all, LineAdded, e.New)
		at = e.End
	}
	var c Comparison
	if len(all) == 0 {
		return c
	}
	return c.take(appendLines(all, LineSame, before[at:]))
}

// lineEnds gives each line the same end, the last one too.
func lineEnds(text string) string {
	text = Clean(text)
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text
}

func appendLines(all []Line, kind LineKind, text string) []Line {
	for line := range strings.Lines(text) {
		all = append(all, Line{Kind: kind, Text: shortened(strings.TrimSuffix(line, "\n"))})
	}
	return all
}

func shortened(line string) string {
	n := 0
	for i := range line {
		if n++; n > MostLineShown {
			return line[:i] + "…"
		}
	}
	return line
}

// take keeps what differs and what is around it.
func (c Comparison) take(all []Line) Comparison {
	near := make([]bool, len(all))
	for i, l := range all {
		if l.Kind != LineSame {
			for n := max(0, i-linesAround); n < min(len(all), i+linesAround+1); n++ {
				near[n] = true
			}
		}
	}
	for i, l := range all {
		full := len(c.Lines) >= MostLinesShown
		if l.Kind == LineAdded {
			c.Added++
		}
		if l.Kind == LineRemoved {
			c.Removed++
		}
		switch {
		case full && l.Kind != LineSame:
			c.Left++
		case full:
		case near[i]:
			c.Lines = append(c.Lines, l)
		case len(c.Lines) > 0 && c.Lines[len(c.Lines)-1].Kind == LineSkipped:
			c.Lines[len(c.Lines)-1].Of++
		default:
			c.Lines = append(c.Lines, Line{Kind: LineSkipped, Of: 1})
		}
	}
	return c
}
