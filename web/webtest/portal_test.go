package webtest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"volary.dev/handlers/handlertest"
	"volary.dev/provisioner/waittest"
)

// signIn signs a person of the world in, in a browser on the real portal.
func signIn(t *testing.T, ctx context.Context, base, email string) {
	t.Helper()
	err := do(t, ctx, chromedp.Navigate(base+"/sign-in"), chromedp.SendKeys(chromedp.CSS("[name=email]"), email),
		chromedp.SendKeys(chromedp.CSS("[name=password]"), handlertest.Password+"\r"), chromedp.WaitVisible(chromedp.CSS("details.who")))
	if err != nil {
		t.Fatalf("sign in: %v", err)
	}
}

// until waits for what a script says. While a page is left for the next one nothing answers.
func until(t *testing.T, ctx context.Context, what, script string) {
	t.Helper()
	waittest.Until(t, what, func() bool {
		met, err := ask(t, ctx, chromedp.Evaluate[bool](script))
		return err == nil && met
	})
}

// TestARefusalStays refuses a form on a live page right after an act of one's own, and changes the cluster then: the refusal stays
// with what was typed, the change is offered, and neither what was there before. The address can be loaded again.
func TestARefusalStays(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	a.Listen()
	cluster, _ := a.Launch(w, "first", 0)
	path := "/org/clusters/" + cluster.String()
	change := func(reason string) {
		t.Helper()
		if _, err := a.Pool.Exec(t.Context(), `UPDATE clusters SET reason = $2 WHERE id = $1`, cluster, reason); err != nil {
			t.Fatal(err)
		}
	}
	ctx := browser(t)
	signIn(t, ctx, a.URL, handlertest.Member)
	if err := do(t, ctx, chromedp.Navigate(a.URL+path), chromedp.WaitVisible(chromedp.CSS("#extend_hours"))); err != nil {
		t.Fatal(err)
	}
	const refused = `document.body.dataset.answer !== undefined && document.querySelector("#extend_hours").value === "1,000" &&
		document.querySelector("main").innerText.includes("1,000") && document.querySelector("[data-focus], .field-error, [role=alert]") !== null`
	refuse := func() {
		t.Helper()
		if err := do(t, ctx, chromedp.SetValue(chromedp.CSS("#extend_hours"), "1,000"), chromedp.Evaluate[chromedp.Void](`document.querySelector("#extend_hours").form.requestSubmit()`)); err != nil {
			t.Fatal(err)
		}
		until(t, ctx, "the refusal", refused)
	}
	change("asked")
	refuse()
	change("capacity")
	until(t, ctx, "the offer", `document.querySelector("[data-live-offer] a") !== null`)
	until(t, ctx, "the refusal beside the offer", refused)
	said, err := ask(t, ctx, chromedp.Evaluate[string](`(() => { const o = document.querySelector("[data-live-offer]"); return JSON.stringify({
		role: o.getAttribute("role"), changed: o.innerText.startsWith("This page changed at "), newer: Date.parse(o.querySelector("time").dateTime) >= Number(document.body.dataset.begun),
		to: o.querySelector("a").getAttribute("href"), at: location.pathname, seen: o.checkVisibility() })})()`))
	if want := fmt.Sprintf(`{"role":"status","changed":true,"newer":true,"to":%q,"at":%q,"seen":true}`, path, path); err != nil || said != want {
		t.Errorf("offered %s, %v, want %s", said, err, want)
	}
	// Loaded again it is the page, not the form once more.
	if err := do(t, ctx, chromedp.Reload()); err != nil {
		t.Fatal(err)
	}
	until(t, ctx, "the page itself", `document.body.dataset.answer === undefined && document.querySelector("#extend_hours") !== null && location.pathname === "`+path+`"`)
	refuse()
	change("asked")
	until(t, ctx, "the offer again", `document.querySelector("[data-live-offer] a") !== null`)
	if err := do(t, ctx, chromedp.Click(chromedp.CSS("[data-live-offer] a"))); err != nil {
		t.Fatal(err)
	}
	until(t, ctx, "what was offered", `document.body.dataset.answer === undefined && document.querySelector("#extend_hours").value !== "1,000"`)
}

