package billing

import (
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Difference names the first thing in a journal that is not what it has to be.
type Difference struct {
	Journal  Journal
	Seq      int64 // 0: not about one entry
	What     string
	Expected string
	Found    string
	Note     string // what else is known, such as which entry was the last good one; empty: nothing
}

// Error is a sentence that names the row and both values.
func (d *Difference) Error() string {
	where := fmt.Sprintf("journal of provider %s and organization %s", d.Journal.ProviderID, d.Journal.OrganizationID)
	switch {
	case d.Journal == Journal{}:
		where = "the whole"
	case d.Journal.OrganizationID == uuid.Nil:
		where = "papers of provider " + d.Journal.ProviderID.String()
	}
	if d.Seq > 0 {
		where += fmt.Sprintf(", entry %d", d.Seq)
	}
	text := fmt.Sprintf("%s: %s should be %s but is %s", where, d.What, d.Expected, d.Found)
	if d.Note != "" {
		text += "; " + d.Note
	}
	return text
}

// Balances are what the entries of a journal sum to.
type Balances struct {
	Lots  map[uuid.UUID]LotBalance
	Held  map[HeldKey]Hours
	Worth map[uuid.UUID]LotWorth
	Owed  map[Currency]int64 // by what was sold, whatever was paid since
}

// LotBalance is what a lot's accounts hold; Bought counts up here.
type LotBalance struct {
	Bought, Available, Held, Used, Expired, Refunded Hours
}

// LotWorth is what a sold lot's accounts of money hold, in minor units, each counted up: what is not earned yet, what its use
// earned, and what lapsed.
type LotWorth struct {
	Deferred, Revenue, Breakage int64
}

// HeldKey names what one lot holds for one cluster.
type HeldKey struct {
	LotID, ClusterID uuid.UUID
}

// Audit recomputes a journal, entry by entry, from nothing but what is stored.
type Audit struct {
	head      Head
	unordered int64
	balances  Balances
	expiries  map[uuid.UUID]time.Time
	version   int // of the last entry
	uses      oldUses
	facts     map[Fact]int64
	moved     map[movedKey]int64 // of all kinds together under no kind
	older     []OlderHead        // that are still to come
	vouched   int64              // the last entry that an older head has
	Vouchers  int                // how many older heads hold
}

// NewAudit begins at the journal's first entry. The times of entries rise with the sequence behind the unordered ones, which
// were booked before they had to.
func NewAudit(j Journal, unordered int64) *Audit {
	return &Audit{
		head:      Head{Journal: j},
		unordered: unordered,
		balances: Balances{
			Lots: map[uuid.UUID]LotBalance{}, Held: map[HeldKey]Hours{}, Worth: map[uuid.UUID]LotWorth{}, Owed: map[Currency]int64{},
		},
		expiries: map[uuid.UUID]time.Time{}, version: 1, uses: oldUses{}, facts: map[Fact]int64{}, moved: map[movedKey]int64{},
	}
}

// Against has the entries compared with heads that left the database, from the next one on.
func (a *Audit) Against(o Older) { a.older = o[a.head.Journal.ID()] }

// Next checks the next entry in order and its usage lines, and returns the first difference or nil.
func (a *Audit) Next(e Entry, lines []Line) *Difference {
	differ := func(what string, expected, found any) *Difference {
		return &Difference{Journal: a.head.Journal, Seq: e.Seq, What: what, Expected: fmt.Sprint(expected), Found: fmt.Sprint(found)}
	}
	switch {
	case e.Seq != a.head.Seq+1:
		return differ("the sequence number", a.head.Seq+1, e.Seq)
	case e.Previous != a.head.Hash:
		return differ("the hash of the entry before", a.head.Hash, e.Previous)
	case e.Seq > a.unordered && !e.At.After(a.head.At):
		return differ("the time", "after "+instant(a.head.At), instant(e.At))
	case e.Version < a.version || e.Version > Encoding:
		return differ("the version of the encoding", a.version, e.Version)
	case e.Version == 1 && len(e.Money)+len(e.Facts) > 0:
		return differ("the postings of money", 0, len(e.Money))
	case e.Check() != nil:
		return differ("the sum of its postings", "balanced", e.Check())
	case len(lines) != e.Lines:
		return differ("the number of usage lines", e.Lines, len(lines))
	}
	if e.Kind == KindUse {
		if digest := DigestLines(e.Version, lines); digest != e.LinesDigest {
			return differ("the digest of the usage lines", e.LinesDigest, digest)
		}
		if sum := sumLines(lines); sum != e.Moved() {
			return differ("the sum of the usage lines in mcs", int64(e.Moved()), int64(sum))
		}
		if booked, cost := e.deferred(), (Usage{Lines: lines}).cost().Minor; e.Version > 1 && booked != cost {
			return differ("the cost of the usage lines in minor units", booked, cost)
		}
	}
	if sealed := seal(e.Draft, a.head, e.Version); sealed.Hash != e.Hash {
		return differ("the hash", sealed.Hash, e.Hash)
	}
	a.head, a.version = e.Head(), e.Version
	if diff := a.vouch(); diff != nil {
		return diff
	}
	if diff := a.apply(e); diff != nil {
		return diff
	}
	if e.Kind == KindUse && e.Version == 1 {
		a.uses.add(e.Seq, lines)
	}
	return a.note(e)
}

// note keeps the facts of an entry. Those of uses are compared at once, with all that came before.
func (a *Audit) note(e Entry) *Difference {
	for _, f := range e.Facts {
		if f.What != FactUses {
			a.facts[f] = e.Seq
		} else if found := a.uses.fact(f.ID); found != f {
			return &Difference{
				Journal: e.Journal, Seq: e.Seq, What: fmt.Sprintf("the digest of the uses of lot %s, with their costs,", f.ID),
				Expected: f.Digest.String(), Found: found.Digest.String(),
			}
		}
	}
	return nil
}

// apply adds the postings and refuses a balance below zero.
func (a *Audit) apply(e Entry) *Difference {
	for _, p := range e.Postings {
		if p.Account == Bought {
			a.expiries[p.LotID] = e.ExpiresAt
		}
		b := a.balances.Lots[p.LotID]
		left := b.add(p)
		a.balances.Lots[p.LotID] = b
		if p.Account == Held {
			key := HeldKey{p.LotID, p.ClusterID}
			a.balances.Held[key] += p.Hours
			left = a.balances.Held[key]
		}
		if left < 0 {
			what := fmt.Sprintf("the account %s of lot %s", p.Account, p.LotID)
			return &Difference{Journal: e.Journal, Seq: e.Seq, What: what, Expected: "zero or more mcs", Found: fmt.Sprint(int64(left))}
		}
	}
	return a.moveMoney(e)
}

// add books one posting of a lot's accounts, which are credited what they hold.
func (w *LotWorth) add(p MoneyPosting) {
	switch p.Account {
	case Deferred:
		w.Deferred -= p.Minor
	case Revenue:
		w.Revenue -= p.Minor
	default:
		w.Breakage -= p.Minor
	}
}

// deferred is what the draft takes of what is deferred.
func (d Draft) deferred() (sum int64) {
	for _, p := range d.Money {
		if p.Account == Deferred {
			sum += p.Minor
		}
	}
	return sum
}

// add books one posting and returns the account's balance.
func (b *LotBalance) add(p Posting) Hours {
	switch p.Account {
	case Bought:
		b.Bought -= p.Hours
		return b.Bought
	case Available:
		b.Available += p.Hours
		return b.Available
	case Held:
		b.Held += p.Hours
		return b.Held
	case Used:
		b.Used += p.Hours
		return b.Used
	case Expired:
		b.Expired += p.Hours
		return b.Expired
	default:
		b.Refunded += p.Hours
		return b.Refunded
	}
}

// Head is the chain's end as far as it was checked.
func (a *Audit) Head() Head { return a.head }

// Balances are the sums of all entries checked so far.
func (a *Audit) Balances() Balances { return a.balances }

// Expiry is when a lot expires by its grant; zero: never.
func (a *Audit) Expiry(lotID uuid.UUID) time.Time { return a.expiries[lotID] }

func sumLines(lines []Line) Hours {
	var sum Hours
	for _, l := range lines {
		sum += l.Hours
	}
	return sum
}
