package ui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func chart(values ...int64) ChartProps {
	p := ChartProps{ID: "use", Title: "Compute hours a day", Label: "Day", Unit: CH, Format: Hours}
	for i, v := range values {
		p.Bars = append(p.Bars, Bar{Label: fmt.Sprintf("%d Nov 2026", i+1), Tick: "x", Value: v})
	}
	return p
}

func TestChartScale(t *testing.T) {
	const hour = mcsPerHour
	for most, want := range map[int64]string{
		0: "0, 0.5, 1", 1: "0, 0.00001, 0.00002", hour / 20: "0, 0.02, 0.04, 0.06", hour: "0, 0.5, 1", hour + 1: "0, 0.5, 1, 1.5", 4 * hour: "0, 1, 2, 3, 4",
		4*hour + 1: "0, 2, 4, 6", 328 * hour: "0, 100, 200, 300, 400", 4321 * hour: "0, 2 000, 4 000, 6 000", 250_000 * hour: "0, 100 k, 200 k, 300 k",
		3_100_000 * hour: "0, 1 M, 2 M, 3 M, 4 M",
	} {
		p := chart(most, most/3)
		var got []string
		for _, l := range p.lines() {
			got = append(got, strings.ReplaceAll(strings.ReplaceAll(l.Text, "\u00a0", " "), "\u202f", " "))
		}
		if s := strings.Join(got, ", "); s != want {
			t.Errorf("up to %d: %s, want %s", most, s, want)
		}
	}
}

// However large the values are, three to five evenly spaced steps hold them, and every bar lies between floor and top.
func TestChartHoldsAnyValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := chart(rapid.SliceOfN(rapid.Int64Range(0, 1<<60), 1, 40).Draw(t, "values")...)
		p.One = rapid.SampledFrom([]int64{0, 1, 1000}).Draw(t, "one")
		if p.One == 1 && p.most() < 2 {
			return
		}
		scale := p.scale()
		if n := len(scale); n < 3 || n > 5 || scale[n-1] < p.most() || !slices.IsSorted(scale) || scale[0] != 0 {
			t.Fatalf("scale %v of %d", scale, p.most())
		}
		for i, b := range p.drawn() {
			y, height := toFloat(t, b.Y), toFloat(t, b.Height)
			if y < chartTop-0.01 || y+height > chartFloor+0.01 || (p.Bars[i].Value > 0) != (height > 0) {
				t.Fatalf("bar %+v of %d in %v", b, p.Bars[i].Value, scale)
			}
			if x := toFloat(t, b.X); x < chartLeft || x+toFloat(t, b.Width) > chartWidth {
				t.Fatalf("bar %+v", b)
			}
		}
	})
}

func toFloat(t *rapid.T, s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Values stand on the axis with the unit, over each bar for who points or goes there by keys, and in a table.
func TestChartSaysItsValues(t *testing.T) {
	var b strings.Builder
	if err := Chart(chart(mcsPerHour, 0, 3*mcsPerHour/2)).Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	page := strings.ReplaceAll(b.String(), "\u00a0", " ")
	for what, want := range map[string]int{
		`<title>1 Nov 2026: 1.00 CH</title>`: 1, `<title>3 Nov 2026: 1.50 CH</title>`: 1, `aria-hidden="true">CH</text>`: 1, `>0.5</text>`: 1, `>1.5</text>`: 1,
		`tabindex="0"`: 1, `tabindex="-1"`: 2, `role="listitem"`: 3, `class="chart-value"`: 3, `<td class="num" data-label="Compute hours a day">1.50 CH</td>`: 1,
		`data-label="Compute hours a day">2.50 CH</td>`: 1, "2.50 CH in all, most 1.50 CH": 1,
	} {
		if got := strings.Count(page, what); got != want {
			t.Errorf("%d times %s, want %d", got, what, want)
		}
	}
}

func TestShareSaysItsParts(t *testing.T) {
	var got []string
	for _, s := range segments(append(HourShares(mcsPerHour, 0, 1999*mcsPerHour, 0), SharePart{Kind: "held", Value: 1})) {
		got = append(got, s.Title)
	}
	want := []string{"used: 1.00 CH, under 0.1 %", "left: " + ComputeHours(1999*mcsPerHour) + ", over 99.9 %", "kept, under 0.1 %"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
