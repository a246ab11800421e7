package billing

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner/typed"
)

// Account is one of a lot's accounts; see the chart in the package's document.
type Account string

// The accounts of a lot. Bought is the source and the only one that goes below zero.
const (
	Bought    Account = "bought"
	Available Account = "available"
	Held      Account = "held" // per cluster
	Used      Account = "used"
	Expired   Account = "expired"
	Refunded  Account = "refunded"
)

// Kind is what an entry books.
type Kind string

// The kinds of entries.
const (
	KindGrant   Kind = "grant"
	KindHold    Kind = "hold"
	KindUse     Kind = "use"
	KindRelease Kind = "release"
	KindExpire  Kind = "expire"

	KindOpening    Kind = "opening" // of a journal that had hours before it had money
	KindPayment    Kind = "payment"
	KindRefund     Kind = "refund"
	KindCreditNote Kind = "credit_note"
	KindWriteOff   Kind = "write_off"
	KindGoodwill   Kind = "goodwill"
	KindCorrection Kind = "correction"
)

// hourMove is a way that hours go.
type hourMove struct{ from, to Account }

// moves says between which accounts each kind moves hours, and whether it may do without.
func (k Kind) moves() (moves []hourMove, without bool, ok bool) {
	switch k {
	case KindGrant:
		return []hourMove{{Bought, Available}}, false, true
	case KindHold:
		return []hourMove{{Available, Held}}, false, true
	case KindUse:
		return []hourMove{{Held, Used}}, false, true
	case KindRelease:
		return []hourMove{{Held, Available}}, false, true
	case KindExpire:
		return []hourMove{{Available, Expired}}, false, true
	case KindCreditNote:
		return []hourMove{{Available, Refunded}}, true, true
	case KindCorrection:
		return []hourMove{{Used, Available}, {Expired, Available}, {Refunded, Available}}, true, true
	case KindOpening, KindPayment, KindRefund, KindWriteOff, KindGoodwill:
		return nil, true, true
	default:
		return nil, false, false
	}
}

// Posting is a signed amount on one account of one lot.
type Posting struct {
	LotID     uuid.UUID
	Account   Account
	ClusterID uuid.UUID // set on held, Nil elsewhere
	Hours     Hours
}

// Draft is an entry before it has its place in a journal. The functions below make drafts that are balanced.
type Draft struct {
	Kind        Kind
	At          time.Time // UTC, to the microsecond
	Key         string    // no two entries of a deployment have the same
	By          uuid.UUID // the person who did it; Nil: Volary itself
	ExpiresAt   time.Time // of a granted lot; zero: never
	Period      Period    // of the lines of a use; zero otherwise
	Lines       int
	LinesDigest Digest
	Event       time.Time // what the accounting date is the day of; a range ends with it
	Date        typed.Day // the accounting date, in the provider's zone
	Month       Month     // in whose accounts the entry is
	Corrects    Correction
	Facts       []Fact
	Postings    []Posting
	Money       []MoneyPosting
}

// Correction says what an entry takes back something of, and why. The entry's own person signs first.
type Correction struct {
	Seq      int64 // of an entry of the same journal; 0: nothing
	Reason   string
	SignedBy uuid.UUID // another person
}

// check tells whether a correction is said whole, with two signatures, and of no other entry.
func (c Correction) check(d Draft) bool {
	if d.Kind != KindCorrection {
		return c == Correction{}
	}
	return c.Seq > 0 && c.Reason != "" && c.SignedBy != uuid.Nil && d.By != uuid.Nil && d.By != c.SignedBy
}

// Dated gives the draft the day of its event in the provider's zone, and that day's month. Where that is closed, InAccountsOf says which is open.
func (d Draft) Dated(zone *time.Location) Draft {
	d.Date = typed.DayOf(d.Event, zone)
	d.Month = MonthOf(d.Event, zone)
	return d
}

// InAccountsOf puts a draft whose own month is closed into the accounts of a later one. It keeps its date.
func (d Draft) InAccountsOf(m Month) Draft {
	d.Month = m
	return d
}

// ErrUnbalanced is the sentinel of a draft whose postings do not belong together. It is a defect of the caller,
// never of the input.
var ErrUnbalanced = errors.New("postings do not balance")

// Grant books a new lot.
func Grant(lot Lot, by uuid.UUID, at time.Time) (Draft, error) {
	if err := lot.Available.CheckAmount(); err != nil {
		return Draft{}, err
	}
	d := draft(KindGrant, at, "grant:"+lot.ID.String())
	d.By, d.ExpiresAt = by, lot.ExpiresAt
	d.Postings = pair(nil, KindGrant, lot.ID, uuid.Nil, lot.Available)
	return d, d.Check()
}

// Hold sets shares of lots aside for a cluster. everHeld is what was ever set aside for it before: it makes the
// entry's key, so that the same hold cannot be booked twice.
func Hold(clusterID uuid.UUID, shares []Share, everHeld Hours, at time.Time) (Draft, error) {
	return clusterDraft(KindHold, clusterID, shares, everHeld, at)
}

