package store

import (
	"slices"
	"time"
)

// MailEvent is something that people choose to be mailed about.
type MailEvent string

// The events, by the place that they happen in. Mails about a person's own account are none: those are always sent.
const (
	EventClusterReady  MailEvent = "cluster_ready"
	EventClusterFailed MailEvent = "cluster_failed"
	EventClusterEnded  MailEvent = "cluster_ended" // its lease is over, somebody else stopped or deleted it, its machines went off
	EventClusterStaff  MailEvent = "cluster_staff" // its provider paused it, let it go on or ended it
	EventNodesLost     MailEvent = "nodes_lost"
	EventLeaseEnds     MailEvent = "lease_ends" // soon, or the time for which disks are kept after it
	EventTestEnded     MailEvent = "test_ended"
	EventUploadStale   MailEvent = "upload_stale" // nothing comes of it: it will be discarded, or was
	EventRequest       MailEvent = "request"      // a member asks to launch
	EventRequestEnded  MailEvent = "request_over" // a request is decided
	EventHoursLow      MailEvent = "hours_low"
	EventHoursExpire   MailEvent = "hours_expire"
	EventOrderEnded    MailEvent = "order_over" // an order is decided
	EventOverdue       MailEvent = "overdue"    // an invoice is, by some days
	EventAnnouncement  MailEvent = "announcement"
	EventStatement     MailEvent = "statement" // a provider closed a month

	EventHostLost MailEvent = "host_lost"
	EventOrder    MailEvent = "order" // one waits

	EventHeads MailEvent = "heads" // of its journals, each night

	EventLedger   MailEvent = "ledger"    // its audit run found a difference
	EventAllHeads MailEvent = "all_heads" // of all journals, each night
)

// MailScope is which of an event's mails a person gets.
type MailScope string

// The scopes.
const (
	ScopeNone MailScope = "none"
	ScopeOwn  MailScope = "own" // of what the person began: a cluster, a test, an upload, an order
	ScopeAll  MailScope = "all"
)

// PlaceKind is what a place is; the platform's id is uuid.Nil.
type PlaceKind string

// The kinds of places.
const (
	PlaceOrganization PlaceKind = "organization"
	PlaceProvider     PlaceKind = "provider"
	PlacePlatform     PlaceKind = "platform"
)

// EventRule says of an event who may hear of it, and who does without having chosen.
type EventRule struct {
	Event  MailEvent
	Kind   PlaceKind
	Scopes []MailScope          // to choose from
	Roles  map[string]MailScope // by role, its default; a role that is missing may not see what the mail tells
	Gather time.Duration        // what happens to one group within it is one mail
}

// gatherFor is how long the loss of nodes, and of hosts, is gathered. The mail is there within a minute of the first one, so that
// it is less.
const gatherFor = 55 * time.Second

// MailEvents is every event, in the order of the page. Roles are those of people.OrganizationRole and people.StaffRole, and
// are held against the policy of pages by a test of handlers/request.
func MailEvents() []EventRule { return slices.Concat(clusterEvents(), moneyEvents(), staffEvents()) }

func clusterEvents() []EventRule {
	two, three := []MailScope{ScopeNone, ScopeAll}, []MailScope{ScopeNone, ScopeOwn, ScopeAll}
	works := func(owner MailScope) map[string]MailScope {
		return map[string]MailScope{"owner": owner, "manager": ScopeOwn, "member": ScopeOwn, "auditor": ScopeNone}
	}
	return []EventRule{
		{Event: EventClusterReady, Kind: PlaceOrganization, Scopes: three, Roles: works(ScopeOwn)},
		{Event: EventClusterFailed, Kind: PlaceOrganization, Scopes: three, Roles: works(ScopeOwn)},
		{Event: EventClusterEnded, Kind: PlaceOrganization, Scopes: three, Roles: works(ScopeOwn)},
		{Event: EventClusterStaff, Kind: PlaceOrganization, Scopes: three, Roles: works(ScopeAll)},
		{Event: EventNodesLost, Kind: PlaceOrganization, Scopes: three, Roles: works(ScopeOwn), Gather: gatherFor},
		{Event: EventLeaseEnds, Kind: PlaceOrganization, Scopes: three, Roles: works(ScopeOwn)},
		{Event: EventTestEnded, Kind: PlaceOrganization, Scopes: three, Roles: works(ScopeOwn)},
		{Event: EventUploadStale, Kind: PlaceOrganization, Scopes: three, Roles: works(ScopeOwn)},
		{Event: EventRequest, Kind: PlaceOrganization, Scopes: two, Roles: map[string]MailScope{"owner": ScopeAll, "manager": ScopeAll, "auditor": ScopeNone}},
		{Event: EventRequestEnded, Kind: PlaceOrganization, Scopes: []MailScope{ScopeNone, ScopeOwn}, Roles: map[string]MailScope{"owner": ScopeOwn, "manager": ScopeOwn, "member": ScopeOwn}},
	}
}

