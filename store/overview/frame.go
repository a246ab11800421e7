package overview

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store/books"
	"volary.dev/store/machines"
	"volary.dev/store/people"
)

// FrameNeeds says what stands around a page, and for whom. What is Nil is left out.
type FrameNeeds struct {
	Person        uuid.UUID // who looks
	Workplaces    bool      // where Person may work
	Requests      uuid.UUID // an organization, whose launch requests are counted
	Orders        uuid.UUID // a provider, whose orders are counted
	Announcements uuid.UUID // an organization, for what providers tell it now and Person has not dismissed
	Refused       bool      // mails to Person that a server refused for good
}

// FrameFacts is what stands around a page, as far as it was needed.
type FrameFacts struct {
	Workplaces       people.Workplaces
	Requests, Orders int // that wait for a decision
	Announcements    []people.Announcement
	Refused          []people.RefusedMail
}

// FrameFacts reads everything that stands around a page in one round trip, or in none where nothing is needed.
func (db *DB) FrameFacts(ctx context.Context, n FrameNeeds) (f FrameFacts, err error) {
	b := &pgx.Batch{}
	if n.Workplaces {
		people.QueueWorkplaces(b, n.Person, &f.Workplaces)
	}
	if n.Requests != uuid.Nil {
		machines.QueueWaitingRequests(b, n.Requests, &f.Requests)
	}
	if n.Orders != uuid.Nil {
		books.QueueWaitingOrders(b, n.Orders, &f.Orders)
	}
	if n.Announcements != uuid.Nil {
		people.QueueAnnouncements(b, n.Announcements, n.Person, &f.Announcements)
	}
	if n.Refused {
		people.QueueRefusedMails(b, n.Person, &f.Refused)
	}
	if b.Len() == 0 {
		return f, nil
	}
	if err := db.pool.SendBatch(ctx, b).Close(); err != nil {
		return f, fmt.Errorf("read what stands around a page: %w", err)
	}
	return f, nil
}
