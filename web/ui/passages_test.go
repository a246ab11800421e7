package ui

import (
	"slices"
	"strings"
	"testing"
)

func TestPassages(t *testing.T) {
	for sentence, want := range map[string][]passage{
		"":               nil,
		"Plain.":         {{text: "Plain."}},
		"`a b`":          {{"a b", true}},
		"See `a b`, or":  {{text: "See "}, {"a b", true}, {text: ", or"}},
		"`a`, `b c`.":    {{"a", true}, {text: ", "}, {"b c", true}, {text: "."}},
		"5` of it":       {{text: "5` of it"}},
		"a `b` c ` d":    {{text: "a "}, {"b", true}, {text: " c ` d"}},
		"an ``empty one": {{text: "an "}, {text: "empty one"}},
	} {
		if got := passages(sentence); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", sentence, got, want)
		}
	}
}

// A command of a repair can be copied; a word is only set apart; a sign of the page's language stays a sign.
func TestRepairsCanBeCopied(t *testing.T) {
	var page strings.Builder
	err := Checks([]Check{{Name: "backing file", State: "failed", Repair: "Make it whole: `qemu-img convert -O qcow2 disk.qcow2 <whole>.qcow2`, see `lsm=`."}}).Render(t.Context(), &page)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`data-copy="qemu-img convert -O qcow2 disk.qcow2 &lt;whole&gt;.qcow2"`, `<code>lsm=</code>`, `Make it whole: <`} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("%s is not in %s", want, page.String())
		}
	}
	if n := strings.Count(page.String(), "data-copy"); n != 1 || strings.Contains(page.String(), "`") {
		t.Errorf("%d commands can be copied: %s", n, page.String())
	}
}
