package handlers_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/google/uuid"

	"volary.dev/handlers/handlertest"
	"volary.dev/handlers/request"
	"volary.dev/provisioner"
	"volary.dev/provisioner/waittest"
	"volary.dev/store/machines"
	"volary.dev/store/people"
)

// untilState asks the store until a cluster is in a state: rows change beside the test.
func untilState(t *testing.T, a *handlertest.App, w *handlertest.World, id uuid.UUID, want provisioner.ClusterState) {
	t.Helper()
	var d machines.ClusterDetail
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the cluster was seen %s (%s), wanted %s", d.State, d.ReasonDetail, want)
		}
	})
	waittest.Until(t, "the cluster to become "+string(want), func() bool {
		var err error
		if d, err = a.Store.Machines.Cluster(t.Context(), w.Organization, id); err != nil {
			t.Fatal(err)
		}
		return d.State == want
	})
}

// dial opens a console's WebSocket as a browser's script does.
func dial(ctx context.Context, a *handlertest.App, b *handlertest.Browser, path, origin string) (*websocket.Conn, int, error) {
	header := http.Header{"Origin": {origin}}
	conn, res, err := websocket.Dial(ctx, strings.Replace(a.URL, "http", "ws", 1)+path, &websocket.DialOptions{HTTPClient: b.Client(), HTTPHeader: header})
	status := 0
	if res != nil {
		status = res.StatusCode
	}
	return conn, status, err
}

func ticket(t *testing.T, b *handlertest.Browser, console string) string {
	t.Helper()
	got := b.Post(console+"/ticket", nil)
	var answer struct{ Ticket string }
	if err := json.Unmarshal([]byte(got.Body), &answer); err != nil || answer.Ticket == "" {
		t.Fatalf("ticket: %d %s", got.Status, got.Body)
	}
	return "/ws?ticket=" + url.QueryEscape(answer.Ticket)
}

func TestConsoleIsTypedIntoThroughThePortal(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{Worker: true})
	w := a.World()
	cluster, head := a.Launch(w, "first", 1)
	untilState(t, a, w, cluster, provisioner.ClusterReady)
	b := a.SignIn(handlertest.Member)
	console := "/org/clusters/" + cluster.String() + "/nodes/" + head.String() + "/console"

	ctx, done := waittest.Context(t.Context(), t, "what the console says, and its end")
	defer done()
	good := ticket(t, b, console)
	conn, _, err := dial(ctx, a, b, console+good, a.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.CloseNow() }()
	if err := conn.Write(ctx, websocket.MessageBinary, []byte("hostname\r")); err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	for !strings.Contains(shown.String(), "\nhead\r\n") {
		_, text, err := conn.Read(ctx)
		if err != nil {
			t.Fatalf("after %q: %v", shown.String(), err)
		}
		shown.Write(text)
	}
	if _, _, err := dial(ctx, a, b, console+good, a.URL); err == nil {
		t.Error("a ticket was good twice")
	}
	if _, status, err := dial(ctx, a, b, console+ticket(t, b, console), "https://evil.example"); err == nil || status != http.StatusForbidden {
		t.Errorf("another site's page: %d %v", status, err)
	}
	if _, status, err := dial(ctx, a, a.Browser(), console+ticket(t, b, console), a.URL); err == nil || status == http.StatusSwitchingProtocols {
		t.Errorf("signed out: %d %v", status, err)
	}
	page := b.Get(console)
	if page.Status != http.StatusOK || !strings.Contains(page.Body, "volary: ready") {
		t.Errorf("the page lacks the log: %d", page.Status)
	}
	log := b.Get(console + ".log")
	if log.Header.Get("Content-Disposition") != "attachment; filename=first-head.log" || !strings.Contains(log.Body, "volary: ready") {
		t.Errorf("the log: %q %d", log.Header.Get("Content-Disposition"), log.Status)
	}
	a.Stop()
	for {
		if _, _, err = conn.Read(ctx); err != nil {
			break
		}
	}
	if websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("closed with %v", err)
	}
}

