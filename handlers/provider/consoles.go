package provider

import (
	"mime"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/relay"
	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/machines"
	weborg "volary.dev/web/org"
)

// now is when a request is answered.
func now() time.Time { return time.Now().UTC() }

// excerptLimit is how many bytes of a console log the page itself shows.
const excerptLimit = 16 << 10

// ShowConsole shows a node's console to staff, under the organization's consent. The look is in its log.
func (h Handlers) ShowConsole(c echo.Context) error {
	d, n, err := h.clusterNode(c)
	if err != nil {
		return err
	}
	p := weborg.ConsoleProps{
		Layout: h.layout(c), Clusters: "/provider/clusters", ClusterID: d.ID, ClusterName: d.Name, NodeID: n.ID, NodeName: n.Name, State: n.State, Host: n.HostName,
		Open: n.State == provisioner.NodeStarting || n.State == provisioner.NodeReady || n.State == provisioner.NodeStopping,
	}
	log, err := h.consoleLog(c, n)
	switch r, ok := refusal.As(err); {
	case ok && r.Code == "no_consent":
		return err
	case ok:
		p.LogRefusal = r
	case err != nil:
		return err
	default:
		p.LogCut = len(log) > excerptLimit
		p.Log = string(log[max(0, len(log)-excerptLimit):])
	}
	return page.Render(c, http.StatusOK, weborg.Console(p))
}

// ShowConsoleLog gives the end of the kept log as a file.
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

// consoleLog asks for a ticket first: without the organization's consent there is none.
func (h Handlers) consoleLog(c echo.Context, n machines.NodeRow) ([]byte, error) {
	ticket, err := h.consoleTicket(c, n, machines.ConsoleLog)
	if err != nil || n.State == provisioner.NodeReserved {
		return nil, err
	}
	return h.Relay.Worker.ConsoleLog(c.Request().Context(), relay.Ticket{Token: ticket, Node: n.ID, Session: request.Session(c).ID})
}

func (h Handlers) consoleTicket(c echo.Context, n machines.NodeRow, part machines.ConsolePart) (string, error) {
	return h.Machines.IssueStaffTicket(c.Request().Context(), where(c), machines.ConsoleViewer{Session: request.Session(c).ID, Person: who(c)}, n.ID, part)
}

// clusterNode finds the path's cluster and node on the provider's pools.
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

// CreateConsoleTicket gives the browser a ticket for one console, good once and for seconds.
func (h Handlers) CreateConsoleTicket(c echo.Context) error {
	_, n, err := h.clusterNode(c)
	if err != nil {
		return err
	}
	ticket, err := h.consoleTicket(c, n, machines.ConsoleLine)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]string{"ticket": ticket})
}

// ConsoleSocket joins the browser's WebSocket with the worker's, which looks whether the organization's consent lasts.
func (h Handlers) ConsoleSocket(c echo.Context) error {
	d, n, err := h.clusterNode(c)
	if err != nil {
		return err
	}
	consent, err := h.Machines.ConsentForProvider(c.Request().Context(), where(c), d.ID)
	if err != nil {
		return err
	}
	if consent == nil {
		return &refusal.Error{Code: "no_consent", Title: "The organization does not let staff see this console now.", Next: "Ask its members."}
	}
	return h.Relay.Serve(c, n.ID)
}