// Release gives back what is still set aside for a cluster. everReleased is what it gave back before.
func Release(clusterID uuid.UUID, shares []Share, everReleased Hours, at time.Time) (Draft, error) {
	return clusterDraft(KindRelease, clusterID, shares, everReleased, at)
}

func clusterDraft(kind Kind, clusterID uuid.UUID, shares []Share, before Hours, at time.Time) (Draft, error) {
	total := before
	var postings []Posting
	for _, s := range shares {
		total += s.Hours
		postings = pair(postings, kind, s.LotID, clusterID, s.Hours)
	}
	d := draft(kind, at, clusterKey(kind, clusterID, total))
	d.Postings = postings
	return d, d.Check()
}

// Expire books what lapsed of a lot, before the instant since. everExpired is what lapsed of it before.
func Expire(share Share, everExpired Hours, since, at time.Time) (Draft, error) {
	d := draft(KindExpire, at, "expire:"+share.LotID.String()+":"+strconv.FormatInt(int64(everExpired+share.Hours), 10))
	d.Event = before(since)
	d.Postings = pair(nil, KindExpire, share.LotID, uuid.Nil, share.Hours)
	return d, d.Check()
}

// Use books the lines of one lot that belong to one accounting month, and what they cost. Its key is the digest of what was used,
// without the costs: a line is used once, so the same use booked again has the same key and is refused.
func Use(u Usage, at time.Time) (Draft, error) {
	d := draft(KindUse, at, "use:"+u.LotID.String()+":"+DigestLines(1, u.Lines).String())
	d.Period, d.Lines, d.LinesDigest = u.period(), len(u.Lines), DigestLines(Encoding, u.Lines)
	d.Event = before(d.Period.To)
	d.Move(Deferred, Revenue, u.LotID, u.cost())
	for _, c := range u.byCluster() {
		d.Postings = pair(d.Postings, KindUse, u.LotID, c.clusterID, c.hours)
	}
	return d, d.Check()
}

func draft(kind Kind, at time.Time, key string) Draft {
	at = at.UTC().Truncate(time.Microsecond)
	return Draft{Kind: kind, At: at, Key: key, Event: at}
}

// before is the last instant of a range that ends there: a range up to midnight is of the day that ends with it.
func before(end time.Time) time.Time { return end.Add(-time.Microsecond) }

// pair appends the two postings that move hours for a kind.
func pair(to []Posting, kind Kind, lotID, clusterID uuid.UUID, h Hours) []Posting {
	moves, _, _ := kind.moves()
	return append(to, posting(lotID, moves[0].from, clusterID, -h), posting(lotID, moves[0].to, clusterID, h))
}

func posting(lotID uuid.UUID, a Account, clusterID uuid.UUID, h Hours) Posting {
	if a != Held {
		clusterID = uuid.Nil
	}
	return Posting{LotID: lotID, Account: a, ClusterID: clusterID, Hours: h}
}

var keyForm = regexp.MustCompile(`^[a-z0-9:._-]{1,200}$`)

// Check tells whether the draft may be booked: a known kind, postings that move hours and money between that kind's accounts in
// the right direction and sum to zero for each lot and currency, and a key that the canonical encoding can carry.
func (d Draft) Check() error {
	moves, without, ok := d.Kind.moves()
	if !ok {
		return fmt.Errorf("%w: kind %q", ErrUnbalanced, d.Kind)
	}
	if !keyForm.MatchString(d.Key) {
		return fmt.Errorf("%w: key %q", ErrUnbalanced, d.Key)
	}
	if len(d.Postings) == 0 && (!without || len(d.Money)+len(d.Facts) == 0) {
		return fmt.Errorf("%w: %s has none", ErrUnbalanced, d.Key)
	}
	if !d.Corrects.check(d) {
		return fmt.Errorf("%w: %s does not say which entry it corrects, why, and by which two persons, as corrections alone do", ErrUnbalanced, d.Key)
	}
	sums := map[uuid.UUID]Hours{}
	for _, p := range d.Postings {
		rightWay := slices.ContainsFunc(moves, func(m hourMove) bool {
			return p.Account == m.from && p.Hours < 0 || p.Account == m.to && p.Hours > 0
		})
		if !rightWay || (p.Account == Held) != (p.ClusterID != uuid.Nil) {
			return fmt.Errorf("%w: %s of %d mcs in a %s", ErrUnbalanced, p.Account, p.Hours, d.Kind)
		}
		sums[p.LotID] += p.Hours
	}
	for lot, sum := range sums {
		if sum != 0 {
			return fmt.Errorf("%w: lot %s is left with %d mcs", ErrUnbalanced, lot, sum)
		}
	}
	return d.checkMoney()
}

// Moved is how much the entry moves in all.
func (d Draft) Moved() Hours {
	var sum Hours
	for _, p := range d.Postings {
		sum += max(p.Hours, 0)
	}
	return sum
}

// LotIDs are the lots the entry touches, in order of id.
func (d Draft) LotIDs() []uuid.UUID {
	var ids []uuid.UUID
	for _, p := range d.Postings {
		ids = append(ids, p.LotID)
	}
	slices.SortFunc(ids, compareID)
	return slices.Compact(ids)
}
