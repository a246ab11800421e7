package jobs

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
)

// mostConsole is the largest cap that a check tries, and that is taken: three times as much is written.
const mostConsole = 64 << 20

// mendConsole is what a person does about a console without a bound.
const mendConsole = "set max_size and max_backups in /etc/libvirt/virtlogd.conf (2097152 and 3 are the defaults), leave stdio_handler in qemu.conf at " +
	"\"logd\", restart virtlogd and end the guests that ran before"

// console has a guest write three times to its console what the host says that it keeps of one, and looks at what lies there
// then: a host that keeps more can be filled by any guest. What the configuration says counts for nothing by itself: virtlogd
// may run with an older one, or not write the file at all.
func (p *probes) console(ctx context.Context) (string, error) {
	limit := p.facts.ConsoleCap
	switch {
	case limit < 0:
		return "", skipped("the network hook cannot say how much virtlogd is configured to keep of a console: is /etc/libvirt/virtlogd.conf readable, with whole numbers?")
	case limit == 0:
		return "", errors.New("virtlogd keeps all that a guest writes to its console (max_size is 0): " + mendConsole)
	case limit > mostConsole:
		return "", fmt.Errorf("virtlogd is configured to keep %s of each console; at most %s are taken: %s", size(limit), size(mostConsole), mendConsole)
	}
	g := p.here()[3]
	defer p.remove(ctx, g)
	if err := p.start(ctx, g, p.acceleration, 3*limit); err != nil {
		return "", err
	}
	late := p.await(ctx, g, p.Probe.Fill, p.Probe.Fill, strings.Join([]string{provisioner.GuestCheckPrefix, p.nonce, "filled"}, " "))
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	kept, err := p.kept(ctx, g)
	switch {
	case err != nil:
		return "", errors.Join(late, err)
	case kept > limit:
		return "", fmt.Errorf("a guest wrote to its console, and %s of it lie on the host, where virtlogd is configured to keep %s: %s", size(kept), size(limit), mendConsole)
	case late != nil:
		return "", skipped(fmt.Sprintf("the guest did not write three times the %s that are kept of a console: %v", size(limit), late))
	}
	return fmt.Sprintf("a guest wrote %s to its console, and %s of it are kept", refusal.Bytes(3*limit), refusal.Bytes(kept)), nil
}

// kept is how many bytes of a guest's console lie on the host.
func (p *probes) kept(ctx context.Context, g guest) (int64, error) {
	var texts []provisioner.ConsoleText
	err := p.with(ctx, p.host, func(d provisioner.Driver) (err error) {
		texts, err = d.Consoles(ctx, []provisioner.ConsoleQuery{{Node: g.id}})
		return err
	})
	if err != nil {
		return 0, err
	}
	return texts[0].Kept, nil
}

// size is a number of bytes for people; the exact one where it is no whole KiB.
func size(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
