package webtest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/google/uuid"

	"volary.dev/handlers/handlertest"
	"volary.dev/provisioner/waittest"
	"volary.dev/store/people"
)

// orderer is a person of two organizations in a browser, on the form of an order of the first.
type orderer struct {
	t           *testing.T
	app         *handlertest.App
	world       *handlertest.World
	offer       uuid.UUID
	posted      *atomic.Int32 // orders that were sent
	first, last string        // the organizations, as POST /switch takes them
}

func newOrderer(t *testing.T) orderer {
	t.Helper()
	o := orderer{t: t, posted: &atomic.Int32{}}
	o.app = handlertest.Start(t, handlertest.Options{Serve: func(ctx context.Context, l net.Listener, portal http.Handler) {
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { //nolint:gosec // of a test
			if r.Method == http.MethodPost && r.URL.Path == "/org/orders" {
				o.posted.Add(1)
			}
			portal.ServeHTTP(w, r)
		})}
		go func() { <-ctx.Done(); server.Close() }() //nolint:errcheck // the test is over
		_ = server.Serve(l)
	}})
	o.world = o.app.World()
	o.offer = o.app.Sell(o.world).Offer
	owner := o.world.Person(handlertest.Owner)
	if err := o.app.Store.People.AddMember(t.Context(), uuid.Nil, o.world.Other, owner, people.RoleOwner); err != nil {
		t.Fatal(err)
	}
	o.first, o.last = "org:"+o.world.Organization.String(), "org:"+o.world.Other.String()
	return o
}

// orders are those of both organizations.
func (o orderer) orders() (first, last int) {
	o.t.Helper()
	err := o.app.Pool.QueryRow(o.t.Context(), `SELECT count(*) FILTER (WHERE organization_id = $1), count(*) FILTER (WHERE organization_id = $2) FROM orders`,
		o.world.Organization, o.world.Other).Scan(&first, &last)
	if err != nil {
		o.t.Fatal(err)
	}
	return first, last
}

func (o orderer) do(ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	o.t.Helper()
	if err := do(o.t, ctx, steps...); err != nil {
		o.t.Fatal(err)
	}
}

// form is the address of an order's form with its amount.
func (o orderer) form(hours int) string {
	return fmt.Sprintf("%s/org/orders/new?%s", o.app.URL, url.Values{"offer": {o.offer.String()}, "hours": {fmt.Sprint(hours)}, "note": {"typed"}}.Encode())
}

func (o orderer) signIn(ctx context.Context) {
	o.t.Helper()
	o.do(ctx, chromedp.Navigate(o.app.URL+"/sign-in"), chromedp.SendKeys(chromedp.CSS("#email"), handlertest.Owner),
		chromedp.SendKeys(chromedp.CSS("#password"), handlertest.Password), chromedp.Click(chromedp.CSS("main form button")), chromedp.WaitVisible(chromedp.CSS(".who")))
}

// work switches by the menu that every page has.
func (o orderer) work(ctx context.Context, place string) {
	o.t.Helper()
	o.do(ctx, chromedp.Navigate(o.app.URL+"/account"))
	here, err := ask(o.t, ctx, chromedp.Evaluate[bool](fmt.Sprintf(`(() => { const b = document.querySelector('button[name=to][value=%q]'); b?.click(); return !b })()`, place)))
	if err != nil {
		o.t.Fatal(err)
	}
	if !here {
		o.arrives(ctx, "/org")
	}
}

// press presses the button that orders, if the page still has it, as a second click does that finds the page as it was.
func (o orderer) press(ctx context.Context) {
	o.t.Helper()
	if _, err := ask(o.t, ctx, chromedp.Evaluate[bool](`(document.querySelector("button[formmethod=post]")?.click(), true)`)); err != nil {
		o.t.Fatal(err)
	}
}

// pressTwice presses it by the mouse, and where it was once more.
func (o orderer) pressTwice(ctx context.Context) {
	o.t.Helper()
	at, err := ask(o.t, ctx, chromedp.Evaluate[[]float64](`(() => {
		const button = document.querySelector("button[formmethod=post]");
		button.scrollIntoView({ block: "center" });
		const box = button.getBoundingClientRect();
		return [box.x + box.width / 2, box.y + box.height / 2];
	})()`))
	if err != nil {
		o.t.Fatal(err)
	}
	o.do(ctx, chromedp.MouseClickXY(at[0], at[1]), chromedp.MouseClickXY(at[0], at[1]))
}

