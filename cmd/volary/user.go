package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/google/uuid"
	"volary.dev/store/floors"
	"volary.dev/store/people"
)

type userCommand struct {
	Create createUser `cmd:"" help:"Let a person sign in."`
}

type createUser struct {
	Email         string `arg:"" help:"E-mail address, which signs in."`
	Name          string `required:"" help:"Name that others see."`
	PasswordStdin bool   `help:"Read the password from standard input, one line. Without it one is made up and printed once."`
	Platform      bool   `help:"An admin of the platform: takes on providers, suspends organizations and people."`

	Organization string `help:"Make the person a member of this organization, too."`
	Role         string `help:"What for: owner, manager, member or billing." default:"member" enum:"owner,manager,member,billing"`
	Provider     string `help:"Make the person staff of this provider, too."`
	StaffRole    string `help:"What for: admin, operator or accountant." default:"operator" enum:"admin,operator,accountant"`
}

// Run implements kong's command.
func (u createUser) Run(ctx context.Context) error { return u.run(ctx, os.Stdin, os.Stdout) }

func (u createUser) run(ctx context.Context, in io.Reader, out io.Writer) error {
	password := rand.Text()
	if u.PasswordStdin {
		line, err := bufio.NewReader(in).ReadString('\n')
		if err != nil && line == "" {
			return fmt.Errorf("read the password from standard input: %w", err)
		}
		password = strings.TrimRight(line, "\r\n")
	}
	return withStore(ctx, func(db *floors.All) error {
		member, err := u.workplaces(ctx, db)
		if err != nil {
			return err
		}
		id, err := db.People.CreatePerson(ctx, uuid.Nil, people.NewPerson{
			Email: u.Email, Name: u.Name, Password: password, PlatformAdmin: u.Platform,
		})
		if err != nil {
			return err
		}
		if err := member(id); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s may sign in as %s.\n", u.Name, strings.ToLower(u.Email))
		if !u.PasswordStdin {
			fmt.Fprintf(out, "Password: %s\n", password)
		}
		return nil
	})
}

// workplaces finds the organization and the provider first, so that a wrong name leaves no person behind.
func (u createUser) workplaces(ctx context.Context, db *floors.All) (func(person uuid.UUID) error, error) {
	var org uuid.UUID
	var provider people.Provider
	var err error
	if u.Organization != "" {
		if org, err = db.People.OrganizationByName(ctx, u.Organization); err != nil {
			return nil, err
		}
	}
	if u.Provider != "" {
		if provider, err = providerByName(ctx, db, u.Provider); err != nil {
			return nil, err
		}
	}
	return func(person uuid.UUID) error {
		if u.Organization != "" {
			if err := db.People.AddMember(ctx, uuid.Nil, org, person, people.OrganizationRole(u.Role)); err != nil {
				return err
			}
		}
		if u.Provider != "" {
			return db.People.AddStaff(ctx, uuid.Nil, provider.ID, person, people.StaffRole(u.StaffRole))
		}
		return nil
	}, nil
}
