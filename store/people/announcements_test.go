package people_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/store/machines"
	"volary.dev/store/overview"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// shown are the titles that a person of an organization sees now.
func shown(t *testing.T, w *storetest.World, orgID uuid.UUID) string {
	t.Helper()
	var titles []string
	for _, a := range storetest.Must[overview.FrameFacts](t)(w.DB.Overview.FrameFacts(t.Context(), overview.FrameNeeds{Person: w.Person, Announcements: orgID})).Announcements {
		titles = append(titles, a.Title)
	}
	return strings.Join(titles, ",")
}

// Announcement is one that is shown from now on, to everyone it concerns.

func TestAnnouncementsReachThoseTheyConcern(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	other := storetest.Must[uuid.UUID](t)(w.DB.People.CreateOrganization(ctx, uuid.Nil, "Nobody"))
	second := storetest.Must[uuid.UUID](t)(w.DB.Machines.CreatePool(ctx, w.Person, w.Provider, machines.NewPool{Name: "second", Prefix: netip.MustParsePrefix("10.0.0.0/16"), Underlay: netip.MustParsePrefix("192.0.2.0/24")}))
	announce := func(n people.NewAnnouncement) uuid.UUID {
		return storetest.Must[uuid.UUID](t)(w.DB.People.Announce(ctx, w.Person, w.Provider, n))
	}
	first := announce(storetest.Announcement("all"))
	if got := shown(t, w, w.Organization); got != "all" {
		t.Errorf("who has hours sees %q", got)
	}
	if got := shown(t, w, other); got != "" {
		t.Errorf("who has nothing there sees %q", got)
	}
	w.Grant(t, other, billing.ComputeHour)
	if got := shown(t, w, other); got != "all" {
		t.Errorf("who has hours now sees %q", got)
	}
	storetest.NoError(t, w.DB.People.DismissAnnouncement(ctx, w.Organization, w.Person, first))
	storetest.NoError(t, w.DB.People.DismissAnnouncement(ctx, w.Organization, w.Person, first))
	if got := shown(t, w, w.Organization); got != "" {
		t.Errorf("dismissed, and still %q", got)
	}
	warning := storetest.Announcement("warning")
	warning.Tone = "warning"
	announce(warning)
	later := storetest.Announcement("later")
	later.From = time.Now().Add(time.Hour)
	announce(later)
	over := storetest.Announcement("over")
	over.From, over.Until = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	announce(over)
	ended := announce(storetest.Announcement("ended"))
	storetest.NoError(t, w.DB.People.EndAnnouncement(ctx, w.Person, w.Provider, ended))
	announce(storetest.Announcement("newest"))
	if got := shown(t, w, w.Organization); got != "warning,newest" {
		t.Errorf("shown %q", got)
	}
	// One of a pool is not for who asks for a launch on another.
	w.Exec(t, `UPDATE announcements SET ended_at = now()`)
	asking := storetest.Must[uuid.UUID](t)(w.DB.People.CreateOrganization(ctx, uuid.Nil, "Asking"))
	w.Exec(t, `INSERT INTO launch_requests (id, organization_id, person_id, form, pool_id, need, state, created_at)
		VALUES ($1, $2, $3, '{}', $4, 1, 'waiting', now())`, uuid.New(), asking, w.Person, w.PoolID)
	for pool, want := range map[uuid.UUID]string{second: "", w.PoolID: "here"} {
		here := storetest.Announcement("here")
		here.Pool = pool
		id := announce(here)
		if got := shown(t, w, asking); got != want {
			t.Errorf("of pool %s it sees %q, want %q", pool, got, want)
		}
		storetest.NoError(t, w.DB.People.EndAnnouncement(ctx, w.Person, w.Provider, id))
	}
}

func TestAnnounceRefusals(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	for field, change := range map[string]func(*people.NewAnnouncement){
		"title":    func(n *people.NewAnnouncement) { n.Title = "" },
		"text":     func(n *people.NewAnnouncement) { n.Text = strings.Repeat("x", 2001) },
		"tone":     func(n *people.NewAnnouncement) { n.Tone = "shout" },
		"until_at": func(n *people.NewAnnouncement) { n.Until = time.Now().Add(-time.Hour) },
	} {
		n := storetest.Announcement("title")
		change(&n)
		_, err := w.DB.People.Announce(ctx, w.Person, w.Provider, n)
		if r := storetest.WantRefusal(t, err, "invalid"); r.Fields[field] == "" {
			t.Errorf("%s: %v", field, r.Fields)
		}
	}
	south := storetest.Must[uuid.UUID](t)(w.DB.People.CreateProvider(ctx, uuid.Nil, people.NewProvider{Name: "South", Currency: "USD", AccountingZone: "America/New_York"}))
	n := storetest.Announcement("title")
	n.Pool = w.PoolID
	_, err := w.DB.People.Announce(ctx, w.Person, south, n)
	storetest.WantRefusal(t, err, "not_found")
	id := storetest.Must[uuid.UUID](t)(w.DB.People.Announce(ctx, w.Person, w.Provider, n))
	storetest.WantRefusal(t, w.DB.People.EndAnnouncement(ctx, w.Person, south, id), "not_found")
	storetest.WantRefusal(t, w.DB.People.DismissAnnouncement(ctx, storetest.Must[uuid.UUID](t)(w.DB.People.CreateOrganization(ctx, uuid.Nil, "Nobody")), w.Person, id), "not_found")
	storetest.NoError(t, w.DB.People.EndAnnouncement(ctx, w.Person, w.Provider, id))
	storetest.WantRefusal(t, w.DB.People.EndAnnouncement(ctx, w.Person, w.Provider, id), "ended")
	list, total, err := w.DB.People.ProviderAnnouncements(ctx, w.Provider, people.AnnouncementFilter{Over: true, Search: "TITLE"})
	if err != nil || total != 1 || list[0].ID != id || list[0].PoolName != "main" || list[0].EndedAt == nil {
		t.Errorf("over: %+v %v", list, err)
	}
	if _, total, err := w.DB.People.ProviderAnnouncements(ctx, south, people.AnnouncementFilter{}); err != nil || total != 0 {
		t.Errorf("another provider's: %d %v", total, err)
	}
}

func TestAnnounceByMail(t *testing.T) {
	w := storetest.NewWorld(t)
	n := storetest.Announcement("Mailed")
	n.Mail = true
	storetest.Must[uuid.UUID](t)(w.DB.People.Announce(t.Context(), w.Person, w.Provider, n))
	storetest.MailNotices(t, w.Pool)
	var to, kind string
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), `SELECT to_address, kind FROM mails WHERE kind <> 'role_given'`).Scan(&to, &kind))
	if to != "ada@example.org" || kind != "announcement" {
		t.Errorf("mailed to %s: %s", to, kind)
	}
}
