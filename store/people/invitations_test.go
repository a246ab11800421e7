package people_test

import (
	"slices"
	"testing"

	"github.com/google/uuid"
	"volary.dev/store"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// open are the invitations to a place that a filter leaves.
func (i inviting) open(at people.Place, f people.InvitationFilter) ([]people.Invitation, int) {
	i.t.Helper()
	list, total, err := i.People.Invitations(i.t.Context(), at, f)
	storetest.NoError(i.t, err)
	return list, total
}

func TestInvitations(t *testing.T) {
	i := newInviting(t)
	i.byMail("zoe@example.org", "member")
	i.byMail("abe@example.org", "billing")
	_, _, err := i.People.InviteToOrganization(t.Context(), i.group, i.mel, people.NewInvitation{Role: "manager"})
	storetest.NoError(t, err)
	_, _, err = i.People.InviteToProvider(t.Context(), i.provider, i.ada, people.NewInvitation{Email: "elsewhere@example.org", Role: "operator"})
	storetest.NoError(t, err)
	for _, ended := range []string{"accepted_at = now(), accepted_by = '" + i.ben.String() + "'", "revoked_at = now()"} {
		id, _ := i.link("member")
		i.exec(`UPDATE invitations SET `+ended+` WHERE id = $1`, id)
	}
	i.exec(`UPDATE invitations SET expires_at = now() WHERE email = 'abe@example.org'`)
	by := func(key string, desc bool) store.Sorting { return store.Sorting{By: key, Desc: desc} }
	for name, c := range map[string]struct {
		filter people.InvitationFilter
		want   []string
	}{
		"the newest first":   {people.InvitationFilter{}, []string{"", "abe@example.org", "zoe@example.org"}},
		"the oldest first":   {people.InvitationFilter{Sorting: by("made", false)}, []string{"zoe@example.org", "abe@example.org", ""}},
		"by address":         {people.InvitationFilter{Sorting: by("for", false)}, []string{"abe@example.org", "zoe@example.org", ""}},
		"by role":            {people.InvitationFilter{Sorting: by("as", false)}, []string{"abe@example.org", "", "zoe@example.org"}},
		"by who invited":     {people.InvitationFilter{Sorting: by("by", true)}, []string{"", "abe@example.org", "zoe@example.org"}},
		"by end":             {people.InvitationFilter{Sorting: by("until", false)}, []string{"abe@example.org", "zoe@example.org", ""}},
		"of an address":      {people.InvitationFilter{Text: "ZOE@"}, []string{"zoe@example.org"}},
		"of who invited":     {people.InvitationFilter{Text: "mel"}, []string{""}},
		"no wildcard":        {people.InvitationFilter{Text: "%"}, nil},
		"as a manager":       {people.InvitationFilter{Role: "manager"}, []string{""}},
		"expired":            {people.InvitationFilter{State: "expired"}, []string{"abe@example.org"}},
		"those that work":    {people.InvitationFilter{State: "works"}, []string{"", "zoe@example.org"}},
		"of no state at all": {people.InvitationFilter{State: "else"}, nil},
	} {
		list, total := i.open(i.at, c.filter)
		var got []string
		for _, x := range list {
			email := ""
			if x.Email != nil {
				email = *x.Email
			}
			got = append(got, email)
		}
		if total != len(c.want) || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q of %d; want %q", name, got, total, c.want)
		}
	}
	if list, total := i.open(i.at, people.InvitationFilter{Page: store.Page{Limit: 1, Offset: 1}}); len(list) != 1 || *list[0].Email != "abe@example.org" || total != 3 {
		t.Errorf("the second of a page each: %+v of %d", list, total)
	}
	if list, total := i.open(i.at, people.InvitationFilter{Page: store.Page{Limit: 1, Offset: 9}}); len(list) != 0 || total != 3 {
		t.Errorf("behind the end: %d of %d", len(list), total)
	}
	for place, want := range map[people.Place]int{i.at: 3, {ProviderID: i.provider}: 1, {OrganizationID: uuid.New()}: 0, {ProviderID: i.group}: 0} {
		if _, total := i.open(place, people.InvitationFilter{}); total != want {
			t.Errorf("%+v has %d invitations, want %d", place, total, want)
		}
		if n := storetest.Must[int](t)(i.People.CountInvitations(t.Context(), place)); n != want {
			t.Errorf("%+v counts %d invitations, want %d", place, n, want)
		}
	}
}
