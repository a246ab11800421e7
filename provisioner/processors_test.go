package provisioner_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"volary.dev/provisioner"
)

func TestProcessorsSayHowVCPUsAreMade(t *testing.T) {
	type host struct {
		a                 provisioner.Acceleration
		model             string
		vcpus, processors int
	}
	kvm, tcg := provisioner.AccelerationKVM, provisioner.AccelerationTCG
	for name, c := range map[string]struct {
		hosts             []host
		kind, model, sold string
	}{
		"none":       {nil, "", "", ""},
		"one":        {[]host{{kvm, "AMD EPYC 7302", 32, 32}}, "KVM", "AMD EPYC 7302", "1 vCPU sold per processor"},
		"oversold":   {[]host{{kvm, "A", 64, 32}, {kvm, "A", 64, 32}}, "KVM", "A", "2 vCPUs sold per processor"},
		"a third":    {[]host{{kvm, "A", 4, 3}}, "KVM", "A", "1.34 vCPUs sold per processor"},
		"half":       {[]host{{kvm, "A", 4, 8}}, "KVM", "A", "0.5 vCPUs sold per processor"},
		"emulated":   {[]host{{tcg, "", 4, 0}}, "emulated: many times slower than KVM", "", ""},
		"mixed":      {[]host{{tcg, "B", 8, 4}, {kvm, "A", 4, 4}}, "KVM on 1 of 2 hosts, the others emulated: many times slower than KVM", "A and B", "1 to 2 vCPUs sold per processor"},
		"many kinds": {[]host{{kvm, "C", 1, 1}, {kvm, "A", 1, 1}, {kvm, "B", 1, 1}, {kvm, "D", 1, 1}}, "KVM", "A, B and 2 others", "1 vCPU sold per processor"},
	} {
		var p provisioner.Processors
		for _, h := range c.hosts {
			p.Add(h.a, h.model, h.vcpus, h.processors)
		}
		if p.Kind() != c.kind || p.Model() != c.model || p.Sold() != c.sold || p.Known() != (len(c.hosts) > 0) {
			t.Errorf("%s: %q, %q, %q", name, p.Kind(), p.Model(), p.Sold())
		}
		if word := p.Word(); strings.Contains(word, "emulated") != (p.Emulated > 0) || strings.HasPrefix(word, "some") != (p.Emulated*p.KVM > 0) || len(word) > 13 {
			t.Errorf("%s in a word: %q", name, word)
		}
	}
}

// A host's words are hostile.
func TestProcessorNameIsOneShortLine(t *testing.T) {
	for said, want := range map[string]string{
		"Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz": "Intel Xeon Gold 6130 CPU @ 2.10GHz",
		"  AMD EPYC\n7302\t16-Core  Processor\x00": "AMD EPYC 7302 16-Core Processor",
		"a\u202eb\u200bc\xffd":                     "abcd",
		strings.Repeat("é", 200):                   strings.Repeat("é", 80),
		"":                                         "",
		strings.Repeat("x", 80) + " and more of this": strings.Repeat("x", 80),
	} {
		if got := provisioner.ProcessorName(said); got != want || !utf8.ValidString(got) {
			t.Errorf("%q: %q, want %q", said, got, want)
		}
	}
}

func TestFirmwareOfAPool(t *testing.T) {
	for want, hosts := range map[string][]bool{
		"": nil, "starts BIOS, not UEFI": {false}, "starts BIOS and UEFI": {true, true}, "starts BIOS, and UEFI on 1 of 3 hosts": {false, true, false},
	} {
		var p provisioner.Processors
		for _, uefi := range hosts {
			p.Add(provisioner.AccelerationKVM, "", 1, 1)
			if uefi {
				p.UEFI++
			}
		}
		if got := p.Firmware(); got != want {
			t.Errorf("%v: %q, want %q", hosts, got, want)
		}
	}
}
