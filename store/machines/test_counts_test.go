package machines

import (
	"maps"
	"testing"

	"volary.dev/provisioner"
)

func TestTestCounts(t *testing.T) {
	for name, c := range map[string]struct {
		groups []provisioner.Count
		want   Counts
	}{
		"two of the one":                {[]provisioner.Count{{Least: 0, Most: 8}}, Counts{"a": 2}},
		"fewer where there are fewer":   {[]provisioner.Count{{Least: 0, Most: 1}}, Counts{"a": 1}},
		"more where it wants more":      {[]provisioner.Count{{Least: 3, Most: 8}}, Counts{"a": 3}},
		"none where there may be none":  {[]provisioner.Count{{}}, Counts{"a": 0}},
		"one of each of two":            {[]provisioner.Count{{Least: 0, Most: 8}, {Least: 0, Most: 8}}, Counts{"a": 1, "b": 1}},
		"a second where one is missing": {[]provisioner.Count{{Least: 0, Most: 8}, {}}, Counts{"a": 2, "b": 0}},
		"one of each of three":          {[]provisioner.Count{{Most: 8}, {Most: 1}, {Most: 2}}, Counts{"a": 1, "b": 1, "c": 1}},
		"the least of each":             {[]provisioner.Count{{Least: 4, Most: 8}, {Least: 2, Most: 2}}, Counts{"a": 4, "b": 2}},
	} {
		var m provisioner.Model
		for i, n := range c.groups {
			m.Compute = append(m.Compute, provisioner.Group{Name: string(rune('a' + i)), Count: n})
		}
		if got := testCounts(m); !maps.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
