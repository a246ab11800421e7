package request

import (
	"slices"

	"github.com/labstack/echo/v4"

	"volary.dev/provisioner/refusal"
	"volary.dev/store/people"
)

// Permission is what a route asks for. handlers/routes.go names one for every route; who has it is said here and
// nowhere else.
type Permission string

// The permissions.
const (
	Anyone   Permission = "anyone"    // signed in or not
	SignedIn Permission = "signed in" // any person

	OrgBelong  Permission = "org belong"  // ending one's own membership, which an auditor may, too: it changes nothing of the organization's
	OrgRead    Permission = "org read"    // overview, wallet, usage and members of the current organization
	OrgWork    Permission = "org work"    // its images, model clusters and clusters
	OrgConsole Permission = "org console" // consoles of its nodes
	OrgUsage   Permission = "org usage"   // what each of its people used; one's own is everybody's to see
	OrgOrder   Permission = "org order"   // ordering compute hours, and what was ordered
	OrgManage  Permission = "org manage"  // invitations, caps, requests of members, its log
	OrgOwn     Permission = "org own"     // roles of members, the organization itself

	ProviderRead    Permission = "provider read"    // overview of the current provider, its organizations and offers
	ProviderHosts   Permission = "provider hosts"   // its hosts, pools and shapes, the clusters on them, background jobs
	ProviderConsole Permission = "provider console" // consoles that organizations let staff see
	ProviderUsage   Permission = "provider usage"   // what its organizations used, and the export
	ProviderOrders  Permission = "provider orders"  // approving orders and granting hours
	ProviderPrices  Permission = "provider prices"  // offers and their prices
	ProviderNotify  Permission = "provider notify"  // announcements to organizations
	ProviderLog     Permission = "provider log"     // of its log what is about machines and what runs on them; the rest is for ProviderOwn
	ProviderOwn     Permission = "provider own"     // its staff, what it says of itself, all of its log

	Platform Permission = "platform" // providers, organizations and people of the whole deployment
)

// policy is the table of who may. A role that a row leaves out may not; a person without a current organization
// or provider has no role there, and being a platform admin gives none. Auditors are in the row of OrgBelong alone: see MayRead.
type policy struct {
	organization []people.OrganizationRole
	provider     []people.StaffRole
	platform     bool
	sealed       bool // not for auditors, not even to read
}

func policyOf(p Permission) policy {
	const owner, manager, member, bills = people.RoleOwner, people.RoleManager, people.RoleMember, people.RoleBilling
	const admin, operator, accountant = people.StaffAdmin, people.StaffOperator, people.StaffAccountant
	members := func(roles ...people.OrganizationRole) policy { return policy{organization: roles} }
	staff := func(roles ...people.StaffRole) policy { return policy{provider: roles} }
	switch p {
	case OrgBelong:
		return members(owner, manager, member, bills, people.RoleAuditor)
	case OrgRead:
		return members(owner, manager, member, bills)
	case OrgWork:
		return members(people.WorkRoles()...)
	case OrgConsole:
		return policy{organization: []people.OrganizationRole{owner, manager, member}, sealed: true}
	case OrgOrder, OrgUsage:
		return members(owner, manager, bills)
	case OrgManage:
		return members(owner, manager)
	case OrgOwn:
		return members(owner)
	case ProviderRead:
		return staff(admin, operator, accountant)
	case ProviderHosts, ProviderLog, ProviderNotify:
		return staff(admin, operator)
	case ProviderConsole:
		return policy{provider: []people.StaffRole{admin, operator}, sealed: true}
	case ProviderUsage, ProviderOrders, ProviderPrices:
		return staff(admin, accountant)
	case ProviderOwn:
		return staff(admin)
	case Platform:
		return policy{platform: true}
	default:
		return policy{}
	}
}

// MayRead tells whether a session may open a page that a permission guards, which changes nothing: who has the permission
// may, and so may an auditor of the organization, the provider or the platform that it is about, but for the consoles
// of guests, which are lines to type at.
func MayRead(s *people.Session, p Permission) bool {
	if s == nil || May(s, p) {
		return May(s, p)
	}
	who := policyOf(p)
	return !who.sealed && (who.platform && s.PlatformAuditor ||
		who.organization != nil && s.OrganizationID != nil && s.OrganizationRole == people.RoleAuditor ||
		who.provider != nil && s.ProviderID != nil && s.ProviderRole == people.StaffAuditor)
}

// AllowedToRead is MayRead for the request's session, for links that would be refused.
func AllowedToRead(c echo.Context, p Permission) bool { return MayRead(Session(c), p) }

// May tells whether a session (nil: nobody is signed in) has a permission.
func May(s *people.Session, p Permission) bool {
	if s == nil || p == Anyone || p == SignedIn {
		return p == Anyone || (p == SignedIn && s != nil)
	}
	who := policyOf(p)
	return who.platform && s.PlatformAdmin || s.OrganizationID != nil && slices.Contains(who.organization, s.OrganizationRole) ||
		s.ProviderID != nil && slices.Contains(who.provider, s.ProviderRole)
}

// Allowed is May for the request's session, for buttons that would be refused.
func Allowed(c echo.Context, p Permission) bool { return May(Session(c), p) }

// Refuse is what a request without the permission is told: "signed_out" or "forbidden".
func Refuse(s *people.Session, p Permission) *refusal.Error {
	if s == nil {
		return &refusal.Error{Code: "signed_out", Title: "You are not signed in.", Next: "Sign in and try again."}
	}
	r := &refusal.Error{Code: "forbidden", Title: "Your role does not allow this.", Next: "Ask an owner of your organization to do it or to change your role."}
	who := policyOf(p)
	switch {
	case who.organization != nil && s.OrganizationID == nil:
		r.Title, r.Next = "You are not working for an organization now.", "Switch to an organization of yours first."
	case who.provider != nil && s.ProviderID == nil:
		r.Title, r.Next = "You are not working for a provider now.", "Switch to a provider whose staff you are first."
	case who.platform:
		r.Next = "Ask an admin of the platform."
	case who.provider != nil:
		r.Next = "Ask an admin of your provider to do it or to change your role."
	}
	return r
}
