package webtest

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/a-h/templ"
	"github.com/chromedp/chromedp"

	"volary.dev/provisioner"
	"volary.dev/provisioner/waittest"
	"volary.dev/web/org"
	"volary.dev/web/provider"
	"volary.dev/web/sales"
	"volary.dev/web/ui"
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
		route{"GET /events", events(changed)},
	)
	ctx := browser(t)
	complaints := listen(t, ctx)
	if err := do(t, ctx, chromedp.Navigate(server.URL+path), chromedp.WaitVisible(chromedp.CSS(".head .mark-busy"))); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(t, ctx, chromedp.Evaluate[bool]("window.notLoadedAgain = true")); err != nil {
		t.Fatal(err)
	}
	state.Store(provisioner.ClusterReady)
	changed <- struct{}{}
	if err := do(t, ctx, chromedp.WaitVisible(chromedp.CSS(".head .mark-good")), chromedp.WaitVisible(chromedp.CSS("button[data-copy]"))); err != nil {
		t.Fatalf("the page does not follow: %v", err)
	}
	// A person types, and goes on to the button beside the field: the next change keeps both.
	if err := do(t, ctx, chromedp.Focus(chromedp.CSS("#extend_hours")), chromedp.Evaluate[chromedp.Void](`document.activeElement.select()`),
		chromedp.KeyEvent("7.5"), chromedp.Evaluate[chromedp.Void](`{
			window.button = document.querySelector("#extend_hours").closest("form").querySelector("button");
			window.button.focus();
		}`)); err != nil {
		t.Fatal(err)
	}
	state.Store(provisioner.ClusterDegraded)
	changed <- struct{}{}
	if err := do(t, ctx, chromedp.WaitNotPresent(chromedp.CSS(".head .mark-good"))); err != nil {
		t.Fatalf("the page does not follow again: %v", err)
	}
	kept, err := ask(t, ctx, chromedp.Evaluate[string](`JSON.stringify({
		typed: document.querySelector("#extend_hours").value, focus: document.activeElement === window.button, inPage: window.button.isConnected})`))
	if want := `{"typed":"7.5","focus":true,"inPage":true}`; err != nil || kept != want {
		t.Errorf("what the person did became %s, %v; want %s", kept, err, want)
	}
	same, err := ask(t, ctx, chromedp.Evaluate[bool]("window.notLoadedAgain === true && document.querySelectorAll('#live').length === 1"))
	if err != nil || !same {
		t.Errorf("the page was loaded again or holds the part twice: %v, %v", same, err)
	}
	for _, c := range complaints() {
		t.Error(c)
	}
}

// TestQuoteFollows types a number of nodes and expects the quote beside the form to be asked for again, and
// nothing else of the page to change.
func TestQuoteFollows(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	asked := make(chan string, 10)
	server := galleryServer(t, route{"GET /org/clusters/new", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Query().Get("compute_count")
		p := clusterNew(quoteFits())
		p.CountsStay = r.URL.Query().Get("counted") == p.Values.Version // as for the version that the page has
		templ.Handler(org.ClusterNew(p)).ServeHTTP(w, r)
	})})
	ctx := browser(t)
	if err := do(t, ctx, chromedp.Navigate(server.URL+"/cluster-new"), chromedp.SendKeys(chromedp.CSS("#compute_count"), "7"), chromedp.WaitVisible(chromedp.CSS("#quote .figures"))); err != nil {
		t.Fatalf("the quote does not follow: %v", err)
	}
	if got := <-asked; got != "73" {
		t.Errorf("%q nodes were asked for, 73 were typed", got)
	}
	kept, err := ask(t, ctx, chromedp.Evaluate[bool]("document.activeElement.id === 'compute_count' && document.activeElement.value === '73'"))
	if err != nil || !kept {
		t.Errorf("the field lost its focus or value: %v, %v", kept, err)
	}
}

// TestCountsFollowTheVersion types how many nodes of a group there are to be, and then chooses a version with one group: the fields
// stay while they are those of the version, and are others when it is another.
func TestCountsFollowTheVersion(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	asked := make(chan url.Values, 10)
	server := galleryServer(t, route{"GET /org/clusters/new", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		p := clusterNewGroups()
		p.Form, p.Values.Version, p.CountsStay = ui.Form{}, q.Get("version"), q.Get("version") == q.Get("counted")
		if q.Get("version") == "21" {
			p.Counts = nil
		}
		asked <- q
		templ.Handler(org.ClusterNew(p)).ServeHTTP(w, r)
	})})
	ctx := browser(t)
	const gpu = `document.getElementById("count.gpu")`
	if err := do(t, ctx, chromedp.Navigate(server.URL+"/cluster-new-groups"), chromedp.SendKeys(chromedp.CSS("[name='count.gpu']"), "7")); err != nil {
		t.Fatal(err)
	}
	if got, _ := waittest.Receive(t, "a quote to be asked for", asked); got.Get("count.gpu") != "75" || got.Get("count.compute") != "3" || got.Get("counted") != "20" {
		t.Errorf("asked for %v", got)
	}
	if kept, err := ask(t, ctx, chromedp.Evaluate[bool](`document.activeElement === `+gpu+` && `+gpu+`.value === "75"`)); err != nil || !kept {
		t.Errorf("the field lost its focus or value: %v, %v", kept, err)
	}
	choose := `(() => { const v = document.querySelector("#version"); v.value = "21"; return v.dispatchEvent(new Event("change", {bubbles: true})) })()`
	if _, err := ask(t, ctx, chromedp.Evaluate[bool](choose)); err != nil {
		t.Fatal(err)
	}
	if err := do(t, ctx, chromedp.WaitVisible(chromedp.CSS("#compute_count")), chromedp.WaitNotPresent(chromedp.CSS("[name='count.gpu']"))); err != nil {
		t.Fatalf("the fields do not follow the version: %v", err)
	}
}

