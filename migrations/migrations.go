package migrations

import "embed"

// FS holds every migration, to be given to store.Migrate, and grants.sql, which it runs after them.
//
//go:embed 0*.sql grants.sql
var FS embed.FS
