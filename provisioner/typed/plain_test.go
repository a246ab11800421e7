package typed

import "testing"

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		"disk one.vmdk\tand\nmore":    "disk one.vmdk\tand\nmore",
		"می\u200cخواهم, 日本語, e\u0301": "می\u200cخواهم, 日本語, e\u0301",
		"a\u202egpj.exe\u2066b":       "a\ufffdgpj.exe\ufffdb",
		"\x1b[31m\a\r\x00\u0085":      "\ufffd[31m\ufffd\ufffd\ufffd\ufffd",
		"a\u2028b\u2029c":             "a\ufffdb\ufffdc",
		"a\xffb":                      "a\ufffdb",
	} {
		if got := Plain(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}
