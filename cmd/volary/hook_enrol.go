package main

import (
	"context"
	"fmt"

	"volary.dev/provisioner/enrolment"
)

type enrolHook struct {
	Code string `arg:"" help:"The code, as the host's page shows it."`
}

// Run implements kong's command.
func (e enrolHook) Run(ctx context.Context) error {
	if err := enrolment.Enrol(ctx, e.Code); err != nil {
		return err
	}
	fmt.Println("The code is written down. The worker asks for it within a minute; the host's page shows what it found.")
	return nil
}
