package machines

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// ConsolePart is what of a console a ticket opens.
type ConsolePart string

// The parts of a console.
const (
	ConsoleLog  ConsolePart = "log"  // what the node wrote
	ConsoleLine ConsolePart = "line" // the console itself, to read and type into
)

// ConsoleViewer is who looks at a console, and by which session.
type ConsoleViewer struct{ Session, Person uuid.UUID }

// ConsoleTicket is what a viewer shows the worker: everything of it has to be what the ticket was issued for.
type ConsoleTicket struct {
	Token   string
	Node    uuid.UUID
	Session uuid.UUID
	Part    ConsolePart
}

// OpenConsole is a console that a ticket opened, with what its right is looked up by.
type OpenConsole struct {
	NodeHost
	Viewer ConsoleViewer
	Staff  bool // of a provider, under the organization's consent
}

// consoleRight tells whether a ticket's viewer may see the node's console now, t being session_id, person_id, node_id and
// staff: the session lives and works where the right comes from, the role is one that request.OrgWork or
// request.ProviderHosts names (a test in handlers compares them), and the organization's consent holds where it takes one. What its provider keeps paused its organization does not see.
const consoleRight = ` EXISTS (
	SELECT FROM sessions s JOIN people pe ON pe.id = s.person_id, nodes n JOIN clusters c ON c.id = n.cluster_id
	 WHERE s.id = t.session_id AND s.person_id = t.person_id AND s.expires_at > now() AND pe.suspended_at IS NULL
	   AND n.id = t.node_id AND n.state <> 'gone'
	   AND CASE WHEN t.staff THEN EXISTS (
				SELECT FROM staff st JOIN console_consents k ON k.cluster_id = c.id
				 WHERE st.provider_id = n.provider_id AND st.provider_id = s.provider_id AND st.person_id = s.person_id AND st.role IN ('admin', 'operator')
				   AND k.revoked_at IS NULL AND k.until_at > now() AND c.ended_at IS NULL)
			ELSE EXISTS (
				SELECT FROM memberships m
				 WHERE m.organization_id = n.organization_id AND m.organization_id = s.organization_id AND m.person_id = s.person_id
				   AND m.role IN ('owner', 'manager', 'member') AND c.desired <> 'paused') END)`

// RedeemConsoleTicket uses a ticket up. One that is unknown, used or late, was issued for something else, or whose viewer
// may not see the console any more, is NotFound("console ticket"), and stays what it was.
func (db *DB) RedeemConsoleTicket(ctx context.Context, ticket ConsoleTicket) (o OpenConsole, err error) {
	rows, _ := db.pool.Query(ctx, `
		WITH redeemed AS (UPDATE console_tickets t SET redeemed_at = now()
			WHERE token_hash = $1 AND redeemed_at IS NULL AND expires_at > now() AND node_id = $2 AND session_id = $3 AND part = $4 AND`+consoleRight+`
			RETURNING node_id, session_id, person_id, staff)
		SELECT n.id, n.name, n.cluster_id, h.id, h.name, `+hostAddress+`, r.session_id, r.person_id, r.staff
		FROM redeemed r JOIN nodes n ON n.id = r.node_id JOIN hosts h ON h.id = n.host_id`,
		store.HashToken(ticket.Token), ticket.Node, ticket.Session, ticket.Part)
	return store.One(rows, "console ticket", func(row pgx.CollectableRow) (OpenConsole, error) {
		err := row.Scan(slices.Concat([]any{&o.NodeID, &o.NodeName, &o.ClusterID, &o.HostID, &o.HostName}, scanAddress(&o.Address),
			[]any{&o.Viewer.Session, &o.Viewer.Person, &o.Staff})...)
		return o, err
	})
}

// ConsoleLasts tells whether the viewer of an open console may still see it.
func (db *DB) ConsoleLasts(ctx context.Context, o OpenConsole) (lasts bool, err error) {
	err = db.pool.QueryRow(ctx, `SELECT`+consoleRight+` FROM (SELECT $1::uuid AS session_id, $2::uuid AS person_id, $3::uuid AS node_id, $4::boolean AS staff) AS t`,
		o.Viewer.Session, o.Viewer.Person, o.NodeID, o.Staff).Scan(&lasts)
	if err != nil {
		return false, fmt.Errorf("read the right to a console: %w", err)
	}
	return lasts, nil
}
