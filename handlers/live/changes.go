package live

import (
	"sync"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// Changes hands every change that the database announced to the event streams that follow it. A process has one,
// fed by one LISTEN connection however many pages are open. Publish never waits for a follower: what a slow one
// has not fetched yet is kept as a set, and as "anything" beyond followedAtOnce. A follower also hears what was
// announced shortly before it came: between the making of a page and its stream nothing is missed.
type Changes struct {
	mu        sync.Mutex
	followers map[*follower]struct{}
	watchers  map[chan struct{}]uuid.UUID // the person
	perPerson map[uuid.UUID]int
	recent    []heard // oldest first
	away      bool
}

// heard is a change and when it was announced.
type heard struct {
	at     time.Time
	change store.Change
}

const (
	// replayed is how long after a page was made its stream may come and still miss nothing.
	replayed         = 10 * time.Second
	recentAtMost     = 1000 // changes kept for that
	followedAtOnce   = 32   // different things one stream is told of at once before it is told to look at everything
	streamsPerPerson = 30   // a browser has one, whatever its tabs
)

// NewChanges makes an empty hub.
func NewChanges() *Changes {
	return &Changes{followers: map[*follower]struct{}{}, watchers: map[chan struct{}]uuid.UUID{}, perPerson: map[uuid.UUID]int{}}
}

// Publish passes a change on; its organization and provider decide who hears of it. The zero Change, which says that some may
// have been missed, tells every page to look again. It is made for store.Listen.
func (h *Changes) Publish(change store.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.away = false
	now := heard{time.Now(), change}
	h.remember(now)
	for f := range h.followers {
		f.hear(now)
	}
}

// RightsEnded has what lasts of a person look at once whether it may go on (streams, and what Watch was called for), or of
// everybody. It is made for store.ListenRights.
func (h *Changes) RightsEnded(person uuid.UUID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for f := range h.followers {
		if person == uuid.Nil || person == f.personID {
			poke(f.rights)
		}
	}
	for w, of := range h.watchers {
		if person == uuid.Nil || person == of {
			poke(w)
		}
	}
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it will look anyway
	}
}

// Watch tells that a right of the person may have ended, and at first, since that may have been before it was called. It ends
// with stop.
func (h *Changes) Watch(person uuid.UUID) (ended <-chan struct{}, stop func()) {
	w := make(chan struct{}, 1)
	w <- struct{}{}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.watchers[w] = person
	return w, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.watchers, w)
	}
}

// Lost says that changes are not heard of from now on, until the next Publish. It is made for store.Listen.
func (h *Changes) Lost() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.away = true
	for f := range h.followers {
		f.wake()
	}
}

// Away tells whether Lost was the last that was heard.
func (h *Changes) Away() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.away
}

func (h *Changes) remember(now heard) {
	old := 0
	for old < len(h.recent) && now.at.Sub(h.recent[old].at) > replayed {
		old++
	}
	h.recent = append(h.recent[old:], now)
	if len(h.recent) > recentAtMost {
		// Too many to keep one by one: whoever comes now looks at everything.
		h.recent = []heard{{at: now.at}}
	}
}

// what names the changed thing and nothing of its content. Of is the place whose pages show it (org, provider, platform). The
// platform's admins hear of kinds alone.
type what struct {
	Of   string `json:"of"`
	Kind string `json:"kind"`
	ID   string `json:"id,omitempty"`
}

// Whose changes a stream tells of. Name is of the organization or provider.
type Whose struct {
	Organization uuid.UUID `json:"org"`      // Nil for none
	Provider     uuid.UUID `json:"provider"` // Nil for none
	Platform     bool      `json:"platform"`
	Name         string    `json:"name"`
}

// names are those of a change for the pages that it concerns; most often there is one.
func (w Whose) names(c store.Change) (list []what) {
	if w.Organization != uuid.Nil && c.Organization == w.Organization {
		list = append(list, what{"org", c.Kind, c.ID.String()})
	}
	if w.Provider != uuid.Nil && c.Provider == w.Provider {
		list = append(list, what{"provider", c.Kind, c.ID.String()})
	}
	if w.Platform {
		list = append(list, what{Of: "platform", Kind: c.Kind})
	}
	return list
}

type follower struct {
	personID uuid.UUID
	signal   chan struct{} // holds one: there is something to fetch
	rights   chan struct{} // holds one: the right to follow may have ended

	// under Changes.mu
	whose      Whose
	pending    map[what]time.Time // when it was heard last
	everything time.Time          // when something was heard last that is not kept singly; zero: nothing was
}

func (f *follower) hear(h heard) {
	if h.change == (store.Change{}) {
		f.everything = h.at
		f.wake()
	}
	for _, w := range f.whose.names(h.change) {
		f.add(w, h.at)
	}
}

func (f *follower) add(w what, at time.Time) {
	if len(f.pending) >= followedAtOnce {
		f.everything = at
	} else {
		f.pending[w] = at
	}
	f.wake()
}

func (f *follower) wake() {
	select {
	case f.signal <- struct{}{}:
	default: // it will fetch what is pending anyway
	}
}

func (h *Changes) follow(f *follower) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.perPerson[f.personID] >= streamsPerPerson {
		return &refusal.Error{Code: "throttled", Title: "30 browsers of yours follow changes already.", Next: "Close some of them; this one still shows what it shows when it is loaded."}
	}
	h.perPerson[f.personID]++
	f.signal, f.rights, f.pending = make(chan struct{}, 1), make(chan struct{}, 1), map[what]time.Time{}
	h.followers[f] = struct{}{}
	for now, i := time.Now(), 0; i < len(h.recent); i++ {
		if now.Sub(h.recent[i].at) <= replayed {
			f.hear(h.recent[i])
		}
	}
	return nil
}

// move makes a follower follow somebody else's changes, and tells whether that is so.
func (h *Changes) move(f *follower, whose Whose) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f.whose == whose {
		return false
	}
	f.whose, f.pending = whose, map[what]time.Time{}
	return true
}

func (h *Changes) unfollow(f *follower) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.followers, f)
	if h.perPerson[f.personID]--; h.perPerson[f.personID] <= 0 {
		delete(h.perPerson, f.personID)
	}
}

// fetch empties what is pending, with when each was heard of last. everything, where it is not zero, is when single things were not kept.
func (h *Changes) fetch(f *follower) (pending map[what]time.Time, everything time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	pending, everything = f.pending, f.everything
	f.pending, f.everything = map[what]time.Time{}, time.Time{}
	return pending, everything
}
