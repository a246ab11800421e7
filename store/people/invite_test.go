package people_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"volary.dev/store"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// inviting is a group with an owner (ada), a manager (mel), a provider with its admin (ada, too), and a stranger (ben).
type inviting struct {
	mailed
	ada, mel, ben   uuid.UUID
	group, provider uuid.UUID
	at              people.Place
}

func newInviting(t *testing.T) inviting {
	t.Helper()
	db := newMailed(t)
	i := inviting{mailed: db, ada: createPerson(t, db.All, "ada"), mel: createPerson(t, db.All, "mel"), ben: createPerson(t, db.All, "ben")}
	i.group = storetest.Must[uuid.UUID](t)(db.People.CreateOrganization(t.Context(), uuid.Nil, "Astro"))
	i.provider = storetest.Must[uuid.UUID](t)(db.People.CreateProvider(t.Context(), uuid.Nil, people.NewProvider{Name: "North", Currency: "EUR", AccountingZone: "Europe/Berlin"}))
	storetest.NoError(t, db.People.AddMember(t.Context(), uuid.Nil, i.group, i.ada, people.RoleOwner))
	storetest.NoError(t, db.People.AddMember(t.Context(), uuid.Nil, i.group, i.mel, people.RoleManager))
	storetest.NoError(t, db.People.AddStaff(t.Context(), uuid.Nil, i.provider, i.ada, people.StaffAdmin))
	i.at = people.Place{OrganizationID: i.group}
	return i
}

// link makes an invitation for whoever has its link.
func (i inviting) link(role string) (uuid.UUID, string) {
	i.t.Helper()
	id, token, err := i.People.InviteToOrganization(i.t.Context(), i.group, i.ada, people.NewInvitation{Role: role})
	storetest.NoError(i.t, err)
	return id, token
}

func (i inviting) byMail(email, role string) string {
	i.t.Helper()
	_, shown, err := i.People.InviteToOrganization(i.t.Context(), i.group, i.ada, people.NewInvitation{Email: email, Role: role})
	storetest.NoError(i.t, err)
	if shown != "" {
		i.t.Errorf("the link of a mailed invitation is shown to who invites")
	}
	kind, token := i.last(email)
	if kind != store.MailInvitation || token == "" {
		i.t.Fatalf("mail %s with %q", kind, token)
	}
	return token
}

func TestInviteSignedIn(t *testing.T) {
	i := newInviting(t)
	token := i.byMail("ben@example.org", "member")
	_, ada := signedIn(t, i.All, "ada")
	_, err := i.People.AcceptInvitation(t.Context(), token, ada)
	if r := storetest.WantRefusal(t, err, "not_yours"); !strings.Contains(r.Title, "ben@example.org") {
		t.Errorf("%q", r.Title)
	}
	cookie, ben := signedIn(t, i.All, "ben")
	got, err := i.People.AcceptInvitation(t.Context(), token, ben)
	storetest.NoError(t, err)
	ben = storetest.Must[people.Session](t)(i.People.SessionByToken(t.Context(), cookie))
	if got.Place != "Astro" || ben.OrganizationName != "Astro" || ben.OrganizationRole != people.RoleMember {
		t.Errorf("invitation %+v, session %+v", got, ben)
	}
	_, err = i.People.InvitationByToken(t.Context(), token)
	if r := storetest.WantRefusal(t, err, "link"); !strings.Contains(r.Title, "accepted already") {
		t.Errorf("%q", r.Title)
	}
	_, another := i.link("billing")
	_, err = i.People.AcceptInvitation(t.Context(), another, ben)
	storetest.WantRefusal(t, err, "member")
	storetest.Must[people.Invitation](t)(i.People.InvitationByToken(t.Context(), another))
}

