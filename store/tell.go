package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Happening is one time that an event came about.
type Happening struct {
	Place   uuid.UUID // where: an organization, a provider, or Nil for the platform
	Subject uuid.UUID // what it is about
	Mark    string    // tells one time or threshold of the subject from the next
	Group   uuid.UUID // what is gathered in one mail, where the event gathers; Nil: Subject
	Whose   uuid.UUID // who began the subject: gets what is chosen as "own"
	Also    uuid.UUID // the same
	By      uuid.UUID // who did it knows, and is not told
	Kind    MailKind
	Data    map[string]string // of the mail
}

// Tell writes the notices of an event, by one statement for all happenings and people: for those who are of the place now,
// may see what it is about, want to hear of it, and are not suspended. A person is told once of an event's subject and mark,
// however often it is called. A worker mails them (MailNotices) if and only if the caller's transaction commits.
func (db *DB) Tell(ctx context.Context, tx pgx.Tx, event MailEvent, list ...Happening) error {
	if len(list) == 0 {
		return nil
	}
	rule := ruleOf(event)
	roles, scopes := rule.defaults()
	n := len(list)
	places, subjects, groups := make([]uuid.UUID, n), make([]uuid.UUID, n), make([]uuid.UUID, n)
	whose, also, by := make([]*uuid.UUID, n), make([]*uuid.UUID, n), make([]*uuid.UUID, n)
	marks, kinds, data := make([]string, n), make([]string, n), make([]string, n)
	for i, h := range list {
		if h.Data == nil {
			h.Data = map[string]string{}
		}
		b, err := json.Marshal(h.Data)
		if err != nil {
			return fmt.Errorf("tell of %s: %w", event, err)
		}
		places[i], subjects[i], groups[i], marks[i], kinds[i], data[i] = h.Place, h.Subject, h.Group, h.Mark, string(h.Kind), string(b)
		if h.Group == uuid.Nil {
			groups[i] = h.Subject
		}
		whose[i], also[i], by[i] = OrNull(h.Whose), OrNull(h.Also), OrNull(h.By)
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO notices (person_id, event, kind, subject_id, mark, place_id, group_id, data, created_at, due_at)
		SELECT w.person_id, $1, h.kind, h.subject_id, h.mark, h.place_id, h.group_id,
		       h.data::jsonb || jsonb_build_object('of', w.place, 'role', w.role, 'own', CASE WHEN s.own THEN 'yes' ELSE '' END), now(),
		       least(now() + $12::interval, (SELECT min(x.due_at) FROM notices x
		         WHERE x.person_id = w.person_id AND x.event = $1 AND x.group_id = h.group_id AND x.ended_at IS NULL))
		  FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::uuid[], $8::text[], $9::text[], $10::text[])
		         AS h (place_id, subject_id, group_id, whose, also, done_by, mark, kind, data)
		  JOIN LATERAL (`+peopleOf(rule.Kind)+`) AS w (person_id, role, place) ON true
		  JOIN people p ON p.id = w.person_id AND p.suspended_at IS NULL
		  JOIN unnest($11::text[], $13::text[]) AS d (role, scope) ON d.role = w.role
		  LEFT JOIN mail_choices c ON c.person_id = w.person_id AND c.place_id = h.place_id AND c.event = $1
		 CROSS JOIN LATERAL (SELECT coalesce(c.scope, d.scope) AS scope, coalesce(w.person_id IN (h.whose, h.also), false) AS own) s
		 WHERE (s.scope = 'all' OR s.scope = 'own' AND s.own) AND w.person_id IS DISTINCT FROM h.done_by
		ON CONFLICT DO NOTHING`,
		string(event), places, subjects, groups, whose, also, by, marks, kinds, data, roles, rule.Gather, scopes)
	if err != nil {
		return fmt.Errorf("tell of %s: %w", event, err)
	}
	return nil
}

// peopleOf selects the people of the place h.place_id, with their roles there and its name.
func peopleOf(k PlaceKind) string {
	switch k {
	case PlaceOrganization:
		return `SELECT m.person_id, m.role, o.name FROM memberships m JOIN organizations o ON o.id = m.organization_id WHERE m.organization_id = h.place_id`
	case PlaceProvider:
		return `SELECT f.person_id, f.role, o.name FROM staff f JOIN providers o ON o.id = f.provider_id WHERE f.provider_id = h.place_id`
	default:
		return `SELECT a.id, 'admin', '' FROM people a WHERE a.platform_admin`
	}
}
