package main

import (
	"errors"
	"fmt"
	"log/slog"

	"volary.dev/provisioner/image"
)

// sandboxArgument as the only argument makes the worker see whether it can open images safely where it runs, instead of serving:
//
//	worker sandbox
//
// It ends with status 0, or says what lacks and what to grant.
const sandboxArgument = "sandbox"

func sandbox(args []string) error {
	if len(args) != 0 {
		return errors.New("worker sandbox takes nothing more")
	}
	if err := image.CheckSandbox(); err != nil {
		return err
	}
	fmt.Println("Images are opened in a sandbox.")
	return nil
}

// logSandbox says once, at the start, whether uploads can be verified here.
func logSandbox(log *slog.Logger) {
	if err := image.CheckSandbox(); err != nil {
		log.Error("uploads stay unverified", "reason", err)
		return
	}
	log.Info("images are opened in a sandbox")
}