func TestInviteNewcomerByMail(t *testing.T) {
	i := newInviting(t)
	token := i.byMail("new@example.org", "manager")
	s := people.SignUp{Email: "someone@else.example", Name: "Nell", Password: password}
	weak := s
	weak.Password = "password123"
	_, _, err := i.People.SignUpInvited(t.Context(), token, weak, "", "")
	storetest.WantRefusal(t, err, "invalid")
	_, session, err := i.People.SignUpInvited(t.Context(), token, s, "", "")
	storetest.NoError(t, err)
	if session.Email != "new@example.org" || session.OrganizationRole != people.RoleManager || session.Workplaces != 1 {
		t.Errorf("session %+v", session)
	}
	known := i.byMail("ben@example.org", "member")
	_, _, err = i.People.SignUpInvited(t.Context(), known, s, "", "")
	storetest.WantRefusal(t, err, "known")
	if n := i.count(`SELECT count(*) FROM organizations`); n != 1 {
		t.Errorf("%d organizations: an invited person makes none", n)
	}
}

// By a link for whoever has it the address is not confirmed: the sign-up waits for a mail, and tells nothing of addresses.
func TestInviteNewcomerByLink(t *testing.T) {
	i := newInviting(t)
	_, link := i.link("member")
	for _, email := range []string{"ben@example.org", "new@example.org"} {
		token, _, err := i.People.SignUpInvited(t.Context(), link, people.SignUp{Email: email, Name: "Nell", Password: "some other password"}, "", "")
		storetest.NoError(t, err)
		if token != "" {
			t.Fatalf("%s is signed in without having confirmed the address", email)
		}
	}
	if kind, again := i.last("ben@example.org"); kind != store.MailAccountKnown || again != link {
		t.Errorf("ben is written %s with %q", kind, again)
	}
	_, confirm := i.last("new@example.org")
	_, s, err := i.People.ConfirmSignUp(t.Context(), confirm, "some other password", "", "", "")
	storetest.NoError(t, err)
	if s.OrganizationName != "Astro" || s.OrganizationRole != people.RoleMember {
		t.Errorf("session %+v", s)
	}
	_, err = i.People.InvitationByToken(t.Context(), link)
	storetest.WantRefusal(t, err, "link")
}

// An invitation works once, however many accept it at the same moment.
func TestAcceptAtOnce(t *testing.T) {
	i := newInviting(t)
	_, link := i.link("member")
	var sessions []people.Session
	for _, name := range []string{"cat", "dan", "eva", "fay"} {
		createPerson(t, i.All, name)
		_, s := signedIn(t, i.All, name)
		sessions = append(sessions, s)
	}
	next := make(chan people.Session, len(sessions))
	for _, s := range sessions {
		next <- s
	}
	codes := codesAtOnce(t, len(sessions), func() error {
		_, err := i.People.AcceptInvitation(t.Context(), link, <-next)
		return err
	})
	if codes[""] != 1 || codes["link"] != 3 {
		t.Errorf("four at once: %v", codes)
	}
	if n := i.count(`SELECT count(*) FROM memberships WHERE organization_id = $1`, i.group); n != 3 {
		t.Errorf("%d members, want 3", n)
	}
}

