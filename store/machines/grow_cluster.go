package machines

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sort"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/provisioner/placement"
	"volary.dev/provisioner/plan"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
	"volary.dev/store/models"
)

// grow reserves a batch of more nodes of a group beside those of a running cluster.
func (db *DB) grow(ctx context.Context, tx pgx.Tx, s scaling, g models.VersionGroup, sc scale) (Scaled, error) {
	if err := models.HoldVersion(ctx, tx, s.OrganizationID, s.Version.ID); err != nil {
		return Scaled{}, err
	}
	a, err := readAddition(ctx, tx, s, g, sc.Request.Count-len(s.of(g.Name)))
	if err != nil {
		return Scaled{}, err
	}
	if err := a.kept(ctx, tx); err != nil {
		return Scaled{}, err
	}
	if sc.By == sc.For {
		if err := s.extensionCap(ctx, tx, sc.For, a.Need); err != nil {
			return Scaled{}, err
		}
	}
	if refusal := a.place(); refusal != nil {
		return Scaled{}, refusal
	}
	if err := a.reserve(ctx, tx); err != nil {
		return Scaled{}, err
	}
	if err := db.books.Hold(ctx, tx, s.ProviderID, s.OrganizationID, s.ID, a.Need, s.Now); err != nil {
		return Scaled{}, err
	}
	done := Scaled{Held: a.Need}
	for _, p := range a.Places {
		done.Added = append(done.Added, p.Name)
	}
	return done, store.WriteAudit(ctx, tx, store.AuditRow{
		By: sc.For, Elsewhere: sc.By != sc.For, Organization: s.OrganizationID, Provider: s.ProviderID, Verb: "scale up cluster", Subject: "cluster", SubjectID: s.ID,
		Detail: map[string]any{"group": g.Name, "from": len(s.of(g.Name)), "to": sc.Request.Count, "nodes": done.Added, "held": a.Need},
	})
}

// readCase reads what decides about room and price, as a launch does.
func (s scaling) readCase(ctx context.Context, tx pgx.Tx) (l launchCase, err error) {
	l.Version = s.Version
	if err := l.readPool(ctx, tx, s.PoolID); err != nil {
		if _, ok := refusal.As(err); ok { // the pool is there: the cluster is on it
			err = &refusal.Error{
				Code: "provider", Title: "The provider of this cluster sells no hours now, and adds no nodes.", Next: "Ask the provider. The nodes that there are run until the lease ends.",
			}
		}
		return l, err
	}
	if l.Certified, err = models.CertifiedFor(ctx, tx, s.OrganizationID, l.Pool.ProviderID, s.Version.DocumentDigest, l.Pool.Certificates); err != nil {
		return l, err
	}
	l.Shapes, err = ReadShapes(ctx, tx, l.Pool.ProviderID)
	return l, err
}

// addition is nodes about to be added to a cluster.
type addition struct {
	scaling
	Case   launchCase
	Group  models.VersionGroup
	More   int
	Shape  Shape
	Need   billing.Hours // until the lease's end
	Places []plan.Place
	Hosts  []uuid.UUID // of each place
}

// readAddition finds out what more nodes of a group take, or why they cannot be.
func readAddition(ctx context.Context, tx pgx.Tx, s scaling, g models.VersionGroup, more int) (a addition, err error) {
	a = addition{scaling: s, Group: g, More: more}
	if a.Case, err = s.readCase(ctx, tx); err != nil {
		return a, err
	}
	if refused := a.size(); refused != nil {
		return a, refused
	}
	return a, nil
}

// kept refuses nodes whose disks would be kept after the lease beyond what the provider keeps of the organization's.
func (a addition) kept(ctx context.Context, tx pgx.Tx) error {
	if a.AtEnd != AtEndKeep {
		return nil
	}
	if err := lockKept(ctx, tx, a.OrganizationID); err != nil {
		return err
	}
	k, err := readKept(ctx, tx, a.ProviderID, a.OrganizationID, uuid.Nil)
	if err != nil {
		return err
	}
	if gib := a.Shape.DiskGiB * a.More; k.refuses(gib) != nil {
		return &refusal.Error{
			Code: "capacity",
			Title: fmt.Sprintf("%s keeps at most %d GiB of your organization's disks when leases are over. %d GiB lie there or are promised, and these nodes have %d GiB.",
				typed.Isolate(k.ProviderName), *k.GiB, k.Lying+k.Promised, gib),
			Next: "Add fewer nodes, or choose on the cluster's page that it is deleted at the end of its lease.",
		}
	}
	return nil
}

// leaseLeft is how many seconds of a lease are left at a moment, as runs count them; never below zero.
func leaseLeft(ends, now time.Time) int64 {
	return max(int64(ends.Truncate(time.Second).Sub(now.Truncate(time.Second))/time.Second), 0)
}

// size finds out what is needed: shape, places and hours. What is refused at a launch is refused here.
func (a *addition) size() *refusal.Error {
	if refused := a.Version.Launchable(); refused != nil {
		return refused
	}
	for _, wrong := range []error{a.Version.ImagesFit(), a.Version.ImagesThere()} {
		if r, ok := refusal.As(wrong); ok {
			return r
		}
	}
	if !a.Case.Certified {
		return a.Case.uncertified()
	}
	shape, refused := a.Case.shapeOf(a.Group)
	if refused != nil {
		return refused
	}
	a.Shape = shape
	if refused := a.inTime(); refused != nil {
		return refused
	}
	if refused := a.join(); refused != nil {
		return refused
	}
	rates := make([]billing.Rate, a.More)
	for i := range rates {
		rates[i] = shape.Rate
	}
	var err error
	if a.Need, err = billing.Need(rates, leaseLeft(*a.Ends, a.Now)); err != nil {
		r, _ := refusal.As(billing.Refuse(err))
		return r
	}
	return nil
}

