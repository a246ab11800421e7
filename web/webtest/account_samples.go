package webtest

import (
	"net/url"
	"time"

	"volary.dev/provisioner/refusal"
	"volary.dev/web/account"
	"volary.dev/web/layout"
	"volary.dev/web/org"
	"volary.dev/web/public"
	"volary.dev/web/ui"
)

func joiningSamples() []Sample {
	bare := layout.Props{Area: layout.AreaPublic, Now: now(), Version: "v0.1.0"}
	invitation := public.InvitationProps{Layout: bare, Address: "/invitations/x", Place: "Heliophysics", Role: "member", By: "Ada Brandt", Until: now().Add(13 * 24 * time.Hour)}
	addressed, other := invitation, invitation
	addressed.For = "ben@heliophysics.example"
	other.For, other.Layout, other.Refused = "ben@heliophysics.example", orgLayout(), true
	other.Form = ui.Form{Refusal: &refusal.Error{Code: "not_yours", Title: "This invitation is for ben@heliophysics.example, and you are signed in as ada@heliophysics.example.", Next: "Sign out and open the link again, or ask Ada Brandt to invite ada@heliophysics.example."}}
	unconfirmed := &refusal.Error{Code: "unconfirmed", Title: "Your sign-up waits for you to confirm the address: open the link in the mail we sent there.", Next: "If no mail came, have it sent again."}
	weak := refused(map[string]string{"password": "This password is among those that are guessed first: choose another, such as four words that do not belong together."})
	may := func(b ...bool) []bool { return b }
	return []Sample{
		{"sign-in-unconfirmed", public.SignIn(public.SignInProps{Layout: bare, Email: "ben@heliophysics.example", Form: ui.Form{Refusal: unconfirmed}})},
		{"sign-up", public.SignUp(public.SignUpProps{Layout: bare})},
		{"sign-up-refused", public.SignUp(public.SignUpProps{Layout: bare, Name: "Ben Ito", Email: "ben@heliophysics.example", Organization: "Heliophysics", Form: weak})},
		{"written", public.Written(public.WrittenProps{Layout: bare, Email: "ben@heliophysics.example", What: public.WrittenSignUp, Demo: true})},
		{"written-reset", public.Written(public.WrittenProps{Layout: bare, Email: "ben@heliophysics.example", What: public.WrittenReset})},
		{"confirm", public.Confirm(public.ConfirmProps{Layout: bare, Token: "x", Email: "ben@heliophysics.example", Founds: "Tidal Genomics"})},
		{"confirm-refused", public.Confirm(public.ConfirmProps{Layout: bare, Token: "x", Email: "ben@heliophysics.example", Founds: "Tidal Genomics", Organization: "Tidal Genomics", Form: refused(map[string]string{"organization": "There is an organization named “Tidal Genomics” already."})})},
		{"confirm-email", public.ConfirmEmail(public.ConfirmEmailProps{Layout: bare, Token: "x", Name: "Ben Ito", Email: "ben@tidal.example"})},
		{"reset", public.Reset(public.ResetProps{Layout: bare})},
		{"reset-choose", public.ChoosePassword(public.ChoosePasswordProps{Layout: bare, Token: "x", Email: "ben@heliophysics.example", Form: refused(map[string]string{"password": "Choose 10 to 200 characters; these are 4."})})},
		{"invitation", public.Invitation(invitation)},
		{"invitation-addressed", public.Invitation(addressed)},
		{"invitation-other", public.Invitation(other)},
		{"too-fast", layout.Refusal(layout.RefusalProps{
			Layout: orgLayout(), Status: 429, RequestID: "01JD8Z4W3T", Back: "/org/orders", Path: "/org/orders", Typed: url.Values{"hours": {"50"}, "note": {"for the spring runs"}},
			Refusal: refusal.Error{Code: "throttled", Title: "More than 200 requests came from you in a short time.", Next: "Go on in 12 s."},
		})},
		{"link-expired", layout.Refusal(layout.RefusalProps{Layout: bare, Status: 410, RequestID: "01JD8Z4W3T", Refusal: refusal.Error{Code: "link", Title: "This invitation to Heliophysics worked for 14 days, until 20 November 2026 10:00 UTC.", Next: "Ask Ada Brandt for another one."}})},
		{"roles", public.Roles(public.RolesProps{Layout: bare, Groups: []public.RoleGroup{
			{Name: "Organization", Roles: []string{"Owner", "Manager", "Member", "Billing"}, Duties: []public.Duty{
				{Text: "See the overview, the wallet, the usage and who the members are", May: may(true, true, true, true)},
				{Text: "Upload and delete images, describe and test model clusters; launch, start, stop and delete clusters; open consoles", May: may(true, true, true, false)},
			}},
			{Name: "Platform", Roles: []string{"Admin"}, Duties: []public.Duty{{Text: "Take on providers, suspend organizations and people", May: may(true)}}},
		}})},
	}
}

