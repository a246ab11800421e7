package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/floors"
	"volary.dev/store/people"
)

type providerCommand struct {
	Create   createProvider `cmd:"" help:"Add a provider."`
	AddStaff addStaff       `cmd:"" help:"Make a person staff of a provider, or change what one of the staff may do."`
}

type createProvider struct {
	Name           string `arg:"" help:"Name of the provider."`
	Currency       string `required:"" help:"Currency of its prices, such as EUR."`
	AccountingZone string `required:"" help:"Time zone of its accounts, such as Europe/Berlin: a period is a month there."`
}

// Run implements kong's command.
func (c createProvider) Run(ctx context.Context) error {
	return withStore(ctx, func(db *floors.All) error {
		_, err := db.People.CreateProvider(ctx, uuid.Nil, people.NewProvider{Name: c.Name, Currency: c.Currency, AccountingZone: c.AccountingZone})
		if err != nil {
			return err
		}
		fmt.Printf("There is a provider %s. It needs a pool, hosts and shapes: volary pool add, host add, shape add.\n", c.Name)
		return nil
	})
}

type addStaff struct {
	Provider string `arg:"" help:"Name of the provider."`
	Email    string `arg:"" help:"E-mail address of the person."`
	Role     string `help:"What for: admin, operator or accountant." default:"operator" enum:"admin,operator,accountant"`
}

// Run implements kong's command.
func (a addStaff) Run(ctx context.Context) error {
	return withStore(ctx, func(db *floors.All) error {
		provider, err := providerByName(ctx, db, a.Provider)
		if err != nil {
			return err
		}
		person, err := db.People.PersonByEmail(ctx, a.Email)
		if err != nil {
			return err
		}
		if err := db.People.AddStaff(ctx, uuid.Nil, provider.ID, person.ID, people.StaffRole(a.Role)); err != nil {
			return err
		}
		fmt.Printf("%s is %s of %s.\n", person.Name, a.Role, a.Provider)
		return nil
	})
}

// providerByName is the provider of that name. The refusal of another repeats what was typed, in quotes, so that a space or a letter too many shows.
func providerByName(ctx context.Context, db *floors.All, name string) (people.Provider, error) {
	provider, err := db.People.ProviderByName(ctx, name)
	return provider, repeatTyped(err, name)
}

// repeatTyped names what was typed in the refusal of what is not there; another error stays as it is.
func repeatTyped(err error, typed string) error {
	r, ok := refusal.As(err)
	if !ok || r.Code != "not_found" {
		return err
	}
	named := *r
	named.Title = fmt.Sprintf("%s: %q.", strings.TrimSuffix(r.Title, "."), typed)
	return &named
}