// arrives waits until the browser is at an address that begins so, and gives what the page says.
func (o orderer) arrives(ctx context.Context, path string) (at, says string) {
	o.t.Helper()
	waittest.Until(o.t, "the page "+path, func() bool {
		var err error
		if at, err = ask(o.t, ctx, chromedp.Evaluate[string](`document.readyState === "complete" ? location.pathname : ""`)); err != nil {
			return false // between two pages
		}
		if !strings.HasPrefix(at, path) {
			return false
		}
		says, err = ask(o.t, ctx, chromedp.Evaluate[string](`document.querySelector("main")?.innerText ?? ""`))
		return err == nil
	})
	return at, says
}

// conditions are those of all requests of a page. cdproto has the command's successor alone, which this Chromium takes otherwise.
var conditions = cdp.Command[network.OverrideNetworkStateParams, cdp.Empty]{Method: "Network.emulateNetworkConditions"}

// slow delays every answer by 800 ms.
func slow(t *testing.T, ctx context.Context) {
	t.Helper()
	err := do(t, ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, conditions, network.OverrideNetworkStateParams{Latency: 800, DownloadThroughput: -1, UploadThroughput: -1})
		return err
	}))
	if err != nil {
		t.Fatal(err)
	}
}

// A double click on a slow line makes one order, with scripts and without; going back and sending again makes no other.
func TestADoubleClickOrdersOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	o, ctx := newOrderer(t), browser(t)
	o.signIn(ctx)
	o.work(ctx, o.first)
	slow(t, ctx)
	for i, scripts := range []bool{true, false} {
		switchScripts(t, ctx, scripts)
		before, _ := o.orders()
		o.posted.Store(0)
		o.do(ctx, chromedp.Navigate(o.form(30+i)), chromedp.WaitVisible(chromedp.CSS("button[formmethod=post]")))
		o.pressTwice(ctx)
		at, _ := o.arrives(ctx, "/org/orders/0")
		if n, _ := o.orders(); n != before+1 {
			t.Errorf("with scripts %t: %d orders before and %d after", scripts, before, n)
		}
		if sent := o.posted.Load(); scripts && sent != 1 {
			t.Errorf("the busy button sent the form %d times", sent)
		}
		if !scripts {
			continue // pages are not stored: without scripts, who goes back has a new form
		}
		o.do(ctx, chromedp.NavigateBack(), chromedp.WaitVisible(chromedp.CSS("button[formmethod=post]")))
		o.press(ctx)
		again, says := o.arrives(ctx, "/org/orders/0")
		if n, _ := o.orders(); n != before+1 || again != at || !strings.Contains(says, "This was done already, at ") {
			t.Errorf("back and again: %d orders, at %s after %s: %s", n, again, at, says)
		}
	}
}

// The form of one organization, sent after another tab switched to another one, is stopped; its button switches and sends it.
func TestTwoTabs(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	o, ctx := newOrderer(t), browser(t)
	other, end := chromedp.NewContext(ctx)
	t.Cleanup(end)
	if err := chromedp.Do(other); err != nil { // the tab lives as long as the context that opens it
		t.Fatal(err)
	}
	o.signIn(ctx)
	o.work(ctx, o.first)
	o.do(ctx, chromedp.Navigate(o.form(30)), chromedp.WaitVisible(chromedp.CSS("button[formmethod=post]")))
	o.work(other, o.last)
	first, last := o.orders()
	o.press(ctx)
	o.do(ctx, chromedp.WaitVisible(chromedp.CSS("button[name=work_for]")))
	_, says := o.arrives(ctx, "/org/orders")
	for _, words := range []string{"This form was made for First Group", "You work for Second Group now.", "Work for First Group and send it", "Go on for Second Group", "typed"} {
		if !strings.Contains(says, words) {
			t.Errorf("the page does not say %q: %s", words, says)
		}
	}
	if a, b := o.orders(); a != first || b != last {
		t.Errorf("%d and %d orders, before %d and %d", a, b, first, last)
	}
	o.do(ctx, chromedp.Click(chromedp.CSS("button[name=work_for]")))
	o.arrives(ctx, "/org/orders/0")
	if a, b := o.orders(); a != first+1 || b != last {
		t.Errorf("by the button %d and %d orders, before %d and %d", a, b, first, last)
	}
}
