package main

import (
	"context"
	"fmt"
	"time"

	"volary.dev/billing"
	"volary.dev/provisioner/typed"
	"volary.dev/store/books"
	"volary.dev/store/floors"
)

type grantCommand struct {
	Provider     string `required:"" help:"Name of the provider that gives the hours."`
	Organization string `required:"" help:"Name of the organization that gets them."`
	Hours        string `required:"" help:"Compute hours, such as 100 or 3.25 (1 vCPU with up to 4 GiB of memory for one hour)."`
	Until        string `help:"The last day on which the hours are good, where the provider keeps its accounts: 2027-01-31." xor:"end"`
	Expires      string `xor:"end" help:"When the hours lapse: 2027-01-31 (the beginning of that day where the provider keeps its accounts) or 2027-01-31T12:00:00Z. Without it they never do."`
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
		provider, err := providerByName(ctx, db, g.Provider)
		if err != nil {
			return err
		}
		organization, err := db.People.OrganizationByName(ctx, g.Organization)
		if err != nil {
			return err
		}
		expires, err := g.end(provider.AccountingZone)
		if err != nil {
			return err
		}
		lot, err := db.Books.GrantHours(ctx, books.Grant{
			ProviderID: provider.ID, OrganizationID: organization, Hours: hours, ExpiresAt: expires, Purpose: g.Purpose, Note: g.Note,
		})
		if err != nil {
			return err
		}
		understood := typed.Text(int64(hours/(billing.ComputeHour/100_000)), 5)
		fmt.Printf("%s compute hours of %s granted to %s, good %s (purchase %s).\n", understood, g.Provider, g.Organization, goodUntil(expires), lot)
		return nil
	})
}

// end is when the hours lapse, nil for never: that of the last day that was named, or the instant.
func (g grantCommand) end(accountingZone string) (*time.Time, error) {
	zone, err := time.LoadLocation(accountingZone)
	if err != nil {
		return nil, fmt.Errorf("accounting zone: %w", err)
	}
	if g.Until != "" {
		day, err := typed.ParseDay(g.Until)
		if err != nil {
			return nil, fmt.Errorf("--until: %w", err)
		}
		end := day.End(zone)
		return &end, nil
	}
	if g.Expires == "" {
		return nil, nil
	}
	if t, err := time.Parse(time.RFC3339, g.Expires); err == nil {
		return &t, nil
	}
	day, err := typed.ParseDay(g.Expires)
	if err != nil {
		return nil, fmt.Errorf("write the expiry as 2027-01-31 or 2027-01-31T12:00:00Z, not %q", g.Expires)
	}
	begin := day.Start(zone)
	return &begin, nil
}

func goodUntil(expires *time.Time) string {
	if expires == nil {
		return "for ever"
	}
	return "until " + expires.Format(time.RFC3339)
}