func accountLayout() layout.Props {
	l := orgLayout()
	l.Area, l.PlatformAdmin = layout.AreaAccount, true
	return l
}

func accountSamples() []Sample {
	key := account.SSHKeyRow{ID: id(60), Name: "laptop", Kind: "ssh-ed25519", Fingerprint: "SHA256:3q2+7wAAk1c9Q2z5Yp0mVbX0u8m0n6jRrT1sW4xZ9aE", Created: ago(700 * time.Hour), Opens: []string{"trial-1 of Heliophysics", "production of Heliophysics"}}
	old := account.EndedKeyRow{Name: "old desk", Fingerprint: "SHA256:9dE3q2+7wAAk1c9Q2z5Yp0mVbX0u8m0n6jRrT1sW4xZ", Opens: []string{"trial-1 of Heliophysics, 1 of 4 nodes"}}
	return []Sample{
		{"account", account.AccountShow(account.AccountShowProps{Layout: accountLayout(), Name: "Ada Brandt", Places: []account.Place{
			{Name: "Heliophysics", Kind: "Organization", Role: "owner", Here: true}, {Name: "Northern Compute", Kind: "Provider", Role: "accountant", Value: "provider:1"},
		}})},
		{"account-refused", account.AccountShow(account.AccountShowProps{Layout: accountLayout(), Name: "Ada Brandt", Email: "ada", EmailForm: refused(map[string]string{"email": "Write an e-mail address such as ada@example.org.", "current": "This is not your password."})})},
		{"mails", account.MailChoices(account.MailChoicesProps{Layout: accountLayout(), Email: "ada@heliophysics.example", Most: 20, Places: mailPlaces()})},
		{"mails-undelivered", account.MailChoices(account.MailChoicesProps{
			Layout: accountLayout(), Email: "ada@heliophysics.example", Most: 20,
			Form:    ui.Form{Refusal: &refusal.Error{Code: "invalid", Title: "One of the choices is none that there is.", Next: "Open the page again and choose from its lists."}},
			Refused: []ui.RefusedMail{{Address: "ada@heliophysics.example", Server: "post.example", Words: "550 5.1.1 <script>alert(1)</script> no such user \u202e here", Own: true}},
		})},
		{"account-undelivered", account.AccountShow(account.AccountShowProps{Layout: accountLayout(), Name: "Ada Brandt", Refused: []ui.RefusedMail{
			{Address: "ada@heliophysics.example", Server: "post.example", Words: "550 5.1.1 no such user", Own: true},
			{Address: "ada@heliophysics.exmaple", Server: "post.example", Words: "550 5.1.2 no such domain"},
		}})},
		{"password", account.PasswordEdit(account.PasswordEditProps{Layout: accountLayout(), Form: refused(map[string]string{"current": "This is not your password."})})},
		{"organization-new", account.OrganizationNew(account.OrganizationNewProps{Layout: accountLayout(), Name: "H", Form: refused(map[string]string{"name": "A name has 1 character; between 2 and 80 are taken."})})},
		{"sessions", account.SessionList(account.SessionListProps{Layout: accountLayout(), Idle: 12 * time.Hour, List: ui.ListProps{Path: "/account/sessions", PerPage: 50, Total: 2}, Sessions: []account.SessionRow{
			{ID: id(1), Browser: "Firefox on Linux", Address: "2001:db8:1f0:22::7", Began: ago(30 * time.Hour), Seen: ago(time.Minute), Here: true},
			{ID: id(2), Browser: "Safari on iPhone", Address: "192.0.2.17", Began: ago(90 * time.Hour), Seen: ago(5 * time.Hour)},
		}})},
		{"sign-ins", account.SignInList(account.SignInListProps{Layout: accountLayout(), Days: 90, List: ui.ListProps{Path: "/account/sign-ins", PerPage: 50, Total: 4}, SignIns: []account.SignInRow{
			{At: ago(time.Minute), Browser: "Firefox on Linux", Address: "2001:db8:1f0:22::7"},
			{At: ago(3 * time.Hour), Browser: "curl", Address: "198.51.100.23", Failed: true, Why: "with a wrong password", More: true},
			{At: ago(4 * time.Hour), Browser: "curl", Address: "198.51.100.23", Failed: true, Why: "with a wrong password"},
			{At: ago(90 * time.Hour), Browser: "Safari on iPhone", Address: "192.0.2.17"},
		}})},
		{"ssh-keys", account.SSHKeyList(account.SSHKeyListProps{Layout: accountLayout(), List: ui.ListProps{Path: "/account/ssh-keys", PerPage: 50, Total: 1}, Keys: []account.SSHKeyRow{key}, Ended: []account.EndedKeyRow{old}})},
		{"ssh-keys-refused", account.SSHKeyList(account.SSHKeyListProps{Layout: accountLayout(), Name: "work", Line: "-----BEGIN OPENSSH PRIVATE KEY-----", Form: refused(map[string]string{"public_key": "This is the private half. Keep it to yourself and paste the file that ends in .pub."})})},
	}
}

