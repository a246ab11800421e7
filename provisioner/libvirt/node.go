//go:build libvirt

package libvirt

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"libvirt.org/go/libvirt"

	"volary.dev/provisioner"
	"volary.dev/provisioner/domainxml"
	"volary.dev/provisioner/nethook"
)

// EnsureNode implements provisioner.Driver. The domain is defined after its disk is complete, so a disk without a domain
// was never started and is made anew.
func (d *Driver) EnsureNode(ctx context.Context, n provisioner.NodeSpec) error {
	op := "start node " + n.Name
	nonce, err := newNonce()
	if err != nil {
		return err
	}
	err = d.change(ctx, nodeKey(n.ID), op, func(conn *libvirt.Connect) error {
		dom, err := conn.LookupDomainByUUIDString(n.ID.String())
		switch {
		case missing(err):
			dom = nil
		case err != nil:
			return err
		default:
			defer dom.Free()
			if active, err := dom.IsActive(); active || err != nil {
				return err
			}
		}
		base, err := makeDisks(ctx, conn, op, n, dom != nil)
		if err != nil {
			return err
		}
		return start(conn, dom, n, nonce, base)
	})
	if err != nil {
		return err
	}
	return d.lockPort(ctx, op, n.VNI, n.MAC)
}

func nodeKey(id uuid.UUID) string { return "node " + id.String() }

// makeDisks makes the overlay, unless an earlier start of the node left it, and writes the seed as it is now. It gives the path
// of the base image that the overlay stands on.
func makeDisks(ctx context.Context, conn *libvirt.Connect, op string, n provisioner.NodeSpec, keep bool) (base string, err error) {
	err = withImagePool(conn, func(pool *libvirt.StoragePool) (err error) {
		if base, err = basePath(pool, op, n); err != nil {
			return err
		}
		if err := makeOverlay(pool, n, base, keep); err != nil {
			return err
		}
		seed := domainxml.SeedVolume(n.ID)
		if err := deleteVolume(pool, seed); err != nil {
			return err
		}
		if simulated, err := isSimulated(conn); simulated || err != nil {
			return errors.Join(err, createVolume(pool, seed, int64(len(n.Seed))))
		}
		_, err = upload(ctx, conn, pool, seed, int64(len(n.Seed)), bytes.NewReader(n.Seed))
		return err
	})
	return base, err
}

// basePath finds the base image, which is there when its marker is.
func basePath(pool *libvirt.StoragePool, op string, n provisioner.NodeSpec) (string, error) {
	marked, err := volumeExists(pool, domainxml.MarkerVolume(n.ImageDigest))
	if err != nil {
		return "", err
	}
	base, err := pool.LookupStorageVolByName(domainxml.BaseVolume(n.ImageDigest))
	if missing(err) || (err == nil && !marked) {
		return "", &provisioner.HostError{Op: op, Detail: "the base image " + n.ImageDigest + " is not on this host"}
	}
	if err != nil {
		return "", err
	}
	defer base.Free()
	return base.GetPath()
}

func makeOverlay(pool *libvirt.StoragePool, n provisioner.NodeSpec, base string, keep bool) error {
	name := domainxml.OverlayVolume(n.ID)
	there, err := volumeExists(pool, name)
	if err != nil || (there && keep) {
		return err
	}
	if there {
		if err := deleteVolume(pool, name); err != nil {
			return err
		}
	}
	xml, err := domainxml.Overlay(name, base, n.Shape.DiskGiB)
	if err != nil {
		return err
	}
	v, err := pool.StorageVolCreateXML(xml, 0)
	if err != nil {
		return err
	}
	return v.Free()
}

// start defines the domain as it is wanted now, under a name that is new for each start, and starts it.
func start(conn *libvirt.Connect, old *libvirt.Domain, n provisioner.NodeSpec, nonce, base string) error {
	virt, err := virtType(conn, n.Acceleration)
	if err != nil {
		return err
	}
	if old != nil {
		if err := old.Rename(domainxml.DomainName(n.ID, nonce), 0); isCode(err, libvirt.ERR_NO_SUPPORT) {
			err = old.UndefineFlags(0) // libvirt's own test driver, which keeps no UEFI variables
			if err != nil {
				return err
			}
		} else if err != nil {
			return err
		}
	}
	xml, err := domainxml.Node(n, virt, nonce, base)
	if err != nil {
		return err
	}
	dom, err := conn.DomainDefineXML(xml)
	if err != nil {
		return err
	}
	defer dom.Free()
	if old == nil && n.Firmware.NeedsUEFI() {
		// Its disk is new, and so are its variables, whatever an earlier node of the name left.
		return dom.CreateWithFlags(libvirt.DOMAIN_START_RESET_NVRAM)
	}
	return dom.Create()
}

