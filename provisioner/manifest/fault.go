package manifest

import (
	"fmt"
	"strings"
)

// Fault is what is wrong with a document in a file: where in the document and where in the file, and a sentence with the remedy.
type Fault struct {
	Path         string // "compute[0].count.most"; empty: the document as a whole
	Line, Column int    // of the file, from 1; the column counts characters
	Says         string
}

// Faults are all that a file was refused for, in the order of its lines: at most mostFaults.
type Faults []Fault

// mostFaults are told at once: a file of a MiB can have a hundred thousand.
const mostFaults = 100

func (f Faults) Error() string {
	lines := make([]string, 0, len(f))
	for _, one := range f {
		where := ""
		if one.Path != "" {
			where = one.Path + ": "
		}
		lines = append(lines, fmt.Sprintf("%d:%d: %s%s", one.Line, one.Column, where, one.Says))
	}
	return strings.Join(lines, "\n")
}
