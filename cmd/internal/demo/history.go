package demo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/books"
	"volary.dev/store/machines"
	"volary.dev/store/models"
)

const (
	// historyDays is how far the demo's past goes back.
	historyDays = 90
	// readyText is what the sample image writes when it is up, and missingText what it never does.
	readyText   = "volary: ready"
	missingText = "slurmctld: active"
)

// group is what one organization has been doing.
type group struct {
	org, person, pool uuid.UUID
	model, image      uuid.UUID
	version           uuid.UUID // published, tested
	names             []string  // of its clusters
	each              float64   // clusters a day
	largest           int       // compute nodes
}

// story is the demo's past, as it is told.
type story struct {
	stage
	images Images
	made   *maker
	dice   *rand.Rand
}

// tell plays the past of the demo's groups until now. Nothing of it is tried where no image can be verified.
func (s *story) tell(ctx context.Context, now time.Time) error {
	if err := s.hostsUp(ctx); err != nil {
		return err
	}
	tidal, err := s.modelled(ctx, tidalGroup, "ada@tidal.example", northComputing, "tides")
	if errors.Is(err, errUnverified) {
		return s.run(ctx, now)
	}
	if err != nil {
		return err
	}
	genome, err := s.modelled(ctx, genomeLab, "gil@genome.example", southComputing, "assembly")
	if err != nil {
		return err
	}
	tidal.names, tidal.each, tidal.largest = []string{"spring-tide", "neap-tide", "surge", "ensemble", "harbour"}, 0.5, 6
	genome.names, genome.each, genome.largest = []string{"assemble", "align", "screen"}, 0.25, 2
	begin := s.at
	for _, g := range []*group{&tidal, &genome} {
		if err := s.publish(ctx, g); err != nil {
			return err
		}
		s.launches(begin, now, *g)
	}
	day := 24 * time.Hour
	s.buys(tidal, northComputing, begin.Add(time.Hour), 600, "PO-2026-031")
	s.buys(tidal, northComputing, begin.Add(30*day), 600, "PO-2026-064")
	s.buys(tidal, northComputing, begin.Add(84*day), 60, "PO-2026-097")
	s.buys(genome, southComputing, begin.Add(2*time.Hour), 400, "G-77")
	s.plan(now.Add(-5*time.Hour), func(ctx context.Context) error { return s.waits(ctx, tidal) })
	for at := begin.Truncate(24 * time.Hour).Add(24 * time.Hour); at.Before(now); at = at.Add(24 * time.Hour) {
		s.plan(at, func(ctx context.Context) error {
			_, err := s.db.Books.SettleUsage(ctx, s.at)
			return err
		})
	}
	if err := s.run(ctx, now); err != nil {
		return err
	}
	return s.letGo(ctx)
}

// hostsUp lets every host be enrolled, and its check have passed.
func (s *story) hostsUp(ctx context.Context) error {
	if _, err := s.pool.Exec(ctx, `UPDATE hosts SET enrolled_at = now(), enrol_code = NULL, enrol_until = NULL`); err != nil {
		return fmt.Errorf("hosts of the past: %w", err)
	}
	for _, id := range s.made.providers {
		hosts, err := s.db.Machines.Hosts(ctx, id)
		if err != nil {
			return err
		}
		for _, h := range hosts {
			facts := provisioner.HostFacts{Hostname: h.Name, CPUModel: "made up by the demo", UEFI: true, VCPUs: hostVCPUs, MemoryMiB: 8 << 10, DiskGiB: 100}
			report := []provisioner.HostCheck{{Name: "connection", State: provisioner.CheckPassed, Detail: "made up by the demo"}}
			if err := s.db.Machines.HostCheckDone(ctx, h.ID, facts, provisioner.AccelerationTCG, report, true); err != nil {
				return err
			}
		}
	}
	return nil
}

