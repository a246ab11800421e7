package ui

import "strings"

// passage is a part of a sentence of ours: words, or what stands in it between backticks: a command, a file, an option.
type passage struct {
	text     string
	verbatim bool
}

// passages divides a sentence. A backtick that is never closed is a word's.
func passages(sentence string) (list []passage) {
	for sentence != "" {
		before, after, _ := strings.Cut(sentence, "`")
		inside, rest, closed := strings.Cut(after, "`")
		if !closed {
			return append(list, passage{text: sentence})
		}
		if before != "" {
			list = append(list, passage{text: before})
		}
		if inside != "" {
			list = append(list, passage{inside, true})
		}
		sentence = rest
	}
	return list
}

// command tells whether it is more than one word, which nobody wants to type again.
func (p passage) command() bool { return p.verbatim && strings.Contains(p.text, " ") }
