package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"volary.dev/provisioner"
	"volary.dev/store/machines"
)

// pairsAtOnce is how many other hosts boot a guest for one check at the same time.
const pairsAtOnce = 16

// pair is what was found between the host that is checked and another one.
type pair struct {
	with machines.Host
	took time.Duration
	err  error // errPeer: nothing was found, for the other one could not take part
}

// errPeer says that it was the other host that failed.
var errPeer = errors.New("the other host failed")

// overlay starts a head here and a guest on each other host of the pool, which sends a packet to the head by name and prints
// that the answer came. What it finds of a pair counts for both hosts, so that the first host of a pool, whose check had
// nobody to ask, is proved with the second.
func (p *probes) overlay(ctx context.Context) (string, error) {
	if err := p.meetPeers(ctx); err != nil {
		return "", err
	}
	if len(p.peers) == 0 {
		return "", skipped("the pool has no other host yet; the check of the next one looks at both")
	}
	if err := p.start(ctx, p.here()[0], p.acceleration, 0); err != nil {
		return "", err
	}
	pairs := p.pairs(ctx)
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	var reached, failed, unknown []string
	for _, f := range pairs {
		switch {
		case f.err == nil:
			reached = append(reached, fmt.Sprintf("%s in %.1f s", f.with.Name, f.took.Seconds()))
		case errors.Is(f.err, errPeer):
			unknown = append(unknown, f.with.Name+" could not take part: "+firstLine(f.err))
			continue
		default:
			failed = append(failed, fmt.Sprintf("between this host and %s: %s", f.with.Name, firstLine(f.err)))
		}
		if err := p.Machines.HostPairFound(ctx, machines.HostPair{Host: p.host, Other: f.with, Passed: f.err == nil, Why: whyApart(f.err)}); err != nil {
			return "", ourFault{err}
		}
	}
	switch {
	case len(failed) > 0:
		return "", errors.New(strings.Join(failed, "; ") + " (are UDP port 4789 and the underlay open between them?)")
	case len(reached) == 0:
		// No other host could take part: nothing is known of this one.
		return "", skipped(strings.Join(unknown, "; "))
	}
	return strings.Join(append([]string{"guests on other hosts reached one here by name: " + strings.Join(reached, ", ")}, unknown...), "; "), nil
}

// meetPeers looks for the other hosts as they are now, and has the network here know of them. Those that were chosen when the
// check began, and left meanwhile, have nothing of it yet.
func (p *probes) meetPeers(ctx context.Context) error {
	pool, err := p.Machines.HostsOfPool(ctx, p.host.PoolID)
	if err != nil {
		return ourFault{err}
	}
	p.peers, p.generation = choosePeers(p.host, pool), 2
	if len(p.peers) == 0 {
		return nil
	}
	return p.prepare(ctx, p.host, p.peers)
}

func whyApart(err error) string {
	if err == nil {
		return ""
	}
	return firstLine(err)
}

func (p *probes) pairs(ctx context.Context) []pair {
	pairs := make([]pair, len(p.peers))
	places := make(chan struct{}, pairsAtOnce)
	var all sync.WaitGroup
	for n := range p.peers {
		all.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			began := time.Now()
			err := p.reach(ctx, p.there(n))
			pairs[n] = pair{with: p.peers[n], took: time.Since(began), err: err}
		})
	}
	all.Wait()
	return pairs
}

// reach starts a guest on another host and waits until it has reached the head here.
func (p *probes) reach(ctx context.Context, g guest) error {
	err := p.prepare(ctx, g.on, []machines.Host{p.host})
	if err == nil {
		err = p.start(ctx, g, cmp.Or(g.on.Acceleration, provisioner.AccelerationTCG), 0)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errPeer, err)
	}
	defer p.remove(ctx, g)
	reached := strings.Join([]string{provisioner.GuestCheckPrefix, p.nonce, "head reached", p.nodes()[0].Address.String()}, " ")
	err = p.await(ctx, g, p.Probe.Overlay, p.Probe.Overlay, reached)
	if errors.Is(err, provisioner.ErrHostUnreachable) {
		return fmt.Errorf("%w: %w", errPeer, err)
	}
	return err
}
