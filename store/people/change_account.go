package people

import (
	"context"
)

// EmailByToken finds which new address a link confirms. Refusals: "link".
func (db *DB) EmailByToken(ctx context.Context, token string) (MailLink, error) {
	return readMailToken(ctx, db.pool, token, "confirm", "")
}