// notEnrolled has every host wait for a code: who its machine is now the worker finds out.
func (s *story) notEnrolled(ctx context.Context) error {
	if _, err := s.pool.Exec(ctx, `UPDATE hosts SET enrolled_at = NULL, machine = NULL, machine_key = NULL`); err != nil {
		return fmt.Errorf("hosts of the past: %w", err)
	}
	for _, provider := range s.made.providers {
		hosts, err := s.db.Machines.Hosts(ctx, provider)
		if err != nil {
			return err
		}
		for _, h := range hosts {
			if err := s.db.Machines.RenewHostCode(ctx, uuid.Nil, provider, h.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// letGo gives the hosts' claims back. That the past ends is no silence of theirs: nobody is told of one, and none is counted.
func (s *story) letGo(ctx context.Context) error {
	// Only for this moment, at which the clock stands still: the real worker takes them over at once.
	_, err := s.db.Machines.ClaimHosts(ctx, worker, time.Millisecond)
	return err
}

// modelled uploads a group's image and makes its model cluster.
func (s *story) modelled(ctx context.Context, org, email, provider, model string) (g group, err error) {
	g.org, g.person = s.made.organizations[org], s.made.people[email]
	if g.pool, err = s.db.Machines.PoolByName(ctx, s.made.providers[provider], poolOf(provider)); err != nil {
		return g, err
	}
	if g.image, err = s.upload(ctx, g.org, g.person); err != nil {
		return g, err
	}
	g.model, err = s.db.Models.CreateModelCluster(ctx, g.org, g.person, model)
	return g, err
}

// publish makes two versions: the first one's test fails for its gate, the second one's passes.
func (s *story) publish(ctx context.Context, g *group) error {
	first, err := s.version(ctx, *g, "1.0", missingText)
	if err != nil {
		return err
	}
	if g.version, err = s.version(ctx, *g, "1.1", readyText); err != nil {
		return err
	}
	again := *g
	s.plan(s.at.Add(20*time.Minute), func(ctx context.Context) error {
		return s.test(ctx, again.org, again.person, first, again.pool, true)
	})
	s.plan(s.at.Add(70*time.Minute), func(ctx context.Context) error {
		return s.test(ctx, again.org, again.person, again.version, again.pool, false)
	})
	return nil
}

func (s *story) version(ctx context.Context, g group, version, text string) (uuid.UUID, error) {
	shape := provisioner.Shape{VCPUs: 1, MemoryMiB: 256, DiskGiB: 2}
	gate := provisioner.Gate{Kind: provisioner.GateConsole, Text: text, TimeoutSeconds: 120}
	id, err := s.db.Models.SaveVersion(ctx, g.org, g.person, models.VersionDraft{
		ModelClusterID: g.model, Version: version, Images: []uuid.UUID{g.image, g.image},
		Model: provisioner.Model{
			Head:    provisioner.Group{Shape: shape, Gate: gate},
			Compute: []provisioner.Group{{Name: string(provisioner.RoleCompute), Count: provisioner.Count{Least: 1, Most: 8}, Shape: shape, Gate: gate}},
		},
	})
	if err != nil {
		return uuid.Nil, err
	}
	return id, s.db.Models.PublishVersion(ctx, g.org, g.person, id, 1)
}

// launches plans a group's launches, one after the other.
func (s *story) launches(begin, now time.Time, g group) {
	at := begin.Add(6 * time.Hour)
	for n := 1; ; n++ {
		at = at.Add(time.Duration(s.dice.ExpFloat64() / g.each * float64(24*time.Hour)))
		run := time.Duration(1+s.dice.IntN(14))*time.Hour + time.Duration(s.dice.IntN(3600))*time.Second
		if at.Add(run + time.Hour).After(now) {
			return
		}
		name := fmt.Sprintf("%s-%d", g.names[s.dice.IntN(len(g.names))], n)
		compute, fails := 1+s.dice.IntN(g.largest), s.dice.IntN(25) == 0
		wait := time.Duration(6+s.dice.IntN(12)) * time.Second
		s.plan(at, func(ctx context.Context) error { return s.launch(ctx, g, name, compute, run, wait, fails) })
		at = at.Add(run)
	}
}

// buys plans an order of hours and its approval some hours later.
func (s *story) buys(g group, provider string, at time.Time, hours int64, reference string) {
	s.plan(at, func(ctx context.Context) error {
		order, err := s.order(ctx, g.org, g.person, provider, hours, reference)
		if err != nil {
			return err
		}
		s.plan(s.at.Add(3*time.Hour), func(ctx context.Context) error {
			return s.db.Books.ApproveOrder(ctx, s.made.people[accountantOf(provider)], s.made.providers[provider], order)
		})
		return nil
	})
}

// order places an order at the present price of a provider's first offer.
func (s *story) order(ctx context.Context, orgID, by uuid.UUID, provider string, hours int64, reference string) (uuid.UUID, error) {
	offers, err := s.db.Books.Offers(ctx, s.made.providers[provider])
	if err != nil {
		return uuid.Nil, err
	}
	if len(offers) == 0 || offers[0].Current == nil {
		return uuid.Nil, fmt.Errorf("%s sells nothing", provider)
	}
	return s.db.Books.PlaceOrder(ctx, orgID, by, books.OrderRequest{
		OfferID: offers[0].ID, PriceID: offers[0].Current.ID, Hours: billing.Hours(hours) * billing.ComputeHour,
		References: store.References{PurchaseOrder: reference, CostCentre: "4711", GrantNumber: "EU-101 027"},
	})
}

// waits leaves what wants a decision now: an order at the provider, and a launch above a member's cap.
func (s *story) waits(ctx context.Context, g group) error {
	ben := s.made.people["ben@tidal.example"]
	limit := 20 * billing.ComputeHour
	if err := s.db.Machines.SetCap(ctx, g.org, g.person, ben, &limit); err != nil {
		return err
	}
	if _, err := s.db.Machines.RequestLaunch(ctx, g.org, ben, machines.LaunchRequest{
		VersionID: g.version, PoolID: g.pool, Name: "storm-surge", Counts: machines.Counts{"compute": 7}, LeaseSeconds: 8 * 3600,
		References: store.References{GrantNumber: "EU-101 027"},
	}); err != nil {
		return err
	}
	_, err := s.order(ctx, g.org, s.made.people["bea@tidal.example"], northComputing, 400, "PO-2026-118")
	return err
}

// launch plays one cluster from its launch to its end.
func (s *story) launch(ctx context.Context, g group, name string, compute int, run, wait time.Duration, fails bool) error {
	id, err := s.db.Machines.LaunchCluster(ctx, g.org, g.person, machines.LaunchRequest{
		VersionID: g.version, PoolID: g.pool, Name: name, Counts: machines.Counts{"compute": compute}, LeaseSeconds: int64(run/time.Hour+1) * 3600,
		References: store.References{CostCentre: "4711", GrantNumber: "EU-101 027"},
	})
	if isRefusal(err, "balance") || isRefusal(err, "capacity") {
		return nil // as it happens to people; nothing was made
	}
	if err != nil {
		return err
	}
	s.plan(s.at.Add(time.Second), func(ctx context.Context) error { return s.start(ctx, id) })
	if fails {
		s.plan(s.at.Add(2*time.Minute), func(ctx context.Context) error { return s.fail(ctx, id) })
		return nil
	}
	begin := s.at.Add(wait)
	s.plan(begin, func(ctx context.Context) error { return s.ready(ctx, id) })
	for at := begin.Add(pastRound); at.Before(begin.Add(run)); at = at.Add(pastRound) {
		s.plan(at, s.observe)
	}
	s.plan(begin.Add(run), func(ctx context.Context) error {
		if err := s.observe(ctx); err != nil {
			return err
		}
		if err := s.db.Machines.DeleteCluster(ctx, g.org, g.person, id); err != nil {
			return err
		}
		s.plan(s.at.Add(4*time.Second), func(ctx context.Context) error { return s.gone(ctx, id) })
		return nil
	})
	return nil
}

func (s *story) fail(ctx context.Context, id uuid.UUID) error {
	work, err := s.db.Machines.ClusterForReconcile(ctx, id)
	if err != nil {
		return err
	}
	err = s.db.Machines.FailBatch(ctx, id, work.Generation, work.Batches[0].ID, provisioner.ReasonGateMissed, "compute-001")
	if err != nil {
		return err
	}
	s.plan(s.at.Add(4*time.Second), func(ctx context.Context) error { return s.gone(ctx, id) })
	return nil
}
