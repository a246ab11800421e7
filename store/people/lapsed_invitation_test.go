package people_test

import (
	"context"
	"strings"
	"testing"

	"volary.dev/provisioner/waittest"
	"volary.dev/store"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// A link that somebody made who may not invite any more lets nobody in: not them by another address either.
func TestAnInvitationEndsWithTheRightToInvite(t *testing.T) {
	for name, end := range map[string]string{
		"removed":     `DELETE FROM memberships WHERE person_id = $1`,
		"no owner":    `UPDATE memberships SET role = 'manager' WHERE person_id = $1`,
		"a member":    `UPDATE memberships SET role = 'member' WHERE person_id = $1`,
		"suspended":   `UPDATE people SET suspended_at = now(), suspended_reason = 'a stolen password' WHERE id = $1`,
		"not removed": ``,
	} {
		t.Run(name, func(t *testing.T) {
			i := newInviting(t)
			id, token := i.link("owner")
			if end == "" {
				_, ben := signedIn(t, i.All, "ben")
				_, err := i.People.AcceptInvitation(t.Context(), token, ben)
				storetest.NoError(t, err)
				return
			}
			i.exec(end, i.ada)
			_, err := i.People.InvitationByToken(t.Context(), token)
			if r := storetest.WantRefusal(t, err, "link"); !strings.Contains(r.Title, "who made it does not invite there any more") {
				t.Errorf("%q", r.Title)
			}
			_, ben := signedIn(t, i.All, "ben")
			_, err = i.People.AcceptInvitation(t.Context(), token, ben)
			storetest.WantRefusal(t, err, "link")
			if list, _ := i.open(i.at, people.InvitationFilter{State: "expired"}); len(list) != 1 || !list[0].Expired {
				t.Errorf("the list says %+v", list)
			}
			// Another owner renews it, in their own name.
			i.exec(`UPDATE memberships SET role = 'owner' WHERE person_id = $1`, i.mel)
			token, err = storetest.OpenAs(t, i.pool, store.RoleWeb).People.ResendInvitation(t.Context(), i.at, i.mel, id)
			storetest.NoError(t, err)
			_, err = i.People.AcceptInvitation(t.Context(), token, ben)
			storetest.NoError(t, err)
		})
	}
}

// Who accepts while the right to invite is being taken waits for that.
func TestAnInvitationIsAcceptedBeforeOrAfter(t *testing.T) {
	for name, take := range map[string]string{
		"staff":   `DELETE FROM staff WHERE person_id = $1`,
		"members": `DELETE FROM memberships WHERE person_id = $1`,
	} {
		i := newInviting(t)
		ctx := t.Context()
		_, token := i.link("member")
		if name == "staff" {
			var err error
			_, token, err = i.People.InviteToProvider(ctx, i.provider, i.ada, people.NewInvitation{Role: "admin"})
			storetest.NoError(t, err)
		}
		_, ben := signedIn(t, i.All, "ben")
		tx, err := i.pool.Begin(ctx)
		storetest.NoError(t, err)
		defer func() { _ = tx.Rollback(context.Background()) }()
		_, err = tx.Exec(ctx, take, i.ada)
		storetest.NoError(t, err)
		accepted := make(chan error, 1)
		go func() {
			_, err := i.People.AcceptInvitation(ctx, token, ben)
			accepted <- err
		}()
		waittest.Until(t, "the acceptance to wait or to end", func() bool {
			var n int
			storetest.NoError(t, i.pool.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&n))
			return n > 0 || len(accepted) > 0
		})
		storetest.NoError(t, tx.Commit(ctx))
		err, _ = waittest.Receive(t, "the acceptance", accepted)
		storetest.WantRefusal(t, err, "link")
	}
}