// withNode hands the node's domain to f, or returns ErrNoSuchNode.
func withNode(conn *libvirt.Connect, id uuid.UUID, f func(*libvirt.Domain) error) error {
	dom, err := conn.LookupDomainByUUIDString(id.String())
	if missing(err) {
		return provisioner.ErrNoSuchNode
	}
	if err != nil {
		return err
	}
	defer dom.Free()
	return f(dom)
}

// StopNode implements provisioner.Driver.
func (d *Driver) StopNode(ctx context.Context, id uuid.UUID, force bool) error {
	return d.calls.call(ctx, "stop node "+id.String(), func(conn *libvirt.Connect) error {
		return withNode(conn, id, func(dom *libvirt.Domain) error {
			active, err := dom.IsActive()
			if err != nil || !active {
				return err
			}
			if force {
				err = dom.Destroy()
			} else {
				err = dom.ShutdownFlags(libvirt.DOMAIN_SHUTDOWN_ACPI_POWER_BTN)
				if isCode(err, libvirt.ERR_NO_SUPPORT, libvirt.ERR_INVALID_ARG) {
					err = dom.Shutdown()
				}
			}
			if active, activeErr := dom.IsActive(); activeErr == nil && !active {
				return nil // it went off by itself meanwhile
			}
			return err
		})
	})
}

// SuspendNode implements provisioner.Driver.
func (d *Driver) SuspendNode(ctx context.Context, id uuid.UUID) error {
	return d.calls.call(ctx, "suspend node "+id.String(), func(conn *libvirt.Connect) error {
		return withNode(conn, id, func(dom *libvirt.Domain) error { return turn(dom, libvirt.DOMAIN_RUNNING, dom.Suspend) })
	})
}

// ResumeNode implements provisioner.Driver.
func (d *Driver) ResumeNode(ctx context.Context, id uuid.UUID) error {
	return d.calls.call(ctx, "resume node "+id.String(), func(conn *libvirt.Connect) error {
		return withNode(conn, id, func(dom *libvirt.Domain) error { return turn(dom, libvirt.DOMAIN_PAUSED, dom.Resume) })
	})
}

// turn does what changes a machine in one state, and nothing to one in another. It may come into another by itself
// between the two, which is no failure.
func turn(dom *libvirt.Domain, from libvirt.DomainState, do func() error) error {
	state, _, err := dom.GetState()
	if err != nil || state != from {
		return err
	}
	err = do()
	if state, _, stateErr := dom.GetState(); stateErr == nil && state != from {
		return nil
	}
	return err
}

const undefineAll = libvirt.DOMAIN_UNDEFINE_MANAGED_SAVE | libvirt.DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
	libvirt.DOMAIN_UNDEFINE_CHECKPOINTS_METADATA | libvirt.DOMAIN_UNDEFINE_NVRAM

// DeleteNode implements provisioner.Driver. The domain goes last: as long as it is there the node is not gone.
func (d *Driver) DeleteNode(ctx context.Context, id uuid.UUID, wipe bool) error {
	h, err := d.hold(ctx, nodeKey(id), "delete node "+id.String())
	if err != nil {
		return err
	}
	defer h.release()
	if err := h.call(ctx, func(conn *libvirt.Connect) error { return endMachine(conn, id) }); err != nil {
		return err
	}
	if wipe {
		if err := d.wipeDisk(ctx, h, id); err != nil {
			return err
		}
	}
	if err := d.deleteFiles(ctx, h, id); err != nil {
		return err
	}
	return h.call(ctx, func(conn *libvirt.Connect) error { return undefine(conn, id) })
}

func endMachine(conn *libvirt.Connect, id uuid.UUID) error {
	err := withNode(conn, id, func(dom *libvirt.Domain) error {
		if active, err := dom.IsActive(); err != nil || !active {
			return err
		}
		err := dom.Destroy()
		if active, activeErr := dom.IsActive(); activeErr == nil && !active {
			return nil
		}
		return err
	})
	if errors.Is(err, provisioner.ErrNoSuchNode) {
		return nil
	}
	return err
}

