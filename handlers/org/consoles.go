package org

import (
	"mime"
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/relay"
	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/machines"
	web "volary.dev/web/org"
)

// excerptLimit is how many bytes of the log the page itself shows.
const excerptLimit = 16 << 10

// ShowConsole shows a node's console and the end of what it wrote so far. A host that does not answer takes
// away the log and nothing else of the page.
func (h Handlers) ShowConsole(c echo.Context) error {
	d, n, err := h.clusterNode(c)
	if err != nil {
		return err
	}
	p := web.ConsoleProps{
		Layout: h.layout(c), ClusterID: d.ID, ClusterName: d.Name, NodeID: n.ID, NodeName: n.Name, State: n.State, Host: n.HostName,
		Open: n.State == provisioner.NodeStarting || n.State == provisioner.NodeReady || n.State == provisioner.NodeStopping,
	}
	log, err := h.consoleLog(c, n)
	switch r, ok := refusal.As(err); {
	case ok:
		p.LogRefusal = r
	case err != nil:
		return err
	default:
		p.LogCut = len(log) > excerptLimit
		p.Log = string(log[max(0, len(log)-excerptLimit):])
	}
	return page.Render(c, http.StatusOK, web.Console(p))
}

// ShowConsoleLog gives the end of the kept log as a file: the bytes are the guest's, and no browser shall take
// them for a page.
func (h Handlers) ShowConsoleLog(c echo.Context) error {
	d, n, err := h.clusterNode(c)
	if err != nil {
		return err
	}
	log, err := h.consoleLog(c, n)
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderContentDisposition, mime.FormatMediaType("attachment", map[string]string{"filename": d.Name + "-" + n.Name + ".log"}))
	return c.Blob(http.StatusOK, "application/octet-stream", log)
}

func (h Handlers) consoleLog(c echo.Context, n machines.NodeRow) ([]byte, error) {
	if n.State == provisioner.NodeReserved || n.State == provisioner.NodeGone {
		return nil, nil // there is nothing on a host
	}
	ticket, err := h.consoleTicket(c, n, machines.ConsoleLog)
	if err != nil {
		return nil, err
	}
	return h.Relay.Worker.ConsoleLog(c.Request().Context(), relay.Ticket{Token: ticket, Node: n.ID, Session: request.Session(c).ID})
}

func (h Handlers) consoleTicket(c echo.Context, n machines.NodeRow, part machines.ConsolePart) (string, error) {
	orgID, personID := where(c)
	return h.Machines.IssueConsoleTicket(c.Request().Context(), orgID, machines.ConsoleViewer{Session: request.Session(c).ID, Person: personID}, n.ID, part)
}

// clusterNode finds the path's cluster and node, both of the session's organization.
func (h Handlers) clusterNode(c echo.Context) (machines.ClusterDetail, machines.NodeRow, error) {
	id, err := request.ID(c, "node", "node")
	if err != nil {
		return machines.ClusterDetail{}, machines.NodeRow{}, err
	}
	d, err := h.cluster(c)
	if err != nil {
		return d, machines.NodeRow{}, err
	}
	n, err := d.Node(id)
	return d, n, err
}

// CreateConsoleTicket gives the browser a ticket for one console, good once and for seconds. It is a POST, so that
// no other site's page can make one.
func (h Handlers) CreateConsoleTicket(c echo.Context) error {
	_, node, err := h.clusterNode(c)
	if err != nil {
		return err
	}
	ticket, err := h.consoleTicket(c, node, machines.ConsoleLine)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]string{"ticket": ticket})
}

// ConsoleSocket joins the browser's WebSocket with the worker's.
func (h Handlers) ConsoleSocket(c echo.Context) error {
	_, n, err := h.clusterNode(c)
	if err != nil {
		return err
	}
	return h.Relay.Serve(c, n.ID)
}
