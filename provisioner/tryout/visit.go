package tryout

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"volary.dev/provisioner"
	"volary.dev/provisioner/acceptance"
)

// What is asked of a cluster that runs, and how long an answer may take: as in a deployment's test.
const (
	agentLimit  = 5 * time.Second
	signInGrace = time.Minute
	signInTime  = 15 * time.Second
	hashTime    = 2 * time.Minute
	ownOutput   = 64 << 10
)

// takeOwn names the version's own checks, a line for each node that it runs on.
func (t *Trial) takeOwn() {
	for _, c := range t.options.Model.Checks {
		for _, n := range t.nodes {
			if n.Group == c.Node {
				t.seen.Own = append(t.seen.Own, acceptance.Own{
					Check: c.Name, Node: n.Name, NodeCheck: provisioner.NodeCheck{Node: n.Name, Result: provisioner.ResultPending},
				})
			}
		}
	}
}

// visit asks all that needs a running cluster.
func (t *Trial) visit(ctx context.Context, d provisioner.Driver) error {
	t.askAgent(ctx, d)
	if err := t.runOwn(ctx, d); err != nil {
		return err
	}
	if err := t.signIn(ctx, d); err != nil {
		return err
	}
	host := t.seen.Host(t.options.Host.Name)
	r, err := d.NetworkReport(ctx, t.vni)
	if err != nil {
		host.Why = acceptance.HostWords(err)
	} else {
		host.Network = &r
	}
	return ctx.Err()
}

// askAgent has the head's agent run a command once, which may begin a little later than what is reported. It decides nothing: an image
// needs no agent.
func (t *Trial) askAgent(ctx context.Context, d provisioner.Driver) {
	c := provisioner.Command{Argv: []string{"hostname"}, Limits: provisioner.CommandLimits{Time: agentLimit, Stdout: 256, Stderr: 256}}
	tick := time.NewTicker(between)
	defer tick.Stop()
	var err error
	for until := time.Now().Add(agentLimit); ; <-tick.C {
		if _, err = d.Exec(ctx, t.nodes[0].ID, c); !errors.Is(err, provisioner.ErrNoAgent) || time.Now().After(until) {
			break
		}
	}
	switch {
	case err == nil:
		t.seen.Agent = provisioner.AgentAnswers
	case acceptance.OfGuest(err) != nil:
		t.seen.Agent = provisioner.AgentNone
	}
}

// runOwn runs the version's own checks, one after the other.
func (t *Trial) runOwn(ctx context.Context, d provisioner.Driver) error {
	for i := range t.seen.Own {
		o := &t.seen.Own[i]
		for _, c := range t.options.Model.Checks {
			for _, n := range t.nodes {
				if c.Name != o.Check || n.Name != o.Node {
					continue
				}
				asked := time.Now()
				r, err := d.Exec(ctx, n.ID, provisioner.Command{
					Argv: c.Command, Limits: provisioner.CommandLimits{Time: time.Duration(c.TimeoutSeconds) * time.Second, Stdout: ownOutput, Stderr: ownOutput},
				})
				if err != nil && acceptance.OfGuest(err) == nil {
					return fmt.Errorf("check %s on %s: %w", c.Name, n.Name, err)
				}
				o.NodeCheck = acceptance.JudgeOwn(c, n.Name, r, err)
				o.Seconds = since(asked)
				t.tell("%s: %s %s", n.Name, c.Name, o.Result)
			}
		}
	}
	return nil
}

func since(t time.Time) float64 { return time.Since(t).Round(10 * time.Millisecond).Seconds() }

// signIn has the host sign in on every node with the trial's own key, all at once.
func (t *Trial) signIn(ctx context.Context, d provisioner.Driver) error {
	t.seen.User = t.seen.FindUser(t.options.Model)
	key := acceptance.KeyOf(t.secret, t.seen.Nonce)
	var all sync.WaitGroup
	for i, n := range t.nodes {
		p := provisioner.Probe{
			VNI: t.vni, Guest: n.Address, Port: 22, Within: signInTime, SignIn: &provisioner.ProbeSignIn{User: t.seen.User, PrivateKey: key.Private},
		}
		all.Go(func() { t.signInOn(ctx, d, p, &t.seen.Nodes[i].SignIn) })
	}
	all.Wait()
	for _, n := range t.seen.Nodes {
		if n.SignIn.Done {
			t.tell("%s lets the trial's key in as %s", n.Name, t.seen.User)
		}
	}
	return ctx.Err()
}

// signInOn tries one node. A guest that does not let the key in is tried again for a while: some start their SSH server late.
func (t *Trial) signInOn(ctx context.Context, d provisioner.Driver, p provisioner.Probe, s *acceptance.SignIn) {
	s.Tried = time.Now()
	tick := time.NewTicker(between)
	defer tick.Stop()
	for {
		began := time.Now()
		found, err := d.Probe(ctx, p)
		s.Done, s.Why, s.Host, s.Took = found.SignedIn, found.Why, err != nil, since(began)
		if err != nil {
			s.Why = acceptance.HostWords(err)
		}
		if s.Done || time.Since(s.Tried) >= t.signing {
			s.At = time.Now()
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// hashImages has the host read the base images on which the nodes' disks stand.
func (t *Trial) hashImages(ctx context.Context, d provisioner.Driver) {
	host := t.seen.Host(t.options.Host.Name)
	known := map[string]bool{}
	for _, n := range t.nodes {
		if known[n.Image.Digest] {
			continue
		}
		known[n.Image.Digest] = true
		i, began := acceptance.ImageEvidence{Digest: n.Image.Digest}, time.Now()
		mine, cancel := context.WithTimeout(ctx, hashTime)
		is, err := d.HashImage(mine, n.Image.Digest)
		switch {
		case err == nil:
			i.Is = is
		case mine.Err() != nil:
			i.Why = fmt.Sprintf("it was not over within %s", hashTime)
		default:
			i.Why = acceptance.HostWords(err)
		}
		cancel()
		i.Took = since(began)
		host.Images = append(host.Images, i)
	}
	t.tell("the base images were read again")
}