func memberSamples() []Sample {
	list := ui.ListProps{Path: "/org/members", PerPage: 50, Total: 4}
	members := []org.MemberRow{
		{ID: id(1), Name: "Ada Brandt", Login: "ada", UID: 70000, Email: "ada@heliophysics.example", Role: "owner", Since: ago(2000 * time.Hour), Self: true},
		{ID: id(2), Name: "Ben Ito", Login: "ben", UID: 70001, Email: "ben@heliophysics.example", Role: "member", Since: ago(900 * time.Hour), Capped: true, CapMCS: 40 * hour, CapLeftMCS: 12*hour + hour/2},
		{ID: id(3), Name: "Carla Okonkwo-Vanderbilt", Login: "carla-okonkwo-vanderbilt", UID: 70002, Email: "carla.okonkwo-vanderbilt@institute.heliophysics.example", Role: "manager", Since: ago(800 * time.Hour)},
		{ID: id(4), Name: "Dee Park", Login: "dee", UID: 70003, Email: "dee@heliophysics.example", Role: "billing", Since: ago(90 * time.Hour), Kept: true, CapMCS: 20 * hour},
	}
	suspended := orgLayout()
	suspended.Suspended = "an invoice of August is still open."
	return []Sample{
		{"members", org.MemberList(org.MemberListProps{Layout: orgLayout(), List: list, Members: members, MayOwn: true, MayManage: true, Reads: true, Invited: 2, EndedKeys: endedKeys(true)})},
		{"members-read", org.MemberList(org.MemberListProps{Layout: suspended, List: list, Members: members})},
		{"members-refused", org.MemberList(org.MemberListProps{
			Layout: orgLayout(), List: list, Members: members, MayOwn: true, MayManage: true, Reads: true,
			Form: ui.Form{Refusal: &refusal.Error{Code: "last_owner", Title: "The organization would be left without an owner: there is 1 now.", Next: "Make someone else an owner first."}},
		})},
		{"members-cap-refused", org.MemberList(org.MemberListProps{
			Layout: orgLayout(), List: list, Members: members, MayOwn: true, MayManage: true, Reads: true, CapOf: id(2), CapTyped: "1,000",
			Form: refused(map[string]string{"cap": "1,000 can be 1 or 1000: write 1 or 1000."}),
		})},
		{"invitations", org.InvitationList(org.InvitationListProps{Layout: orgLayout(), Invitations: invitations("/org/invitations", org.RoleOptions(true))})},
		{"invitations-empty", org.InvitationList(org.InvitationListProps{Layout: orgLayout(), Invitations: ui.InvitationsProps{Base: "/org/invitations", May: org.RoleOptions(false), List: ui.ListProps{Path: "/org/invitations", PerPage: 50}}})},
		{"invitations-refused", org.InvitationList(org.InvitationListProps{Layout: orgLayout(), Invitations: refusedInvitation(invitations("/org/invitations", org.RoleOptions(true)))})},
		{"members-nomatch", org.MemberList(org.MemberListProps{Layout: orgLayout(), Text: "zoe", List: ui.ListProps{Path: "/org/members", PerPage: 50, Query: url.Values{"q": {"zoe"}}}})},
		{"invitation-link", org.InvitationShow(org.InvitationShowProps{Layout: orgLayout(), Link: "https://volary.example/invitations/Yw3cW2mB0kq8x0a9pB1v0d4yZk2mQk5l9m0Zr3t1u7E"})},
	}
}

