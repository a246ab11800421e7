package store_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"volary.dev/store"
)

// inviting is a group with an owner (ada), a manager (mel), a provider with its admin (ada, too), and a stranger (ben).
type inviting struct {
	mailed
	ada, mel, ben   uuid.UUID
	group, provider uuid.UUID
	at              store.Place
}

func newInviting(t *testing.T) inviting {
	t.Helper()
	db := newMailed(t)
	i := inviting{mailed: db, ada: createPerson(t, db.DB, "ada"), mel: createPerson(t, db.DB, "mel"), ben: createPerson(t, db.DB, "ben")}
	i.group = must[uuid.UUID](t)(db.CreateOrganization(t.Context(), uuid.Nil, "Astro"))
	i.provider = must[uuid.UUID](t)(db.CreateProvider(t.Context(), uuid.Nil, store.NewProvider{Name: "North", Currency: "EUR", AccountingZone: "Europe/Berlin"}))
	noError(t, db.AddMember(t.Context(), uuid.Nil, i.group, i.ada, store.RoleOwner))
	noError(t, db.AddMember(t.Context(), uuid.Nil, i.group, i.mel, store.RoleManager))
	noError(t, db.AddStaff(t.Context(), uuid.Nil, i.provider, i.ada, store.StaffAdmin))
	i.at = store.Place{OrganizationID: i.group}
	return i
}

// link makes an invitation for whoever has its link.
func (i inviting) link(role string) (uuid.UUID, string) {
	i.t.Helper()
	id, token, err := i.InviteToOrganization(i.t.Context(), i.group, i.ada, store.NewInvitation{Role: role})
	noError(i.t, err)
	return id, token
}

func (i inviting) byMail(email, role string) string {
	i.t.Helper()
	_, shown, err := i.InviteToOrganization(i.t.Context(), i.group, i.ada, store.NewInvitation{Email: email, Role: role})
	noError(i.t, err)
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
	_, ada := signedIn(t, i.DB, "ada")
	_, err := i.AcceptInvitation(t.Context(), token, ada)
	if r := wantRefusal(t, err, "not_yours"); !strings.Contains(r.Title, "ben@example.org") {
		t.Errorf("%q", r.Title)
	}
	cookie, ben := signedIn(t, i.DB, "ben")
	got, err := i.AcceptInvitation(t.Context(), token, ben)
	noError(t, err)
	ben = must[store.Session](t)(i.SessionByToken(t.Context(), cookie))
	if got.Place != "Astro" || ben.OrganizationName != "Astro" || ben.OrganizationRole != store.RoleMember {
		t.Errorf("invitation %+v, session %+v", got, ben)
	}
	_, err = i.InvitationByToken(t.Context(), token)
	if r := wantRefusal(t, err, "link"); !strings.Contains(r.Title, "accepted already") {
		t.Errorf("%q", r.Title)
	}
	_, another := i.link("billing")
	_, err = i.AcceptInvitation(t.Context(), another, ben)
	wantRefusal(t, err, "member")
	must[store.Invitation](t)(i.InvitationByToken(t.Context(), another))
}

func TestInviteNewcomerByMail(t *testing.T) {
	i := newInviting(t)
	token := i.byMail("new@example.org", "manager")
	s := store.SignUp{Email: "someone@else.example", Name: "Nell", Password: password}
	weak := s
	weak.Password = "password123"
	_, _, err := i.SignUpInvited(t.Context(), token, weak, "", "")
	wantRefusal(t, err, "invalid")
	_, session, err := i.SignUpInvited(t.Context(), token, s, "", "")
	noError(t, err)
	if session.Email != "new@example.org" || session.OrganizationRole != store.RoleManager || session.Workplaces != 1 {
		t.Errorf("session %+v", session)
	}
	known := i.byMail("ben@example.org", "member")
	_, _, err = i.SignUpInvited(t.Context(), known, s, "", "")
	wantRefusal(t, err, "known")
	if n := i.count(`SELECT count(*) FROM organizations`); n != 1 {
		t.Errorf("%d organizations: an invited person makes none", n)
	}
}

// By a link for whoever has it the address is not proven: the sign-up waits for a mail, and tells nothing of addresses.
func TestInviteNewcomerByLink(t *testing.T) {
	i := newInviting(t)
	_, link := i.link("member")
	for _, email := range []string{"ben@example.org", "new@example.org"} {
		token, _, err := i.SignUpInvited(t.Context(), link, store.SignUp{Email: email, Name: "Nell", Password: "some other password"}, "", "")
		noError(t, err)
		if token != "" {
			t.Fatalf("%s is signed in without a proof of the address", email)
		}
	}
	if kind, again := i.last("ben@example.org"); kind != store.MailAccountKnown || again != link {
		t.Errorf("ben is written %s with %q", kind, again)
	}
	_, confirm := i.last("new@example.org")
	_, s, err := i.ConfirmSignUp(t.Context(), confirm, "some other password", "", "", "")
	noError(t, err)
	if s.OrganizationName != "Astro" || s.OrganizationRole != store.RoleMember {
		t.Errorf("session %+v", s)
	}
	_, err = i.InvitationByToken(t.Context(), link)
	wantRefusal(t, err, "link")
}