// A ticket opens the node it was made for and, though both are the organization's, no other; nor for another member.
func TestConsoleTicketsOpenTheirNodeAlone(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{Worker: true})
	w := a.World()
	cluster, head := a.Launch(w, "first", 1)
	untilState(t, a, w, cluster, provisioner.ClusterReady)
	d, err := a.Store.Machines.Cluster(t.Context(), w.Organization, cluster)
	if err != nil {
		t.Fatal(err)
	}
	other := d.NodeRows[1].ID
	console := func(node uuid.UUID) string {
		return "/org/clusters/" + cluster.String() + "/nodes/" + node.String() + "/console"
	}
	ctx, done := waittest.Context(t.Context(), t, "what the console says, and its end")
	defer done()
	member, owner := a.SignIn(handlertest.Member), a.SignIn(handlertest.Owner)
	good := ticket(t, member, console(head))
	if _, status, err := dial(ctx, a, member, console(other)+good, a.URL); err == nil || status != http.StatusNotFound {
		t.Errorf("another node: %d %v", status, err)
	}
	if _, status, err := dial(ctx, a, owner, console(head)+good, a.URL); err == nil || status != http.StatusNotFound {
		t.Errorf("another member: %d %v", status, err)
	}
	conn, _, err := dial(ctx, a, member, console(head)+good, a.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.CloseNow() }()

	// It ends with the membership, however long the browser stays.
	if _, err := a.Pool.Exec(ctx, `DELETE FROM memberships WHERE person_id = $1`, w.Person(handlertest.Member)); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, _, err = conn.Read(ctx)
	}
	if websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
		t.Errorf("closed with %v", err)
	}
}

// The worker's look at a right names the roles that the routes' permissions name.
func TestConsolesFollowThePolicy(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	cluster, head := a.Launch(w, "first", 0)
	a.Consent(w, cluster)
	lasts := func(email string, staff bool) bool {
		t.Helper()
		v := machines.ConsoleViewer{Person: w.Person(email)}
		if err := a.Pool.QueryRow(t.Context(), `SELECT id FROM sessions WHERE person_id = $1`, v.Person).Scan(&v.Session); err != nil {
			t.Fatal(err)
		}
		is, err := a.Store.Machines.ConsoleLasts(t.Context(), machines.OpenConsole{NodeHost: machines.NodeHost{NodeID: head}, Viewer: v, Staff: staff})
		if err != nil {
			t.Fatal(err)
		}
		return is
	}
	session := func(organization people.OrganizationRole, provider people.StaffRole) *people.Session {
		return &people.Session{OrganizationID: &w.Organization, OrganizationRole: organization, ProviderID: &w.North, ProviderRole: provider}
	}
	for email, role := range map[string]people.OrganizationRole{
		handlertest.Owner: people.RoleOwner, handlertest.Manager: people.RoleManager, handlertest.Member: people.RoleMember, handlertest.Billing: people.RoleBilling,
	} {
		a.SignIn(email)
		if got, want := lasts(email, false), request.May(session(role, ""), request.OrgWork); got != want {
			t.Errorf("%s sees consoles: %t, and the policy says %t", role, got, want)
		}
	}
	for email, role := range map[string]people.StaffRole{
		handlertest.Admin: people.StaffAdmin, handlertest.Operator: people.StaffOperator, handlertest.Accountant: people.StaffAccountant,
	} {
		a.SignIn(email)
		if got, want := lasts(email, true), request.May(session("", role), request.ProviderHosts); got != want {
			t.Errorf("%s sees consoles: %t, and the policy says %t", role, got, want)
		}
	}
	for _, email := range []string{handlertest.OtherOwner, handlertest.OtherAdmin} {
		a.SignIn(email)
		if lasts(email, email == handlertest.OtherAdmin) {
			t.Errorf("%s sees another's console", email)
		}
	}
}
