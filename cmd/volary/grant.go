package main

import (
	"context"
	"fmt"
	"time"

	"volary.dev/billing"
	"volary.dev/store/books"
	"volary.dev/store/floors"
)

type grantCommand struct {
	Provider     string `required:"" help:"Name of the provider that gives the hours."`
	Organization string `required:"" help:"Name of the organization that gets them."`
	Hours        string `required:"" help:"Compute hours, such as 100 or 3.25 (1 vCPU with up to 4 GiB of memory for one hour)."`
	Expires      string `help:"When the hours lapse: 2027-01-31 (the beginning of that day where the provider keeps its accounts) or 2027-01-31T12:00:00Z. Without it they never do."`
	Purpose      string `help:"What the hours are for; the organization's wallet shows it."`
	Note         string `help:"What the organization reads beside the purchase."`
}

// Run implements kong's command.
func (g grantCommand) Run(ctx context.Context) error {
	hours, err := billing.ParseHours(g.Hours)
	if err != nil {
		return err
	}
	return withStore(ctx, func(db *floors.All) error {
		provider, err := db.People.ProviderByName(ctx, g.Provider)
		if err != nil {
			return err
		}
		organization, err := db.People.OrganizationByName(ctx, g.Organization)
		if err != nil {
			return err
		}
		expires, err := parseExpiry(g.Expires, provider.AccountingZone)
		if err != nil {
			return err
		}
		lot, err := db.Books.GrantHours(ctx, books.Grant{
			ProviderID: provider.ID, OrganizationID: organization, Hours: hours, ExpiresAt: expires, Purpose: g.Purpose, Note: g.Note,
		})
		if err != nil {
			return err
		}
		fmt.Printf("%s compute hours of %s granted to %s (purchase %s).\n", hours, g.Provider, g.Organization, lot)
		return nil
	})
}

func parseExpiry(s, accountingZone string) (*time.Time, error) {
	if s == "" {
		return nil, nil
	}
	zone, err := time.LoadLocation(accountingZone)
	if err != nil {
		return nil, fmt.Errorf("accounting zone: %w", err)
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return &t, nil
		}
	}
	return nil, fmt.Errorf("write the expiry as 2027-01-31 or 2027-01-31T12:00:00Z, not %q", s)
}
