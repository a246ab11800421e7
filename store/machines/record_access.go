package machines

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// AccessOutcome is what came of telling a node.
type AccessOutcome struct {
	Node       uuid.UUID
	Generation int64    // that it was told of
	StartID    string   // of the machine that was told
	Taken      []string // fingerprints of keys of the seed that are out
	Absent     []string // logins that could not be made
	Problem    string   // what kept it from being told: "agent", "refused", "time", "nonsense", "host" or "script"; empty: nothing
	Whole      bool     // where nothing did: there is no more to tell it
	RetryAfter time.Duration
}

// RecordAccess writes down what came of telling a node that a worker has claimed, and gives it back. Where another worker took it over
// meanwhile, that one's word counts.
func (db *DB) RecordAccess(ctx context.Context, worker string, o AccessOutcome) error {
	_, err := db.pool.Exec(ctx, `
		UPDATE node_access SET claimed_by = NULL, claimed_until = NULL,
			generation = CASE WHEN $8 THEN greatest(generation, $3) ELSE generation END,
			start_id = CASE WHEN $7 = '' THEN $4 ELSE start_id END,
			taken = CASE WHEN $7 = '' THEN $5 ELSE taken END, absent = CASE WHEN $7 = '' THEN $6 ELSE absent END,
			done_at = CASE WHEN $8 THEN now() ELSE done_at END,
			tried_generation = $3, tried_start_id = $4, tried_at = now(), tries = CASE WHEN $7 = '' THEN 0 ELSE tries + 1 END,
			problem_since = CASE WHEN $7 = '' THEN NULL WHEN problem = $7 THEN problem_since ELSE now() END, problem = $7,
			retry_at = CASE WHEN $7 <> '' THEN now() + $9::interval END
		WHERE node_id = $1 AND claimed_by = $2`,
		o.Node, worker, o.Generation, o.StartID, noNull(o.Taken), noNull(o.Absent), o.Problem, o.Whole && o.Problem == "", o.RetryAfter)
	if err != nil {
		return fmt.Errorf("record access of node %s: %w", o.Node, err)
	}
	return nil
}

func noNull(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// PassAccess gives back nodes that a worker has claimed and that need not be told anything of a change.
func (db *DB) PassAccess(ctx context.Context, worker string, generation int64, list []AccessClaim) error {
	nodes, starts := make([]uuid.UUID, len(list)), make([]string, len(list))
	for i, c := range list {
		nodes[i], starts[i] = c.NodeID, c.StartID
	}
	_, err := db.pool.Exec(ctx, `
		UPDATE node_access a SET claimed_by = NULL, claimed_until = NULL, generation = greatest(generation, $2), start_id = n.start_id,
			taken = CASE WHEN a.start_id = n.start_id THEN a.taken ELSE '{}' END, absent = CASE WHEN a.start_id = n.start_id THEN a.absent ELSE '{}' END,
			tries = 0, problem = '', problem_since = NULL, retry_at = NULL
		FROM unnest($3::uuid[], $4::text[]) AS n (id, start_id) WHERE a.node_id = n.id AND a.claimed_by = $1`, worker, generation, nodes, starts)
	if err != nil {
		return fmt.Errorf("pass access of %d nodes: %w", len(list), err)
	}
	return nil
}

// ReleaseAccess gives back all nodes that a worker has claimed, as they were.
func (db *DB) ReleaseAccess(ctx context.Context, worker string) error {
	if _, err := db.pool.Exec(ctx, `UPDATE node_access SET claimed_by = NULL, claimed_until = NULL WHERE claimed_by = $1`, worker); err != nil {
		return fmt.Errorf("release access: %w", err)
	}
	return nil
}