func undefine(conn *libvirt.Connect, id uuid.UUID) error {
	err := withNode(conn, id, func(dom *libvirt.Domain) error {
		err := dom.UndefineFlags(undefineAll)
		if isCode(err, libvirt.ERR_INVALID_ARG, libvirt.ERR_NO_SUPPORT) {
			err = dom.Undefine()
		}
		return err
	})
	if errors.Is(err, provisioner.ErrNoSuchNode) {
		return nil
	}
	return err
}

// wipeDisk has the hook overwrite the node's disk, and its UEFI variables. libvirt's own wipe of a file with holes, as every disk of
// a node is, cuts it to nothing and writes nothing over it.
func (d *Driver) wipeDisk(ctx context.Context, h *held, id uuid.UUID) error {
	if d.simulated {
		return nil
	}
	var paths []string
	err := h.call(ctx, func(conn *libvirt.Connect) (err error) {
		if paths, err = varsOf(conn, id); err != nil {
			return err
		}
		return withImagePool(conn, func(pool *libvirt.StoragePool) error {
			v, err := pool.LookupStorageVolByName(domainxml.OverlayVolume(id))
			if missing(err) {
				return nil
			}
			if err != nil {
				return err
			}
			defer v.Free()
			path, err := v.GetPath()
			paths = append(paths, path)
			return err
		})
	})
	if err != nil || len(paths) == 0 {
		return err
	}
	for range 2 { // the first begins, and a small disk is done by the second
		a, err := d.ask(ctx, h.op, nethook.Question{Wipe: paths})
		if err != nil {
			return err
		}
		whole := true
		for _, w := range a.Wiped {
			if w.Error != "" {
				return refused(h.op, "overwrite its disk: "+w.Error, nil)
			}
			whole = whole && w.Done
		}
		if whole {
			return nil
		}
	}
	return fmt.Errorf("%s: %w", h.op, provisioner.ErrWiping)
}

// varsOf gives the path of a node's UEFI variables, or none where it starts by BIOS. As long as they are there its domain is.
func varsOf(conn *libvirt.Connect, id uuid.UUID) (paths []string, err error) {
	err = withNode(conn, id, func(dom *libvirt.Domain) error {
		text, err := dom.GetXMLDesc(libvirt.DOMAIN_XML_INACTIVE)
		if err != nil {
			return err
		}
		path, err := domainxml.VarsOf(text)
		if path == nethook.VarsFile(id) {
			paths = []string{path}
		}
		return err
	})
	if errors.Is(err, provisioner.ErrNoSuchNode) {
		return nil, nil
	}
	return paths, err
}

// deleteFiles deletes disk and seed, and has the hook remove what libvirt does not see: the console's files, UEFI variables, and a
// disk or seed that its pool does not list.
func (d *Driver) deleteFiles(ctx context.Context, h *held, id uuid.UUID) error {
	left := nethook.Leavings{ID: id}
	err := h.call(ctx, func(conn *libvirt.Connect) error {
		return withImagePool(conn, func(pool *libvirt.StoragePool) error {
			if err := deleteVolume(pool, domainxml.OverlayVolume(id)); err != nil {
				return err
			}
			if err := deleteVolume(pool, domainxml.SeedVolume(id)); err != nil {
				return err
			}
			var err error
			left.Dir, err = folderOf(pool)
			return err
		})
	})
	if err != nil || d.simulated {
		return err
	}
	a, err := d.ask(ctx, h.op, nethook.Question{Forget: []nethook.Leavings{left}})
	if err != nil {
		return err
	}
	if f := a.Forgotten[0]; !f.Done {
		return refused(h.op, "remove its files: "+f.Error, nil)
	}
	return nil
}

// Observe implements provisioner.Driver: one call for all machines and one for all networks.
func (d *Driver) Observe(ctx context.Context) (provisioner.Observation, error) {
	var o provisioner.Observation
	if err := d.stranger(); err != nil {
		d.hookLacks(ctx) // has it asked again: it may be the right one by now
		return o, err
	}
	err := d.calls.call(looks(ctx), "observe", func(conn *libvirt.Connect) error {
		stats, err := conn.GetAllDomainStats(nil, libvirt.DOMAIN_STATS_STATE, libvirt.CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT)
		if isCode(err, libvirt.ERR_INVALID_ARG, libvirt.ERR_NO_SUPPORT) {
			stats, err = conn.GetAllDomainStats(nil, libvirt.DOMAIN_STATS_STATE, 0)
		}
		if err != nil {
			return err
		}
		for _, s := range stats {
			if n, ours := observed(s); ours {
				o.Nodes = append(o.Nodes, n)
			}
			_ = s.Domain.Free()
		}
		networks, err := conn.ListAllNetworks(libvirt.CONNECT_LIST_NETWORKS_ACTIVE)
		if err != nil {
			return err
		}
		for i := range networks {
			if name, err := networks[i].GetName(); err == nil {
				if vni, ours := domainxml.VNIOf(name); ours {
					o.Networks = append(o.Networks, provisioner.NetworkObservation{VNI: vni, Active: true})
				}
			}
			_ = networks[i].Free()
		}
		o.Lacks, err = lacks(conn)
		return err
	})
	if err != nil {
		return provisioner.Observation{}, err
	}
	if hook := d.hookLacks(ctx); o.Lacks == "" {
		o.Lacks = hook
	}
	d.machine.mu.Lock()
	defer d.machine.mu.Unlock()
	o.Machine = d.machine.seen
	return o, nil
}

