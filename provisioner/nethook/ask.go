package nethook

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// What one question may ask for and one answer may hold. A driver that wants more asks again.
const (
	MaxConsoles  = 256      // of a question
	MaxNetworks  = 32       // whose counters a question may ask for
	MaxTail      = 64 << 10 // bytes from the end of one console
	maxAnswer    = 4 << 20  // bytes of all tails of an answer
	maxRead      = 8 << 20  // bytes of one console that are searched
	maxReadAll   = 64 << 20 // bytes of all consoles of a question that are searched
	maxLines     = 32       // of one console
	maxLineReach = 400      // bytes of a line before and behind what was found in it
	maxUnended   = 8 << 10  // bytes of a line without an end that are searched again
)

// ConsoleDir is where virtlogd writes what guests write to their consoles: ID.log, and what was rolled over from it as ID.log.0
// and on. It is no storage pool, and nothing of libvirt's looks into it.
const ConsoleDir = "/var/lib/libvirt/volary/consoles"

// Question is what a driver asks the hook beside networks. It stands in the name of a portgroup of the probe's network.
type Question struct {
	Nonce    string     `json:"-"` // of AskSetting and AnswerName
	Consoles []Console  `json:"consoles,omitempty"`
	Forget   []Leavings `json:"forget,omitempty"`
	Wipe     []string   `json:"wipe,omitempty"` // paths of nodes' disks and UEFI variables that no machine uses
	Probes   []Probe    `json:"probes,omitempty"`
	Counters []uint32   `json:"counters,omitempty"` // networks, by their VNI
}

// Console asks for what a node wrote to its console.
type Console struct {
	ID    uuid.UUID `json:"id"`
	Tail  int64     `json:"tail,omitempty"`  // at most so many bytes from its end
	After string    `json:"after,omitempty"` // a mark; lines count only behind it
	Find  []string  `json:"find,omitempty"`  // lines with one of these texts
}

// Leavings are the files of a node that is gone: its console's, its UEFI variables, and its disk and seed where libvirt has left
// them in Dir.
type Leavings struct {
	ID  uuid.UUID `json:"id"`
	Dir string    `json:"dir,omitempty"`
}

// Answer is the hook's. Its lists are in the order of the question's.
type Answer struct {
	Protocol   int             `json:"protocol"`
	Machine    *Identity       `json:"machine,omitempty"` // nil: an older hook
	ConsoleCap int64           `json:"console_cap"`       // bytes that virtlogd is configured to keep of a console; 0: no cap; -1: its configuration cannot be read
	Consoles   []ConsoleAnswer `json:"consoles,omitempty"`
	Forgotten  []Done          `json:"forgotten,omitempty"`
	Wiped      []Done          `json:"wiped,omitempty"`
	Probed     []ProbeAnswer   `json:"probed,omitempty"`
	Seal       []byte          `json:"seal,omitempty"` // the key that SealKey seals for; empty: an older hook, which probes nothing
	Counted    []CounterAnswer `json:"counted,omitempty"`
	Counts     bool            `json:"counts,omitempty"` // it tells counters; false: an older hook, which may not be asked for them
	Vars       bool            `json:"vars,omitempty"`   // it overwrites and removes UEFI variables; false: an older hook, which refuses to
}

// CounterAnswer is where a network's counters stand now.
type CounterAnswer struct {
	Error    string             `json:"error,omitempty"`
	Counters map[string]Counter `json:"counters,omitempty"` // by the names of Report.Counters
}

// Done says of a file whether it is as it was asked for, and why it is not.
type Done struct {
	Done  bool   `json:"done"`
	Error string `json:"error,omitempty"`
}

func done(is bool, err error) Done {
	if err != nil {
		return Done{Error: err.Error()}
	}
	return Done{Done: is}
}

// ConsoleAnswer is what is kept of a console. A node without one has nothing but zeros.
type ConsoleAnswer struct {
	Error string       `json:"error,omitempty"`
	Kept  int64        `json:"kept"`           // bytes in all its files
	Tail  guestBytes   `json:"tail,omitempty"` // its end
	Lines []guestBytes `json:"lines,omitempty"`
	End   string       `json:"end,omitempty"`  // a mark of the end
	Next  string       `json:"next,omitempty"` // a mark from where to search next: before the last line, if it is not complete
}

// guestBytes are what a guest wrote, in an alphabet of letters and few signs: whatever they are, no program takes a file of them
// for a disk image. The digit 0 is not in it: "CD001", which makes an optical disc of a file, cannot be spelled.
type guestBytes []byte

var guestEncoding = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz123456789-_.").WithPadding(base64.NoPadding)

// MarshalText implements encoding.TextMarshaler.
func (g guestBytes) MarshalText() ([]byte, error) { return guestEncoding.AppendEncode(nil, g), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (g *guestBytes) UnmarshalText(text []byte) (err error) {
	*g, err = guestEncoding.AppendDecode(nil, text)
	return err
}

const askPrefix = "ask-"

// AskSetting is the portgroup that asks a question.
func AskSetting(q Question) (string, error) {
	b, err := json.Marshal(q)
	if err != nil {
		return "", fmt.Errorf("question to the network hook: %w", err)
	}
	return askPrefix + q.Nonce + "-" + base64.RawURLEncoding.EncodeToString(b), nil
}

// IsAsk says whether a portgroup is one of AskSetting.
func IsAsk(portgroup string) bool { return strings.HasPrefix(portgroup, askPrefix) }

// parseAsk reads what AskSetting wrote. The nonce becomes the name of a file, so it is letters and digits.
func parseAsk(portgroup string) (Question, error) {
	nonce, text, _ := strings.Cut(strings.TrimPrefix(portgroup, askPrefix), "-")
	if !plain(nonce) {
		return Question{}, fmt.Errorf("question to the network hook: nonce %q", nonce)
	}
	q := Question{Nonce: nonce}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(b, &q)
	}
	if err == nil && len(q.Consoles) > MaxConsoles {
		err = fmt.Errorf("%d consoles, at most %d", len(q.Consoles), MaxConsoles)
	}
	if err == nil && len(q.Probes) > MaxProbes {
		err = fmt.Errorf("%d probes, at most %d", len(q.Probes), MaxProbes)
	}
	if err == nil && len(q.Counters) > MaxNetworks {
		err = fmt.Errorf("counters of %d networks, at most %d", len(q.Counters), MaxNetworks)
	}
	if err != nil {
		return q, fmt.Errorf("question to the network hook: %w", err)
	}
	return q, nil
}

func plain(nonce string) bool {
	if nonce == "" || len(nonce) > 32 {
		return false
	}
	for _, r := range nonce {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			return false
		}
	}
	return true
}

// AnswerName is the file of an answer in ReportDir.
func AnswerName(nonce string) string { return answerPrefix + nonce + ".json" }

const answerPrefix = "answer-"

// ParseAnswer reads an answer.
func ParseAnswer(b []byte) (Answer, error) {
	var a Answer
	if err := json.Unmarshal(b, &a); err != nil {
		return Answer{}, fmt.Errorf("network hook's answer: %w", err)
	}
	return a, nil
}
