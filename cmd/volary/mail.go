package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"volary.dev/cmd/internal/setup"
	"volary.dev/store/floors"
	"volary.dev/store/sealing"
)

type mailCommand struct {
	Key  mailKey  `cmd:"" help:"Make the identity by which the worker opens the secret links of mails, and print the recipient for web."`
	Show mailShow `cmd:"" help:"Show the secret link of a mail that cannot be sent. The person is told, and it is in the log."`
}

type mailKey struct {
	File string `arg:"" help:"Where the identity is written; readable by the worker alone."`
}

// Run implements kong's command.
func (k mailKey) Run() error { return k.run(os.Stdout) }

func (k mailKey) run(out io.Writer) error {
	i, err := sealing.NewIdentity()
	if err != nil {
		return err
	}
	if err := i.Write(k.File); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "VOLARY_MAIL_IDENTITY_FILE=%s\nVOLARY_MAIL_RECIPIENT=%s\n", k.File, i.Recipient())
	return err
}

type mailShow struct {
	Address string `arg:"" help:"Whom the mail is to: the newest with a link is shown."`
	Subject string `help:"Only one whose subject contains this."`
}

// Run implements kong's command.
func (m mailShow) Run(ctx context.Context) error { return m.run(ctx, os.Stdout) }

func (m mailShow) run(ctx context.Context, out io.Writer) error {
	config, err := setup.ReadCommandConfig()
	if err != nil {
		return err
	}
	if config.MailIdentity == "" {
		return errors.New("VOLARY_MAIL_IDENTITY_FILE has to name the worker's identity, which opens the link")
	}
	identity, err := sealing.ReadIdentity(config.MailIdentity)
	if err != nil {
		return err
	}
	return withStore(ctx, func(db *floors.All) error {
		l, err := db.Core.ShowMailLink(ctx, m.Address, m.Subject)
		if err != nil {
			return err
		}
		path, err := identity.Open(l.Sealed)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%s%s\n", config.PublicURL, path)
		return err
	})
}