func invitations(base string, roles []ui.Option) ui.InvitationsProps {
	return ui.InvitationsProps{
		Base: base, May: roles, Roles: roles, Caps: base == "/org/invitations", Now: now(), List: ui.ListProps{Path: base, PerPage: 50, Total: 3, Sort: "made", Desc: true}, Invitations: []ui.InvitationRow{
			{ID: id(43).String(), Email: "zoe@heliophysics.exmaple", Role: "member", By: "Ada Brandt", Made: ago(time.Hour), Until: now().Add(13 * 24 * time.Hour), RefusedBy: "post.example", Refused: "550 5.1.2 <b>no such</b> domain"},
			{ID: "9", Email: "eva-katharina.sommerfeldt@institute.heliophysics.example", Role: roles[0].Value, Cap: limitOf(base), By: "Ada Brandt", Made: ago(20 * time.Hour), Until: now().Add(300 * time.Hour)},
			{ID: "10", Role: roles[1].Value, By: "Ada Brandt", Made: ago(400 * time.Hour), Until: ago(60 * time.Hour), Expired: true},
		},
	}
}

// limitOf is a cap where the place's members may have one.
func limitOf(base string) *int64 {
	if base != "/org/invitations" {
		return nil
	}
	limit := int64(40 * hour)
	return &limit
}

func refusedInvitation(p ui.InvitationsProps) ui.InvitationsProps {
	p.Email, p.Form = "ben@heliophysics.example", refused(map[string]string{"email": "ben@heliophysics.example belongs to it already."})
	p.Text, p.List.Query, p.List.Total, p.Invitations = "zoe", url.Values{"q": {"zoe"}}, 0, nil
	return p
}

func mailPlaces() []account.MailPlace {
	option := func(words ...string) (list []ui.Option) {
		values := []string{"none", "own", "all"}
		if len(words) == 2 {
			values = []string{"none", "all"}
		}
		for i, w := range words {
			list = append(list, ui.Option{Value: values[i], Label: w})
		}
		return list
	}
	var org account.MailPlace
	org.ID, org.Name, org.Role = id(1).String(), "Heliophysics", "owner"
	for _, e := range []string{"cluster_ready", "cluster_failed", "cluster_ended", "cluster_staff", "nodes_lost", "lease_ends", "test_ended", "upload_stale"} {
		org.Rows = append(org.Rows, account.MailRow{Field: e + "." + org.ID, Event: e, Value: "own", Options: option("No", "My own (usual)", "All")})
	}
	for _, e := range []string{"request", "hours_low", "hours_expire", "announcement"} {
		org.Rows = append(org.Rows, account.MailRow{Field: e + "." + org.ID, Event: e, Value: "all", Options: option("No", "Yes (usual)")})
	}
	north := account.MailPlace{ID: id(2).String(), Name: "Northern Compute", Role: "accountant"}
	north.Rows = []account.MailRow{{Field: "order." + north.ID, Event: "order", Value: "none", Options: option("No", "Yes (usual)")}}
	root := account.MailPlace{ID: id(3).String(), Role: "admin"}
	root.Rows = []account.MailRow{{Field: "ledger." + root.ID, Event: "ledger", Value: "all", Options: option("No", "Yes (usual)")}}
	return []account.MailPlace{org, north, root}
}
