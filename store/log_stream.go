package store

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// The bounds of EachLogLine: how many rows it reads at a time, how many in all, and how old a row is before it is given.
// A row bears the time at which its transaction began, so that one may be written below another that was read already;
// transactions end long before LogSettled.
const (
	logBatch   = 500
	LogMost    = 100_000
	LogSettled = time.Minute
)

// LogOwner is whose log is read: an organization's, a provider's, or with neither the whole platform's.
type LogOwner struct {
	Organization uuid.UUID
	Provider     uuid.UUID
	Machines     bool // of a provider's: only what is about its machines and what runs on them
}

// aboutMachines are the subjects of a log whose readers are those who run hosts and clusters: no orders, prices, hours or roles.
const aboutMachines = `a.subject IN ('host', 'pool', 'shape', 'cluster', 'node', 'acceptance_test', 'job', 'announcement')`

func (o LogOwner) where() (clause string, id any) {
	switch {
	case o.Organization != uuid.Nil:
		return "a.organization_id = $1", o.Organization
	case o.Provider != uuid.Nil && o.Machines:
		return "a.provider_id = $1 AND " + aboutMachines, o.Provider
	case o.Provider != uuid.Nil:
		return "a.provider_id = $1", o.Provider
	default:
		return "$1::uuid IS NULL", nil
	}
}

// own is SQL that tells of a row a whether who did it is of the owner's own people, or nobody else is concerned: of what an organization
// and a provider both read, neither learns the other's people's sessions, addresses and mail addresses. Who reads only what is about
// machines learns nobody's: those of the provider's admins are for who may see the whole log.
func (o LogOwner) own() string {
	switch {
	case o.Organization != uuid.Nil:
		return "(a.provider_id IS NULL OR EXISTS (SELECT FROM memberships m WHERE m.organization_id = a.organization_id AND m.person_id = a.person_id))"
	case o.Provider != uuid.Nil && o.Machines:
		return "false"
	case o.Provider != uuid.Nil:
		return "(a.organization_id IS NULL OR EXISTS (SELECT FROM staff f WHERE f.provider_id = a.provider_id AND f.person_id = a.person_id))"
	default:
		return "true"
	}
}

// LogLine is one row of a log as programs read it; .readme/operate.md has the fields.
type LogLine struct {
	ID               uuid.UUID       `json:"id"`
	At               time.Time       `json:"at"`
	Verb             string          `json:"verb"`
	Subject          string          `json:"subject"`
	SubjectID        *uuid.UUID      `json:"subject_id"`
	PersonID         *uuid.UUID      `json:"person_id"`
	PersonName       *string         `json:"person"`
	OrganizationID   *uuid.UUID      `json:"organization_id"`
	OrganizationName *string         `json:"organization"`
	ProviderID       *uuid.UUID      `json:"provider_id"`
	ProviderName     *string         `json:"provider"`
	SessionID        *uuid.UUID      `json:"session_id"`
	Address          *netip.Addr     `json:"address"`
	Detail           json.RawMessage `json:"detail"`
}

// EachLogLine calls fn with the rows of a log, the oldest first: those after the row with the id after (uuid.Nil: from
// the beginning) that are not older than from. batch is called after each batch of lines. It reads in batches by
// (time, id), each a statement of its own, gives LogMost rows at most and none younger than LogSettled; whoever wants more
// asks again after the last id. Refusal: NotFound("entry") where the log has no such row.
func (db *DB) EachLogLine(ctx context.Context, owner LogOwner, after uuid.UUID, from time.Time, fn func(LogLine) error, batch func() error) error {
	at := from
	clause, whose := owner.where()
	if after != uuid.Nil {
		var found time.Time
		if err := db.pool.QueryRow(ctx, `SELECT at FROM audit a WHERE id = $2 AND `+clause, whose, after).Scan(&found); err != nil {
			return Found(err, "entry")
		}
		if !found.Before(from) {
			at = found
		} else {
			after = uuid.Nil // from is further on
		}
	}
	for given := 0; given < LogMost; {
		rows, _ := db.pool.Query(ctx, `
			SELECT a.id, a.at, a.verb, a.subject, a.subject_id, a.person_id, pe.name AS person_name, a.organization_id, o.name AS organization_name,
				a.provider_id, pr.name AS provider_name, CASE WHEN `+owner.own()+` THEN a.session_id END AS session_id,
				CASE WHEN `+owner.own()+` THEN a.address END AS address, a.detail
			FROM (SELECT * FROM audit a WHERE `+clause+` AND (a.at, a.id) > ($2, $3) AND a.at < now() - $4::interval ORDER BY a.at, a.id LIMIT $5) AS a
			LEFT JOIN people pe ON pe.id = a.person_id
			LEFT JOIN organizations o ON o.id = a.organization_id
			LEFT JOIN providers pr ON pr.id = a.provider_id
			ORDER BY a.at, a.id`, whose, at, after, LogSettled, min(logBatch, LogMost-given))
		lines, err := All(rows, "log", pgx.RowToStructByName[LogLine])
		if err != nil {
			return err
		}
		for _, l := range lines {
			l.At = l.At.UTC()
			if err := fn(l); err != nil {
				return err
			}
			at, after = l.At, l.ID
		}
		if err := batch(); err != nil {
			return fmt.Errorf("send log: %w", err)
		}
		given += len(lines)
		if len(lines) < logBatch {
			return nil
		}
	}
	return nil
}