func TestInviteRefusals(t *testing.T) {
	i := newInviting(t)
	invite := func(by uuid.UUID, email, role string) error {
		_, _, err := i.People.InviteToOrganization(t.Context(), i.group, by, people.NewInvitation{Email: email, Role: role})
		return err
	}
	storetest.WantRefusal(t, invite(i.ada, "", "king"), "invalid")
	storetest.WantRefusal(t, invite(i.ada, "no address", "member"), "invalid")
	storetest.WantRefusal(t, invite(i.mel, "", "owner"), "role")
	storetest.NoError(t, invite(i.mel, "", "manager"))
	storetest.NoError(t, invite(i.ada, "", "owner"))
	storetest.WantRefusal(t, invite(i.ada, "mel@example.org", "member"), "duplicate")
	storetest.NoError(t, invite(i.ada, "ben@example.org", "member"))
	storetest.WantRefusal(t, invite(i.ada, "ben@example.org", "billing"), "duplicate")
	_, _, err := i.People.InviteToProvider(t.Context(), i.provider, i.ada, people.NewInvitation{Role: "owner"})
	storetest.WantRefusal(t, err, "invalid")
	_, _, err = i.People.InviteToOrganization(t.Context(), uuid.New(), i.ada, people.NewInvitation{Role: "member"})
	storetest.WantRefusal(t, err, "not_found")
	i.exec(`INSERT INTO invitations (id, organization_id, role, token_hash, invited_by, created_at, expires_at)
		SELECT gen_random_uuid(), $1, 'member', sha256(n::text::bytea), $2, now(), now() + interval '1 day' FROM generate_series(1, 47) AS n`, i.group, i.ada)
	if r := storetest.WantRefusal(t, invite(i.ada, "", "member"), "invitations"); !strings.HasPrefix(r.Title, "50 ") {
		t.Errorf("%q", r.Title)
	}
}

func TestInvitationsAreRenewedAndRevoked(t *testing.T) {
	i := newInviting(t)
	id, first := i.link("member")
	elsewhere := people.Place{OrganizationID: storetest.Must[uuid.UUID](t)(i.People.CreateOrganization(t.Context(), uuid.Nil, "Bio"))}
	_, err := i.People.ResendInvitation(t.Context(), elsewhere, i.ada, id)
	storetest.WantRefusal(t, err, "not_found")
	storetest.WantRefusal(t, i.People.RevokeInvitation(t.Context(), elsewhere, i.ada, id), "not_found")
	storetest.WantRefusal(t, i.People.RevokeInvitation(t.Context(), people.Place{ProviderID: i.provider}, i.ada, id), "not_found")

	i.exec(`UPDATE invitations SET expires_at = now() WHERE id = $1`, id)
	_, err = i.People.InvitationByToken(t.Context(), first)
	if r := storetest.WantRefusal(t, err, "link"); !strings.Contains(r.Title, "14 days") || !strings.Contains(r.Next, "ada") {
		t.Errorf("%+v", r)
	}
	second := storetest.Must[string](t)(i.People.ResendInvitation(t.Context(), i.at, i.mel, id))
	storetest.Must[people.Invitation](t)(i.People.InvitationByToken(t.Context(), second))
	_, err = i.People.InvitationByToken(t.Context(), first)
	storetest.WantRefusal(t, err, "link")
	if open, total := i.open(i.at, people.InvitationFilter{}); total != 1 || open[0].ID != id {
		t.Errorf("open %+v", open)
	}
	storetest.NoError(t, i.People.RevokeInvitation(t.Context(), i.at, i.ada, id))
	storetest.WantRefusal(t, i.People.RevokeInvitation(t.Context(), i.at, i.ada, id), "not_found")
	_, err = i.People.InvitationByToken(t.Context(), second)
	if r := storetest.WantRefusal(t, err, "link"); !strings.Contains(r.Title, "taken back") {
		t.Errorf("%q", r.Title)
	}
	owners, _ := i.link("owner")
	_, err = i.People.ResendInvitation(t.Context(), i.at, i.mel, owners)
	storetest.WantRefusal(t, err, "role")
}

func TestInviteToProvider(t *testing.T) {
	i := newInviting(t)
	_, token, err := i.People.InviteToProvider(t.Context(), i.provider, i.ada, people.NewInvitation{Role: "accountant"})
	storetest.NoError(t, err)
	cookie, ben := signedIn(t, i.All, "ben")
	_, err = i.People.AcceptInvitation(t.Context(), token, ben)
	storetest.NoError(t, err)
	if ben = storetest.Must[people.Session](t)(i.People.SessionByToken(t.Context(), cookie)); ben.ProviderName != "North" || ben.ProviderRole != people.StaffAccountant || ben.OrganizationID != nil {
		t.Errorf("session %+v", ben)
	}
}
