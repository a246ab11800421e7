package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"volary.dev/handlers/handlertest"
	"volary.dev/store"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

func TestWhichMails(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	b := a.SignIn(handlertest.Member)
	places := storetest.Must[[]people.MailPlace](t)(a.Store.People.MailPlaces(t.Context(), w.Person(handlertest.Member)))
	field := "cluster_ready." + places[0].ID.String()
	selected := func(body, value string) bool {
		_, after, _ := strings.Cut(body, `name="`+field+`"`)
		list, _, _ := strings.Cut(after, "</select>")
		return strings.Contains(list, `value="`+value+`" selected`)
	}
	got := b.Get("/account/mails")
	if got.Status != http.StatusOK || !selected(got.Body, "own") || !strings.Contains(got.Body, "cannot be switched off") || strings.Contains(got.Body, "host_lost.") || strings.Contains(got.Body, "request.") {
		t.Errorf("what is usual for a member: %d %s", got.Status, got.Body)
	}
	if got := b.Post("/account/mails", url.Values{field: {"all"}}); got.Status != http.StatusSeeOther || got.Header.Get("Location") != "/account/mails" {
		t.Errorf("save: %d", got.Status)
	}
	if got := b.Get("/account/mails"); !selected(got.Body, "all") {
		t.Error("what was chosen is not kept")
	}
	if got := b.Post("/account/mails", url.Values{field: {"everything"}}); got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.Body, "none that there is") {
		t.Errorf("a scope that is none: %d", got.Status)
	}
	// Another person's choice is another one.
	if got := a.SignIn(handlertest.Manager).Get("/account/mails"); !selected(got.Body, "own") {
		t.Error("a choice counts for others")
	}
}

// What a server says of a mail stands on the invitation's row and on the person's first pages, as text.
func TestUndeliveredMailIsShown(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	a.World()
	ctx := t.Context()
	owner := a.SignIn(handlertest.Owner)
	if got := owner.Post("/org/invitations", url.Values{"email": {"nobody@first.example"}, "role": {"member"}, "by": {"mail"}}); got.Status != http.StatusSeeOther {
		t.Fatalf("invite: %d", got.Status)
	}
	storetest.NoError(t, a.Store.People.RequestReset(ctx, handlertest.Owner, "192.0.2.1"))
	const words = `550 <b>no such user</b>`
	_, err := a.Pool.Exec(ctx, `UPDATE mails SET state = 'refused', refused_by = 'post.example', refused = $1 WHERE to_address = ANY ($2)`, words, []string{"nobody@first.example", handlertest.Owner})
	storetest.NoError(t, err)
	for path, want := range map[string]string{
		"/org/invitations": "could not be delivered", "/org": "Mail to your address " + handlertest.Owner + " could not be delivered",
		"/account": "Mail to your address", "/account/mails": "Mail to your address",
	} {
		got := owner.Get(path)
		if got.Status != http.StatusOK || !strings.Contains(got.Body, want) || !strings.Contains(got.Body, "550 &lt;b&gt;no such user&lt;/b&gt;") || strings.Contains(got.Body, words) {
			t.Errorf("%s: %d, it says %t", path, got.Status, strings.Contains(got.Body, want))
		}
	}
	if got := a.SignIn(handlertest.Manager).Get("/org"); strings.Contains(got.Body, "could not be delivered") {
		t.Error("another's address is told of")
	}
	root := a.SignIn(handlertest.PlatformAdmin)
	if got := root.Get("/platform/outbox?state=refused"); got.Status != http.StatusOK || !strings.Contains(got.Body, "nobody@first.example") {
		t.Errorf("outbox: %d", got.Status)
	}
	var sent store.MailKind
	storetest.NoError(t, a.Pool.QueryRow(ctx, `SELECT kind FROM mails WHERE state = 'refused' AND invitation_id IS NOT NULL`).Scan(&sent))
	if sent != store.MailInvitation {
		t.Errorf("the invitation's mail is %s", sent)
	}
}