// inTime refuses where the lease may be over before the new nodes are ready, so that they would be of no use.
func (a addition) inTime() *refusal.Error {
	left, gate := leaseLeft(*a.Ends, a.At), int64(a.Group.Gate.TimeoutSeconds)
	if left > gate {
		return nil
	}
	return &refusal.Error{
		Code:  "state",
		Title: fmt.Sprintf("The lease ends in %s, and a node of %s may take %s to become ready.", leaseWords(left), typed.Isolate(a.Group.Name), leaseWords(gate)),
		Next:  "Extend the lease first, and scale the cluster then.",
	}
}

// join finds names and addresses.
func (a *addition) join() *refusal.Error {
	var there []plan.Place
	var before []netip.Addr
	for _, n := range a.Members {
		if n.State == provisioner.NodeGone {
			before = append(before, n.Address)
		} else {
			there = append(there, plan.Place{Group: n.Group, Name: n.Name, Address: n.Address})
		}
	}
	var err error
	if a.Places, err = (plan.Net{VNI: a.VNI, Subnet: a.Subnet}).Join(a.Group.Name, a.More, there, before); err == nil {
		return nil
	}
	free := plan.MostNodes(a.Subnet.Bits()) - len(there)
	return &refusal.Error{
		Code: "capacity", Title: fmt.Sprintf("The network of this cluster has %s free, and %d are needed.", refusal.Plural(free, "address", "addresses"), a.More),
		Next: "Add fewer nodes, or launch a second cluster.",
	}
}

// place finds a host for every new node by the rules of a launch, those with the fewest nodes of the cluster first, or says what would fit.
func (a *addition) place() *refusal.Error {
	if a.Hosts = a.fit(a.More); a.Hosts != nil {
		return nil
	}
	most := sort.Search(a.More, func(n int) bool { return n > 0 && a.fit(n) == nil }) - 1 // nodes are alike: where more fit, fewer do
	r := &refusal.Error{
		Code: "capacity",
		Title: fmt.Sprintf("The pool %s has no room for %s of %s more now: %s.", typed.Isolate(a.Case.Pool.Name), refusal.Plural(a.More, "node", "nodes"),
			typed.Isolate(a.Group.Name), wouldFit(most)),
		Next: "Add fewer, or try again when other clusters have ended.",
	}
	uefi := ImageOf(a.Group).UEFI
	for _, h := range a.Case.Hosts {
		if reason := h.Lacks(a.Shape.Size(), uefi); reason != "" {
			r.Detail = append(r.Detail, h.Name+": "+reason)
		}
	}
	if reason := a.Case.share().Refuses(int64(a.Shape.VCPUs) * int64(a.More)); reason != "" {
		r.Detail = append(r.Detail, reason)
	}
	return r
}

func wouldFit(n int) string {
	if n == 0 {
		return "not one would fit"
	}
	return refusal.Plural(n, "would fit", "would fit")
}

// fit gives a host for each of n new nodes; nil where there is not room for all.
func (a addition) fit(n int) []uuid.UUID {
	if a.Case.share().Refuses(int64(a.Shape.VCPUs)*int64(n)) != "" {
		return nil
	}
	carried, group := map[uuid.UUID]int{}, ""
	if a.Group.Apart {
		group = a.Group.Name
	}
	hosts := slices.Clone(a.Case.Hosts)
	for _, m := range a.Members {
		if m.State == provisioner.NodeGone {
			continue
		}
		carried[m.HostID]++
		if i := slices.IndexFunc(hosts, func(h placement.Host) bool { return h.ID == m.HostID }); i >= 0 && m.Group == group {
			hosts[i].Apart = []string{group}
		}
	}
	nodes := make([]placement.Node, n)
	for i := range nodes {
		nodes[i] = placement.Node{Size: a.Shape.Size(), Image: ImageOf(a.Group), Apart: group}
	}
	return placement.Elsewhere(hosts, carried, nodes)
}

// reserve writes the batch and its nodes down, and has every host of the cluster learn of them.
func (a addition) reserve(ctx context.Context, tx pgx.Tx) error {
	batchID, err := newBatch(ctx, tx, a.ID, provisioner.BatchScale, a.Need)
	if err != nil {
		return err
	}
	batch, n := &pgx.Batch{}, newCluster{ID: a.ID, OrganizationID: a.OrganizationID, Kind: a.Kind}
	for i, p := range a.Places {
		if err := n.queueNode(batch, a.Case, batchID, placedNode{Place: p, Host: a.Hosts[i], Shape: a.Shape}); err != nil {
			return err
		}
	}
	batch.Queue(`
		UPDATE clusters SET generation = generation + 1, network_generation = network_generation + 1, retry_at = NULL, attempts = 0 WHERE id = $1`, a.ID)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("reserve nodes of cluster %s: %w", a.ID, err)
	}
	return nil
}
