package image

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// excerpt keeps the first 4 KiB and the last 28 KiB of what is written to it: a hostile image may make a program say a great deal.
type excerpt struct {
	head, tail bytes.Buffer
	tell       *percents // reads along, where progress is wanted
}

func (e *excerpt) Write(p []byte) (int, error) {
	const first, last = 4 << 10, 28 << 10
	if e.tell != nil {
		e.tell.read(p)
	}
	n := min(len(p), first-e.head.Len())
	e.head.Write(p[:n])
	e.tail.Write(p[max(n, len(p)-last):])
	if over := e.tail.Len() - last; over > 0 {
		e.tail.Next(over)
	}
	return len(p), nil
}

func (e *excerpt) String() string { return clean(slices.Concat(e.head.Bytes(), e.tail.Bytes())) }

// clean makes of bytes text that can be kept and shown.
func clean(b []byte) string { return strings.ToValidUTF8(string(b), "�") }

// percents finds the progress that qemu-img prints, "    (12.34/100%)" and a carriage return, in pieces cut anywhere.
type percents struct {
	word []byte // since the last bracket that opens
	in   bool
	tell teller
}

// maxPercent is the longest that can stand in the brackets.
const maxPercent = len("100.00/100%")

func (p *percents) read(text []byte) {
	for _, b := range text {
		switch {
		case b == '(':
			p.word, p.in = p.word[:0], true
		case b == ')' && p.in:
			p.in = false
			p.done(string(p.word))
		case len(p.word) < maxPercent:
			p.word = append(p.word, b)
		default:
			p.in = false
		}
	}
}

func (p *percents) done(word string) {
	percent, of100 := strings.CutSuffix(word, "/100%")
	n, err := strconv.ParseFloat(percent, 64)
	if of100 && err == nil && n >= 0 && n <= 100 {
		p.tell.tell(int64(n * 100))
	}
}

// tellProgram reads a program's progress; nil where nobody wants it.
func (c confined) tellProgram() *percents {
	if c.Task != "" || c.Tell == nil {
		return nil
	}
	return &percents{tell: teller{to: c.Tell}}
}
