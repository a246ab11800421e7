package jobs

import (
	"context"
	"sync"
	"time"

	"volary.dev/provisioner"
	"volary.dev/provisioner/acceptance"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/machines"
)

const (
	// signInGrace is for how long a guest that is ready is tried again: some start their SSH server late.
	signInGrace = time.Minute
	signInTime  = 15 * time.Second
	// counterTime and hashTime bound what a host is asked for at the end. An image that is not read in that time was not observed.
	counterTime = 15 * time.Second
	hashTime    = 2 * time.Minute
)

// signIn has the hooks sign in on every node with the test's own key, all at once, and tells whether that is over.
func (f *followed) signIn(ctx context.Context) bool {
	f.seen.User = f.seen.FindUser(f.work.Model)
	key := acceptance.KeyOf(f.work.SeedSecret, f.seen.Nonce)
	var all sync.WaitGroup
	for i, n := range f.work.Nodes {
		if !f.seen.Nodes[i].SignIn.At.IsZero() {
			continue
		}
		all.Go(func() { f.signInOn(ctx, n, &f.seen.Nodes[i].SignIn, key) })
	}
	all.Wait()
	for _, n := range f.seen.Nodes {
		if n.SignIn.At.IsZero() {
			return false
		}
	}
	return true
}

// signInOn tries one node. A guest that does not let the key in is tried again for a while.
func (f *followed) signInOn(ctx context.Context, n machines.NodeWork, s *acceptance.SignIn, key acceptance.Key) {
	ctx, cancel := context.WithTimeout(ctx, 2*signInTime)
	defer cancel()
	began := time.Now()
	var found provisioner.Probed
	err := f.Hosts.With(ctx, n.Host.Address, func(d provisioner.Driver) (err error) {
		found, err = d.Probe(ctx, provisioner.Probe{
			VNI: f.work.VNI, Guest: n.Address, Port: 22, Within: signInTime, SignIn: &provisioner.ProbeSignIn{User: f.seen.User, PrivateKey: key.Private},
		})
		return err
	})
	if s.Tried.IsZero() {
		s.Tried = f.work.Now
	}
	s.Done, s.Why, s.Host, s.Took = found.SignedIn, found.Why, err != nil, time.Since(began).Round(10*time.Millisecond).Seconds()
	if err != nil {
		s.Why = acceptance.HostWords(err)
	}
	if s.Done || f.work.Now.Sub(s.Tried) >= signInGrace {
		s.At = f.work.Now
	}
}

// readCounters asks each host what its rules counted at the edge of the test's network.
func (f *followed) readCounters(ctx context.Context) {
	for _, host := range f.hosts() {
		seen := f.seen.Host(host.Name)
		if seen.Network != nil {
			continue
		}
		err := f.bounded(ctx, host, counterTime, func(ctx context.Context, d provisioner.Driver) error {
			r, err := d.NetworkReport(ctx, f.work.VNI)
			if err == nil {
				seen.Network = &r
			}
			return err
		})
		if err != nil {
			seen.Why = acceptance.HostWords(err)
		}
	}
}

// hashImages has each host read the base images on which the nodes' disks stand.
func (f *followed) hashImages(ctx context.Context) {
	for _, n := range f.work.Nodes {
		seen := f.seen.Host(n.Host.Name)
		known := false
		for _, i := range seen.Images {
			known = known || i.Digest == n.ImageDigest
		}
		if known {
			continue
		}
		i, began := acceptance.ImageEvidence{Digest: n.ImageDigest}, time.Now()
		err := f.bounded(ctx, n.Host, hashTime, func(ctx context.Context, d provisioner.Driver) (err error) {
			i.Is, err = d.HashImage(ctx, n.ImageDigest)
			return err
		})
		if err != nil {
			i.Is, i.Why = "", acceptance.HostWords(err)
		}
		i.Took = time.Since(began).Round(10 * time.Millisecond).Seconds()
		seen.Images = append(seen.Images, i)
	}
}

func (f *followed) bounded(ctx context.Context, host machines.HostWork, most time.Duration, ask func(context.Context, provisioner.Driver) error) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	return f.Hosts.With(ctx, host.Address, func(d provisioner.Driver) error { return ask(ctx, d) })
}

// afterStop looks at what the hosts have once every machine is off, and has the machines started again.
func (f *followed) afterStop(ctx context.Context) (over bool, err error) {
	f.hashImages(ctx)
	f.seen.NoSecond = f.seen.Unfit()
	if f.seen.NoSecond != "" {
		return true, nil
	}
	err = f.Machines.StartTestAgain(ctx, f.test.OrganizationID, f.test.ClusterID)
	if r, ok := refusal.As(err); ok {
		f.seen.NoSecond = r.Title
		return true, nil
	}
	if err != nil {
		return false, err
	}
	f.seen.AskedAgain = f.work.Now
	return false, nil
}

// secondOver tells whether every guest that reported at its first boot did at its second, or should have.
func (f *followed) secondOver() bool {
	late := f.work.ReadyAt != nil && f.work.Now.Sub(*f.work.ReadyAt) >= reportGrace
	return f.seen.ToldAgain() || late || f.work.Desired != provisioner.DesiredRunning
}
