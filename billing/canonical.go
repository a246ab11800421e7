package billing

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// Digest is a SHA-256.
type Digest [sha256.Size]byte

// String gives lower-case hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// IsZero tells whether the digest was never set.
func (d Digest) IsZero() bool { return d == Digest{} }

// Journal names the book that a provider and an organization share.
type Journal struct {
	ProviderID     uuid.UUID
	OrganizationID uuid.UUID
}

// Head is where a journal's chain ends; the zero Seq and Hash are those of an empty journal.
type Head struct {
	Journal Journal
	Seq     int64
	Hash    Digest
	At      time.Time // of the last entry; zero: there is none
}

// Encoding is the version of the hashed bytes that new entries have.
const Encoding = 2

// Entry is a draft in its place in a journal's chain.
type Entry struct {
	Draft
	Version  int // of the hashed bytes
	Journal  Journal
	Seq      int64
	Previous Digest
	Hash     Digest
}

// Behind gives the draft the time that it has behind a head: its own, or where the clock was set back the least that comes
// after the last entry's, so that times rise with the sequence.
func (d Draft) Behind(head Head) Draft {
	if least := head.At.Add(time.Microsecond); head.Seq > 0 && d.At.Before(least) {
		d.At = least.UTC()
	}
	return d
}

// Seal puts a draft behind the head of its journal. It refuses a draft that does not balance.
func Seal(d Draft, head Head) (Entry, error) {
	if err := d.Check(); err != nil {
		return Entry{}, err
	}
	return seal(d, head, Encoding), nil
}

func seal(d Draft, head Head, version int) Entry {
	e := Entry{Draft: d, Version: version, Journal: head.Journal, Seq: head.Seq + 1, Previous: head.Hash}
	e.Hash = sha256.Sum256(e.Canonical())
	return e
}

// Head is the chain's end behind this entry.
func (e Entry) Head() Head { return Head{Journal: e.Journal, Seq: e.Seq, Hash: e.Hash, At: e.At} }

// Canonical gives the bytes that the entry's hash is taken over, as the package's document has them.
func (e Entry) Canonical() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "volary-ledger-%d\njournal %s %s\nseq %d\nprevious %s\n", e.Version, e.Journal.ProviderID, e.Journal.OrganizationID, e.Seq, e.Previous)
	fmt.Fprintf(&b, "kind %s\nat %s\nkey %s\nby %s\nexpires %s\n", e.Kind, instant(e.At), e.Key, orDash(e.By), instant(e.ExpiresAt))
	fmt.Fprintf(&b, "period %s %s\n", instant(e.Period.From), instant(e.Period.To))
	lines := "-"
	if !e.LinesDigest.IsZero() {
		lines = e.LinesDigest.String()
	}
	fmt.Fprintf(&b, "lines %d %s\n", e.Lines, lines)
	if e.Version > 1 {
		fmt.Fprintf(&b, "date %s %s\n", e.Date, e.Month)
		if c := e.Corrects; c.Seq > 0 {
			fmt.Fprintf(&b, "corrects %d %s %s\n", c.Seq, textDigest(c.Reason), c.SignedBy)
		} else {
			b.WriteString("corrects - - -\n")
		}
		for _, f := range e.Facts {
			fmt.Fprintf(&b, "fact %s %s %s\n", f.What, f.ID, f.Digest)
		}
	}
	for _, p := range e.Postings {
		fmt.Fprintf(&b, "post %s %s %s %d\n", p.LotID, p.Account, orDash(p.ClusterID), p.Hours)
	}
	if e.Version > 1 {
		for _, p := range e.Money {
			fmt.Fprintf(&b, "money %s %s %s %d\n", p.Account, orDash(p.LotID), p.Currency, p.Minor)
		}
	}
	return b.Bytes()
}

// DigestLines is the digest of usage lines in a version of the encoding, whatever order they come in.
func DigestLines(version int, lines []Line) Digest {
	sorted := slices.Clone(lines)
	slices.SortFunc(sorted, compareLines)
	sum := sha256.New()
	fmt.Fprintf(sum, "volary-usage-%d\n", version)
	var b []byte // of a line: there may be many
	for _, l := range sorted {
		b = fmt.Appendf(b[:0], "%s %s %s %s %s %d %d", l.RunID, l.ClusterID, l.NodeID, instant(l.From), instant(l.To), l.Rate, l.Hours)
		if version > 1 {
			cost := "-"
			if l.Cost != nil {
				cost = strconv.FormatInt(l.Cost.Minor, 10)
			}
			b = fmt.Appendf(b, " %s %s", l.LotID, cost)
		}
		sum.Write(append(b, '\n'))
	}
	return Digest(sum.Sum(nil))
}

// textDigest stands for a text of any signs.
func textDigest(s string) Digest { return sha256.Sum256([]byte(s)) }

func instant(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000Z")
}

func orDash(id uuid.UUID) string {
	if id == uuid.Nil {
		return "-"
	}
	return id.String()
}

func compareID(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }

func compareLines(a, b Line) int {
	if c := compareID(a.RunID, b.RunID); c != 0 {
		return c
	}
	return a.From.Compare(b.From)
}

// clusterKey numbers the key of an entry about a cluster.
func clusterKey(kind Kind, clusterID uuid.UUID, total Hours) string {
	return string(kind) + ":" + clusterID.String() + ":" + strconv.FormatInt(int64(total), 10)
}
