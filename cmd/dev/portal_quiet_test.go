package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"volary.dev/cmd/internal/demo"
)

// TestPortalWithoutScripts tells what a provider's staff do on an ordinary day, and how somebody new comes from the market
// to an organization, with JavaScript off. The hosts are simulated: what is asked is the pages. A group's whole story
// without scripts is TestPortal's.
func TestPortalWithoutScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	v := prepareVolary(t, "portal-quiet")
	v.kind = hostsMemory
	if err := v.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	v.awaitHosts(t)
	p := &portal{volary: v, chromium: startChromium(t)}
	for _, story := range []struct {
		title string
		tell  func(*testing.T)
	}{
		{"a provider sells", func(t *testing.T) { providerSells(t, p) }},
		{"a provider looks after its hosts", func(t *testing.T) { providerMaintains(t, p) }},
		{"a provider bills", func(t *testing.T) { providerBills(t, p) }},
		{"a visitor comes by the market", func(t *testing.T) { marketVisitorJoins(t, p) }},
		{"a provider ends its offer", func(t *testing.T) { providerEndsOffer(t, p) }},
	} {
		if !t.Run(story.title, story.tell) {
			return
		}
	}
}

// demoPerson is one of the demo's people, signed in without scripts.
func (p *portal) demoPerson(t *testing.T, email, home string) *visitor {
	t.Helper()
	for _, person := range demo.People() {
		if person.Email != email {
			continue
		}
		v := p.visitor(t, person.Name, false)
		v.email, v.password = email, demo.Password
		v.runsNoScripts()
		v.signsIn()
		v.at(home)
		return v
	}
	t.Fatalf("nobody in the demo has the address %s", email)
	return nil
}

// runsNoScripts makes sure of what the whole story is about.
func (v *visitor) runsNoScripts() {
	v.t.Helper()
	v.do("open a page with a script", chromedp.Navigate(`data:text/html,<title>quiet</title><script>document.title = "loud"</script>`))
	if title, err := chromedp.Run(v.ctx, chromedp.Evaluate[string](`document.title`)); err != nil || title != "quiet" {
		v.fail("switch scripts off", fmt.Errorf("the title is %q (%w)", title, err))
	}
}

// providerSells adds a price, withdraws one that has not begun, and decides an order.
func providerSells(t *testing.T, p *portal) {
	nina := p.demoPerson(t, "nina@north.example", "/provider")
	nina.visit("/provider/offers")
	nina.follow("Standard hours")
	nina.at("/provider/offers/:id")
	nina.fill("price", "0.051")
	nina.follow("Set the price")
	nina.says("0.051", "0.045")
	nina.fill("price", "0.07")
	nina.sets("from", time.Now().AddDate(0, 1, 0).Format(time.DateOnly))
	nina.follow("Set the price")
	nina.followIn("not begun", "Withdraw")
	nina.visit(nina.path() + "?state=next") // a short list has no filters until it is narrowed
	nina.choose("state", "past")
	nina.follow("Show")
	nina.rows("0.045")
	nina.follow("Show all")
	nina.follow("Price of an hour")
	nina.sorted("Price of an hour")
	nina.rows("0.045", "0.051")

	// A price that cannot be keeps what was typed, and says what is wrong beside it.
	nina.fill("price", "cheap")
	nina.follow("Set the price")
	nina.until("read why", `document.querySelector("main .field-error") !== null && document.querySelector("main [name=price]").value === "cheap"`)

	abe := p.demoPerson(t, "abe@north.example", "/provider")
	abe.visit("/provider/orders?state=approved")
	abe.choose("state", "Waiting")
	abe.follow("Show")
	abe.followLike("Order ")
	abe.at("/provider/orders/:id")
	abe.followLike("Approve order")
	abe.says("Approved, and the hours are in the wallet.")
	abe.followLike("Invoice NOR")
	abe.says("Tidal Modelling Group")
}

// providerMaintains looks through the hosts, takes one out of use and gives it back.
func providerMaintains(t *testing.T, p *portal) {
	nora := p.demoPerson(t, "nora@north.example", "/provider")
	nora.visit("/provider/hosts")
	nora.rows("host-1", "host-2", "host-3")
	nora.follow("Host")
	nora.follow("Host")
	nora.rows("host-3", "host-2", "host-1")
	nora.visit("/provider/hosts?search=host") // a short list has no filters until it is narrowed
	nora.fill("search", "host-2")
	nora.follow("Show")
	nora.rows("host-2")
	nora.follow("host-2")
	nora.at("/provider/hosts/:id")
	nora.fill("reason", "new fans")
	nora.follow("Cordon")
	nora.says("cordoned", "new fans")
	nora.visit("/provider/hosts?state=cordoned")
	nora.rows("host-2")
	nora.follow("host-2")
	nora.follow("Activate")
	nora.state("active")
	nora.visit("/provider/clusters")
	nora.visit("/provider/jobs")
}

// providerBills reads a month that is over, and takes it along as a file whose lines make its sum.
func providerBills(t *testing.T, p *portal) {
	abe := p.demoPerson(t, "abe@north.example", "/provider")
	abe.visit("/provider/usage")
	abe.sets("month", time.Now().AddDate(0, 0, -40).Format("2006-01"))
	abe.follow("Show")
	abe.says("Runs and ledger agree", "Tidal Modelling Group")
	runs, total := sumOfExport(t, abe.downloads("Download CSV")), sumOfExport(t, abe.downloads("the total"))
	if runs == 0 || runs != total {
		t.Errorf("the runs make %d mcs and the total says %d", runs, total)
	}
	abe.visit("/provider/invoices")
	abe.says("NOR")
}

