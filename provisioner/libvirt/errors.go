//go:build libvirt

package libvirt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

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
	var said *provisioner.HostError
	switch {
	case err == nil:
		return nil
	case lost:
		return fmt.Errorf("%s: %w", op, &provisioner.Unreached{Kind: provisioner.ErrHostUnreachable, Cause: err})
	case errors.As(err, &said), errors.Is(err, provisioner.ErrNoSuchNode), errors.Is(err, provisioner.ErrAnotherMachine), errors.Is(err, provisioner.ErrImageDigest), errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &e):
		return refused(op, e.Message, err)
	}
	return fmt.Errorf("%s: %w", op, err)
}

// refused is a host's refusal: its words without files and addresses for people, and whole for the log.
func refused(op, words string, err error) *provisioner.HostError {
	return &provisioner.HostError{Op: op, Detail: provisioner.Discreet(words), Err: err, Cause: words}
}

// hookFailed is the failure of the network hook, which speaks of commands, files and addresses: all of it is for the log.
func hookFailed(op, words string) *provisioner.HostError {
	return &provisioner.HostError{Op: op, Detail: "the network hook failed; the worker's log says how", Cause: words}
}

// notConnected is why libvirt opened no connection to a host at whose port somebody answers: never more than one of three
// sentences, so that nobody learns by the differences what answers there.
func notConnected(err error) error {
	kind := provisioner.ErrNoLibvirt
	var e libvirt.Error
	if errors.As(err, &e) {
		says := func(some ...string) bool {
			return slices.ContainsFunc(some, func(words string) bool { return strings.Contains(e.Message, words) })
		}
		switch {
		case says("Our own certificate"):
			kind = provisioner.ErrHostAuthentication
		case says("verify peer", "failed validation", "not trusted", "does not match", "Host key verification failed"):
			kind = provisioner.ErrHostUntrusted
		case says("Permission denied", "server verification"), isCode(err, libvirt.ERR_AUTH_CANCELLED, libvirt.ERR_AUTH_UNAVAILABLE):
			kind = provisioner.ErrHostAuthentication
		case isCode(err, libvirt.ERR_AUTH_FAILED) && !says("handshake"):
			kind = provisioner.ErrHostAuthentication
		}
	}
	return &provisioner.Unreached{Kind: kind, Cause: err}
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
