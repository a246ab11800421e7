package store

import (
	"context"

	"github.com/google/uuid"
)

// Change says that something an organization sees is different now, never what.
type Change struct {
	Organization uuid.UUID `json:"organization"`
	Kind         string    `json:"kind"` // cluster, image, test
	ID           uuid.UUID `json:"id"`
}

// Listen calls f for each change until ctx ends, on a connection of its own that it opens again where it is lost; f
// gets a zero Change then, since some may have been missed. f must not block.
func (db *DB) Listen(ctx context.Context, f func(Change)) error { return errUnwritten }

// ListenWork calls f with the id of each cluster whose wanted state changed; uuid.Nil after a lost connection.
func (db *DB) ListenWork(ctx context.Context, f func(uuid.UUID)) error { return errUnwritten }
