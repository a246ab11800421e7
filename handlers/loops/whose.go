package loops

import (
	"context"
	"errors"
	"io"

	"volary.dev/provisioner"
	"volary.dev/provisioner/cloudinit"
	"volary.dev/provisioner/reconcile"
)

// ownError is an error of our own database or image store that came up while a host was worked on. It is told apart
// by its type: a database that does not answer in time ends in the same deadline as a host that does not.
type ownError struct{ error }

func (e ownError) Unwrap() error { return e.error }

// ours marks an error as our own; nil stays nil.
func ours(err error) error {
	if err == nil {
		return nil
	}
	return ownError{err}
}

// OurOwn tells whether an error came up in our own database or image store.
func OurOwn(err error) bool {
	var own ownError
	return errors.As(err, &own)
}

// whose tells whose fault the failure of an action is. Whatever a host did not say or leave unsaid is our own.
func whose(err error) reconcile.Fault {
	var own ownError
	var refused *provisioner.HostError
	switch {
	case errors.Is(err, cloudinit.ErrSeed):
		return reconcile.FaultVersion
	case errors.As(err, &own):
		return reconcile.FaultOurs
	case errors.Is(err, provisioner.ErrHostUnreachable), errors.Is(err, context.DeadlineExceeded):
		return reconcile.FaultSilent
	case errors.As(err, &refused):
		return reconcile.FaultRefused
	default:
		return reconcile.FaultOurs
	}
}

// ownReader reads from our own image store.
type ownReader struct{ io.ReadCloser }

// Read implements io.Reader.
func (r ownReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = ours(err)
	}
	return n, err
}
