package handlertest

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// MailLinks has people sign up, ask for a new password and change their address, and returns the links that were mailed
// for it, that of the world's invitation among them.
func (a *App) MailLinks(w *World) []string {
	a.t.Helper()
	ctx := context.Background()
	const from = "192.0.2.1"
	a.ok(a.Store.People.SignUp(ctx, people.SignUp{Email: "new@third.example", Name: "New", Organization: "Third Group", Password: Password}, from))
	a.ok(a.Store.People.RequestReset(ctx, Billing, from))
	var session people.Session
	session.PersonID, session.Email, session.Name = w.people[Manager], Manager, Manager
	a.ok(a.Store.People.RequestEmail(ctx, session, "elsewhere@first.example", Password, from))
	rows, err := a.Pool.Query(ctx, `SELECT sealed FROM mails WHERE has_link ORDER BY created_at`)
	a.ok(err)
	links, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		var sealed []byte
		err := row.Scan(&sealed)
		return storetest.OpenLink(a.t, sealed), err
	})
	a.ok(err)
	return links
}

// Apply has Nobody apply as a provider.
func (a *App) Apply(w *World) uuid.UUID {
	a.t.Helper()
	return must(a.Store.People.ApplyAsProvider(context.Background(), w.people[Nobody], people.ProviderApplication{
		Name: "West", Currency: "EUR", ProviderWords: people.ProviderWords{
			LegalName: "West Computing Ltd", TaxID: "IE1234567A", InvoicePrefix: "WEST", AccountingZone: "Europe/Dublin", SupportContact: "help@west.example",
		},
	}))(a)
}

// Session is the id of a person's newest session.
func (a *App) Session(person uuid.UUID) uuid.UUID {
	a.t.Helper()
	var id uuid.UUID
	a.ok(a.Pool.QueryRow(context.Background(), `SELECT id FROM sessions WHERE person_id = $1 ORDER BY created_at DESC LIMIT 1`, person).Scan(&id))
	return id
}
