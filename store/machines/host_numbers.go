package machines

import (
	"context"
	"net/netip"

	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// HostNumbers are the addresses of all hosts as far as they are known by number: in the underlay, and where a host is reached by one.
func (db *DB) HostNumbers(ctx context.Context) ([]netip.Addr, error) {
	rows, _ := db.pool.Query(ctx, `SELECT host(underlay) FROM hosts WHERE removed_at IS NULL UNION SELECT address FROM hosts WHERE removed_at IS NULL`)
	texts, err := store.All(rows, "numbers of hosts", pgx.RowTo[string])
	var list []netip.Addr
	for _, text := range texts {
		if a, err := netip.ParseAddr(text); err == nil {
			list = append(list, a.Unmap())
		}
	}
	return list, err
}