// TestAmountFollows types hours and expects the amount and the button to order it to follow, and the rest of the form to stay.
func TestAmountFollows(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	asked := make(chan string, 10)
	server := galleryServer(t, route{"GET /org/orders/new", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.RawQuery
		p := orderForm()
		p.Quote.Hours, p.Quote.HoursMCS, p.Quote.Amount = r.URL.Query().Get("hours"), 12003*hour, euros(54_014)
		templ.Handler(sales.OrderNew(p)).ServeHTTP(w, r)
	})})
	ctx := browser(t)
	err := do(t, ctx, chromedp.Navigate(server.URL+"/order-new"), chromedp.SendKeys(chromedp.CSS("#cost_centre"), "x"), chromedp.SendKeys(chromedp.CSS("#hours"), "3"),
		chromedp.WaitVisible(chromedp.CSS("#order [name='shown_hours'][value='31200'] + button")))
	if err != nil {
		t.Fatalf("the amount does not follow: %v", err)
	}
	if got := <-asked; !strings.Contains(got, "hours=31200") || strings.Contains(got, "cost_centre") {
		t.Errorf("asked with %q, 31200 hours were typed", got)
	}
	kept, err := ask(t, ctx, chromedp.Evaluate[bool]("document.activeElement.id === 'hours' && document.activeElement.value === '31200' && document.querySelector('#cost_centre').value.includes('x') && document.querySelectorAll('#amount, #order').length === 2"))
	if err != nil || !kept {
		t.Errorf("the form lost its focus or a value: %v, %v", kept, err)
	}
}

// TestDrawingFollows types the underlay's MTU and expects the drawing to be asked for again by the networks alone.
func TestDrawingFollows(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	asked := make(chan string, 10)
	server := galleryServer(t, route{"GET /provider/pools/new", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.RawQuery
		p := provider.PoolFormProps{Layout: providerLayout(), Drawing: poolDrawing()}
		p.Drawing.Wrong = "15008 is what was asked for"
		templ.Handler(provider.PoolForm(p)).ServeHTTP(w, r)
	})})
	ctx := browser(t)
	err := do(t, ctx, chromedp.Navigate(server.URL+"/pool-new"), chromedp.SendKeys(chromedp.CSS("#name"), "secret"), chromedp.SendKeys(chromedp.CSS("#underlay_mtu"), "8"),
		chromedp.WaitVisible(chromedp.CSS("#drawing .field-error")))
	if err != nil {
		t.Fatalf("the drawing does not follow: %v", err)
	}
	if got := <-asked; !strings.Contains(got, "underlay_mtu=81500") && !strings.Contains(got, "underlay_mtu=15008") || !strings.Contains(got, "masquerade=1") || strings.Contains(got, "secret") || strings.Contains(got, "policy") {
		t.Errorf("asked with %q", got)
	}
	kept, err := ask(t, ctx, chromedp.Evaluate[bool]("document.activeElement.id === 'underlay_mtu' && document.activeElement.value.length === 5 && document.querySelectorAll('#drawing').length === 1"))
	if err != nil || !kept {
		t.Errorf("the form lost its focus or a value: %v, %v", kept, err)
	}
}

// TestSameFoldsAway ticks a box of what is the head's, without scripts: what is below it goes, keeps what is typed in it, and
// comes back. No field that may be folded away keeps the browser from sending the form.
func TestSameFoldsAway(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	server, ctx := galleryServer(t), browser(t)
	const box, field = "#group_0_same_size", "#group_0_vcpus"
	switchScripts(t, ctx, false)
	err := do(t, ctx, chromedp.Navigate(server.URL+"/version-new"), chromedp.WaitVisible(chromedp.CSS(field)), chromedp.SendKeys(chromedp.CSS(field), "0"),
		chromedp.WaitNotVisible(chromedp.CSS("#group_0_image")), chromedp.Click(chromedp.CSS(box)), chromedp.WaitNotVisible(chromedp.CSS(field)))
	if err != nil {
		t.Fatalf("a ticked box folds nothing away: %v", err)
	}
	if err := do(t, ctx, chromedp.Click(chromedp.CSS(box)), chromedp.WaitVisible(chromedp.CSS(field))); err != nil {
		t.Fatalf("it does not come back: %v", err)
	}
	kept, err := ask(t, ctx, chromedp.Evaluate[bool]("document.querySelector('#group_0_vcpus').value.length === 2 && !document.querySelector('.same-fields [required]')"))
	if err != nil || !kept {
		t.Errorf("what was typed is gone, or a field that folds away is required: %v", err)
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
