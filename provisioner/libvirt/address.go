package libvirt

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"volary.dev/provisioner"
)

// Options are the operator's part of how hosts are reached.
type Options struct {
	// AllowTCP and AllowUnix admit the schemes that ask nobody who they are: for one machine, and the lab.
	AllowTCP, AllowUnix bool
	// PKIPath is a folder with cacert.pem, clientcert.pem and clientkey.pem for SchemeTLS; empty takes libvirt's own.
	PKIPath string
	// SSHUser, SSHKeyFile and SSHKnownHosts are for SchemeSSH; an unknown host key is always refused.
	SSHUser, SSHKeyFile, SSHKnownHosts string
}

// URI makes libvirt's name of a connection from fields alone. It refuses, with provisioner.ErrHostAddress, what is not
// valid and what the operator has not allowed.
func (o Options) URI(a provisioner.HostAddress) (string, error) {
	if err := a.Validate(); err != nil {
		return "", err
	}
	u := url.URL{Path: "/system"}
	query := url.Values{}
	switch a.Scheme {
	case provisioner.SchemeTLS:
		u.Scheme = "qemu+tls"
		if o.PKIPath != "" {
			query.Set("pkipath", o.PKIPath)
		}
	case provisioner.SchemeSSH:
		u.Scheme = "qemu+ssh"
		query.Set("no_tty", "1")
		if o.SSHUser != "" {
			u.User = url.User(o.SSHUser)
		}
		if o.SSHKeyFile != "" {
			query.Set("keyfile", o.SSHKeyFile)
		}
		if o.SSHKnownHosts != "" {
			query.Set("known_hosts", o.SSHKnownHosts)
		}
	case provisioner.SchemeTCP:
		if !o.AllowTCP {
			return "", fmt.Errorf("%w: tcp is not allowed by this deployment's configuration; use tls or ssh", provisioner.ErrHostAddress)
		}
		u.Scheme = "qemu+tcp"
	case provisioner.SchemeUnix:
		if !o.AllowUnix {
			return "", fmt.Errorf("%w: unix is not allowed by this deployment's configuration; use tls or ssh", provisioner.ErrHostAddress)
		}
		return "qemu:///system", nil
	default:
		return "", fmt.Errorf("%w: %q is no libvirt connection", provisioner.ErrHostAddress, a.Scheme)
	}
	u.Host = a.Name
	if strings.Contains(a.Name, ":") {
		u.Host = "[" + a.Name + "]"
	}
	if a.Port != 0 {
		u.Host = net.JoinHostPort(a.Name, strconv.Itoa(a.Port))
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}
