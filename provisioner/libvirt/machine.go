//go:build libvirt

package libvirt

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/google/uuid"
	"libvirt.org/go/libvirt"

	"volary.dev/provisioner"
	"volary.dev/provisioner/domainxml"
	"volary.dev/provisioner/nethook"
)

// whois is what is known of the machine behind the connections.
type whois struct {
	mu    sync.Mutex
	asked bool // its hook was, since the connections were made
	seen  provisioner.Machine
}

// meet refuses a connection to another machine than the one that is expected, by its libvirt's UUID: each new one, for a name
// may lead elsewhere by now.
func (d *Driver) meet(conn *libvirt.Connect) error {
	if d.simulated {
		return nil
	}
	id, err := uuidOf(conn)
	if err != nil {
		return err
	}
	if !d.expects.Is(provisioner.Machine{UUID: id}) {
		return fmt.Errorf("%w: its UUID is %s, the host's is %s", provisioner.ErrAnotherMachine, id, d.expects.UUID)
	}
	d.machine.mu.Lock()
	defer d.machine.mu.Unlock()
	d.machine.seen.UUID = id
	return nil
}

// forgetMachine has the hook asked again before anything is changed.
func (d *Driver) forgetMachine() {
	d.machine.mu.Lock()
	defer d.machine.mu.Unlock()
	d.machine.asked, d.machine.seen.Key = false, uuid.Nil
}

// noteMachine keeps what the hook said of the machine. One that does not answer says nothing against it.
func (d *Driver) noteMachine(a nethook.Answer) {
	d.machine.mu.Lock()
	defer d.machine.mu.Unlock()
	d.machine.asked = true
	if a.Machine != nil && a.Machine.Error == "" {
		d.machine.seen.Key = a.Machine.Key
	}
}

// stranger says that the machine is known not to be the one that is expected.
func (d *Driver) stranger() error {
	d.machine.mu.Lock()
	defer d.machine.mu.Unlock()
	if d.expects.Is(provisioner.Machine{Key: d.machine.seen.Key}) {
		return nil
	}
	return fmt.Errorf("%w: its hook reports the key of another one", provisioner.ErrAnotherMachine)
}

// looking marks a call that is made to find out who the machine is, or what it does: it changes nothing there that lasts.
type looking struct{}

func looks(ctx context.Context) context.Context { return context.WithValue(ctx, looking{}, true) }

// bar keeps calls from a machine that is not the one that is expected. Before the first of a connection its hook is asked.
func (d *Driver) bar(ctx context.Context) error {
	if d.simulated || d.expects.Key == uuid.Nil || ctx.Value(looking{}) != nil {
		return nil
	}
	d.machine.mu.Lock()
	asked := d.machine.asked
	d.machine.mu.Unlock()
	if !asked {
		var silent *provisioner.HostError
		if _, err := d.ask(ctx, "ask who the host is", nethook.Question{}); err != nil && !errors.As(err, &silent) {
			return err
		}
	}
	return d.stranger()
}

// errNothingAsks says that there is nothing on the machine by which its hook could be asked.
var errNothingAsks = errors.New("there is nothing by which the network hook could be asked")

// Enrolment implements provisioner.Driver. What it asks by is there already or is not made.
func (d *Driver) Enrolment(ctx context.Context) (provisioner.Enrolment, error) {
	var e provisioner.Enrolment
	nonce, err := newNonce()
	if err != nil {
		return e, err
	}
	q := nethook.Question{Nonce: nonce}
	ask, unask, err := domainxml.Ask(q)
	if err != nil {
		return e, err
	}
	err = d.calls.call(looks(ctx), "ask who the host is", func(conn *libvirt.Connect) (err error) {
		if e.Machine.UUID, err = uuidOf(conn); err != nil || d.simulated {
			return err
		}
		n, err := conn.LookupNetworkByName(nethook.ProbeName)
		if err != nil {
			return nothingAsks(err)
		}
		defer n.Free()
		pool, err := conn.LookupStoragePoolByName(domainxml.ReportPool)
		if err != nil {
			return nothingAsks(err)
		}
		defer pool.Free()
		if active, err := pool.IsActive(); err != nil || !active {
			return errors.Join(err, errNothingAsks)
		}
		if err := apply(n, ask); err != nil {
			return err
		}
		var a nethook.Answer
		err = refresh(pool)
		if err == nil {
			a, err = readAnswerIn(conn, pool, q)
		}
		e.Hook = hookState(a, err)
		if e.Hook == provisioner.HookAnswers {
			e.Machine.Key, e.Code = a.Machine.Key, a.Machine.Code
		} else if errors.Is(err, errHookSilent) || errors.Is(err, errHookOlder) {
			err = nil
		}
		return errors.Join(err, apply(n, unask))
	})
	if errors.Is(err, errNothingAsks) {
		e.Hook, err = provisioner.HookNone, nil
	}
	if d.simulated {
		e.Hook = provisioner.HookNone
	}
	if err != nil {
		return provisioner.Enrolment{}, err
	}
	return e, nil
}

func nothingAsks(err error) error {
	if missing(err) {
		return errNothingAsks
	}
	return err
}

func hookState(a nethook.Answer, err error) provisioner.HookState {
	switch {
	case errors.Is(err, errHookOlder), err == nil && a.Machine == nil:
		return provisioner.HookOlder
	case err != nil:
		return provisioner.HookSilent
	}
	return provisioner.HookAnswers
}
