// Package floors puts the handles of the store together: one for each floor, all over one core, each with what it needs
// of the others inside its transactions. The processes make one All; handlers hold the handles that they need.
//
// It imports the core and every floor, and holds no SQL.
package floors

import (
	"github.com/jackc/pgx/v5/pgxpool"
	"volary.dev/store"
	"volary.dev/store/books"
	"volary.dev/store/machines"
	"volary.dev/store/models"
	"volary.dev/store/overview"
	"volary.dev/store/people"
)

// All holds a handle of each floor.
type All struct {
	Core     *store.DB
	People   *people.DB
	Books    *books.DB
	Models   *models.DB
	Machines *machines.DB
	Overview *overview.DB
}

// New makes the handles over a migrated pool, which the caller closes.
func New(pool *pgxpool.Pool, o store.Options) *All {
	core := store.New(pool, o)
	b := books.New(core)
	m := machines.New(core, b)
	images := models.New(core, m)
	return &All{
		Core: core, People: people.New(core, m), Books: b, Models: images, Machines: m, Overview: overview.New(core, images),
	}
}
