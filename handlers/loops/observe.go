package loops

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/store/machines"
)

// Observer asks each host once a round what runs on it. What it writes is what bills are made of: a node is alive in
// a round when its host says so, and the round is stamped with the database's time from before the host was asked.
type Observer struct {
	Engine
	Round      time.Duration // between two observations of a host; 0 takes 5 s
	ImagesTick time.Duration // between two looks at the images that a host keeps; 0 takes 10 min
	ProbeImage string        // path of the sample image, whose copies stay; may be empty

	mu      sync.Mutex
	asking  map[uuid.UUID]bool                    // hosts whose answer is still awaited
	unmet   map[uuid.UUID]int                     // by host that never answered this worker: rounds; unmetRounds of one that did
	strange map[uuid.UUID]stranger                // by host
	strays  map[uuid.UUID]map[uuid.UUID]time.Time // by host and node: when it was asked to power off
	noted   map[uuid.UUID]bool                    // machines that no row knows and that are in the log
	looking map[uuid.UUID]bool                    // hosts whose images are looked at
	images  map[uuid.UUID]imagesLook              // by host
	signIns map[uuid.UUID]map[uuid.UUID]string    // by host and head: from where its console is searched
	probe   string                                // digest of ProbeImage; empty until it is asked for
}

// Run observes until ctx ends.
func (o *Observer) Run(ctx context.Context) error {
	o.Round, o.ImagesTick = cmp.Or(o.Round, 5*time.Second), cmp.Or(o.ImagesTick, imagesTick)
	o.asking, o.strange = map[uuid.UUID]bool{}, map[uuid.UUID]stranger{}
	o.unmet = map[uuid.UUID]int{}
	o.strays, o.noted = map[uuid.UUID]map[uuid.UUID]time.Time{}, map[uuid.UUID]bool{}
	o.looking, o.images = map[uuid.UUID]bool{}, map[uuid.UUID]imagesLook{}
	o.signIns = map[uuid.UUID]map[uuid.UUID]string{}
	var all sync.WaitGroup
	defer all.Wait()
	ticker := time.NewTicker(o.Round)
	defer ticker.Stop()
	for {
		// Three rounds: the claim outlasts one that is late, and another worker takes over before a run ends.
		hosts, err := o.Machines.ClaimHosts(ctx, o.Worker, 3*o.Round)
		if err != nil && ctx.Err() == nil {
			o.Log.ErrorContext(ctx, "claim hosts", "error", err)
		}
		for _, h := range hosts {
			o.begin(ctx, &all, h)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// begin asks one host, unless it still owes the answer to the last round.
func (o *Observer) begin(ctx context.Context, all *sync.WaitGroup, h machines.HostClaim) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.asking[h.ID] {
		return
	}
	o.asking[h.ID] = true
	all.Go(func() {
		answered, err := o.round(ctx, h)
		if err != nil && ctx.Err() == nil {
			o.Log.ErrorContext(ctx, "observe host", "host", h.ID, "error", err)
		}
		o.mu.Lock()
		delete(o.asking, h.ID)
		look := answered && !o.looking[h.ID]
		o.looking[h.ID] = o.looking[h.ID] || look
		o.mu.Unlock()
		if look {
			o.lookAround(ctx, h)
		}
	})
}

// lookAround is not part of the round, and the next rounds do not wait for it: at young heads' consoles and at images.
func (o *Observer) lookAround(ctx context.Context, h machines.HostClaim) {
	if err := o.readSignIns(ctx, h); err != nil && ctx.Err() == nil {
		o.Log.WarnContext(ctx, "read consoles", "host", h.ID, "error", provisioner.Cause(err))
	}
	if err := o.sweepImages(ctx, h); err != nil && ctx.Err() == nil {
		o.Log.WarnContext(ctx, "look at images", "host", h.ID, "error", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.looking, h.ID)
}

// round is one host's round. It tells whether the host answered and is this worker's.
func (o *Observer) round(ctx context.Context, h machines.HostClaim) (bool, error) {
	at, err := o.Machines.StartRound(ctx, h.ID)
	if err != nil {
		return false, err
	}
	// An answer that comes later than a round proves too little: the next question is due.
	ask, cancel := context.WithTimeout(ctx, o.Round)
	defer cancel()
	var seen provisioner.Observation
	err = o.Hosts.With(ask, h.Address, func(d provisioner.Driver) (err error) {
		seen, err = d.Observe(ask)
		return err
	})
	if ctx.Err() != nil {
		return false, nil // the worker ends; the host missed nothing
	}
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			err = provisioner.ErrHostUnreachable
		}
		if errors.Is(err, provisioner.ErrAnotherMachine) {
			if err := o.noteStranger(ctx, h, err); err != nil {
				return false, err
			}
		}
		o.Log.WarnContext(ctx, "missed round", "host", h.ID, "name", h.Name, "missed", h.MissedRounds+1, "error", provisioner.Cause(err))
		if o.mayStillCome(h.ID) {
			return false, o.Machines.RecordUnmetRound(ctx, h.ID, o.Worker, err.Error())
		}
		return false, o.Machines.RecordMissedRound(ctx, h.ID, o.Worker, err.Error())
	}
	o.met(h.ID)
	mine, err := o.Machines.RecordRound(ctx, h.ID, o.Worker, at, seen)
	if err != nil || !mine {
		return false, err
	}
	if h.MissedRounds > 0 {
		// Its libvirtd may have restarted, and with it what our hook had set up: guests run on without their network.
		if err := o.Machines.RenewNetworks(ctx, h.ID); err != nil {
			return true, err
		}
	}
	return true, errors.Join(o.stopStrays(ctx, h, at, seen), o.sweep(ctx, h, seen))
}

// unmetRounds is in which round that a host does not answer it counts as silent, where it never answered this worker: twice as
// many as else. Its first answer costs a connection, and a machine that has just begun with all its servers makes one slowly.
const unmetRounds = 6

// mayStillCome counts a round that a host did not answer, and tells whether it is one of the first of who never did.
func (o *Observer) mayStillCome(host uuid.UUID) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.unmet[host] >= unmetRounds {
		return false
	}
	o.unmet[host]++
	return o.unmet[host] < unmetRounds
}

// met writes down that a host has answered.
func (o *Observer) met(host uuid.UUID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.unmet[host] = unmetRounds
}

// noteStranger says on the host's page, and once in the logs, that another machine answers at its address. Its driver does
// nothing there.
func (o *Observer) noteStranger(ctx context.Context, h machines.HostClaim, why error) error {
	text := provisioner.ErrAnotherMachine.Error()
	news, err := o.Machines.HostMistaken(ctx, h.ID, o.Worker, text)
	if err != nil {
		return err
	}
	if news {
		o.Log.ErrorContext(ctx, "another machine at a host's address", "host", h.ID, "name", h.Name, "error", provisioner.Cause(why))
	}
	return nil
}
