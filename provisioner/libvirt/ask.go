//go:build libvirt

package libvirt

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"libvirt.org/go/libvirt"

	"volary.dev/provisioner"
	"volary.dev/provisioner/domainxml"
	"volary.dev/provisioner/nethook"
)

// How a host's hook is asked.
const (
	askEvery  = time.Second      // at most: each question makes libvirtd run a program
	askLimit  = 15 * time.Second // for one question
	answerMax = 16 << 20         // bytes of an answer that are read
	// A question that stands for so long is of a worker that died, and is taken back by who finds it.
	askAbandoned = time.Minute
)

// asker gathers what is asked of a host's hook, so that it is asked at most once in askEvery, by one question for everyone.
type asker struct {
	mu      sync.Mutex
	waiting []*asking
	running bool
	last    time.Time

	care    sync.Mutex // held while a host is looked after
	tidy    atomic.Bool
	foreign map[string]time.Time // questions that stood there, and when they were first seen
}

// asking is one caller's part of a question.
type asking struct {
	q    nethook.Question
	done chan struct{}
	once sync.Once
	a    nethook.Answer
	err  error
}

func (w *asking) end(a nethook.Answer, err error) {
	w.once.Do(func() {
		w.a, w.err = a, err
		close(w.done)
	})
}

// ask puts a question to the host's hook. An empty one asks whether it is there.
func (d *Driver) ask(ctx context.Context, op string, q nethook.Question) (nethook.Answer, error) {
	mine := &asking{q: q, done: make(chan struct{})}
	d.asks.mu.Lock()
	d.asks.waiting = append(d.asks.waiting, mine)
	if !d.asks.running {
		d.asks.running = true
		go d.answerAsks(context.WithoutCancel(ctx))
	}
	d.asks.mu.Unlock()
	select {
	case <-mine.done:
	case <-ctx.Done():
		return nethook.Answer{}, fmt.Errorf("%s: %w", op, gaveUp(ctx))
	}
	if errors.Is(mine.err, errHookSilent) {
		return mine.a, &provisioner.HostError{Op: op, Detail: errHookSilent.Error(), Err: errHookSilent}
	}
	if mine.err != nil {
		return mine.a, fmt.Errorf("%s: %w", op, mine.err)
	}
	return mine.a, nil
}

// answerAsks asks until nobody waits any more.
func (d *Driver) answerAsks(ctx context.Context) {
	for {
		d.asks.mu.Lock()
		pause := time.Until(d.asks.last.Add(askEvery))
		d.asks.mu.Unlock()
		if pause > 0 {
			<-time.After(pause)
		}
		batch := d.takeAsks()
		if len(batch) == 0 {
			return
		}
		d.askAll(ctx, batch)
	}
}

// takeAsks takes as many of the waiting as one question can hold.
func (d *Driver) takeAsks() []*asking {
	d.asks.mu.Lock()
	defer d.asks.mu.Unlock()
	n, consoles, probes, networks := 0, 0, 0, 0
	for _, w := range d.asks.waiting {
		consoles, probes, networks = consoles+len(w.q.Consoles), probes+len(w.q.Probes), networks+len(w.q.Counters)
		if n > 0 && (consoles > nethook.MaxConsoles || probes > nethook.MaxProbes || networks > nethook.MaxNetworks) {
			break
		}
		n++
	}
	batch := d.asks.waiting[:n:n]
	d.asks.waiting = d.asks.waiting[n:]
	if n == 0 {
		d.asks.running = false
		return nil
	}
	d.asks.last = time.Now()
	return batch
}

func (d *Driver) askAll(ctx context.Context, batch []*asking) {
	var all nethook.Question
	for _, w := range batch {
		all.Consoles = append(all.Consoles, w.q.Consoles...)
		all.Forget = append(all.Forget, w.q.Forget...)
		all.Wipe = append(all.Wipe, w.q.Wipe...)
		all.Probes = append(all.Probes, w.q.Probes...)
		all.Counters = append(all.Counters, w.q.Counters...)
	}
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	err := d.poke(ctx, all, func(a nethook.Answer) { share(a, batch) })
	for _, w := range batch {
		w.end(nethook.Answer{}, err) // who has an answer keeps it
	}
}

// share gives everyone the part of the answer that is theirs.
func share(a nethook.Answer, batch []*asking) {
	rest := a
	for _, w := range batch {
		mine := a
		mine.Consoles, rest.Consoles = rest.Consoles[:len(w.q.Consoles)], rest.Consoles[len(w.q.Consoles):]
		mine.Forgotten, rest.Forgotten = rest.Forgotten[:len(w.q.Forget)], rest.Forgotten[len(w.q.Forget):]
		mine.Wiped, rest.Wiped = rest.Wiped[:len(w.q.Wipe)], rest.Wiped[len(w.q.Wipe):]
		mine.Counted, rest.Counted = rest.Counted[:len(w.q.Counters)], rest.Counted[len(w.q.Counters):]
		mine.Probed, rest.Probed = rest.Probed[:len(w.q.Probes)], rest.Probed[len(w.q.Probes):]
		w.end(mine, nil)
	}
}

