package typed

import "golang.org/x/text/unicode/bidi"

// Isolate puts a name that is written from right to left into marks that keep it from turning around what stands beside it:
// for sentences and titles, where no element (bdi) can. Other names are as they are.
func Isolate(name string) string {
	for _, r := range name {
		p, _ := bidi.LookupRune(r)
		if c := p.Class(); c == bidi.R || c == bidi.AL {
			return "\u2068" + name + "\u2069"
		}
	}
	return name
}
