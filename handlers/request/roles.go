package request

import (
	"github.com/google/uuid"
	"volary.dev/store/people"
)

// Duty is what a permission lets people do, in words.
type Duty struct {
	Permission Permission
	Text       string
}

// RoleGroup is a kind of place with its roles, and who has each duty there: May has a value for each of Roles.
type RoleGroup struct {
	Name   string
	Roles  []string
	Duties []DutyRow
}

// DutyRow is one duty and the roles that have it.
type DutyRow struct {
	Text string
	May  []bool
}

// RoleGroups says what each role may do. The words are here; who may is asked of May, as every request does.
func RoleGroups() []RoleGroup {
	id := uuid.Max // any place will do
	return []RoleGroup{
		group("Organization", orgDuties(), map[string]*people.Session{
			"Owner":   {OrganizationID: &id, OrganizationRole: people.RoleOwner},
			"Manager": {OrganizationID: &id, OrganizationRole: people.RoleManager},
			"Member":  {OrganizationID: &id, OrganizationRole: people.RoleMember},
			"Billing": {OrganizationID: &id, OrganizationRole: people.RoleBilling},
			"Auditor": {OrganizationID: &id, OrganizationRole: people.RoleAuditor},
		}, "Owner", "Manager", "Member", "Billing", "Auditor"),
		group("Provider", providerDuties(), map[string]*people.Session{
			"Admin":      {ProviderID: &id, ProviderRole: people.StaffAdmin},
			"Operator":   {ProviderID: &id, ProviderRole: people.StaffOperator},
			"Accountant": {ProviderID: &id, ProviderRole: people.StaffAccountant},
			"Auditor":    {ProviderID: &id, ProviderRole: people.StaffAuditor},
		}, "Admin", "Operator", "Accountant", "Auditor"),
		group("Platform", platformDuties(), map[string]*people.Session{"Admin": {PlatformAdmin: true}, "Auditor": {PlatformAuditor: true}}, "Admin", "Auditor"),
	}
}

func group(name string, duties []Duty, sessions map[string]*people.Session, roles ...string) RoleGroup {
	g := RoleGroup{Name: name, Roles: roles}
	read := DutyRow{Text: "Read every page of the above, but no guest's console"}
	for _, d := range duties {
		row := DutyRow{Text: d.Text}
		for _, role := range roles {
			row.May = append(row.May, May(sessions[role], d.Permission))
		}
		g.Duties = append(g.Duties, row)
	}
	for _, role := range roles {
		all := true
		for _, d := range duties {
			all = all && (MayRead(sessions[role], d.Permission) || policyOf(d.Permission).sealed)
		}
		read.May = append(read.May, all)
	}
	g.Duties = append(g.Duties, read)
	return g
}

func orgDuties() []Duty {
	return []Duty{
		{OrgRead, "See the overview, the wallet, the usage and who the members are"},
		{OrgWork, "Upload and delete images, describe and test model clusters; launch, start, stop and delete clusters"},
		{OrgConsole, "Open consoles of nodes"},
		{OrgUsage, "See what each person used, month by month, and download it (everybody sees their own)"},
		{OrgOrder, "Order compute hours and see what was ordered"},
		{OrgManage, "Invite people, set caps, decide on requests of members, read the log"},
		{OrgOwn, "Change roles, remove members, invite owners"},
		{OrgBelong, "Leave the organization"},
	}
}

func providerDuties() []Duty {
	return []Duty{
		{ProviderRead, "See the overview, the offers and the organizations"},
		{ProviderHosts, "Add and cordon hosts, make pools and shapes, see, pause and end clusters, see background jobs"},
		{ProviderLog, "Read in the log what was done to hosts, pools, shapes, clusters, tests and jobs, and by whom"},
		{ProviderConsole, "Open consoles that an organization lets staff see"},
		{ProviderNotify, "Announce to organizations"},
		{ProviderUsage, "See what organizations used, and export it"},
		{ProviderOrders, "Approve or reject orders, grant hours"},
		{ProviderPrices, "Make offers and set prices (whoever set a price approves no order at it)"},
		{ProviderOwn, "Invite staff and change their roles, change what the provider says of itself, read all of the log"},
	}
}

func platformDuties() []Duty {
	return []Duty{
		{Platform, "Take on providers, suspend organizations and people, pass on kept mails, make others admins; none of the work of organizations or providers"},
	}
}
