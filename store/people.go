package store

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// NewPerson is what CreatePerson needs.
type NewPerson struct {
	Email         string // any case; kept in lower case
	Name          string
	Password      string // at least 10 characters
	PlatformAdmin bool
}

// Person is someone who may sign in.
type Person struct {
	ID            uuid.UUID
	Email         string
	Name          string
	PlatformAdmin bool
	CreatedAt     time.Time
}

// CreatePerson adds a person. A taken e-mail address is the refusal "duplicate".
func (db *DB) CreatePerson(ctx context.Context, by uuid.UUID, p NewPerson) (uuid.UUID, error) {
	return uuid.Nil, errUnwritten
}

// PersonByEmail finds a person for the operator's commands.
func (db *DB) PersonByEmail(ctx context.Context, email string) (Person, error) {
	return Person{}, errUnwritten
}
