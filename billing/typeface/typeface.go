// Package typeface is the type of printed papers, which has the letters of Latin, Greek and Cyrillic scripts, and the answer
// to whether a text can be printed in it. It imports nothing of ours.
package typeface

import (
	"strings"
	"sync"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
)

var regular = sync.OnceValues(func() (*sfnt.Font, error) { return sfnt.Parse(goregular.TTF) })

// Lacks gives the letters of a text that the type has no form of, each once; empty: it can be printed. Line ends are no letters.
func Lacks(text string) string {
	font, err := regular()
	if err != nil {
		return text
	}
	var missing strings.Builder
	var b sfnt.Buffer
	for _, r := range text {
		glyph, err := font.GlyphIndex(&b, r)
		if (err != nil || glyph == 0) && r != '\n' && r != '\r' && !strings.ContainsRune(missing.String(), r) {
			missing.WriteRune(r)
		}
	}
	return missing.String()
}

// Regular is the type as a file.
func Regular() []byte { return goregular.TTF }

// Bold is its bold cut, which has the same letters.
func Bold() []byte { return gobold.TTF }
