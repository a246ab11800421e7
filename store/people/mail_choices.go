package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// MailPlace is a place of a person, with what the person may be mailed of there.
type MailPlace struct {
	ID     uuid.UUID // Nil: the platform
	Kind   store.PlaceKind
	Name   string // of the platform: empty
	Role   string
	Events []MailChoice
}

// MailChoice is what a person gets of an event.
type MailChoice struct {
	Event   store.MailEvent
	Scopes  []store.MailScope // to choose from
	Scope   store.MailScope   // now
	Default store.MailScope   // of the role
}

// MailPlaces gives what a person is mailed of at each place, organizations first.
func (db *DB) MailPlaces(ctx context.Context, personID uuid.UUID) ([]MailPlace, error) {
	return mailPlaces(ctx, db.pool, personID)
}

func mailPlaces(ctx context.Context, q store.Queryer, personID uuid.UUID) ([]MailPlace, error) {
	type place struct {
		Kind store.PlaceKind
		ID   uuid.UUID
		Name string
		Role string
	}
	rows, _ := q.Query(ctx, `
		SELECT kind, id, name, role FROM (
			SELECT 1 AS rank, 'organization' AS kind, o.id, o.name, m.role FROM memberships m JOIN organizations o ON o.id = m.organization_id WHERE m.person_id = $1
			UNION ALL
			SELECT 2, 'provider', p.id, p.name, f.role FROM staff f JOIN providers p ON p.id = f.provider_id WHERE f.person_id = $1
			UNION ALL
			SELECT 3, 'platform', $2, '', 'admin' FROM people WHERE id = $1 AND platform_admin) AS places
		ORDER BY rank, name, id`, personID, uuid.Nil)
	places, err := store.All(rows, "places of a person", pgx.RowToStructByName[place])
	if err != nil {
		return nil, err
	}
	type choice struct {
		PlaceID uuid.UUID
		Event   store.MailEvent
	}
	chosen := map[choice]store.MailScope{}
	var c choice
	var scope store.MailScope
	rows, _ = q.Query(ctx, `SELECT place_id, event, scope FROM mail_choices WHERE person_id = $1`, personID)
	if _, err := pgx.ForEachRow(rows, []any{&c.PlaceID, &c.Event, &scope}, func() error { chosen[c] = scope; return nil }); err != nil {
		return nil, fmt.Errorf("choices of a person: %w", err)
	}
	var list []MailPlace
	for _, p := range places {
		m := MailPlace{ID: p.ID, Kind: p.Kind, Name: p.Name, Role: p.Role}
		for _, r := range store.MailEvents() {
			usual, may := r.Roles[p.Role]
			if r.Kind != p.Kind || !may {
				continue
			}
			now := usual
			if s, other := chosen[choice{p.ID, r.Event}]; other {
				now = s
			}
			m.Events = append(m.Events, MailChoice{Event: r.Event, Scopes: r.Scopes, Scope: now, Default: usual})
		}
		list = append(list, m)
	}
	return list, nil
}
