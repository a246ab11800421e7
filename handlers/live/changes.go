package live

import (
	"sync"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/store"
)

// Changes hands every change that the database announced to the event streams that follow it. A process has one,
// fed by one LISTEN connection however many pages are open. Publish never waits for a follower: what a slow one
// has not fetched yet is kept as a set, and as "anything" beyond followedAtOnce. A follower also hears what was
// announced shortly before it came: between the making of a page and its stream nothing is missed.
type Changes struct {
	mu        sync.Mutex
	followers map[*follower]struct{}
	perPerson map[uuid.UUID]int
	recent    []heard // oldest first
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
	streamsPerPerson = 30   // open pages; browsers hold six connections to a host over HTTP/1
)

// NewChanges makes an empty hub.
func NewChanges() *Changes {
	return &Changes{followers: map[*follower]struct{}{}, perPerson: map[uuid.UUID]int{}}
}

// Publish passes a change on; its organization and provider decide who hears of it. The zero Change, which says that some may
// have been missed, tells every page to look again. It is made for store.Listen.
func (h *Changes) Publish(change store.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.remember(heard{time.Now(), change})
	for f := range h.followers {
		f.hear(change)
	}
}

// RightsEnded has the streams of a person look at once whether they may go on, or those of everybody. It is made for
// store.ListenRights.
func (h *Changes) RightsEnded(person uuid.UUID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for f := range h.followers {
		if person == uuid.Nil || person == f.personID {
			select {
			case f.rights <- struct{}{}:
			default: // it will look anyway
			}
		}
	}
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

// what names the changed thing and nothing of its content.
type what struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

// Whose changes a stream tells of. Everything is for the platform's admins.
type Whose struct {
	Organization, Provider uuid.UUID // Nil for none
	Everything             bool
}

func (w Whose) concerns(c store.Change) bool {
	return w.Everything || w.Organization != uuid.Nil && c.Organization == w.Organization ||
		w.Provider != uuid.Nil && c.Provider == w.Provider
}

type follower struct {
	personID uuid.UUID
	whose    Whose
	kind     string    // "" for every kind
	id       uuid.UUID // Nil for all of the kind

	signal chan struct{} // holds one: there is something to fetch
	rights chan struct{} // holds one: the right to follow may have ended

	// under Changes.mu
	pending    map[what]struct{}
	everything bool
}

func (f *follower) hear(c store.Change) {
	switch {
	case c == store.Change{}:
		f.everything = true
		f.wake()
	case f.wants(c):
		f.add(c)
	}
}

func (f *follower) wants(c store.Change) bool {
	return f.whose.concerns(c) && (f.kind == "" || c.Kind == f.kind) && (f.id == uuid.Nil || c.ID == f.id)
}

func (f *follower) add(c store.Change) {
	if len(f.pending) >= followedAtOnce {
		f.everything = true
	} else {
		f.pending[what{c.Kind, c.ID.String()}] = struct{}{}
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
		return &provisioner.Refusal{Code: "throttled", Title: "30 pages of yours follow changes already.", Next: "Close some of them; this one still shows what it shows when it is loaded."}
	}
	h.perPerson[f.personID]++
	f.signal, f.rights, f.pending = make(chan struct{}, 1), make(chan struct{}, 1), map[what]struct{}{}
	h.followers[f] = struct{}{}
	for now, i := time.Now(), 0; i < len(h.recent); i++ {
		if now.Sub(h.recent[i].at) <= replayed {
			f.hear(h.recent[i].change)
		}
	}
	return nil
}

func (h *Changes) unfollow(f *follower) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.followers, f)
	if h.perPerson[f.personID]--; h.perPerson[f.personID] <= 0 {
		delete(h.perPerson, f.personID)
	}
}

// fetch empties what is pending. everything means that single things were not kept.
func (h *Changes) fetch(f *follower) (list []what, everything bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for w := range f.pending {
		list = append(list, w)
	}
	everything = f.everything
	f.pending, f.everything = map[what]struct{}{}, false
	return list, everything
}
