package typed

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mtibben/confusables"
	"golang.org/x/text/unicode/norm"
)

// ErrName is the sentinel of what is no name.
var ErrName = errors.New("not a name")

type nameError string

func (e nameError) Error() string        { return string(e) }
func (e nameError) Is(target error) bool { return target == ErrName }

// ParseName reads what somebody or something is called: in NFC, without blanks around it and with single ones inside. It
// has something that can be seen, nothing that cannot or that turns the line around, and in one word no letters of two
// scripts but where a language writes so. Its length is bounded elsewhere.
func ParseName(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", nameError("is not text in UTF-8")
	}
	name := singleBlanks(norm.NFC.String(strings.TrimSpace(s)))
	runes := []rune(name)
	for i, r := range runes {
		if sentence := unfit(runes, i); sentence != "" {
			return "", nameError(fmt.Sprintf("%s (U+%04X)", sentence, r))
		}
	}
	if !strings.ContainsFunc(name, visible) {
		return "", nameError("has no letter or digit that can be seen")
	}
	return name, oneScript(name)
}

// singleBlanks writes every run of blanks as one; that of East Asian text alone keeps its width.
func singleBlanks(s string) string {
	var b strings.Builder
	blank := rune(0)
	for _, r := range s {
		if unicode.Is(unicode.Zs, r) {
			if blank == 0 {
				blank = r
			} else {
				blank = ' '
			}
			continue
		}
		if blank != 0 {
			if blank != '\u3000' {
				blank = ' '
			}
			b.WriteRune(blank)
			blank = 0
		}
		b.WriteRune(r)
	}
	return b.String()
}

const (
	zwnj = '\u200c'
	zwj  = '\u200d'
)