// standing tells a machine that somebody suspended from one whose vCPUs stand for the host's own reasons. One whose reason
// the host does not know was suspended: it names all that it does by itself.
func standing(r libvirt.DomainPausedReason) (provisioner.MachineState, string) {
	switch r {
	case libvirt.DOMAIN_PAUSED_IOERROR:
		return provisioner.MachineHalted, "a disk of the host is full or fails"
	case libvirt.DOMAIN_PAUSED_WATCHDOG:
		return provisioner.MachineHalted, "its watchdog ran out"
	case libvirt.DOMAIN_PAUSED_CRASHED:
		return provisioner.MachineHalted, "the guest crashed"
	case libvirt.DOMAIN_PAUSED_STARTING_UP, libvirt.DOMAIN_PAUSED_SHUTTING_DOWN:
		return provisioner.MachineHalted, "it is being started or ended"
	case libvirt.DOMAIN_PAUSED_MIGRATION, libvirt.DOMAIN_PAUSED_SAVE, libvirt.DOMAIN_PAUSED_DUMP, libvirt.DOMAIN_PAUSED_FROM_SNAPSHOT,
		libvirt.DOMAIN_PAUSED_SNAPSHOT, libvirt.DOMAIN_PAUSED_POSTCOPY, libvirt.DOMAIN_PAUSED_POSTCOPY_FAILED:
		return provisioner.MachineHalted, "its memory is being copied on the host"
	case libvirt.DOMAIN_PAUSED_API_ERROR:
		return provisioner.MachineHalted, "the host could not let it go on after it had copied it"
	case libvirt.DOMAIN_PAUSED_USER, libvirt.DOMAIN_PAUSED_UNKNOWN:
	}
	return provisioner.MachinePaused, ""
}

func observed(s libvirt.DomainStats) (provisioner.NodeObservation, bool) {
	name, err := s.Domain.GetName()
	if err != nil || s.State == nil || !s.State.StateSet {
		return provisioner.NodeObservation{}, false
	}
	id, nonce, ours := domainxml.ParseDomainName(name)
	if !ours {
		return provisioner.NodeObservation{}, false
	}
	n := provisioner.NodeObservation{ID: id}
	switch s.State.State {
	case libvirt.DOMAIN_RUNNING, libvirt.DOMAIN_BLOCKED, libvirt.DOMAIN_SHUTDOWN:
		n.State = provisioner.MachineRunning
	case libvirt.DOMAIN_PAUSED:
		n.State, n.Why = standing(libvirt.DomainPausedReason(s.State.Reason))
	case libvirt.DOMAIN_PMSUSPENDED:
		n.State, n.Why = provisioner.MachineHalted, "the guest put itself to sleep"
	case libvirt.DOMAIN_CRASHED:
		n.State = provisioner.MachineCrashed
	default:
		n.State = provisioner.MachineOff
		if s.State.ReasonSet && s.State.Reason == int(libvirt.DOMAIN_SHUTOFF_CRASHED) {
			n.State = provisioner.MachineCrashed
		}
		// libvirtd keeps why a machine went off no longer than it lives, and itself where machines run longer than it.
		n.Cold = s.State.ReasonSet && s.State.Reason == int(libvirt.DOMAIN_SHUTOFF_UNKNOWN)
	}
	if n.State != provisioner.MachineOff && n.State != provisioner.MachineCrashed {
		// The number tells starts by hand apart, the nonce those over a restart of the host.
		number, err := s.Domain.GetID()
		if err != nil {
			return provisioner.NodeObservation{}, false // it went off since; the next round sees it
		}
		n.StartID = fmt.Sprintf("%s.%d", nonce, number)
	}
	return n, true
}
