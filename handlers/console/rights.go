package console

import (
	"context"
	"time"

	"github.com/google/uuid"
	"volary.dev/store/machines"
)

const (
	// lookAgain is how soon the end of a right is noticed where no notification tells of it.
	lookAgain = 5 * time.Second
	// mostBlind is how long a console goes on while the database cannot say whether it still may.
	mostBlind = 30 * time.Second
)

// Run hears of rights that end, until ctx does.
func (h *Handler) Run(ctx context.Context) error { return h.core.ListenRights(ctx, h.lookAt) }

// lookAt has the open consoles of a person looked at anew, or those of everybody.
func (h *Handler) lookAt(person uuid.UUID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for poke, viewer := range h.open {
		if person == uuid.Nil || person == viewer {
			select {
			case poke <- struct{}{}:
			default: // it will look anyway
			}
		}
	}
}

// untilUnseen returns when the viewer may not see the console any more, or ctx has ended.
func (h *Handler) untilUnseen(ctx context.Context, o machines.OpenConsole) {
	poke := make(chan struct{}, 1)
	poke <- struct{}{} // between the ticket and here it may have ended
	h.mu.Lock()
	h.open[poke] = o.Viewer.Person
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		delete(h.open, poke)
		h.mu.Unlock()
	}()
	tick := time.NewTicker(h.look)
	defer tick.Stop()
	for known := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-poke:
		}
		switch lasts, err := h.lasts(ctx, o); {
		case err == nil && !lasts:
			return
		case err == nil:
			known = time.Now()
		case time.Since(known) > mostBlind:
			h.log.WarnContext(ctx, "console ended, for the right to it cannot be read", "node", o.NodeID, "error", err)
			return
		}
	}
}

func (h *Handler) lasts(ctx context.Context, o machines.OpenConsole) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, lookAgain)
	defer cancel()
	return h.machines.ConsoleLasts(ctx, o)
}
