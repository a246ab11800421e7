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
}

// Error is a sentence that names the row and both values.
func (d *Difference) Error() string {
	where := fmt.Sprintf("journal of provider %s and organization %s", d.Journal.ProviderID, d.Journal.OrganizationID)
	if d.Journal.OrganizationID == uuid.Nil {
		where = "papers of provider " + d.Journal.ProviderID.String()
	}
	if d.Seq > 0 {
		where += fmt.Sprintf(", entry %d", d.Seq)
	}
	return fmt.Sprintf("%s: %s should be %s but is %s", where, d.What, d.Expected, d.Found)
}

// Balances are what the entries of a journal sum to.
type Balances struct {
	Lots map[uuid.UUID]LotBalance
	Held map[HeldKey]Hours
}

// LotBalance is what a lot's accounts hold; Bought counts up here.
type LotBalance struct {
	Bought, Available, Held, Used, Expired Hours
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
}

// NewAudit begins at the journal's first entry. The times of entries rise with the sequence behind the unordered ones, which
// were booked before they had to.
func NewAudit(j Journal, unordered int64) *Audit {
	return &Audit{
		head:      Head{Journal: j},
		unordered: unordered,
		balances:  Balances{Lots: map[uuid.UUID]LotBalance{}, Held: map[HeldKey]Hours{}},
		expiries:  map[uuid.UUID]time.Time{},
	}
}

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
	case e.Check() != nil:
		return differ("the sum of its postings", "balanced", e.Check())
	case len(lines) != e.Lines:
		return differ("the number of usage lines", e.Lines, len(lines))
	}
	if e.Kind == KindUse {
		if digest := DigestLines(lines); digest != e.LinesDigest {
			return differ("the digest of the usage lines", e.LinesDigest, digest)
		}
		if sum := sumLines(lines); sum != e.Moved() {
			return differ("the sum of the usage lines in mcs", int64(e.Moved()), int64(sum))
		}
	}
	sealed, err := Seal(e.Draft, a.head)
	if err != nil || sealed.Hash != e.Hash {
		return differ("the hash", sealed.Hash, e.Hash)
	}
	a.head = e.Head()
	return a.apply(e)
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
	return nil
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
	default:
		b.Expired += p.Hours
		return b.Expired
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
