package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// target is a page under load.
type target struct {
	url     string
	cookies []*http.Cookie
}

const (
	loadConnections = 8
	loadRounds      = 5
	loadTime        = 2 * time.Second
)

// compareLoad gives the median requests per second of both, measured in turns, so that what else the machine does
// meets both alike.
func compareLoad(ctx context.Context, a, b target) (ofA, ofB float64, err error) {
	var as, bs []float64
	for round := range loadRounds + 1 {
		for _, side := range []struct {
			t    target
			into *[]float64
		}{{a, &as}, {b, &bs}} {
			rate, err := side.t.load(ctx, loadTime)
			if err != nil {
				return 0, 0, err
			}
			if round > 0 { // the first one warms up
				*side.into = append(*side.into, rate)
			}
		}
	}
	return median(as), median(bs), nil
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}

// load asks for the page over a fixed number of connections and returns answers per second.
func (t target) load(ctx context.Context, d time.Duration) (float64, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: loadConnections, MaxConnsPerHost: loadConnections}}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var count atomic.Int64
	var all sync.WaitGroup
	begun := time.Now()
	for range loadConnections {
		all.Go(func() {
			for time.Since(begun) < d && ctx.Err() == nil {
				if err := t.get(ctx, client); err != nil {
					cancel(err)
					return
				}
				count.Add(1)
			}
		})
	}
	all.Wait()
	if err := context.Cause(ctx); err != nil {
		return 0, err
	}
	return float64(count.Load()) / time.Since(begun).Seconds(), nil
}

func (t target) get(ctx context.Context, client *http.Client) error {
	_, err := t.read(ctx, client, io.Discard)
	return err
}

// read copies the page to w and gives its size.
func (t target) read(ctx context.Context, client *http.Client, w io.Writer) (n int64, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.url, nil)
	if err != nil {
		return 0, err
	}
	for _, c := range t.cookies {
		req.AddCookie(c)
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if n, err = io.Copy(w, resp.Body); err != nil {
		return n, err
	}
	if resp.StatusCode != http.StatusOK || n == 0 {
		return n, fmt.Errorf("%s answers %s with %d bytes", t.url, resp.Status, n)
	}
	return n, nil
}

// alike refuses to compare pages that do not show the same: as many rows and choices, and nearly as many bytes.
func alike(ctx context.Context, a, b target) error {
	var pages [2]strings.Builder
	for i, t := range []target{a, b} {
		if _, err := t.read(ctx, http.DefaultClient, &pages[i]); err != nil {
			return err
		}
	}
	ours, theirs := pages[0].String(), pages[1].String()
	for _, what := range []string{"<tr", "<option", "<input", "<a "} {
		if x, y := strings.Count(ours, what), strings.Count(theirs, what); x != y {
			return fmt.Errorf("the pages differ: %d and %d of %s", x, y, what)
		}
	}
	if x, y := float64(len(ours)), float64(len(theirs)); math.Abs(x-y) > 0.05*x {
		return fmt.Errorf("the pages differ: %.0f and %.0f bytes", x, y)
	}
	return nil
}
