package provisioner

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"volary.dev/provisioner/refusal"
)

// Processors says how some hosts make vCPUs: those of a pool that take nodes. Add puts them together.
type Processors struct {
	KVM, Emulated int      // hosts
	Models        []string // in order, each once; a host that does not tell has none
	// Least and Most are vCPUs sold per logical processor, in hundredths, of the hosts whose number is known; 0: of none.
	Least, Most int
	UEFI        int // hosts that have UEFI firmware for nodes
}

// Add adds a host that sells vcpus on so many logical processors; 0 is not known.
func (p *Processors) Add(a Acceleration, model string, vcpus, processors int) {
	if a == AccelerationKVM {
		p.KVM++
	} else {
		p.Emulated++
	}
	if at, found := slices.BinarySearch(p.Models, model); !found && model != "" {
		p.Models = slices.Insert(p.Models, at, model)
	}
	if processors <= 0 {
		return
	}
	sold := (vcpus*100 + processors - 1) / processors // never fewer than it is
	if p.Most == 0 || sold < p.Least {
		p.Least = sold
	}
	p.Most = max(p.Most, sold)
}

// Firmware says which nodes start there, short: "starts BIOS and UEFI", or on how many hosts UEFI does. A host that no check has
// looked at counts as one without.
func (p Processors) Firmware() string {
	switch hosts := p.KVM + p.Emulated; {
	case !p.Known():
		return ""
	case p.UEFI == 0:
		return "starts BIOS, not UEFI"
	case p.UEFI == hosts:
		return "starts BIOS and UEFI"
	default:
		return fmt.Sprintf("starts BIOS, and UEFI on %d of %s", p.UEFI, refusal.Plural(hosts, "host", "hosts"))
	}
}

// Known tells whether there is anything to say.
func (p Processors) Known() bool { return p.KVM+p.Emulated > 0 }

// EmulationCost is what it means for a guest that KVM does not work on its host.
const EmulationCost = "emulated: many times slower than KVM"

// Kind says by what the vCPUs are made: "KVM", or what emulation costs.
func (p Processors) Kind() string {
	switch {
	case !p.Known():
		return ""
	case p.Emulated == 0:
		return "KVM"
	case p.KVM == 0:
		return EmulationCost
	default:
		return fmt.Sprintf("KVM on %d of %s, the others %s", p.KVM, refusal.Plural(p.KVM+p.Emulated, "host", "hosts"), EmulationCost)
	}
}

// Word is Kind in a word: "KVM", "emulated", or "some emulated".
func (p Processors) Word() string {
	switch {
	case p.Emulated == 0:
		return p.Kind()
	case p.KVM == 0:
		return "emulated"
	default:
		return "some emulated"
	}
}

// shownModels is how many models a line names.
const shownModels = 2

// Model names the processors: "AMD EPYC 7302", "A and B", "A, B and 3 others"; empty: no host tells.
func (p Processors) Model() string {
	switch n := len(p.Models); {
	case n <= 1:
		return strings.Join(p.Models, "")
	case n == shownModels:
		return p.Models[0] + " and " + p.Models[1]
	default:
		return strings.Join(p.Models[:shownModels], ", ") + " and " + refusal.Plural(n-shownModels, "other", "others")
	}
}

// Sold says how many vCPUs are sold on a processor: "2 vCPUs sold per processor"; empty: not known.
func (p Processors) Sold() string {
	switch {
	case p.Most == 0:
		return ""
	case p.Least == p.Most && p.Most == 100:
		return "1 vCPU sold per processor"
	case p.Least == p.Most:
		return hundredths(p.Most) + " vCPUs sold per processor"
	default:
		return hundredths(p.Least) + " to " + hundredths(p.Most) + " vCPUs sold per processor"
	}
}

func hundredths(n int) string {
	s := fmt.Sprintf("%d.%02d", n/100, n%100)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// mostModel bounds the name of a processor, in characters.
const mostModel = 80

// ProcessorName is what a host says of its processor, cut down to what may be shown: one line of printable characters, at
// most 80, without the makers' marks.
func ProcessorName(said string) string {
	said = strings.NewReplacer("(R)", "", "(r)", "", "(TM)", "", "(tm)", "").Replace(strings.ToValidUTF8(said[:min(len(said), 4096)], ""))
	said = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, said)
	runes := []rune(strings.Join(strings.Fields(said), " "))
	return strings.TrimSpace(string(runes[:min(len(runes), mostModel)]))
}
