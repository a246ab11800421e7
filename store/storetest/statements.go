package storetest

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"volary.dev/store"
	"volary.dev/store/floors"
)

// Statements notes what a database is asked, in order, those of batches and of transactions' ends included.
type Statements struct {
	mu  sync.Mutex
	sql []string
}

// OpenNoted is Open, or with a role OpenAs, with what is asked noted.
func OpenNoted(t testing.TB, pool *pgxpool.Pool, role store.ServerRole) (*floors.All, *Statements) {
	t.Helper()
	if role == "" {
		role = servers
	}
	config, s := pool.Config(), &Statements{}
	config.ConnConfig.Tracer = s
	config.ConnConfig.RuntimeParams["role"] = string(role)
	noted := check[*pgxpool.Pool](t)(pgxpool.NewWithConfig(t.Context(), config))
	t.Cleanup(noted.Close)
	return floors.New(noted, Options()), s
}

// Taken gives what was asked since it was last taken.
func (s *Statements) Taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.sql
	s.sql = nil
	return taken
}

func (s *Statements) note(sql string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// The two ends of a savepoint are one to who counts.
	s.sql = append(s.sql, strings.NewReplacer("rollback to savepoint", "end", "release savepoint", "end").Replace(sql))
}

// TraceQueryStart implements pgx.QueryTracer.
func (s *Statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	s.note(q.SQL)
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (*Statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TraceBatchStart implements pgx.BatchTracer.
func (*Statements) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

// TraceBatchQuery implements pgx.BatchTracer.
func (s *Statements) TraceBatchQuery(_ context.Context, _ *pgx.Conn, q pgx.TraceBatchQueryData) {
	s.note(q.SQL)
}

// TraceBatchEnd implements pgx.BatchTracer.
func (*Statements) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}
