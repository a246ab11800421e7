package fetch

import (
	"errors"

	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
)

// Kind says who may do something about a Problem.
type Kind string

// The kinds.
const (
	// Cut is of a line or a server that may do better in a moment: what is here stays.
	Cut Kind = "cut"
	// Changed is of a file that is not what its first bytes came of: it begins anew.
	Changed Kind = "changed"
	// Ask is of what a person may mend, and then try the same address again.
	Ask Kind = "ask"
	// Never is of an address that nothing is fetched from.
	Never Kind = "never"
)

// Problem is why nothing, or nothing more, comes from an address. Its sentences are for who gave it, and never have its query.
type Problem struct {
	Kind        Kind
	Title, Next string
	Leads       *typed.WebAddress // where a redirect leads, if something may be fetched there
	cause       error
}

func (p *Problem) Error() string {
	if p.cause != nil {
		return p.Title + " (" + p.cause.Error() + ")"
	}
	return p.Title
}

func (p *Problem) Unwrap() error { return p.cause }

// As finds a Problem in err's chain.
func As(err error) (*Problem, bool) {
	var p *Problem
	ok := errors.As(err, &p)
	return p, ok
}

func tooLarge(size, most int64) *Problem {
	title := "The file has " + refusal.Bytes(size) + ", at most " + refusal.Bytes(most) + " are taken."
	if size < 0 {
		title = "The server sent more than " + refusal.Bytes(most) + ", and did not end. At most that much is taken."
	}
	return &Problem{Kind: Never, Title: title, Next: "Give the address of a smaller file: a qcow2 has only what is used of a disk."}
}
