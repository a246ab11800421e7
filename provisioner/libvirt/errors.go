//go:build libvirt

package libvirt

import (
	"context"
	"errors"
	"fmt"

	"libvirt.org/go/libvirt"

	"volary.dev/provisioner"
)

// isLost says whether a call failed because the connection did, rather than because the host refused.
func isLost(conn *libvirt.Connect, err error) bool {
	var e libvirt.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code {
	case libvirt.ERR_INVALID_CONN, libvirt.ERR_RPC, libvirt.ERR_GNUTLS_ERROR, libvirt.ERR_LIBSSH, libvirt.ERR_NO_CONNECT,
		libvirt.ERR_AUTH_FAILED, libvirt.ERR_AUTH_CANCELLED:
		return true
	default: // what the host said of the call
	}
	if e.Domain == libvirt.FROM_RPC && (e.Code == libvirt.ERR_INTERNAL_ERROR || e.Code == libvirt.ERR_SYSTEM_ERROR) {
		return true
	}
	alive, aliveErr := conn.IsAlive()
	return aliveErr != nil || !alive
}

// translate gives errors the types of provisioner. What is already one of ours passes.
func translate(op string, err error, lost bool) error {
	var e libvirt.Error
	var refused *provisioner.HostError
	switch {
	case err == nil:
		return nil
	case lost:
		return fmt.Errorf("%s: %w: %w", op, provisioner.ErrHostUnreachable, err)
	case errors.As(err, &refused), errors.Is(err, provisioner.ErrNoSuchNode), errors.Is(err, provisioner.ErrAnotherMachine), errors.Is(err, provisioner.ErrImageDigest), errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &e):
		return &provisioner.HostError{Op: op, Detail: e.Message, Err: err}
	}
	return fmt.Errorf("%s: %w", op, err)
}

// isCode says whether err is libvirt's of one of the codes.
func isCode(err error, codes ...libvirt.ErrorNumber) bool {
	var e libvirt.Error
	if !errors.As(err, &e) {
		return false
	}
	for _, c := range codes {
		if e.Code == c {
			return true
		}
	}
	return false
}

// missing says whether err means that the thing asked for is not there.
func missing(err error) bool {
	return isCode(err, libvirt.ERR_NO_DOMAIN, libvirt.ERR_NO_NETWORK, libvirt.ERR_NO_STORAGE_POOL, libvirt.ERR_NO_STORAGE_VOL)
}
