package org

import (
	"fmt"
	"net/http"
	"time"

	"volary.dev/handlers/respond"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/models"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner"
	web "volary.dev/web/org"
	"volary.dev/web/ui"
)

// CreateAcceptanceTest starts a free test of a published version on a pool's test share, or has it wait for its turn.
func (h Handlers) CreateAcceptanceTest(c echo.Context) error {
	v, err := h.version(c)
	if err != nil {
		return err
	}
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	poolID := f.ID("pool", "a pool")
	if r := f.Refusal(); r != nil {
		return h.versionAgain(c, v, r)
	}
	orgID, personID := where(c)
	id, err := h.Machines.StartAcceptanceTest(c.Request().Context(), orgID, personID, v.ID, poolID)
	if r, ok := respond.AsForm(err); ok {
		return h.versionAgain(c, v, r)
	}
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/org/tests/"+id.String())
}

// ShowAcceptanceTest shows a test as it happens, and then its report.
func (h Handlers) ShowAcceptanceTest(c echo.Context) error {
	id, err := request.ID(c, "id", "test")
	if err != nil {
		return err
	}
	orgID, _ := where(c)
	t, err := h.Models.AcceptanceTest(c.Request().Context(), orgID, id)
	if err != nil {
		return err
	}
	p := h.testProps(c, t)
	made, ok, err := h.Models.CertificateOfTest(c.Request().Context(), orgID, id)
	if err != nil {
		return err
	}
	if ok {
		link := certificateLink(made)
		p.Certificate = &link
	}
	return page.Live(c, web.AcceptanceTestShow(p))
}

func certificateLink(c models.CertificateRow) web.CertificateLink {
	return web.CertificateLink{
		Address: c.Address, Pool: c.PoolName, Provider: c.ProviderName, Made: c.CreatedAt, ByProvider: c.ProviderGood, ByPlatform: c.PlatformGood,
	}
}

// CancelAcceptanceTest ends a test that waits or runs. Its machines go within seconds.
func (h Handlers) CancelAcceptanceTest(c echo.Context) error {
	id, err := request.ID(c, "id", "test")
	if err != nil {
		return err
	}
	orgID, personID := where(c)
	err = h.Models.CancelAcceptanceTest(c.Request().Context(), orgID, personID, id)
	if r, ok := respond.AsForm(err); ok {
		t, err := h.Models.AcceptanceTest(c.Request().Context(), orgID, id)
		if err != nil {
			return err
		}
		p := h.testProps(c, t)
		p.Refused = aboveForm(r)
		return page.Render(c, respond.Status(r.Code), web.AcceptanceTestShow(p))
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, "/org/tests/"+id.String(), "The test is cancelled. Machines and disks that it has are deleted.")
}

func (h Handlers) testProps(c echo.Context, t models.AcceptanceTest) web.AcceptanceTestShowProps {
	p := web.AcceptanceTestShowProps{
		Layout: h.layout(c), MayCancel: t.State.Open(), ID: t.ID, Digest: t.DocumentDigest, State: string(t.State),
		Version: web.VersionLink{ID: t.VersionID, ModelName: t.ModelClusterName, Version: t.Version},
		Pool:    t.PoolName, Provider: t.ProviderName, Person: t.PersonName,
		Created: t.CreatedAt, Begun: page.Time(t.BegunAt), Ended: page.Time(t.EndedAt), Place: t.Place, WaitsFor: t.WaitsFor, Limit: time.Duration(t.LimitSeconds) * time.Second,
		Emulated: t.LimitSeconds > int64(provisioner.TestLimit(false).Seconds()), Summary: testSummary(t), GuestAgent: t.Report.GuestAgent,
	}
	for _, check := range t.Report.Checks {
		p.Checks = append(p.Checks, testCheck(check, t.State))
	}
	for _, check := range t.Report.Checks {
		for _, n := range check.Nodes {
			if check.Name == provisioner.CheckPings && n.Result == provisioner.ResultPassed {
				p.Latencies = append(p.Latencies, web.Latency{From: n.Node, To: n.Evidence})
			}
		}
	}
	gate := gateChecks(t.Report)
	for _, n := range t.Report.Nodes {
		p.Nodes = append(p.Nodes, testNode(n, gate[n.Name]))
		if n.Console != "" {
			p.Excerpts = append(p.Excerpts, web.ConsoleExcerpt{Node: n.Name, Text: n.Console})
		}
	}
	return p
}

// testSummary is the one sentence above the checks.
func testSummary(t models.AcceptanceTest) string {
	switch t.State {
	case models.TestWaiting:
		return "The test waits for its turn, and begins by itself. It has no machines yet."
	case models.TestCancelled:
		return t.EndedWhy + " It says nothing of the version."
	case models.TestPassed, models.TestFailed:
	case models.TestRunning:
		return "The nodes run in a sealed network. Each check appears as it is made."
	}
	for _, c := range t.Report.Checks {
		if c.Result == provisioner.ResultFailed {
			return c.Title + ": " + c.Evidence
		}
	}
	words := fmt.Sprintf("%d of %s passed.", t.Report.Count(provisioner.ResultPassed), refusal.Plural(len(t.Report.Checks), "check", "checks"))
	if n := t.Report.Count(provisioner.NotObserved); n > 0 {
		words += " " + refusal.Plural(n, "was not observed and proves nothing.", "were not observed and prove nothing.")
	}
	return words
}

// testCheck shows a check that is not made yet as waiting, and one that never will be as not observed.
func testCheck(c provisioner.ReportCheck, s models.TestState) ui.Check {
	check := ui.Check{Name: c.Title, State: string(c.Result), Detail: c.Evidence, Took: seconds(c.Seconds), Channel: string(c.Channel), GuestsWord: c.Channel.GuestsWord()}
	if c.Result == provisioner.ResultPending {
		check.State = "waiting"
		if !s.Open() {
			check.State = string(provisioner.NotObserved)
		}
	}
	return check
}

func testNode(n provisioner.ReportNode, gate provisioner.NodeCheck) web.TestNode {
	node := web.TestNode{Name: n.Name, Host: n.Host, Address: n.Address, State: "running", Boot: seconds(gate.Seconds)}
	if gate.Result == provisioner.ResultPassed || gate.Result == provisioner.ResultFailed {
		node.State = string(gate.Result)
	}
	return node
}

// gateChecks are each node's part of the gate.
func gateChecks(r provisioner.Report) map[string]provisioner.NodeCheck {
	nodes := map[string]provisioner.NodeCheck{}
	for _, c := range r.Checks {
		if c.Name != provisioner.CheckGate {
			continue
		}
		// A report may tell of the gate as a whole; each node's own part is the better word.
		for _, n := range r.Nodes {
			nodes[n.Name] = provisioner.NodeCheck{Node: n.Name, Result: c.Result, Seconds: c.Seconds}
		}
		for _, n := range c.Nodes {
			nodes[n.Node] = n
		}
	}
	return nodes
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
