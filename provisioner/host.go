package provisioner

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/google/uuid"
)

// Scheme is how a worker speaks to a host's libvirt. SchemeTLS and SchemeSSH are for everyone; SchemeTCP and
// SchemeUnix only where the operator's configuration allows them (one machine, and the lab).
// SchemeMemory is the simulated host of provisioner/memory.
type Scheme string

// The schemes of a host address.
const (
	SchemeTLS    Scheme = "tls"
	SchemeSSH    Scheme = "ssh"
	SchemeTCP    Scheme = "tcp"
	SchemeUnix   Scheme = "unix"
	SchemeMemory Scheme = "memory"
)

// HostAddress names one libvirt connection by fields. It is never a URI typed by a person: libvirt runs
// commands that are named in a URI's parameters.
type HostAddress struct {
	Scheme Scheme
	Name   string // DNS name or IP address; empty for SchemeUnix
	Port   int    // 0 takes the scheme's default
	// Machine is who has to answer there. A driver that finds another says ErrAnotherMachine and does nothing there; a zero
	// field asks for nothing.
	Machine Machine
}

// Same tells whether two addresses lead to the same place, whoever has to answer there.
func (a HostAddress) Same(b HostAddress) bool {
	a.Machine, b.Machine = Machine{}, Machine{}
	return a == b
}

// usualPorts are those that a scheme takes where none is given.
var usualPorts = map[Scheme]int{SchemeTLS: 16514, SchemeSSH: 22, SchemeTCP: 16509}

// UsualPort is the port that the scheme takes where none is given; 0: it has none.
func (s Scheme) UsualPort() int { return usualPorts[s] }

// Canonical gives the one spelling of an address: names in lower case and without the dot at their end, IP addresses in
// their shortest form, and no port where it is the usual one.
func (a HostAddress) Canonical() HostAddress {
	a.Name = strings.TrimSuffix(strings.ToLower(strings.TrimSpace(a.Name)), ".")
	if ip, err := netip.ParseAddr(a.Name); err == nil && ip.Zone() == "" {
		a.Name = ip.Unmap().String()
	}
	if a.Port == a.Scheme.UsualPort() {
		a.Port = 0
	}
	return a
}

// ErrHostAddress is the sentinel of every refused host address.
var ErrHostAddress = errors.New("host address refused")

// Validate refuses names and ports that could not be an address, with the sentence a person reads.
func (a HostAddress) Validate() error {
	switch a.Scheme {
	case SchemeUnix:
		if a.Name != "" || a.Port != 0 {
			return fmt.Errorf("%w: a unix address takes neither name nor port", ErrHostAddress)
		}
		return nil
	case SchemeTLS, SchemeSSH, SchemeTCP, SchemeMemory:
	default:
		return fmt.Errorf("%w: %q is not a scheme; use tls or ssh", ErrHostAddress, a.Scheme)
	}
	if !validHostName(a.Name) {
		return fmt.Errorf("%w: %q is not a DNS name or IP address (letters, digits, dots and hyphens, at most 253)", ErrHostAddress, a.Name)
	}
	if a.Scheme != SchemeMemory {
		ip, err := netip.ParseAddr(a.Name)
		if isLoopbackName(a.Name) || err == nil && CheckHostPlace(ip) != nil {
			return fmt.Errorf("%w: %s is no address of a host (loopback, link-local, multicast and reserved addresses are none); give the one by which workers reach it", ErrHostAddress, a.Name)
		}
	}
	if a.Port < 0 || a.Port > 65535 {
		return fmt.Errorf("%w: port %d is not between 1 and 65535", ErrHostAddress, a.Port)
	}
	return nil
}

func validHostName(name string) bool {
	if a, err := netip.ParseAddr(name); err == nil {
		return a.Zone() == "" // a zone names an interface of the worker, and may hold any bytes
	}
	name = strings.TrimSuffix(name, ".")
	if name == "" || len(name) > 253 || name[0] == '-' || name[0] == '.' {
		return false
	}
	if last := name[strings.LastIndexByte(name, '.')+1:]; strings.Trim(last, "0123456789") == "" || strings.HasPrefix(strings.ToLower(last), "0x") {
		return false // what looks like a number is read as an address by some: 0x7f.1, 127.1, 2130706433
	}
	for _, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '.':
		default:
			return false
		}
	}
	return true
}

// HostState is what staff want of a host. What is seen of it is its HostSeen.
type HostState string

// The states of a host.
const (
	HostActive   HostState = "active"
	HostCordoned HostState = "cordoned" // keeps its nodes, takes no new ones
	HostDraining HostState = "draining" // is being emptied
)

// HostSeen is how a host answers its rounds. It follows from the rounds missed in a row.
type HostSeen string

// What is seen of a host.
const (
	HostUp     HostSeen = "up"
	HostLate   HostSeen = "late"   // missed one or two rounds: a short silence, which changes nothing yet
	HostSilent HostSeen = "silent" // missed more: its nodes are lost, and it takes none
)

// Acceleration is what a host's probe guest managed to boot with; what libvirt's capabilities claim proves
// nothing.
type Acceleration string

// The accelerations of a host.
const (
	AccelerationKVM Acceleration = "kvm"
	AccelerationTCG Acceleration = "tcg"
)

// HostFacts is what a host says of itself.
type HostFacts struct {
	UUID           uuid.UUID // of the machine, as its libvirt reports it
	Hostname       string
	LibvirtVersion string // "9.0.0"; "none" of a workstation
	QEMUVersion    string // "7.2.22"
	VCPUs          int    // logical processors
	CPUModel       string // what they are, as the host says; ProcessorName makes it fit to be shown
	MemoryMiB      int
	DiskGiB        int // size of the storage pool that holds base images and overlays
	DiskFreeGiB    int
	StoragePath    string
	UEFI           bool // it has UEFI firmware for nodes (OVMF), without Secure Boot
	HookOlder      bool // the network hook is older than UEFI nodes: it could not overwrite their variables, so that UEFI is false
	HookAnswers    bool // the network hook is installed, runnable and of our protocol version
	// ConsoleCap is how many bytes the host is configured to keep of a guest's console; 0: no cap; UnknownConsoleCap: the hook
	// cannot say, or there is none.
	ConsoleCap int64
}

// UnknownConsoleCap is a HostFacts.ConsoleCap that nobody could tell.
const UnknownConsoleCap = -1
