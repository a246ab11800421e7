package hostline

import (
	"context"
	"encoding/json"
	"net/netip"

	"github.com/google/uuid"

	"volary.dev/provisioner"
)

// method is what the child does for one method of the driver. Those that move bytes have a way of their own (serve.go).
type method func(ctx context.Context, d provisioner.Driver, arguments json.RawMessage) (any, error)

// methods are those that take a value and give one, by name. Beside them Line has the caller's side of each.
func methods() map[string]method {
	return map[string]method{
		"Enrolment": plain(func(ctx context.Context, d provisioner.Driver, _ nothing) (provisioner.Enrolment, error) {
			return d.Enrolment(ctx)
		}),
		"Facts": plain(func(ctx context.Context, d provisioner.Driver, _ nothing) (provisioner.HostFacts, error) {
			return d.Facts(ctx)
		}),
		"EnsureNetwork": plain(func(ctx context.Context, d provisioner.Driver, n provisioner.Network) (nothing, error) {
			return nothing{}, d.EnsureNetwork(ctx, n)
		}),
		"NetworkReport": plain(func(ctx context.Context, d provisioner.Driver, vni uint32) (provisioner.NetworkReport, error) {
			return d.NetworkReport(ctx, vni)
		}),
		"HashImage": plain(func(ctx context.Context, d provisioner.Driver, digest string) (string, error) {
			return d.HashImage(ctx, digest)
		}),
		"DeleteNetwork": plain(func(ctx context.Context, d provisioner.Driver, vni uint32) (nothing, error) {
			return nothing{}, d.DeleteNetwork(ctx, vni)
		}),
		"Images": plain(func(ctx context.Context, d provisioner.Driver, _ nothing) (provisioner.HostImages, error) {
			return d.Images(ctx)
		}),
		"DeleteImage": plain(func(ctx context.Context, d provisioner.Driver, digest string) (nothing, error) {
			return nothing{}, d.DeleteImage(ctx, digest)
		}),
		"EnsureNode": plain(func(ctx context.Context, d provisioner.Driver, n provisioner.NodeSpec) (nothing, error) {
			return nothing{}, d.EnsureNode(ctx, n)
		}),
		"StopNode": plain(func(ctx context.Context, d provisioner.Driver, a stopNode) (nothing, error) {
			return nothing{}, d.StopNode(ctx, a.ID, a.Force)
		}),
		"SuspendNode": plain(func(ctx context.Context, d provisioner.Driver, id uuid.UUID) (nothing, error) {
			return nothing{}, d.SuspendNode(ctx, id)
		}),
		"ResumeNode": plain(func(ctx context.Context, d provisioner.Driver, id uuid.UUID) (nothing, error) {
			return nothing{}, d.ResumeNode(ctx, id)
		}),
		"DeleteNode": plain(func(ctx context.Context, d provisioner.Driver, a deleteNode) (nothing, error) {
			return nothing{}, d.DeleteNode(ctx, a.ID, a.Wipe)
		}),
		"Observe": plain(func(ctx context.Context, d provisioner.Driver, _ nothing) (provisioner.Observation, error) {
			return d.Observe(ctx)
		}),
		"Addresses": plain(func(ctx context.Context, d provisioner.Driver, vni uint32) (map[string]netip.Addr, error) {
			return d.Addresses(ctx, vni)
		}),
		"Exec": plain(func(ctx context.Context, d provisioner.Driver, a execute) (provisioner.CommandResult, error) {
			return d.Exec(ctx, a.ID, a.Command)
		}),
		"Probe": plain(func(ctx context.Context, d provisioner.Driver, p provisioner.Probe) (provisioner.Probed, error) {
			return d.Probe(ctx, p)
		}),
		"Consoles": plain(func(ctx context.Context, d provisioner.Driver, queries []provisioner.ConsoleQuery) ([]provisioner.ConsoleText, error) {
			return d.Consoles(ctx, queries)
		}),
	}
}

// nothing stands for no arguments and for no value.
type nothing struct{}

type stopNode struct {
	ID    uuid.UUID
	Force bool
}

type deleteNode struct {
	ID   uuid.UUID
	Wipe bool
}

type execute struct {
	ID      uuid.UUID
	Command provisioner.Command
}

type ensureImage struct {
	Digest string
	Size   int64
}