// TestATabOfAnotherPlaceStopsFollowing has one tab on a cluster of the first organization, and switches to the second in another.
func TestATabOfAnotherPlaceStopsFollowing(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	a.Listen()
	if _, err := a.Pool.Exec(t.Context(), `INSERT INTO memberships (organization_id, person_id, role, created_at) VALUES ($1, $2, 'member', now())`, w.Other, w.Person(handlertest.Member)); err != nil {
		t.Fatal(err)
	}
	cluster, _ := a.Launch(w, "first", 0)
	path := "/org/clusters/" + cluster.String()
	ctx := browser(t)
	signIn(t, ctx, a.URL, handlertest.Member)
	first, shut := tabOf(t, ctx)
	defer shut()
	if err := do(t, first, chromedp.Navigate(a.URL+path), chromedp.WaitVisible(chromedp.CSS("#extend_hours"))); err != nil {
		t.Fatal(err)
	}
	change := func(name string) {
		t.Helper()
		if _, err := a.Pool.Exec(t.Context(), `UPDATE clusters SET name = $2, reason = CASE reason WHEN 'asked' THEN 'capacity' ELSE 'asked' END WHERE id = $1`, cluster, name); err != nil {
			t.Fatal(err)
		}
	}
	change("followed")
	until(t, first, "to follow", `document.querySelector("#live h1").innerText === "followed"`)
	switchTo := func(place string) {
		t.Helper()
		script := fmt.Sprintf(`(() => { const b = [...document.querySelectorAll("header .who button[name=to]")].find(b => b.innerText.includes(%q) || b.textContent.includes(%q)); b.form.requestSubmit(b) })()`, place, place)
		if err := do(t, ctx, chromedp.Navigate(a.URL+"/org"), chromedp.WaitVisible(chromedp.CSS("details.who")), chromedp.Evaluate[chromedp.Void](script)); err != nil {
			t.Fatal(err)
		}
		until(t, ctx, "the switch", fmt.Sprintf(`document.querySelector("header .who-place")?.innerText.includes(%q)`, place))
	}
	switchTo("Second Group")
	until(t, first, "to be told", `(n => !n.hidden && n.innerText.includes("you work for Second Group now"))(document.querySelector("[data-live-note]"))`)
	change("unfollowed")
	// Who opens the link meanwhile is told whose it is.
	second, shutSecond := tabOf(t, ctx)
	defer shutSecond()
	if err := do(t, second, chromedp.Navigate(a.URL+path)); err != nil {
		t.Fatal(err)
	}
	until(t, second, "whose it is", `document.querySelector("h1").innerText === "This belongs to First Group"`)
	if follows, err := ask(t, first, chromedp.Evaluate[bool](`document.querySelector("#live h1").innerText === "unfollowed"`)); err != nil || follows {
		t.Errorf("the tab follows what is another place's: %t, %v", follows, err)
	}
	if err := do(t, second, chromedp.Click(chromedp.CSS("main form button"))); err != nil {
		t.Fatal(err)
	}
	until(t, second, "the page after the switch", `location.pathname === "`+path+`" && document.querySelector("#extend_hours") !== null`)
	until(t, first, "to follow again", `document.querySelector("[data-live-note]").hidden && document.querySelector("#live h1").innerText === "unfollowed"`)
}

// TestAConsoleSaysWhatItsProxyTakesAway opens a console behind a proxy that passes no upgrade, as nginx does as it comes.
func TestAConsoleSaysWhatItsProxyTakesAway(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	cluster, head := a.Launch(w, "first", 0)
	if _, err := a.Pool.Exec(t.Context(), `UPDATE nodes SET state = 'starting' WHERE id = $1`, head); err != nil {
		t.Fatal(err)
	}
	to, err := url.Parse(a.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host
		r.Out.Header.Del("Upgrade")
		r.Out.Header.Set("Connection", "close")
	}, ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }})
	t.Cleanup(proxy.Close)
	ctx := browser(t)
	signIn(t, ctx, proxy.URL, handlertest.Member)
	console := strings.Join([]string{proxy.URL, "org/clusters", cluster.String(), "nodes", head.String(), "console"}, "/")
	if err := do(t, ctx, chromedp.Navigate(console)); err != nil {
		t.Fatal(err)
	}
	until(t, ctx, "what is missing", `(n => n.checkVisibility() && n.innerText.includes("proxy_set_header Upgrade $http_upgrade;") && n.innerText.includes(".readme/operate.md"))(document.querySelector("[data-no-upgrade]"))`)
	until(t, ctx, "the status", `document.querySelector("[data-status]").innerText.includes("proxy") && !document.querySelector("[data-reconnect]").hidden`)
}

// tabOf opens a tab of the same profile; shut closes it as a person would kill it.
func tabOf(t *testing.T, ctx context.Context) (tab context.Context, shut func()) {
	t.Helper()
	tab, shut = chromedp.NewContext(ctx)
	t.Cleanup(shut)
	// The tab lives as long as the context it was opened with: not one of a single step.
	if err := chromedp.Do(tab); err != nil {
		t.Fatal(err)
	}
	return tab, shut
}
