package machines

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// OverlayCheck is the name of the check that sends packets between hosts.
const OverlayCheck = "overlay network"

// HostPair is what was found when a packet was sent between two hosts of a pool.
type HostPair struct {
	Host, Other Host
	Passed      bool
	Why         string // it failed
}

// HostPairFound writes down what a check of Host found between it and another. Where the other's own check had skipped that
// part, because it was alone, its report says from now on what was found, and a check that had passed so has failed where that
// is the finding. It keeps the nodes it may have: none of them needs the newcomer, which takes none.
func (db *DB) HostPairFound(ctx context.Context, p HostPair) error {
	first, second := p.Host.ID, p.Other.ID
	if bytes.Compare(first[:], second[:]) > 0 {
		first, second = second, first
	}
	detail := p.Why
	if p.Passed {
		detail = fmt.Sprintf("guests on %s and %s reached one another", p.Other.Name, p.Host.Name)
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			INSERT INTO host_pairs (first_id, second_id, passed, detail, at) VALUES ($1, $2, $3, $4, now())
			ON CONFLICT (first_id, second_id) DO UPDATE SET passed = excluded.passed, detail = excluded.detail, at = excluded.at`, first, second, p.Passed, detail)
		if err != nil {
			return fmt.Errorf("note what was found between hosts %s and %s: %w", first, second, err)
		}
		var report []provisioner.HostCheck
		if err := tx.QueryRow(ctx, `SELECT check_report FROM hosts WHERE id = $1 FOR UPDATE`, p.Other.ID).Scan(&report); err != nil {
			return store.Found(err, "host")
		}
		if !skippedOverlay(report) {
			return nil
		}
		report, failed, err := fillOverlay(ctx, tx, p.Other.ID, report)
		if err != nil {
			return err
		}
		b, err := json.Marshal(report)
		if err != nil {
			return fmt.Errorf("report on host: %w", err)
		}
		_, err = tx.Exec(ctx, `
			UPDATE hosts SET check_report = $2, check_state = CASE WHEN $3 AND check_state = 'passed' THEN 'failed' ELSE check_state END
			WHERE id = $1`, p.Other.ID, b, failed)
		if err != nil {
			return fmt.Errorf("report on host %s: %w", p.Other.ID, err)
		}
		return nil
	})
}

func overlayAt(report []provisioner.HostCheck) int {
	return slices.IndexFunc(report, func(c provisioner.HostCheck) bool { return c.Name == OverlayCheck })
}

func skippedOverlay(report []provisioner.HostCheck) bool {
	i := overlayAt(report)
	return i >= 0 && report[i].State == provisioner.CheckSkipped
}

// fillOverlay puts what other hosts' checks found of a host in the place of what its own had to skip. The host is locked.
func fillOverlay(ctx context.Context, tx pgx.Tx, hostID uuid.UUID, report []provisioner.HostCheck) (filled []provisioner.HostCheck, failed bool, err error) {
	rows, _ := tx.Query(ctx, `
		SELECT o.name, p.passed, p.detail, p.at FROM host_pairs p
		JOIN hosts o ON o.id = CASE p.first_id WHEN $1 THEN p.second_id ELSE p.first_id END
		JOIN hosts h ON h.id = $1
		WHERE $1 IN (p.first_id, p.second_id) AND o.removed_at IS NULL AND o.pool_id = h.pool_id ORDER BY p.passed, p.at DESC LIMIT 1`, hostID)
	type finding struct {
		Name   string
		Passed bool
		Detail string
		At     time.Time
	}
	found, err := store.All(rows, "what was found between hosts", pgx.RowToStructByName[finding])
	if err != nil || len(found) == 0 {
		return report, false, err
	}
	filled = slices.Clone(report)
	c := &filled[overlayAt(filled)]
	c.State, c.Detail = provisioner.CheckPassed, found[0].Detail+", by the check of "+found[0].Name
	if !found[0].Passed {
		c.State, c.Detail = provisioner.CheckFailed, "between this host and "+found[0].Name+", by the check of that one: "+found[0].Detail
	}
	return filled, !found[0].Passed, nil
}
