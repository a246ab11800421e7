package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"volary.dev/provisioner"
	"volary.dev/provisioner/image"
)

// verifyArgument as the first argument makes the worker judge one file instead of serving:
//
//	worker verify FILE SCRATCH
//
// It prints provisioner.UploadVerdict and the path below SCRATCH of the canonical form of each of its images as JSON. It is the same
// judgement that an uploaded file gets. The canonical forms stay, and a last line on standard error says in which folder.
const verifyArgument = "verify"

func verify(args []string) error {
	if len(args) != 2 {
		return errors.New("say which file, and which folder to work in: worker verify FILE SCRATCH")
	}
	// The child has a root of its own, in which files lie at their full paths.
	file, err := filepath.Abs(args[0])
	if err != nil {
		return err
	}
	scratch, err := filepath.Abs(args[1])
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	verifier := image.Verifier{Scratch: scratch}
	result, err := verifier.Verify(ctx, file, image.DefaultLimits(), image.Progress{})
	// Where nothing can be verified the verdict says so, and the error what the machine lacks.
	if err != nil && !errors.Is(err, image.ErrNoQEMUImg) && !errors.Is(err, image.ErrNoXZ) && !errors.Is(err, image.ErrNoSandbox) {
		return fmt.Errorf("verify %s: %w", args[0], err)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	err = json.NewEncoder(os.Stdout).Encode(struct {
		Verdict   provisioner.UploadVerdict `json:"verdict"`
		Canonical []string                  `json:"canonical"`
	}{result.UploadVerdict, result.Canonical})
	if left := leftIn(result.Canonical); err == nil && left != "" {
		fmt.Fprintln(os.Stderr, left)
	}
	return err
}

// leftIn says in which folder the canonical forms stay; empty where there are none.
func leftIn(canonical []string) string {
	if len(canonical) == 0 {
		return ""
	}
	return fmt.Sprintf("What guests would get stays in %s: remove that folder when you have seen it.", filepath.Dir(canonical[0]))
}
