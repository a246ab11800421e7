package billing

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// GroupPart is an organization's month with one provider, whose accounting zone says when it begins and ends.
type GroupPart struct {
	ProviderID   uuid.UUID
	ProviderName string
	Zone         *time.Location // the provider's, by which Period is a month
	Period       Period
	AsOf
}

// GroupRun is what is booked of one run, and who launched it: the person who started its cluster last before it. A correction is
// nobody's: its person is uuid.Nil.
type GroupRun struct {
	RunUse
	PersonID   uuid.UUID
	PersonName string
}

// PersonUse is what one person's launches used with one provider in a month.
type PersonUse struct {
	Part       GroupPart
	PersonID   uuid.UUID
	PersonName string
	Clusters   int
	Runs       int
	Hours      Hours
	Cost       Cost
}

// personKey tells one person's use with one provider from all others.
type personKey struct{ provider, person uuid.UUID }

type personSum struct {
	usageSum
	part     GroupPart
	name     string
	clusters map[uuid.UUID]struct{}
}

// GroupUse adds an organization's month up by provider and person. The zero GroupUse is empty.
type GroupUse struct {
	Parts []GroupPart
	sums  map[personKey]*personSum
}

// Begin has the runs that follow be those with a provider.
func (g *GroupUse) Begin(p GroupPart) error {
	g.Parts = append(g.Parts, p)
	return nil
}

// Add adds a run of the part that was begun last. It refuses one that leaves the month or whose use is not seconds × rate.
func (g *GroupUse) Add(r GroupRun) error {
	part := g.Parts[len(g.Parts)-1]
	seconds, err := r.within(part.Period)
	if err != nil {
		return err
	}
	key := personKey{part.ProviderID, r.PersonID}
	if g.sums == nil {
		g.sums = map[personKey]*personSum{}
	}
	s := g.sums[key]
	if s == nil {
		s = &personSum{part: part, name: r.PersonName, clusters: map[uuid.UUID]struct{}{}}
		g.sums[key] = s
	}
	if r.Corrects == 0 {
		s.clusters[r.ClusterID] = struct{}{}
	}
	return s.add(r.runs(), r.Hours, seconds, r.Cost)
}

// People are the sums by person and provider: who used most comes first.
func (g *GroupUse) People() []PersonUse {
	list := make([]PersonUse, 0, len(g.sums))
	for key, s := range g.sums {
		list = append(list, PersonUse{
			Part: s.part, PersonID: key.person, PersonName: s.name, Clusters: len(s.clusters), Runs: s.runs, Hours: s.hours, Cost: s.cost,
		})
	}
	slices.SortFunc(list, func(a, b PersonUse) int {
		return cmp.Or(cmp.Compare(b.Hours, a.Hours), compareID(a.PersonID, b.PersonID), compareID(a.Part.ProviderID, b.Part.ProviderID))
	})
	return list
}

// total sums one part up.
func (g *GroupUse) total(p GroupPart) (all usageSum, err error) {
	for key, s := range g.sums {
		if key.provider == p.ProviderID {
			if err := all.add(s.runs, s.hours, s.seconds, s.cost); err != nil {
				return all, err
			}
		}
	}
	return all, nil
}

// Tie compares what was added of a provider with the ledger's own sum of the organization's month: ErrUntied.
func (g *GroupUse) Tie(p GroupPart, ledger UsageTotal) error {
	all, err := g.total(p)
	if err != nil {
		return err
	}
	return all.ties(ledger)
}

// The tables of an organization's month besides UsageRuns.
const (
	GroupPeople = "people"
	GroupTotals = "totals" // one for each provider
)

// GroupTables are the tables of an organization's month, each a file where files have one.
func GroupTables() []string { return []string{UsageRuns, GroupPeople, GroupTotals} }

// GroupUsageWriter writes the file of an organization's month; the package's document has the columns.
type GroupUsageWriter struct {
	GroupUse
	book Book
}

// NewGroupUsageWriter begins the table of runs.
func NewGroupUsageWriter(b Book) (*GroupUsageWriter, error) {
	if err := b.Table(UsageRuns, runColumns("person", "person_id", "provider", "provider_id")); err != nil {
		return nil, fmt.Errorf("begin the month's runs: %w", err)
	}
	return &GroupUsageWriter{book: b}, nil
}

// Run writes one run's line.
func (w *GroupUsageWriter) Run(r GroupRun) error {
	if err := w.Add(r); err != nil {
		return err
	}
	part := w.Parts[len(w.Parts)-1]
	return w.book.Row(r.cells(part.AsOf, append(personCells(r.PersonName, r.PersonID), part.cells()...)...)...)
}

// personCells say who; of a correction nobody.
func personCells(name string, id uuid.UUID) []Cell {
	if id == uuid.Nil {
		return []Cell{{}, {}}
	}
	return []Cell{Text(name), Text(id.String())}
}

// cells say with which provider.
func (p GroupPart) cells() []Cell { return []Cell{Text(p.ProviderName), Text(p.ProviderID.String())} }

// Finish writes the tables of people and totals, and ends the file.
func (w *GroupUsageWriter) Finish() error {
	if err := w.book.Table(GroupPeople, sumColumns("person", "person_id", "provider", "provider_id", "clusters")); err != nil {
		return err
	}
	for _, u := range w.People() {
		sum := w.sums[personKey{u.Part.ProviderID, u.PersonID}]
		whose := slices.Concat(personCells(u.PersonName, u.PersonID), u.Part.cells(), []Cell{Whole(u.Clusters)})
		if err := w.book.Row(sum.cells(u.Part.Period, u.Part.AsOf, whose...)...); err != nil {
			return err
		}
	}
	if err := w.book.Table(GroupTotals, sumColumns("provider", "provider_id")); err != nil {
		return err
	}
	for _, p := range w.Parts {
		all, err := w.total(p)
		if err != nil {
			return err
		}
		if err := w.book.Row(all.cells(p.Period, p.AsOf, p.cells()...)...); err != nil {
			return err
		}
	}
	return w.book.Finish()
}
