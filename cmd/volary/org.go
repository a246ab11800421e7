package main

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"volary.dev/store/floors"
	"volary.dev/store/people"
)

type orgCommand struct {
	Create    createOrg `cmd:"" help:"Add an organization."`
	AddMember addMember `cmd:"" help:"Make a person a member of an organization, or change what a member may do."`
}

type createOrg struct {
	Name string `arg:"" help:"Name of the organization."`
}

// Run implements kong's command.
func (c createOrg) Run(ctx context.Context) error {
	return withStore(ctx, func(db *floors.All) error {
		if _, err := db.People.CreateOrganization(ctx, uuid.Nil, c.Name); err != nil {
			return err
		}
		fmt.Printf("There is an organization %s. Add people with: volary user create EMAIL --name NAME --organization %q --role owner\n", c.Name, c.Name)
		return nil
	})
}

type addMember struct {
	Organization string `arg:"" help:"Name of the organization."`
	Email        string `arg:"" help:"E-mail address of the person."`
	Role         string `help:"What for: owner, manager, member or billing." default:"member" enum:"owner,manager,member,billing"`
}

// Run implements kong's command.
func (a addMember) Run(ctx context.Context) error {
	return withStore(ctx, func(db *floors.All) error {
		org, err := db.People.OrganizationByName(ctx, a.Organization)
		if err != nil {
			return err
		}
		person, err := db.People.PersonByEmail(ctx, a.Email)
		if err != nil {
			return err
		}
		if err := db.People.AddMember(ctx, uuid.Nil, org, person.ID, people.OrganizationRole(a.Role)); err != nil {
			return err
		}
		fmt.Printf("%s is %s of %s.\n", person.Name, a.Role, a.Organization)
		return nil
	})
}
