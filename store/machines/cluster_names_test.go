package machines

import (
	"testing"

	"pgregory.net/rapid"
)

func TestClusterNamesThatWouldDo(t *testing.T) {
	for _, c := range []struct {
		typed string
		taken []string
		want  string
	}{
		{"slurm", []string{"slurm"}, "slurm-2"},
		{"slurm-2", []string{"slurm", "slurm-2", "slurm-3"}, "slurm-4"},
		{"slurm2", []string{"slurm2"}, "slurm-3"},
		{"Not so", nil, "not-so"},
		{"Not so", []string{"not-so"}, "not-so-2"},
		{"Über_Nacht.1", nil, "uber-nacht-1"},
		{"2nd try!", nil, "nd-try"},
		{"--", nil, ""},
		{"实验", nil, ""},
		{"a-very-long-name-of-more-than-forty-characters", nil, "a-very-long-name-of-more-than-forty-char"},
		{"a-very-long-name-of-more-than-forty-char", []string{"a-very-long-name-of-more-than-forty-char"}, "a-very-long-name-of-more-than-forty-ch-2"},
		{"x-99999999999999999999", []string{"x-99999999999999999999"}, "x-2"},
	} {
		if got := freeName(clusterNameLike(c.typed), c.taken); got != c.want {
			t.Errorf("%q beside %q: %q, want %q", c.typed, c.taken, got, c.want)
		}
	}
}

// What is suggested is taken, and is not what is taken already.
func TestSuggestedClusterNamesAreValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typed := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z0-9-]{1,45}`)).Draw(t, "typed")
		taken := []string{clusterNameLike(typed), nameStem(clusterNameLike(typed)) + "-2"}
		if free := freeName(taken[0], taken); free != "" && (!validClusterName(free) || free == taken[0] || free == taken[1]) {
			t.Fatalf("%q: %q", typed, free)
		}
	})
}