// unfit says what is wrong with the character at i, or nothing.
func unfit(s []rune, i int) string {
	r := s[i]
	switch {
	case r == zwnj || r == zwj:
		if !joins(s, i) {
			return "has a joiner where nothing is joined"
		}
	case r == '\ufe0e' || r == '\ufe0f':
		if i == 0 || !unicode.IsOneOf([]*unicode.RangeTable{unicode.S, unicode.Po, unicode.Nd}, s[i-1]) {
			return "has a character that cannot be seen"
		}
	case directs(r):
		return "has a character that turns the line around"
	case unseen(r):
		return "has a character that cannot be seen"
	case unicode.IsControl(r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
		return "has a line break or another control character"
	case unicode.Is(unicode.Co, r), !unicode.IsGraphic(r), r == '\ufffc', r == utf8.RuneError:
		return "has a character that has no meaning"
	case unicode.Is(unicode.M, r) && (i == 0 || unicode.Is(unicode.Zs, s[i-1])):
		return "has an accent without a letter"
	case unicode.Is(unicode.Mn, r) && i >= mostAccents && allMarks(s[i-mostAccents:i]):
		return "heaps accents on a letter"
	}
	return ""
}

// mostAccents is UTS 39's bound of marks on one letter.
const mostAccents = 4

func allMarks(s []rune) bool {
	for _, r := range s {
		if !unicode.Is(unicode.Mn, r) {
			return false
		}
	}
	return true
}

func directs(r rune) bool {
	return r == '\u061c' || r == '\u200e' || r == '\u200f' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}

// unseen tells characters that show nothing: formats, fillers, selectors and blanks that are no blanks to Unicode.
func unseen(r rune) bool {
	return unicode.IsOneOf([]*unicode.RangeTable{unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector}, r) ||
		r == '\u2800' || r == '\u034f' || r == '\u17b4' || r == '\u17b5' || r == '\U0001d159'
}

func visible(r rune) bool {
	return !unseen(r) && unicode.IsOneOf([]*unicode.RangeTable{unicode.L, unicode.N, unicode.So}, r)
}

var (
	cursive = []*unicode.RangeTable{unicode.Arabic, unicode.Syriac, unicode.Nko, unicode.Mongolian, unicode.Mandaic, unicode.Adlam, unicode.Hanifi_Rohingya}
	indic   = []*unicode.RangeTable{
		unicode.Devanagari, unicode.Bengali, unicode.Gurmukhi, unicode.Gujarati, unicode.Oriya, unicode.Tamil, unicode.Telugu,
		unicode.Kannada, unicode.Malayalam, unicode.Sinhala, unicode.Khmer, unicode.Myanmar,
	}
)

// joins tells where a joiner is part of the writing: between letters of a cursive script, after a virama (RFC 5892, A.1 and
// A.2), between a ra and its virama in the scripts where that is another form of the letter (Unicode 16, 12.2 and 12.8: as in
// Bengali "র‍্যাব"), and between the parts of one picture.
func joins(s []rune, i int) bool {
	if i == 0 {
		return false
	}
	before := s[i-1]
	if norm.NFC.PropertiesString(string(before)).CCC() == 9 && unicode.IsOneOf(indic, before) {
		return true
	}
	if i+1 == len(s) {
		return false
	}
	after := s[i+1]
	if s[i] == zwj && (before == '\u09b0' && after == '\u09cd' || before == '\u0cb0' && after == '\u0ccd') {
		return true
	}
	if s[i] == zwj && (unicode.Is(unicode.So, before) || before == '\ufe0f' || unicode.Is(unicode.Sk, before)) && unicode.Is(unicode.So, after) {
		return true
	}
	for i--; i > 0 && unicode.Is(unicode.Mn, s[i]); i-- {
		before = s[i-1]
	}
	return unicode.IsOneOf(cursive, before) && unicode.IsLetter(before) && unicode.IsOneOf(cursive, after) && unicode.IsLetter(after)
}

// together are the scripts that one word may have letters of (UTS 39, highly restrictive): those of East Asia, and Latin
// beside them.
var together = [][]string{
	{"Latin", "Han", "Hiragana", "Katakana"}, {"Latin", "Han", "Bopomofo"}, {"Latin", "Han", "Hangul"},
}

// oneScript refuses a word with letters of scripts that are not written together.
func oneScript(name string) error {
	for word := range strings.FieldsFuncSeq(name, func(r rune) bool {
		return !unicode.In(r, unicode.L, unicode.M, unicode.N) && r != zwnj && r != zwj
	}) {
		var scripts []string
		for _, r := range word {
			script := scriptOf(r)
			if script == "" || contains(scripts, script) {
				continue
			}
			scripts = append(scripts, script)
			if !writtenTogether(scripts) {
				return nameError(fmt.Sprintf("mixes letters of two scripts in one word: %q has %s beside %s (%c, U+%04X)", word, script, scripts[0], r, r))
			}
		}
	}
	return nil
}

func writtenTogether(scripts []string) bool {
	if len(scripts) == 1 {
		return true
	}
	for _, set := range together {
		all := true
		for _, s := range scripts {
			all = all && contains(set, s)
		}
		if all {
			return true
		}
	}
	return false
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// scriptOf is a character's script; none for those that many use.
func scriptOf(r rune) string {
	if r < 0x80 {
		if unicode.IsLetter(r) {
			return "Latin"
		}
		return ""
	}
	for name, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			if name == "Common" || name == "Inherited" {
				return ""
			}
			return name
		}
	}
	return ""
}

// Skeletons are what a name looks like: two names of which one is the same are taken for one another. They are the name
// without case, blanks and what cannot be seen, after UTS 39's table of confusable characters; once with the table before
// case is taken away (where a capital I is an l) and once after (where it is an i).
func Skeletons(name string) []string {
	bare := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unseen(r) || unicode.IsControl(r) {
			return -1
		}
		return r
	}, norm.NFKC.String(asApostrophes(name)))
	folded := looks(foldCase(bare))
	sharp := looks(bare)
	if folded == sharp {
		return []string{folded}
	}
	return []string{folded, sharp}
}

// asApostrophes writes accents that stand alone as what people type them for: NFKC makes a blank and an accent of each, and the
// accent would be the letter's before.
func asApostrophes(name string) string {
	return strings.NewReplacer("\u00b4", "'", "\u1fbd", "'", "\u1fbf", "'", "\u1ffd", "'", "\u1ffe", "'", "\u02dc", "~", "\u00af", "-").Replace(name)
}

func looks(s string) string { return foldCase(confusables.Skeleton(s)) }

// foldCase is Unicode's simple folding, with the one letter of full folding that names have.
func foldCase(s string) string {
	return strings.ToLower(strings.NewReplacer("ß", "SS", "ẞ", "SS").Replace(strings.ToUpper(s)))
}
