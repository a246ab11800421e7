package store_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

// shown are the titles that a person of an organization sees now.
func shown(t *testing.T, w *storetest.World, orgID uuid.UUID) string {
	t.Helper()
	var titles []string
	for _, a := range must[store.FrameFacts](t)(w.DB.FrameFacts(t.Context(), store.FrameNeeds{Person: w.Person, Announcements: orgID})).Announcements {
		titles = append(titles, a.Title)
	}
	return strings.Join(titles, ",")
}

func announcement(title string) store.NewAnnouncement {
	return store.NewAnnouncement{Title: title, Text: "Text.", Tone: "note"}
}

func TestAnnouncementsReachThoseTheyConcern(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	other := must[uuid.UUID](t)(w.DB.CreateOrganization(ctx, uuid.Nil, "Nobody"))
	second := must[uuid.UUID](t)(w.DB.CreatePool(ctx, w.Person, w.Provider, store.NewPool{Name: "second", Prefix: netip.MustParsePrefix("10.0.0.0/16"), Underlay: netip.MustParsePrefix("192.0.2.0/24")}))
	announce := func(n store.NewAnnouncement) uuid.UUID {
		return must[uuid.UUID](t)(w.DB.Announce(ctx, w.Person, w.Provider, n))
	}
	first := announce(announcement("all"))
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
	noError(t, w.DB.DismissAnnouncement(ctx, w.Organization, w.Person, first))
	noError(t, w.DB.DismissAnnouncement(ctx, w.Organization, w.Person, first))
	if got := shown(t, w, w.Organization); got != "" {
		t.Errorf("dismissed, and still %q", got)
	}
	warning := announcement("warning")
	warning.Tone = "warning"
	announce(warning)
	later := announcement("later")
	later.From = time.Now().Add(time.Hour)
	announce(later)
	over := announcement("over")
	over.From, over.Until = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	announce(over)
	ended := announce(announcement("ended"))
	noError(t, w.DB.EndAnnouncement(ctx, w.Person, w.Provider, ended))
	announce(announcement("newest"))
	if got := shown(t, w, w.Organization); got != "warning,newest" {
		t.Errorf("shown %q", got)
	}
	// One of a pool is not for who asks for a launch on another.
	w.Exec(t, `UPDATE announcements SET ended_at = now()`)
	asking := must[uuid.UUID](t)(w.DB.CreateOrganization(ctx, uuid.Nil, "Asking"))
	w.Exec(t, `INSERT INTO launch_requests (id, organization_id, person_id, form, pool_id, need, state, created_at)
		VALUES ($1, $2, $3, '{}', $4, 1, 'waiting', now())`, uuid.New(), asking, w.Person, w.PoolID)
	for pool, want := range map[uuid.UUID]string{second: "", w.PoolID: "here"} {
		here := announcement("here")
		here.Pool = pool
		id := announce(here)
		if got := shown(t, w, asking); got != want {
			t.Errorf("of pool %s it sees %q, want %q", pool, got, want)
		}
		noError(t, w.DB.EndAnnouncement(ctx, w.Person, w.Provider, id))
	}
}

func TestAnnounceRefusals(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	for field, change := range map[string]func(*store.NewAnnouncement){
		"title":    func(n *store.NewAnnouncement) { n.Title = "" },
		"text":     func(n *store.NewAnnouncement) { n.Text = strings.Repeat("x", 2001) },
		"tone":     func(n *store.NewAnnouncement) { n.Tone = "shout" },
		"until_at": func(n *store.NewAnnouncement) { n.Until = time.Now().Add(-time.Hour) },
	} {
		n := announcement("title")
		change(&n)
		_, err := w.DB.Announce(ctx, w.Person, w.Provider, n)
		if r := wantRefusal(t, err, "invalid"); r.Fields[field] == "" {
			t.Errorf("%s: %v", field, r.Fields)
		}
	}
	south := must[uuid.UUID](t)(w.DB.CreateProvider(ctx, uuid.Nil, store.NewProvider{Name: "South", Currency: "USD", AccountingZone: "America/New_York"}))
	n := announcement("title")
	n.Pool = w.PoolID
	_, err := w.DB.Announce(ctx, w.Person, south, n)
	wantRefusal(t, err, "not_found")
	id := must[uuid.UUID](t)(w.DB.Announce(ctx, w.Person, w.Provider, n))
	wantRefusal(t, w.DB.EndAnnouncement(ctx, w.Person, south, id), "not_found")
	wantRefusal(t, w.DB.DismissAnnouncement(ctx, must[uuid.UUID](t)(w.DB.CreateOrganization(ctx, uuid.Nil, "Nobody")), w.Person, id), "not_found")
	noError(t, w.DB.EndAnnouncement(ctx, w.Person, w.Provider, id))
	wantRefusal(t, w.DB.EndAnnouncement(ctx, w.Person, w.Provider, id), "ended")
	list, total, err := w.DB.ProviderAnnouncements(ctx, w.Provider, store.AnnouncementFilter{Over: true, Search: "TITLE"})
	if err != nil || total != 1 || list[0].ID != id || list[0].PoolName != "main" || list[0].EndedAt == nil {
		t.Errorf("over: %+v %v", list, err)
	}
	if _, total, err := w.DB.ProviderAnnouncements(ctx, south, store.AnnouncementFilter{}); err != nil || total != 0 {
		t.Errorf("another provider's: %d %v", total, err)
	}
}

func TestAnnounceByMail(t *testing.T) {
	w := storetest.NewWorld(t)
	n := announcement("Mailed")
	n.Mail = true
	must[uuid.UUID](t)(w.DB.Announce(t.Context(), w.Person, w.Provider, n))
	var to, kind string
	noError(t, w.Pool.QueryRow(t.Context(), `SELECT to_address, kind FROM mails`).Scan(&to, &kind))
	if to != "ada@example.org" || kind != "announcement" {
		t.Errorf("mailed to %s: %s", to, kind)
	}
}
