package layout

import (
	"strconv"

	"github.com/a-h/templ"
)

// answers marks a page that answers a form, for static/js/answer.js: its own address, and when it began to be made.
func answers(p Props) templ.Attributes {
	if p.Answer == "" {
		return nil
	}
	return templ.Attributes{"data-answer": p.Answer, "data-begun": strconv.FormatInt(p.Begun.UnixMilli(), 10)}
}
