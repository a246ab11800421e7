package refusal

import "errors"

// Error is a no that a person can act on. handlers/respond maps its Code to a status and shows the rest as is.
type Error struct {
	Code   string            // stable, e.g. "capacity", "balance", "not_found", "stale_form", "invalid"
	Title  string            // one sentence with the numbers: "12 compute hours are needed, 4.50 are available."
	Next   string            // what to do now: "Shorten the lease to 3 h or ask your provider for hours."
	Fields map[string]string // form field -> sentence, for Code "invalid"
	Detail []string          // e.g. the reason of every host
}

func (r *Error) Error() string { return r.Code + ": " + r.Title }

// As finds an Error in err's chain.
func As(err error) (*Error, bool) {
	var r *Error
	ok := errors.As(err, &r)
	return r, ok
}

// NotFound is the refusal for everything that is not there or belongs to someone else; the two must not be
// told apart.
func NotFound(what string) *Error {
	return &Error{Code: "not_found", Title: "There is no such " + what + ".", Next: "Go back to the list and choose one."}
}

// Marked is what to do about a form whose wrong fields are marked.
const Marked = "Correct the marked fields and send the form again."

// Invalid is the refusal of a form, with a sentence for each field that is wrong.
func Invalid(fields map[string]string) *Error {
	return &Error{Code: "invalid", Title: "Some fields need another look.", Next: Marked, Fields: fields}
}
