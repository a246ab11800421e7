package ui

import (
	"math"
	"strconv"
	"strings"
)

// ChartProps are those of a chart of bars over time, such as compute hours a day.
type ChartProps struct {
	ID     string // of the element, unique on the page
	Title  string // "Compute hours a day"
	Label  string // what the first column of the table holds: "Day"
	Unit   string // "CH"
	One    int64  // one of the unit; 0: compute hours, whose values are milli-compute-seconds
	Bars   []Bar
	Format func(int64) string // of a value, without its unit
}

// Bar is one bar. Value is at least 0.
type Bar struct {
	Label string // of the table's row: "21 Nov 2026"
	Tick  string // below the bar; empty for most of many
	Value int64
}

// The picture, in its own units: the scale's numbers stand left of chartLeft, the value that is pointed at above chartTop.
const (
	chartWidth, chartHeight = 720, 204
	chartLeft, chartTop     = 66, 36
	chartFloor              = 178
	tickRoom                = 36 // half a tick's text: it stays inside the picture
	mostSteps               = 4  // of the scale
)

type drawnBar struct {
	X, Y, Width, Height, Middle, Tick, Title string
	HitX, HitWidth                           string // the column that is pointed at
	ValueX, Anchor                           string
	Focus                                    string // tabindex: one bar of a chart is in the page's order, the keys go to the others
}

// gridLine is one step of the scale.
type gridLine struct {
	Y, Text string
	Value   int64
}

// most is the largest value.
func (p ChartProps) most() int64 {
	var most int64
	for _, b := range p.Bars {
		most = max(most, b.Value)
	}
	return most
}

func (p ChartProps) sum() int64 {
	var sum int64
	for _, b := range p.Bars {
		sum += b.Value
	}
	return sum
}

func (p ChartProps) one() int64 {
	if p.One > 0 {
		return p.One
	}
	return mcsPerHour
}

// scale is three to five values from 0 on, in steps of 1, 2 or 5 times a power of ten of the unit, the last of which is no
// smaller than the largest bar.
func (p ChartProps) scale() []int64 {
	most := p.most()
	if most == 0 {
		most = p.one()
	}
	step := stepOf(most, p.one())
	values := []int64{0}
	for len(values) < 3 || values[len(values)-1] < most {
		if values[len(values)-1] > math.MaxInt64-step {
			break
		}
		values = append(values, values[len(values)-1]+step)
	}
	return values
}

// stepOf is the smallest such step of which mostSteps reach most; a fraction of the unit only as far as it is whole.
func stepOf(most, one int64) int64 {
	power := one
	for power%10 == 0 && power/10 > most/100 {
		power /= 10
	}
	for {
		for _, times := range []int64{1, 2, 5} {
			if power > math.MaxInt64/times {
				return power
			}
			if step := power * times; (most-1)/step < mostSteps {
				return step
			}
		}
		if power > math.MaxInt64/10 {
			return power
		}
		power *= 10
	}
}

// lines are the scale as it is drawn.
func (p ChartProps) lines() []gridLine {
	values := p.scale()
	top := float64(values[len(values)-1])
	var list []gridLine
	for _, v := range values {
		list = append(list, gridLine{Y: number(chartFloor - float64(v)/top*(chartFloor-chartTop)), Text: p.scaleText(v), Value: v})
	}
	return list
}

// scaleText is a value of the scale in its unit, as short as it is exact: "0.5", "20", "1 000", "250 k".
func (p ChartProps) scaleText(v int64) string {
	whole, rest := v/p.one(), v%p.one()
	switch {
	case rest != 0:
		return strings.TrimRight(strconv.FormatFloat(float64(v)/float64(p.one()), 'f', 6, 64), "0")
	case whole >= 1_000_000 && whole%100_000 == 0:
		return strconv.FormatFloat(float64(whole)/1e6, 'f', -1, 64) + " M"
	case whole >= 100_000 && whole%100 == 0:
		return strconv.FormatFloat(float64(whole)/1e3, 'f', -1, 64) + " k"
	default:
		return thousands(whole)
	}
}

// value is one with its unit.
func (p ChartProps) value(v int64) string { return p.Format(v) + " " + p.Unit }

// drawn lays the bars out. A bar of something is at least one pixel high: it must not look like nothing.
func (p ChartProps) drawn() []drawnBar {
	step := float64(chartWidth-chartLeft) / float64(max(len(p.Bars), 1))
	values := p.scale()
	top := float64(values[len(values)-1])
	var list []drawnBar
	for i, b := range p.Bars {
		height := float64(max(b.Value, 0)) / top * (chartFloor - chartTop)
		if b.Value > 0 {
			height = max(height, 1)
		}
		left := chartLeft + float64(i)*step
		d := drawnBar{
			X: number(left + step*0.12), Width: number(step * 0.76), Y: number(chartFloor - height), Height: number(height), HitX: number(left), HitWidth: number(step),
			Middle: number(min(max(left+step/2, chartLeft+tickRoom/2), chartWidth-tickRoom)), Tick: b.Tick, Title: b.Label + ": " + p.value(b.Value), Focus: "-1",
		}
		d.ValueX, d.Anchor = anchored(left + step/2)
		if i == len(p.Bars)-1 {
			d.Focus = "0"
		}
		list = append(list, d)
	}
	return list
}

// anchored places a text over a bar so that it stays inside the picture, however long it is.
func anchored(middle float64) (x, anchor string) {
	const third = (chartWidth - chartLeft) / 3.0
	switch {
	case middle < chartLeft+third:
		return number(max(middle-tickRoom, chartLeft)), "start"
	case middle > chartWidth-third:
		return number(min(middle+tickRoom, chartWidth)), "end"
	default:
		return number(middle), "middle"
	}
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) }
