package org

import (
	"fmt"
	"time"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/machines"
	web "volary.dev/web/org"
	"volary.dev/web/ui"
)

// tasksShown is how many of the latest tasks a cluster's own page shows.
const tasksShown = 12

// ListTasks shows everything that happened to a cluster, the latest first.
func (h Handlers) ListTasks(c echo.Context) error {
	d, err := h.cluster(c)
	if err != nil {
		return err
	}
	orgID, _ := where(c)
	l := request.ParseList(c)
	list, total, err := h.Machines.Tasks(c.Request().Context(), orgID, d.ID, l.Page())
	if err != nil {
		return err
	}
	return page.Live(c, web.TaskList(web.TaskListProps{Layout: h.layout(c), List: page.List(l, total), ID: d.ID, Name: d.Name, Tasks: taskRows(list)}))
}

// readTasks adds the latest tasks to a cluster's page.
func (h Handlers) readTasks(c echo.Context, p *web.ClusterShowProps) error {
	orgID, _ := where(c)
	list, total, err := h.Machines.Tasks(c.Request().Context(), orgID, p.ID, store.Page{Limit: tasksShown})
	p.Tasks, p.AllTasks = taskRows(list), total
	return err
}

func taskRows(list []machines.Task) []web.TaskRow {
	rows := make([]web.TaskRow, 0, len(list))
	for _, t := range list {
		row := web.TaskRow{At: t.At, Person: t.PersonName}
		if t.Since != nil {
			row.Timed, row.Took = true, t.At.Sub(*t.Since)
		}
		if t.Step == "" {
			row.What, row.Details = deedWords(t.Verb, t.Detail)
		} else {
			stepWords(t, &row)
		}
		rows = append(rows, row)
	}
	return rows
}

// stepWords says what nodes came to, and where that matters on which hosts.
func stepWords(t machines.Task, row *web.TaskRow) {
	row.Nodes, row.More = t.Nodes, t.NodeCount-len(t.Nodes)
	words := map[provisioner.NodeStep]struct {
		what string
		on   bool
	}{
		provisioner.NodeStep(provisioner.NodeReserved): {"placed on", true},
		provisioner.NodeStep(provisioner.NodeStarting): {"being made on", true},
		provisioner.StepMade:                           {"made, boots", false},
		provisioner.StepGate:                           {"gate met", false},
		provisioner.NodeStep(provisioner.NodeReady):    {"ready again", false},
		provisioner.NodeStep(provisioner.NodePausing):  {"to be paused", false},
		provisioner.NodeStep(provisioner.NodePaused):   {"paused", false},
		provisioner.NodeStep(provisioner.NodeStopping): {"to power off", false},
		provisioner.NodeStep(provisioner.NodeStopped):  {"off", false},
		provisioner.NodeStep(provisioner.NodeLost):     {"lost on", true},
		provisioner.NodeStep(provisioner.NodeFailed):   {"failed on", true},
		provisioner.NodeStep(provisioner.NodeGone):     {"removed from", true},
	}[t.Step]
	if row.What = words.what; words.on {
		row.Hosts, row.OnMore = t.Hosts, t.HostCount-len(t.Hosts)
	}
	if why := ui.ReasonSentence(t.Reason, t.ReasonDetail); why != "" && t.Reason != provisioner.ReasonAsked {
		row.Details = []string{why}
	}
}

// deedWords says what was done to the cluster, and with what of it a reader can do something.
func deedWords(verb string, detail map[string]any) (what string, details []string) {
	words, known := map[string]string{
		"launch cluster": "Launch asked", "start cluster": "Start asked", "cluster ready": "Ready: every node met its gate", "nodes ready": "More nodes ready: each met its gate", "undo batch": "Nodes to be added given up",
		"extend lease": "Lease extended", "change lease": "End of the lease changed", "stop cluster": "Stop asked", "start test again": "Started a second time", "delete cluster": "Deletion asked", "end lease": "Lease over",
		"scale up cluster": "Nodes to be added", "scale down cluster": "Nodes to go", "drain nodes": "Nodes drained: they go now", "ask about drain": "Not drained: somebody has to say if the nodes go",
		"keep drained nodes": "Nodes that were to go stay", "remove undrained nodes": "Nodes go without waiting for the drain",
		"fail cluster": "Launch given up", "pause cluster": "Paused by the provider", "resume cluster": "Let go on by the provider",
		"end cluster": "Ended by the provider", "allow cluster again": "Allowed again by the provider", "place nodes elsewhere": "Nodes placed elsewhere",
		"consent to console": "Staff let see the consoles", "withdraw consent to console": "Staff see no consoles any more", "look at console": "Console looked at",
		"let stray machine go on": "A machine suspended by hand on its host went on", "suspend stray machine": "A machine that ran on its host suspended again",
		"stop stray machine": "A machine that should not run stopped", "run guest command": "Command run by a node's guest agent",
	}[verb]
	if !known {
		words = ui.Deed(verb)
	}
	number := func(key string) int64 { n, _ := detail[key].(float64); return int64(n) }
	text := func(key string) string { s, _ := detail[key].(string); return s }
	length := func(key string) string { return ui.Duration(time.Duration(number(key)) * time.Second) }
	switch verb {
	case "launch cluster", "start cluster":
		details = []string{"lease " + length("lease_seconds"), ui.ComputeHours(number("held")) + " set aside"}
	case "extend lease":
		details = []string{"by " + length("add_seconds") + " to " + length("lease_seconds"), ui.ComputeHours(number("held")) + " more set aside"}
	case "change lease":
		details = []string{map[string]string{"delete": "deleted at its end"}[text("at_end")]}
		if text("at_end") == "keep" {
			details[0] = "stopped at its end, disks kept for " + ui.Plural(number("keep_days"), "day", "days")
		}
		if extends, _ := detail["until_stopped"].(bool); extends {
			details = append(details, "extends itself until it is stopped")
		}
	case "scale up cluster":
		details = []string{fmt.Sprintf("%s from %d to %d", text("group"), number("from"), number("to")), ui.ComputeHours(number("held")) + " set aside"}
	case "scale down cluster":
		details = []string{fmt.Sprintf("%s from %d to %d", text("group"), number("from"), number("to"))}
	case "ask about drain":
		details = []string{text("because")}
	case "resume cluster":
		details = []string{"after " + length("paused_seconds")}
	case "pause cluster", "end cluster":
		details = []string{"“" + text("reason") + "”"}
	case "place nodes elsewhere":
		details = []string{text("because")}
	}
	return words, details
}
