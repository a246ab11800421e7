package live

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/store"
)

func TestChangesReachThoseTheyConcern(t *testing.T) {
	mine, theirs, cluster, other := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	h := NewChanges()
	everything := follow(t, h, &follower{whose: Whose{Organization: mine}})
	platform := follow(t, h, &follower{whose: Whose{Platform: true}})
	stranger := follow(t, h, &follower{whose: Whose{Organization: theirs}})

	h.Publish(store.Change{Organization: mine, Kind: "cluster", ID: cluster})
	h.Publish(store.Change{Organization: mine, Kind: "cluster", ID: cluster})
	h.Publish(store.Change{Organization: mine, Kind: "cluster", ID: other})
	h.Publish(store.Change{Organization: mine, Kind: "image", ID: other})
	for f, want := range map[*follower]int{everything: 3, platform: 2, stranger: 0} {
		list, all := h.fetch(f)
		if len(list) != want || !all.IsZero() || (len(f.signal) == 1) != (want > 0) {
			t.Errorf("follower of %v has %v", f.whose, list)
		}
	}
	if list, _ := h.fetch(everything); len(list) != 0 {
		t.Errorf("told twice: %v", list)
	}
}

func TestALostConnectionTellsEverybodyToLookAgain(t *testing.T) {
	h := NewChanges()
	f := follow(t, h, &follower{whose: Whose{Organization: uuid.New()}})
	h.Publish(store.Change{})
	if list, all := h.fetch(f); all.IsZero() || len(list) != 0 {
		t.Errorf("all %v, %v", all, list)
	}
}

func TestAFollowerHearsWhatCameShortlyBefore(t *testing.T) {
	orgID, cluster := uuid.New(), uuid.New()
	h := NewChanges()
	h.remember(heard{time.Now().Add(-time.Minute), store.Change{Organization: orgID, Kind: "image", ID: uuid.New()}})
	h.Publish(store.Change{Organization: orgID, Kind: "cluster", ID: cluster})
	h.Publish(store.Change{Organization: uuid.New(), Kind: "cluster", ID: uuid.New()})
	published := time.Now() // who hears of it later is told when it was
	if list, all := h.fetch(follow(t, h, &follower{whose: Whose{Organization: orgID}})); len(list) != 1 || !all.IsZero() ||
		list[what{"org", "cluster", cluster.String()}].IsZero() || list[what{"org", "cluster", cluster.String()}].After(published) {
		t.Errorf("all %v, %v", all, list)
	}
	for range recentAtMost {
		h.Publish(store.Change{Organization: uuid.New(), Kind: "cluster", ID: uuid.New()})
	}
	if _, all := h.fetch(follow(t, h, &follower{whose: Whose{Organization: orgID}})); all.IsZero() {
		t.Error("more was announced than is kept, and the follower does not look at everything")
	}
}

func TestASlowFollowerKeepsNoList(t *testing.T) {
	orgID := uuid.New()
	h := NewChanges()
	f := follow(t, h, &follower{whose: Whose{Organization: orgID}})
	for range 10 * followedAtOnce {
		h.Publish(store.Change{Organization: orgID, Kind: "cluster", ID: uuid.New()})
	}
	if list, all := h.fetch(f); all.IsZero() || len(list) > followedAtOnce {
		t.Errorf("all %v with %d kept", all, len(list))
	}
}

func TestStreamsOfAPersonAreBounded(t *testing.T) {
	h := NewChanges()
	person := uuid.New()
	var last *follower
	for range streamsPerPerson {
		last = follow(t, h, &follower{personID: person})
	}
	if err := h.follow(&follower{personID: person}); err == nil {
		t.Error("one more than allowed")
	}
	follow(t, h, &follower{personID: uuid.New()})
	h.unfollow(last)
	follow(t, h, &follower{personID: person})
	for f := range h.followers {
		h.unfollow(f)
	}
	if len(h.perPerson) != 0 {
		t.Errorf("counts are left: %v", h.perPerson)
	}
}

func TestEndedRightsAreLookedAtByThoseWhoseTheyAre(t *testing.T) {
	h := NewChanges()
	mine, theirs := follow(t, h, &follower{personID: uuid.New()}), follow(t, h, &follower{personID: uuid.New()})
	h.RightsEnded(mine.personID)
	h.RightsEnded(mine.personID)
	if len(mine.rights) != 1 || len(theirs.rights) != 0 {
		t.Errorf("%d and %d look", len(mine.rights), len(theirs.rights))
	}
	h.RightsEnded(uuid.Nil)
	if len(mine.rights) != 1 || len(theirs.rights) != 1 {
		t.Errorf("anybody's: %d and %d look", len(mine.rights), len(theirs.rights))
	}
}

func follow(t *testing.T, h *Changes, f *follower) *follower {
	t.Helper()
	if err := h.follow(f); err != nil {
		t.Fatal(err)
	}
	return f
}