// marketVisitorJoins browses, narrows and orders the market, reads who a provider is, and signs up.
func marketVisitorJoins(t *testing.T, p *portal) {
	root := p.demoPerson(t, "root@volary.example", "/platform")
	vera := p.visitor(t, "Vera Passer", false)
	vera.visit("/")
	vera.says("North Computing", "South Computing", "0.051", "0.039")
	vera.fillAll("nodes", "2", "vcpus", "1", "memory", "0.25", "disk", "2", "hours", "10")
	vera.follow("Show")
	vera.follow("Compute hour")
	vera.sorted("Compute hour")
	vera.rows("South Computing", "North Computing")
	vera.follow("Compute hour")
	vera.rows("North Computing", "South Computing")
	vera.until("keep the need over the order", `document.querySelector("main [name=nodes]").value === "2"`)
	vera.choose("location", "Lyon")
	vera.follow("Show")
	vera.rows("South Computing")
	vera.follow("Show all")
	vera.rows("South Computing", "North Computing")
	vera.visit("/market?nodes=0&vcpus=1&memory=1&disk=1&hours=1")
	vera.until("read why", `document.querySelector("main .field-error") !== null`)
	vera.visit("/market")
	vera.follow("North Computing")
	vera.at("/market/providers/:id")
	vera.says("North Computing GmbH", "Three hosts beside the tidal flume", "help@north.example", "Hamburg")
	vera.fillAll("nodes", "1", "hours", "5")
	vera.follow("Show")
	vera.says("0.051")
	vera.follow("Market")
	vera.signsUp(root, "Warbler Lab")
	vera.at("/org")
	vera.says("Your first cluster", "Warbler Lab")
	vera.visit("/market")
	vera.says("North Computing")
	vera.signsOut()
}

// providerEndsOffer ends what the provider sells, and the day.
func providerEndsOffer(t *testing.T, p *portal) {
	nina := p.demoPerson(t, "nina@north.example", "/provider")
	nina.visit("/provider/offers")
	nina.follow("Standard hours")
	nina.follow("End the offer")
	nina.says("This offer ended")
	nina.visit("/provider/log")
	nina.says("end offer", "set price")
	nina.signsOut()
}

// sets gives a field a value that no keyboard of every language writes alike: a date, a month.
func (v *visitor) sets(name, value string) {
	v.t.Helper()
	script := fmt.Sprintf(`(() => { const f = document.querySelector("main [name=%s]"); f.value = %q; return f.value })()`, name, value)
	if got, err := chromedp.Run(v.ctx, chromedp.Evaluate[string](script)); err != nil || got != value {
		v.fail("set "+name, fmt.Errorf("it has %q (%w)", got, err))
	}
}

// rows waits until the first table has as many rows as words are given, and each row's words in this order.
func (v *visitor) rows(words ...string) {
	v.t.Helper()
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = strconv.Quote(w)
	}
	v.until("see the rows "+strings.Join(words, ", "), fmt.Sprintf(`((rows, words) => rows.length === words.length && words.every((w, i) => rows[i].innerText.includes(w)))(
		[...document.querySelector("main table tbody").rows], [%s])`, strings.Join(list, ", ")))
}

// sorted waits until the list is ordered by the column of that heading.
func (v *visitor) sorted(heading string) {
	v.t.Helper()
	v.until("see the list by "+heading, fmt.Sprintf(`[...document.querySelectorAll("main th[aria-sort]")].some(h => h.getAttribute("aria-sort") !== "none" && h.innerText.trim() === %q)`, heading))
}

// downloads gives what a link that downloads leads to, with the browser's own cookies.
func (v *visitor) downloads(label string) string {
	v.t.Helper()
	script := fmt.Sprintf(`[...document.querySelectorAll("main a[download]")].find(a => a.innerText.trim() === %q)?.href ?? ""`, label)
	link, err := chromedp.Run(v.ctx, chromedp.Evaluate[string](script))
	if err != nil || link == "" {
		v.fail("find the link "+label, err)
	}
	var cookies []*http.Cookie
	v.do("read the cookies", chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		have, err := cdp.Call(ctx, target, network.GetCookies, network.GetCookiesParams{})
		if err != nil {
			return err
		}
		cookies = nil
		for _, c := range have.Cookies {
			cookies = append(cookies, &http.Cookie{Name: c.Name, Value: c.Value})
		}
		return nil
	}))
	status, body := getAs(v.t, link, cookies)
	if status != http.StatusOK {
		v.fail("download "+label, fmt.Errorf("%s: %d %s", link, status, body))
	}
	return body
}

// signsOut opens the menu with the person's name, which no script opens.
func (v *visitor) signsOut() {
	v.t.Helper()
	v.do("open the menu", chromedp.Click(`//header//details[contains(@class,"who")]/summary`, chromedp.NodeVisible))
	v.leave("Sign out", `//header//button[normalize-space()="Sign out"]`)
	v.open("/account")
	v.at("/sign-in")
}

// sumOfExport adds up what the lines of a usage export say.
func sumOfExport(t *testing.T, export string) (mcs int64) {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(export)).ReadAll()
	if err != nil || len(rows) < 2 {
		t.Fatalf("%d lines of export: %v", len(rows), err)
	}
	column := slices.Index(rows[0], "mcs")
	for _, row := range rows[1:] {
		n, err := strconv.ParseInt(row[column], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		mcs += n
	}
	return mcs
}
