package billing

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
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
)

// moves says between which accounts each kind moves hours.
func (k Kind) moves() (from, to Account, ok bool) {
	switch k {
	case KindGrant:
		return Bought, Available, true
	case KindHold:
		return Available, Held, true
	case KindUse:
		return Held, Used, true
	case KindRelease:
		return Held, Available, true
	case KindExpire:
		return Available, Expired, true
	default:
		return "", "", false
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
	Postings    []Posting
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

// Expire books what lapsed of a lot. everExpired is what lapsed of it before.
func Expire(share Share, everExpired Hours, at time.Time) (Draft, error) {
	d := draft(KindExpire, at, "expire:"+share.LotID.String()+":"+strconv.FormatInt(int64(everExpired+share.Hours), 10))
	d.Postings = pair(nil, KindExpire, share.LotID, uuid.Nil, share.Hours)
	return d, d.Check()
}

// Use books the lines of one lot that belong to one accounting month. Its key is the digest of the lines: a line
// is used once, so the same use booked again has the same key and is refused.
func Use(u Usage, at time.Time) (Draft, error) {
	digest := DigestLines(u.Lines)
	d := draft(KindUse, at, "use:"+u.LotID.String()+":"+digest.String())
	d.Period, d.Lines, d.LinesDigest = u.period(), len(u.Lines), digest
	for _, c := range u.byCluster() {
		d.Postings = pair(d.Postings, KindUse, u.LotID, c.clusterID, c.hours)
	}
	return d, d.Check()
}

func draft(kind Kind, at time.Time, key string) Draft {
	return Draft{Kind: kind, At: at.UTC().Truncate(time.Microsecond), Key: key}
}

// pair appends the two postings that move hours for a kind.
func pair(to []Posting, kind Kind, lotID, clusterID uuid.UUID, h Hours) []Posting {
	source, target, _ := kind.moves()
	return append(to, posting(lotID, source, clusterID, -h), posting(lotID, target, clusterID, h))
}

func posting(lotID uuid.UUID, a Account, clusterID uuid.UUID, h Hours) Posting {
	if a != Held {
		clusterID = uuid.Nil
	}
	return Posting{LotID: lotID, Account: a, ClusterID: clusterID, Hours: h}
}

var keyForm = regexp.MustCompile(`^[a-z0-9:._-]{1,200}$`)

// Check tells whether the draft may be booked: a known kind, postings that move hours between that kind's
// accounts in the right direction and sum to zero for each lot, and a key that the canonical encoding can carry.
func (d Draft) Check() error {
	source, target, ok := d.Kind.moves()
	if !ok {
		return fmt.Errorf("%w: kind %q", ErrUnbalanced, d.Kind)
	}
	if !keyForm.MatchString(d.Key) {
		return fmt.Errorf("%w: key %q", ErrUnbalanced, d.Key)
	}
	if len(d.Postings) == 0 {
		return fmt.Errorf("%w: %s has none", ErrUnbalanced, d.Key)
	}
	sums := map[uuid.UUID]Hours{}
	for _, p := range d.Postings {
		rightWay := p.Account == source && p.Hours < 0 || p.Account == target && p.Hours > 0
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
	return nil
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