// An invitation works once, however many accept it at the same moment.
func TestAcceptAtOnce(t *testing.T) {
	i := newInviting(t)
	_, link := i.link("member")
	var sessions []store.Session
	for _, name := range []string{"cat", "dan", "eva", "fay"} {
		createPerson(t, i.DB, name)
		_, s := signedIn(t, i.DB, name)
		sessions = append(sessions, s)
	}
	next := make(chan store.Session, len(sessions))
	for _, s := range sessions {
		next <- s
	}
	codes := codesAtOnce(t, len(sessions), func() error {
		_, err := i.AcceptInvitation(t.Context(), link, <-next)
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
		_, _, err := i.InviteToOrganization(t.Context(), i.group, by, store.NewInvitation{Email: email, Role: role})
		return err
	}
	wantRefusal(t, invite(i.ada, "", "king"), "invalid")
	wantRefusal(t, invite(i.ada, "no address", "member"), "invalid")
	wantRefusal(t, invite(i.mel, "", "owner"), "role")
	noError(t, invite(i.mel, "", "manager"))
	noError(t, invite(i.ada, "", "owner"))
	wantRefusal(t, invite(i.ada, "mel@example.org", "member"), "duplicate")
	noError(t, invite(i.ada, "ben@example.org", "member"))
	wantRefusal(t, invite(i.ada, "ben@example.org", "billing"), "duplicate")
	_, _, err := i.InviteToProvider(t.Context(), i.provider, i.ada, store.NewInvitation{Role: "owner"})
	wantRefusal(t, err, "invalid")
	_, _, err = i.InviteToOrganization(t.Context(), uuid.New(), i.ada, store.NewInvitation{Role: "member"})
	wantRefusal(t, err, "not_found")
	i.exec(`INSERT INTO invitations (id, organization_id, role, token_hash, invited_by, created_at, expires_at)
		SELECT gen_random_uuid(), $1, 'member', sha256(n::text::bytea), $2, now(), now() + interval '1 day' FROM generate_series(1, 47) AS n`, i.group, i.ada)
	if r := wantRefusal(t, invite(i.ada, "", "member"), "invitations"); !strings.HasPrefix(r.Title, "50 ") {
		t.Errorf("%q", r.Title)
	}
}

func TestInvitationsAreRenewedAndRevoked(t *testing.T) {
	i := newInviting(t)
	id, first := i.link("member")
	elsewhere := store.Place{OrganizationID: must[uuid.UUID](t)(i.CreateOrganization(t.Context(), uuid.Nil, "Bio"))}
	_, err := i.ResendInvitation(t.Context(), elsewhere, i.ada, id)
	wantRefusal(t, err, "not_found")
	wantRefusal(t, i.RevokeInvitation(t.Context(), elsewhere, i.ada, id), "not_found")
	wantRefusal(t, i.RevokeInvitation(t.Context(), store.Place{ProviderID: i.provider}, i.ada, id), "not_found")

	i.exec(`UPDATE invitations SET expires_at = now() WHERE id = $1`, id)
	_, err = i.InvitationByToken(t.Context(), first)
	if r := wantRefusal(t, err, "link"); !strings.Contains(r.Title, "14 days") || !strings.Contains(r.Next, "ada") {
		t.Errorf("%+v", r)
	}
	second := must[string](t)(i.ResendInvitation(t.Context(), i.at, i.mel, id))
	must[store.Invitation](t)(i.InvitationByToken(t.Context(), second))
	_, err = i.InvitationByToken(t.Context(), first)
	wantRefusal(t, err, "link")
	if open, total := i.open(i.at, store.InvitationFilter{}); total != 1 || open[0].ID != id {
		t.Errorf("open %+v", open)
	}
	noError(t, i.RevokeInvitation(t.Context(), i.at, i.ada, id))
	wantRefusal(t, i.RevokeInvitation(t.Context(), i.at, i.ada, id), "not_found")
	_, err = i.InvitationByToken(t.Context(), second)
	if r := wantRefusal(t, err, "link"); !strings.Contains(r.Title, "taken back") {
		t.Errorf("%q", r.Title)
	}
	owners, _ := i.link("owner")
	_, err = i.ResendInvitation(t.Context(), i.at, i.mel, owners)
	wantRefusal(t, err, "role")
}

func TestInviteToProvider(t *testing.T) {
	i := newInviting(t)
	_, token, err := i.InviteToProvider(t.Context(), i.provider, i.ada, store.NewInvitation{Role: "accountant"})
	noError(t, err)
	cookie, ben := signedIn(t, i.DB, "ben")
	_, err = i.AcceptInvitation(t.Context(), token, ben)
	noError(t, err)
	if ben = must[store.Session](t)(i.SessionByToken(t.Context(), cookie)); ben.ProviderName != "North" || ben.ProviderRole != store.StaffAccountant || ben.OrganizationID != nil {
		t.Errorf("session %+v", ben)
	}
}
