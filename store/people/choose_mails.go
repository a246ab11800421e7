package people

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// ChooseMails sets what a person is mailed of: wanted is asked for each event of each place that the person is of now, and
// says what was chosen, if anything. Only what differs from the default of the role is kept, so that another default, or
// another role, counts for who chose nothing. Refusals: "invalid" where a scope is not among those of its event.
func (db *DB) ChooseMails(ctx context.Context, personID uuid.UUID, wanted func(place uuid.UUID, event store.MailEvent) (store.MailScope, bool)) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		places, err := mailPlaces(ctx, tx, personID)
		if err != nil {
			return err
		}
		var ids []uuid.UUID
		var events, scopes []string
		changed := 0
		for _, p := range places {
			for _, e := range p.Events {
				scope, said := wanted(p.ID, e.Event)
				if !said {
					scope = e.Scope
				}
				if !slices.Contains(e.Scopes, scope) {
					return &refusal.Error{Code: "invalid", Title: "One of the choices is none that there is.", Next: "Open the page again and choose from its lists."}
				}
				if scope != e.Scope {
					changed++
				}
				if scope == e.Default {
					scope = ""
				}
				ids, events, scopes = append(ids, p.ID), append(events, string(e.Event)), append(scopes, string(scope))
			}
		}
		if changed == 0 {
			return nil
		}
		batch := &pgx.Batch{}
		batch.Queue(`
			DELETE FROM mail_choices c USING unnest($2::uuid[], $3::text[], $4::text[]) AS n (place_id, event, scope)
			WHERE c.person_id = $1 AND c.place_id = n.place_id AND c.event = n.event AND n.scope = ''`, personID, ids, events, scopes)
		batch.Queue(`
			INSERT INTO mail_choices (person_id, place_id, event, scope)
			SELECT $1, place_id, event, scope FROM unnest($2::uuid[], $3::text[], $4::text[]) AS n (place_id, event, scope) WHERE scope <> ''
			ON CONFLICT (person_id, place_id, event) DO UPDATE SET scope = excluded.scope`, personID, ids, events, scopes)
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: personID, Verb: "choose mails", Subject: "person", SubjectID: personID})
	})
}
