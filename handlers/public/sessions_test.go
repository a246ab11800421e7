package public

import "testing"

func TestNextLeadsNowhereElse(t *testing.T) {
	for next, want := range map[string]string{
		"/org/clusters?gone=1":  "/org/clusters?gone=1",
		"/":                     "/",
		"":                      "",
		"org":                   "",
		"//evil.example":        "",
		"///evil.example":       "",
		"/\\evil.example":       "",
		"\\/evil.example":       "",
		"https://evil.example/": "",
		"javascript:alert(1)":   "",
		"/\t/evil.example":      "",
		"/\n/evil.example":      "",
		"http:/org":             "",
		"%zz":                   "",
	} {
		if got := localPath(next); got != want {
			t.Errorf("%q leads to %q, want %q", next, got, want)
		}
	}
}
