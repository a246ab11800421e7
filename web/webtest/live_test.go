package webtest

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/chromedp/chromedp"

	"volary.dev/provisioner"
	"volary.dev/web/org"
)

// TestLiveFollows says that a cluster changed, and expects the page to show it without being loaded again; what
// the reader had opened stays open.
func TestLiveFollows(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	var state atomic.Value
	state.Store(provisioner.ClusterStarting)
	changed := make(chan struct{})
	path := "/org/clusters/" + id(40).String()
	server := galleryServer(t,
		route{"GET " + path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			page := org.ClusterShow(cluster(state.Load().(provisioner.ClusterState)))
			if r.Header.Get("HX-Request") != "" {
				templ.Handler(page, templ.WithFragments("live")).ServeHTTP(w, r)
				return
			}
			templ.Handler(page).ServeHTTP(w, r)
		})},
		route{"GET /org/events", events(changed)},
	)
	ctx, stop := context.WithTimeout(browser(t), 30*time.Second)
	defer stop()
	complaints := listen(t, ctx)
	if err := chromedp.Do(ctx, chromedp.Navigate(server.URL+path), chromedp.WaitVisible(chromedp.CSS(".head .mark-busy"))); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("window.notLoadedAgain = true")); err != nil {
		t.Fatal(err)
	}
	state.Store(provisioner.ClusterReady)
	changed <- struct{}{}
	if err := chromedp.Do(ctx, chromedp.WaitVisible(chromedp.CSS(".head .mark-good")), chromedp.WaitVisible(chromedp.CSS("button[data-copy]"))); err != nil {
		t.Fatalf("the page does not follow: %v", err)
	}
	same, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("window.notLoadedAgain === true && document.querySelectorAll('#live').length === 1"))
	if err != nil || !same {
		t.Errorf("the page was loaded again or holds the part twice: %v, %v", same, err)
	}
	for _, c := range complaints() {
		t.Error(c)
	}
}

// events streams a change each time one is said.
func events(changed <-chan struct{}) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		control := http.NewResponseController(w)
		_ = control.Flush()
		for {
			select {
			case <-r.Context().Done():
				return
			case <-changed:
				fmt.Fprint(w, "event: change\ndata: {}\n\n")
				_ = control.Flush()
			}
		}
	}
}