func moneyEvents() []EventRule {
	two, three := []MailScope{ScopeNone, ScopeAll}, []MailScope{ScopeNone, ScopeOwn, ScopeAll}
	reads := map[string]MailScope{"owner": ScopeAll, "manager": ScopeAll, "member": ScopeNone, "billing": ScopeAll, "auditor": ScopeNone}
	return []EventRule{
		{Event: EventHoursLow, Kind: PlaceOrganization, Scopes: two, Roles: reads},
		{Event: EventHoursExpire, Kind: PlaceOrganization, Scopes: two, Roles: reads},
		{Event: EventOrderEnded, Kind: PlaceOrganization, Scopes: three, Roles: map[string]MailScope{
			"owner": ScopeOwn, "manager": ScopeOwn, "billing": ScopeOwn, "auditor": ScopeNone,
		}},
		{Event: EventStatement, Kind: PlaceOrganization, Scopes: two, Roles: map[string]MailScope{
			"owner": ScopeAll, "manager": ScopeNone, "billing": ScopeAll, "auditor": ScopeNone,
		}},
		{Event: EventOverdue, Kind: PlaceOrganization, Scopes: two, Roles: map[string]MailScope{
			"owner": ScopeAll, "manager": ScopeAll, "billing": ScopeAll, "auditor": ScopeNone,
		}},
		{Event: EventAnnouncement, Kind: PlaceOrganization, Scopes: two, Roles: map[string]MailScope{
			"owner": ScopeAll, "manager": ScopeAll, "member": ScopeNone, "billing": ScopeNone, "auditor": ScopeNone,
		}},
	}
}

func staffEvents() []EventRule {
	two := []MailScope{ScopeNone, ScopeAll}
	return []EventRule{
		{Event: EventHostLost, Kind: PlaceProvider, Scopes: two, Roles: map[string]MailScope{"admin": ScopeAll, "operator": ScopeAll, "auditor": ScopeNone}, Gather: gatherFor},
		{Event: EventOrder, Kind: PlaceProvider, Scopes: two, Roles: map[string]MailScope{"admin": ScopeAll, "accountant": ScopeAll, "auditor": ScopeNone}},
		{Event: EventHeads, Kind: PlaceProvider, Scopes: two, Roles: map[string]MailScope{"admin": ScopeAll, "accountant": ScopeAll, "auditor": ScopeNone}},
		{Event: EventLedger, Kind: PlacePlatform, Scopes: two, Roles: map[string]MailScope{"admin": ScopeAll}},
		{Event: EventAllHeads, Kind: PlacePlatform, Scopes: two, Roles: map[string]MailScope{"admin": ScopeAll}},
	}
}

// ruleOf finds an event's rule. One of another version has none: nobody is told of it, and what was told is not gathered.
func ruleOf(e MailEvent) EventRule {
	for _, r := range MailEvents() {
		if r.Event == e {
			return r
		}
	}
	return EventRule{Event: e}
}

// defaults gives the rule's roles beside their scopes, for a query.
func (r EventRule) defaults() (roles, scopes []string) {
	for role, scope := range r.Roles {
		roles, scopes = append(roles, role), append(scopes, string(scope))
	}
	return roles, scopes
}
