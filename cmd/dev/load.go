package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
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
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.url, nil)
	if err != nil {
		return err
	}
	for _, c := range t.cookies {
		req.AddCookie(c)
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || n == 0 {
		return fmt.Errorf("%s answers %s with %d bytes", t.url, resp.Status, n)
	}
	return nil
}
