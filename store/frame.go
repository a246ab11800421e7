package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// FrameNeeds says what stands around a page, and for whom. What is Nil is left out.
type FrameNeeds struct {
	Person        uuid.UUID // who looks
	Workplaces    bool      // where Person may work
	Requests      uuid.UUID // an organization, whose launch requests are counted
	Orders        uuid.UUID // a provider, whose orders are counted
	Announcements uuid.UUID // an organization, for what providers tell it now and Person has not dismissed
}

// FrameFacts is what stands around a page, as far as it was needed.
type FrameFacts struct {
	Workplaces       Workplaces
	Requests, Orders int // that wait for a decision
	Announcements    []Announcement
}

// FrameFacts reads everything that stands around a page in one round trip, or in none where nothing is needed.
func (db *DB) FrameFacts(ctx context.Context, n FrameNeeds) (f FrameFacts, err error) {
	b := &pgx.Batch{}
	if n.Workplaces {
		queueWorkplaces(b, n.Person, &f.Workplaces)
	}
	if n.Requests != uuid.Nil {
		queueWaitingRequests(b, n.Requests, &f.Requests)
	}
	if n.Orders != uuid.Nil {
		queueWaitingOrders(b, n.Orders, &f.Orders)
	}
	if n.Announcements != uuid.Nil {
		queueAnnouncements(b, n.Announcements, n.Person, &f.Announcements)
	}
	if b.Len() == 0 {
		return f, nil
	}
	if err := db.pool.SendBatch(ctx, b).Close(); err != nil {
		return f, fmt.Errorf("read what stands around a page: %w", err)
	}
	return f, nil
}

// queueAll adds a query to a batch, whose rows are collected into list when the batch is read.
func queueAll[T any](b *pgx.Batch, list *[]T, f pgx.RowToFunc[T], query string, args ...any) {
	b.Queue(query, args...).Query(func(rows pgx.Rows) (err error) {
		*list, err = pgx.CollectRows(rows, f)
		return err
	})
}
