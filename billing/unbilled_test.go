package billing

import (
	"slices"
	"testing"
)

func TestUnbilledByReason(t *testing.T) {
	got := UnbilledByReason([]Unbilled{
		{HostName: "h1", Why: UnbilledOff, Times: 1, Seconds: 5, Hours: 5000},
		{HostName: "h1", Why: UnbilledSilent, Times: 2, Seconds: 4, Hours: 4000},
		{HostName: "h2", Why: UnbilledSilent, Times: 3, Seconds: 6, Hours: 12_000},
		{HostName: "h2", Why: UnbilledLate, Times: 1, Seconds: 5, Hours: 5000},
	})
	want := []Unbilled{{Why: UnbilledSilent, Times: 5, Seconds: 10, Hours: 16_000}, {Why: UnbilledLate, Times: 1, Seconds: 5, Hours: 5000}, {Why: UnbilledOff, Times: 1, Seconds: 5, Hours: 5000}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := UnbilledByReason(nil); len(got) != 0 {
		t.Errorf("of nothing: %+v", got)
	}
}
