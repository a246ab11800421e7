package ui

import "fmt"

// ChartProps are those of a chart of bars over time, such as compute hours a day.
type ChartProps struct {
	ID     string // of the element, unique on the page
	Title  string // "Compute hours a day"
	Label  string // what the first column of the table holds: "Day"
	Unit   string // "h"
	Bars   []Bar
	Format func(int64) string // of a value, without its unit
}

// Bar is one bar. Value is at least 0.
type Bar struct {
	Label string // of the table's row: "21 Nov 2026"
	Tick  string // below the bar; empty for most of many
	Value int64
}

const (
	chartWidth, chartHeight = 720, 160
	chartTop                = 6
	tickRoom                = 36 // half a tick's text: it stays inside the picture
)

type drawnBar struct{ X, Y, Width, Height, Middle, Tick, Title string }

// most is the largest value, at least 1.
func (p ChartProps) most() int64 {
	most := int64(1)
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

// drawn lays the bars out. A bar of something is at least one pixel high: it must not look like nothing.
func (p ChartProps) drawn() []drawnBar {
	step := float64(chartWidth) / float64(max(len(p.Bars), 1))
	most := float64(p.most())
	var list []drawnBar
	for i, b := range p.Bars {
		height := float64(max(b.Value, 0)) / most * (chartHeight - chartTop)
		if b.Value > 0 {
			height = max(height, 1)
		}
		list = append(list, drawnBar{
			X: number(float64(i)*step + step*0.12), Width: number(step * 0.76), Y: number(chartHeight - height), Height: number(height),
			Middle: number(min(max(float64(i)*step+step/2, tickRoom), chartWidth-tickRoom)), Tick: b.Tick, Title: fmt.Sprintf("%s: %s %s", b.Label, p.Format(b.Value), p.Unit),
		})
	}
	return list
}

func number(f float64) string { return fmt.Sprintf("%.2f", f) }