func plain[A, V any](f func(context.Context, provisioner.Driver, A) (V, error)) method {
	return func(ctx context.Context, d provisioner.Driver, arguments json.RawMessage) (any, error) {
		var a A
		if err := json.Unmarshal(arguments, &a); err != nil {
			return nil, err
		}
		return f(ctx, d, a)
	}
}

// Enrolment implements provisioner.Driver.
func (l *Line) Enrolment(ctx context.Context) (provisioner.Enrolment, error) {
	return ask[provisioner.Enrolment](ctx, l, "Enrolment", nothing{})
}

// Facts implements provisioner.Driver.
func (l *Line) Facts(ctx context.Context) (provisioner.HostFacts, error) {
	return ask[provisioner.HostFacts](ctx, l, "Facts", nothing{})
}

// EnsureNetwork implements provisioner.Driver.
func (l *Line) EnsureNetwork(ctx context.Context, n provisioner.Network) error {
	_, err := ask[nothing](ctx, l, "EnsureNetwork", n)
	return err
}

// NetworkReport implements provisioner.Driver.
func (l *Line) NetworkReport(ctx context.Context, vni uint32) (provisioner.NetworkReport, error) {
	return ask[provisioner.NetworkReport](ctx, l, "NetworkReport", vni)
}

// HashImage implements provisioner.Driver.
func (l *Line) HashImage(ctx context.Context, digest string) (string, error) {
	return ask[string](ctx, l, "HashImage", digest)
}

// DeleteNetwork implements provisioner.Driver.
func (l *Line) DeleteNetwork(ctx context.Context, vni uint32) error {
	_, err := ask[nothing](ctx, l, "DeleteNetwork", vni)
	return err
}

// Images implements provisioner.Driver.
func (l *Line) Images(ctx context.Context) (provisioner.HostImages, error) {
	return ask[provisioner.HostImages](ctx, l, "Images", nothing{})
}

// DeleteImage implements provisioner.Driver.
func (l *Line) DeleteImage(ctx context.Context, digest string) error {
	_, err := ask[nothing](ctx, l, "DeleteImage", digest)
	return err
}

// EnsureNode implements provisioner.Driver.
func (l *Line) EnsureNode(ctx context.Context, n provisioner.NodeSpec) error {
	_, err := ask[nothing](ctx, l, "EnsureNode", n)
	return err
}

// StopNode implements provisioner.Driver.
func (l *Line) StopNode(ctx context.Context, id uuid.UUID, force bool) error {
	_, err := ask[nothing](ctx, l, "StopNode", stopNode{id, force})
	return err
}

// SuspendNode implements provisioner.Driver.
func (l *Line) SuspendNode(ctx context.Context, id uuid.UUID) error {
	_, err := ask[nothing](ctx, l, "SuspendNode", id)
	return err
}

// ResumeNode implements provisioner.Driver.
func (l *Line) ResumeNode(ctx context.Context, id uuid.UUID) error {
	_, err := ask[nothing](ctx, l, "ResumeNode", id)
	return err
}

// DeleteNode implements provisioner.Driver.
func (l *Line) DeleteNode(ctx context.Context, id uuid.UUID, wipe bool) error {
	_, err := ask[nothing](ctx, l, "DeleteNode", deleteNode{id, wipe})
	return err
}

// Observe implements provisioner.Driver.
func (l *Line) Observe(ctx context.Context) (provisioner.Observation, error) {
	return ask[provisioner.Observation](ctx, l, "Observe", nothing{})
}

// Addresses implements provisioner.Driver.
func (l *Line) Addresses(ctx context.Context, vni uint32) (map[string]netip.Addr, error) {
	return ask[map[string]netip.Addr](ctx, l, "Addresses", vni)
}

// Consoles implements provisioner.Driver.
func (l *Line) Consoles(ctx context.Context, queries []provisioner.ConsoleQuery) ([]provisioner.ConsoleText, error) {
	return ask[[]provisioner.ConsoleText](ctx, l, "Consoles", queries)
}

// Exec implements provisioner.Driver.
func (l *Line) Exec(ctx context.Context, id uuid.UUID, c provisioner.Command) (provisioner.CommandResult, error) {
	return ask[provisioner.CommandResult](ctx, l, "Exec", execute{id, c})
}

// Probe implements provisioner.Driver.
func (l *Line) Probe(ctx context.Context, p provisioner.Probe) (provisioner.Probed, error) {
	return ask[provisioner.Probed](ctx, l, "Probe", p)
}
