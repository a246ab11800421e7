package typed

import "testing"

func TestIsolate(t *testing.T) {
	for in, want := range map[string]string{"Köln": "Köln", "Lab 3": "Lab 3", "مختبر 3": "\u2068مختبر 3\u2069", "קבוצה": "\u2068קבוצה\u2069", "": ""} {
		if got := Isolate(in); got != want {
			t.Errorf("%q is %q", in, got)
		}
	}
}
