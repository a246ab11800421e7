package loops

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/cloudinit"
	"volary.dev/store/machines"
)

// How guests are told. A claim outlasts a try; a worker that ended gives its claims back, and one that died lets them run out.
const (
	accessTick  = 2 * time.Second
	accessClaim = 45 * time.Second
	accessTry   = 30 * time.Second // with the way to the host
	accessTime  = 20 * time.Second // in the guest
	// Places of nodes that are told for the first time, and of those whose last try met a problem: what agents do costs no other node
	// its place.
	accessPlaces, accessAgainPlaces = 32, 16
	accessFirstRetry                = 5 * time.Second
	accessLastRetry                 = 2 * time.Minute
	// accessOutput bounds what a guest's script may say, which is a line for each login at most.
	accessOutput = 64 << 10
)

// AccessKeeper tells running nodes by their guests' agents whose right to sign in ended and, where their model asks for accounts, who
// has a login. What is wanted and what each node has is in the database: any number of workers share the work, and one that ends
// in the middle leaves nothing but a claim.
type AccessKeeper struct {
	Engine
	Tick time.Duration // between two looks for nodes to be told; 0 takes 2 s

	mu     sync.Mutex
	claims map[bool]map[uuid.UUID]bool // by whether it is tried again
}

// Run tells nodes until ctx ends.
func (k *AccessKeeper) Run(ctx context.Context) error {
	k.Tick = cmp.Or(k.Tick, accessTick)
	k.claims = map[bool]map[uuid.UUID]bool{false: {}, true: {}}
	var all sync.WaitGroup
	defer k.giveBack(context.WithoutCancel(ctx))
	defer all.Wait()
	ticker := time.NewTicker(k.Tick)
	defer ticker.Stop()
	for {
		for again, places := range map[bool]int{false: accessPlaces, true: accessAgainPlaces} {
			if err := k.take(ctx, &all, again, places); err != nil && ctx.Err() == nil {
				k.Log.ErrorContext(ctx, "tell nodes who may sign in", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// take claims nodes for the places that are free, and begins to tell them.
func (k *AccessKeeper) take(ctx context.Context, all *sync.WaitGroup, again bool, places int) error {
	k.mu.Lock()
	places -= len(k.claims[again])
	k.mu.Unlock()
	if places <= 0 {
		return nil
	}
	list, err := k.Machines.ClaimAccess(ctx, k.Worker, again, places, accessClaim)
	if err != nil {
		return err
	}
	k.mu.Lock()
	for _, c := range list {
		k.claims[again][c.NodeID] = true
	}
	k.mu.Unlock()
	for len(list) > 0 {
		n := slices.IndexFunc(list, func(c machines.AccessClaim) bool { return c.ClusterID != list[0].ClusterID })
		if n < 0 {
			n = len(list)
		}
		if err := k.tellCluster(ctx, all, again, list[:n]); err != nil {
			k.forget(again, list...)
			return err
		}
		list = list[n:]
	}
	return nil
}

// tellCluster tells nodes of one cluster, each beside the others, and passes over those for which there is nothing to be told.
func (k *AccessKeeper) tellCluster(ctx context.Context, all *sync.WaitGroup, again bool, nodes []machines.AccessClaim) error {
	wanted, err := k.Machines.ReadAccess(ctx, nodes[0].ClusterID)
	if err != nil {
		return err
	}
	var pass []machines.AccessClaim
	for _, node := range nodes {
		t := telling{claim: node, wanted: wanted}
		if t.prepare(); t.nothing() {
			pass = append(pass, node)
			continue
		}
		all.Go(func() {
			defer k.forget(again, node)
			if err := k.tell(ctx, t); err != nil && ctx.Err() == nil {
				k.Log.ErrorContext(ctx, "tell a node who may sign in", "node", node.NodeID, "error", err)
			}
		})
	}
	if len(pass) == 0 {
		return nil
	}
	k.forget(again, pass...)
	return k.Machines.PassAccess(ctx, k.Worker, wanted.Generation, pass)
}

func (k *AccessKeeper) forget(again bool, list ...machines.AccessClaim) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range list {
		delete(k.claims[again], c.NodeID)
	}
}

// giveBack lets others go on at once with what this worker has claimed and did not come to.
func (k *AccessKeeper) giveBack(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := k.Machines.ReleaseAccess(ctx, k.Worker); err != nil {
		k.Log.ErrorContext(ctx, "give nodes back", "error", err)
	}
}

// telling is what one node is told.
type telling struct {
	claim  machines.AccessClaim
	wanted machines.ClusterAccess
	access provisioner.Access
	taken  []string // once it is done
	whole  bool     // there is no more for another time
}

// prepare finds out what the node has not been told yet.
func (t *telling) prepare() {
	all := provisioner.Access{Start: t.wanted.Start, Accounts: t.wanted.Accounts, Logins: t.wanted.Logins}
	out := map[string]bool{}
	for _, print := range t.claim.Taken {
		out[print] = true
	}
	var prints []string
	for _, key := range t.wanted.Keys {
		switch {
		case key.Ended && !out[key.Fingerprint]:
			out[key.Fingerprint] = true
			all.Ended, prints = append(all.Ended, key.PublicKey), append(prints, key.Fingerprint)
		case !key.Ended && out[key.Fingerprint]:
			all.Back = append(all.Back, key.PublicKey)
		}
	}
	t.access, _ = all.Fit()
	t.taken = slices.Concat(t.claim.Taken, prints[:len(t.access.Ended)])
	t.whole = len(t.access.Ended) == len(all.Ended) && len(t.access.Back) == len(all.Back)
}

func (t *telling) nothing() bool {
	return !t.access.Accounts && len(t.access.Ended) == 0 && len(t.access.Back) == 0
}

// tell runs the script in the node and writes down what came of it. What is asked of a guest is in its cluster's log, but for tries
// that end as the one before.
func (k *AccessKeeper) tell(ctx context.Context, t telling) error {
	script, err := cloudinit.AccessScript(t.access)
	if err != nil {
		return err // the claim runs out; nothing that people may type comes here
	}
	command := provisioner.Command{
		Argv: []string{"/bin/sh"}, Stdin: script,
		Limits: provisioner.CommandLimits{Time: accessTime, Stdout: accessOutput, Stderr: 1 << 10},
	}
	try, cancel := context.WithTimeout(ctx, accessTry)
	defer cancel()
	var result provisioner.CommandResult
	err = k.Hosts.With(try, t.claim.Host, func(d provisioner.Driver) (err error) {
		result, err = d.Exec(try, t.claim.NodeID, command)
		return err
	})
	if ctx.Err() != nil {
		return nil // the worker ends, and gives it back
	}
	problem, end := accessEnd(result, err)
	outcome := machines.AccessOutcome{
		Node: t.claim.NodeID, Generation: t.wanted.Generation, StartID: t.claim.StartID, Taken: t.taken, Absent: t.absent(result.Stdout),
		Problem: problem, Whole: t.whole, RetryAfter: min(accessFirstRetry<<min(t.claim.Tries, 6), accessLastRetry),
	}
	if problem == "" || problem != t.claim.Problem {
		note := machines.GuestCommand{Node: t.claim.NodeID, Because: "who may sign in", Argv: command.Argv, Input: len(script), End: end}
		if err := k.Machines.NoteGuestCommand(ctx, note); err != nil {
			return err
		}
	}
	if problem == "host" {
		k.Log.WarnContext(ctx, "tell a node who may sign in", "node", t.claim.NodeID, "error", provisioner.Cause(err))
	}
	return k.Machines.RecordAccess(ctx, k.Worker, outcome)
}

// absent are the logins that the guest says it could not make: of its words only names that it was told count.
func (t *telling) absent(said []byte) (names []string) {
	for _, l := range t.access.Logins {
		if bytes.Contains(append([]byte("\n"), said...), []byte("\nabsent "+l.Name+"\n")) {
			names = append(names, l.Name)
		}
	}
	return names
}

// accessEnd says how a try ended: by a word of the store's, and in words of ours for a log.
func accessEnd(r provisioner.CommandResult, err error) (problem, end string) {
	switch {
	case err == nil && r.Status == 0:
		return "", "status 0"
	case err == nil:
		return "script", fmt.Sprintf("status %d", r.Status)
	case errors.Is(err, provisioner.ErrNoAgent):
		return "agent", provisioner.ErrNoAgent.Error()
	case errors.Is(err, provisioner.ErrGuestRefused):
		return "refused", provisioner.ErrGuestRefused.Error()
	case errors.Is(err, provisioner.ErrGuestTime):
		return "time", provisioner.ErrGuestTime.Error()
	case errors.Is(err, provisioner.ErrGuestNonsense):
		return "nonsense", provisioner.ErrGuestNonsense.Error()
	case errors.Is(err, provisioner.ErrHostUnreachable), errors.Is(err, context.DeadlineExceeded):
		return "host", provisioner.ErrHostUnreachable.Error()
	default:
		return "host", "the host refused"
	}
}