// poke makes libvirtd run the hook by writing the question into the probe's network, and hands over the answer. libvirt has
// waited for the hook, so it is there now or never. Nobody waits for the question to be taken back.
func (d *Driver) poke(ctx context.Context, q nethook.Question, answered func(nethook.Answer)) error {
	var err error
	if q.Nonce, err = newNonce(); err != nil {
		return err
	}
	ask, unask, err := domainxml.Ask(q)
	if err != nil {
		return err
	}
	return d.calls.call(looks(ctx), "ask the network hook", func(conn *libvirt.Connect) error {
		n, err := probeNetwork(conn)
		if err != nil {
			return err
		}
		defer n.Free()
		if err := d.lookAfter(conn, n); err != nil {
			return err
		}
		if err := apply(n, ask); err != nil {
			return err
		}
		a, err := readAnswer(conn, q)
		if err == nil {
			d.noteMachine(a)
			answered(a)
		}
		return errors.Join(err, apply(n, unask))
	})
}

func readAnswer(conn *libvirt.Connect, q nethook.Question) (nethook.Answer, error) {
	var a nethook.Answer
	err := withPool(conn, domainxml.ReportPool, domainxml.ReportDir, func(pool *libvirt.StoragePool) (err error) {
		if err := refresh(pool); err != nil {
			return err
		}
		a, err = readAnswerIn(conn, pool, q)
		return err
	})
	if errors.Is(err, errHookOlder) {
		err = errHookSilent
	}
	return a, err
}

// errHookOlder says that the hook's answer is another version's.
var errHookOlder = errors.New("the network hook is of another version; run `volary hook install` there")

func readAnswerIn(conn *libvirt.Connect, pool *libvirt.StoragePool, q nethook.Question) (nethook.Answer, error) {
	b, err := readVolume(conn, pool, nethook.AnswerName(q.Nonce), answerMax)
	if missing(err) {
		return nethook.Answer{}, errHookSilent
	}
	if err != nil {
		return nethook.Answer{}, err
	}
	a, err := nethook.ParseAnswer(b)
	if err == nil && (a.Protocol != nethook.Protocol || len(a.Consoles) != len(q.Consoles) || len(a.Forgotten) != len(q.Forget) || len(a.Wiped) != len(q.Wipe) || len(a.Probed) != len(q.Probes) || len(a.Counted) != len(q.Counters)) {
		err = errHookOlder
	}
	return a, err
}

// probeNetwork finds the network in which the hook is asked, or starts it. It stays: starting one for each question takes
// ten times as long.
func probeNetwork(conn *libvirt.Connect) (*libvirt.Network, error) {
	n, err := conn.LookupNetworkByName(nethook.ProbeName)
	if missing(err) {
		if n, err = conn.NetworkCreateXML(domainxml.Probe()); err != nil {
			if there, lookErr := conn.LookupNetworkByName(nethook.ProbeName); lookErr == nil {
				return there, nil // another worker was faster
			}
		}
	}
	return n, err
}

// lookAfter keeps a host in order: the pool in which consoles lay goes, once for each connection, and so do the questions of
// workers that died.
func (d *Driver) lookAfter(conn *libvirt.Connect, n *libvirt.Network) error {
	d.asks.care.Lock()
	defer d.asks.care.Unlock()
	if !d.asks.tidy.Load() {
		if err := dropConsolePool(conn); err != nil {
			return err
		}
		d.asks.tidy.Store(true)
	}
	current, err := n.GetXMLDesc(0)
	if err != nil {
		return err
	}
	asked, err := domainxml.Asked(current)
	if err != nil {
		return err
	}
	seen := map[string]time.Time{}
	for _, c := range asked {
		first, known := d.asks.foreign[c.XML]
		switch {
		case !known:
			seen[c.XML] = time.Now()
		case time.Since(first) < askAbandoned:
			seen[c.XML] = first
		default:
			if err := apply(n, c); err != nil && !isCode(err, libvirt.ERR_OPERATION_INVALID) {
				return err
			}
		}
	}
	d.asks.foreign = seen
	return nil
}

// dropConsolePool removes the pool in which consoles lay: libvirtd looks into each file of a pool as root, and what it takes for
// a broken disk image makes the pool unusable. The files stay, and machines write on.
func dropConsolePool(conn *libvirt.Connect) error {
	pool, err := conn.LookupStoragePoolByName(domainxml.OldConsolePool)
	if missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer pool.Free()
	if active, err := pool.IsActive(); err == nil && active {
		if err := pool.Destroy(); err != nil && !missing(err) && !isCode(err, libvirt.ERR_OPERATION_INVALID) {
			return err
		}
	}
	if err := pool.Undefine(); err != nil && !missing(err) && !isCode(err, libvirt.ERR_OPERATION_INVALID) {
		return err
	}
	return nil
}

// Consoles implements provisioner.Driver.
func (d *Driver) Consoles(ctx context.Context, queries []provisioner.ConsoleQuery) ([]provisioner.ConsoleText, error) {
	if d.simulated {
		return make([]provisioner.ConsoleText, len(queries)), ctx.Err()
	}
	var all []provisioner.ConsoleText
	for len(queries) > 0 {
		n := min(len(queries), nethook.MaxConsoles)
		var q nethook.Question
		for _, c := range queries[:n] {
			q.Consoles = append(q.Consoles, nethook.Console{ID: c.Node, Tail: c.Tail, After: c.After, Find: c.Find})
		}
		a, err := d.ask(ctx, "consoles", q)
		if err != nil {
			return nil, err
		}
		for _, c := range a.Consoles {
			if c.Error != "" {
				return nil, refused("consoles", c.Error, nil)
			}
			text := provisioner.ConsoleText{Kept: c.Kept, Tail: c.Tail, End: c.End, Next: c.Next}
			for _, l := range c.Lines {
				text.Lines = append(text.Lines, l)
			}
			all = append(all, text)
		}
		queries = queries[n:]
	}
	return all, nil
}
