package billing

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"
	"unicode"
)

// What a list of heads is known by: the type of the envelope's payload, and of the list in it.
const (
	HeadsPayload = "application/vnd.volary.ledger-heads+json"
	HeadsType    = "https://volary.dev/ledger/heads/v1"
)

// MostHeads is how many journals a list of heads has at most; a reader refuses more.
const MostHeads = 100_000

// ErrHeads is of what cannot be read as a list of heads, or as a paper that carries one.
var ErrHeads = errors.New("no heads of a ledger")

// ID stands for a journal where not everybody may read whose it is: the SHA-256 of the line "volary-journal-1", and one with the ids
// of provider and organization. Who knows both finds it; who does not cannot guess them.
func (j Journal) ID() Digest {
	return sha256.Sum256(fmt.Appendf(nil, "volary-journal-1\n%s %s\n", j.ProviderID, j.OrganizationID))
}

// OlderHead is a head that left the database: what the journal's entry of that number has to have for its hash for ever.
type OlderHead struct {
	Journal Digest // Journal.ID
	Seq     int64
	Hash    Digest
	Of      string // what carries it: "the heads of 2026-11-30"
}

type headList struct {
	Type  string      `json:"_type"`
	Day   string      `json:"day"`  // UTC, of the audit run that found the ledger whole up to these heads
	Made  string      `json:"made"` // when that ended
	Heads []shownHead `json:"heads"`
}

type shownHead struct {
	Journal string `json:"journal"`
	Seq     int64  `json:"seq"`
	Hash    string `json:"hash"`
}

// WriteHeads gives the list that is signed: the heads of a day (midnight, UTC), by journal. Journals without an entry have none.
func WriteHeads(day, made time.Time, heads []Head) ([]byte, error) {
	list := headList{Type: HeadsType, Day: day.UTC().Format(time.DateOnly), Made: instant(made), Heads: []shownHead{}}
	for _, h := range heads {
		if h.Seq > 0 {
			list.Heads = append(list.Heads, shownHead{h.Journal.ID().String(), h.Seq, h.Hash.String()})
		}
	}
	if len(list.Heads) > MostHeads {
		return nil, fmt.Errorf("%d journals are more than the %d of a list of heads", len(list.Heads), MostHeads)
	}
	slices.SortFunc(list.Heads, func(a, b shownHead) int { return cmp.Compare(a.Journal, b.Journal) })
	return json.Marshal(list)
}

// ReadHeads reads what WriteHeads wrote, and the day that it is of.
func ReadHeads(payload []byte) (day time.Time, heads []OlderHead, err error) {
	var list headList
	if err := json.Unmarshal(payload, &list); err != nil {
		return day, nil, fmt.Errorf("%w: %w", ErrHeads, err)
	}
	if list.Type != HeadsType || len(list.Heads) > MostHeads {
		return day, nil, fmt.Errorf("%w: type %q and %d journals, where %s and up to %d are read", ErrHeads, list.Type, len(list.Heads), HeadsType, MostHeads)
	}
	if day, err = time.Parse(time.DateOnly, list.Day); err != nil {
		return day, nil, fmt.Errorf("%w: %w", ErrHeads, err)
	}
	for _, s := range list.Heads {
		h := OlderHead{Seq: s.Seq, Of: "the heads of " + list.Day}
		if !h.Journal.parse(s.Journal) || !h.Hash.parse(s.Hash) || s.Seq < 1 {
			return day, nil, fmt.Errorf("%w: journal %q, entry %d, hash %q", ErrHeads, s.Journal, s.Seq, s.Hash)
		}
		heads = append(heads, h)
	}
	return day, heads, nil
}

// Mark is a head as papers carry it: a word without blanks that ReadMarks finds again.
func (h Head) Mark() string {
	return fmt.Sprintf("volary-head-1:%s:%d:%s", h.Journal.ID(), h.Seq, h.Hash)
}

var markForm = regexp.MustCompile(`volary-head-1:([0-9a-f]{64}):([1-9][0-9]{0,17}):([0-9a-f]{64})`)

// mostMarks is how many heads are read of one paper.
const mostMarks = 1000

// ReadMarks finds the heads that a paper carries: its page as it was saved, or its text. Blanks and line ends that whoever printed it put
// into a mark are passed over.
func ReadMarks(name string, paper []byte) ([]OlderHead, error) {
	dense := bytes.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, paper)
	var heads []OlderHead
	for _, m := range markForm.FindAllSubmatch(dense, mostMarks) {
		h := OlderHead{Of: name}
		seq, err := strconv.ParseInt(string(m[2]), 10, 64)
		if err != nil || !h.Journal.parse(string(m[1])) || !h.Hash.parse(string(m[3])) {
			return nil, fmt.Errorf("%w: %s", ErrHeads, m[0])
		}
		h.Seq = seq
		if !slices.Contains(heads, h) {
			heads = append(heads, h)
		}
	}
	if len(heads) == 0 {
		return nil, fmt.Errorf("%w: %s has no word that begins with volary-head-1", ErrHeads, name)
	}
	return heads, nil
}

// parse reads lower-case hexadecimal.
func (d *Digest) parse(s string) bool {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(d) || hex.EncodeToString(b) != s {
		return false
	}
	copy(d[:], b)
	return true
}

// Older are heads by journal, each journal's by number.
type Older map[Digest][]OlderHead

// NewOlder puts heads in order.
func NewOlder(heads ...OlderHead) Older {
	o := Older{}
	for _, h := range heads {
		o[h.Journal] = append(o[h.Journal], h)
	}
	for _, list := range o {
		slices.SortStableFunc(list, func(a, b OlderHead) int { return cmp.Compare(a.Seq, b.Seq) })
	}
	return o
}

// vouch compares the entry that the audit has just passed with the older heads of its number.
func (a *Audit) vouch() *Difference {
	for len(a.older) > 0 && a.older[0].Seq <= a.head.Seq {
		h := a.older[0]
		if h.Hash != a.head.Hash {
			return a.unvouched(h, a.head.Hash.String())
		}
		a.older, a.vouched, a.Vouchers = a.older[1:], h.Seq, a.Vouchers+1
	}
	return nil
}

// Lacking names the first older head whose entry the journal does not reach, or nil. It is asked behind the last entry.
func (a *Audit) Lacking() *Difference {
	if len(a.older) == 0 {
		return nil
	}
	return a.unvouched(a.older[0], "missing")
}

func (a *Audit) unvouched(h OlderHead, found string) *Difference {
	note := "no older entry is vouched for"
	if a.vouched > 0 {
		note = fmt.Sprintf("the last good entry is %d", a.vouched)
	}
	return &Difference{
		Journal: a.head.Journal, Seq: h.Seq, What: "the hash by " + h.Of, Expected: h.Hash.String(), Found: found,
		Note: note + ", by the older heads given",
	}
}

// Mark is the head as papers carry it.
func (h OlderHead) Mark() string {
	return fmt.Sprintf("volary-head-1:%s:%d:%s", h.Journal, h.Seq, h.Hash)
}
