package migrations

import "embed"

// FS holds every migration, to be given to goose.NewProvider.
//
//go:embed 0*.sql
var FS embed.FS
