package userdata

import (
	"encoding/base64"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// The plain words that PyYAML's safe loader takes for a time (its resolver's pattern), and for a number with no digit in it, which ends it.
var (
	pythonTime  = regexp.MustCompile(`^(\d{4})-(\d\d?)-(\d\d?)(?:(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)(?:\.\d*)?(?:[ \t]*(?:Z|[-+](\d\d?)(?::(\d\d))?))?)?$`)
	pythonDay   = regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)
	noDigits    = regexp.MustCompile(`^[-+]?0[xb]_+$`)
	pythonInt   = regexp.MustCompile(`^[-+]?(?:0b[01_]*[01][01_]*|0x[0-9a-fA-F_]*[0-9a-fA-F][0-9a-fA-F_]*|0[0-7_]*|[1-9][0-9_]*(?::[0-5]?[0-9])*)$`)
	pythonBools = []string{"yes", "no", "true", "false", "on", "off"}
)

// inQuotes is what mends a plain word that was meant as one.
const inQuotes = "Put it into quotation marks."

// checkValue looks for a word or a list that Python makes nothing of: there PyYAML ends, and cloud-init goes on without the whole text.
func checkValue(n *yaml.Node) error {
	tagged := n.Style&yaml.TaggedStyle != 0
	switch {
	case n.Kind == yaml.ScalarNode && !tagged && n.Style == 0:
		return checkPlain(n)
	case n.Kind == yaml.ScalarNode && tagged:
		return checkTagged(n)
	case tagged && n.Kind == yaml.MappingNode && n.ShortTag() != "!!map" && n.ShortTag() != "!!set" && n.Tag != "!",
		tagged && n.Kind == yaml.SequenceNode && n.ShortTag() != "!!seq" && n.ShortTag() != "!!omap" && n.ShortTag() != "!!pairs" && n.Tag != "!":
		return sentence("The YAML's tag %q in line %d does not fit what it stands before. Leave it out.", n.ShortTag(), n.Line)
	case n.Kind == yaml.MappingNode:
		return checkMerges(n)
	}
	return nil
}

func checkPlain(n *yaml.Node) error {
	switch m := pythonTime.FindStringSubmatch(n.Value); {
	case n.Value == "=":
		return sentence("The sign = in line %d stands alone, which cloud-init's YAML has no meaning for. %s", n.Line, inQuotes)
	case noDigits.MatchString(n.Value):
		return sentence("%q in line %d begins like a number and has no digit. %s", n.Value, n.Line, inQuotes)
	case m != nil && (m[4] != "" || pythonDay.MatchString(n.Value)) && !aTime(m):
		return sentence("%q in line %d is written like a date or a time, and there is none such. Mend it, or, if it is a word: %s", n.Value, n.Line, inQuotes)
	}
	return nil
}

// aTime tells whether Python's datetime has such a time: the years 1 to 9999, no 24th hour, no leap second.
func aTime(m []string) bool {
	part := make([]int, len(m))
	for i, text := range m[1:] {
		part[i+1], _ = strconv.Atoi(text)
	}
	year, month, day, hour, minute, second := part[1], time.Month(part[2]), part[3], part[4], part[5], part[6]
	if year < 1 || hour > 23 || minute > 59 || second > 59 || part[7]*60+part[8] >= 24*60 {
		return false
	}
	at := time.Date(year, month, day, hour, minute, second, 0, time.UTC)
	return at.Year() == year && at.Month() == month && at.Day() == day
}

// checkTagged looks at a word whose kind is written before it.
func checkTagged(n *yaml.Node) error {
	v := strings.ToLower(n.Value)
	fits := true
	switch n.ShortTag() {
	case "!!int":
		fits = pythonInt.MatchString(n.Value)
	case "!!float":
		_, err := strconv.ParseFloat(strings.TrimPrefix(strings.ReplaceAll(v, "_", ""), "."), 64)
		fits = err == nil || strings.HasSuffix(v, ".inf") || strings.HasSuffix(v, ".nan")
	case "!!bool":
		fits = false
		for _, word := range pythonBools {
			fits = fits || v == word
		}
	case "!!timestamp":
		m := pythonTime.FindStringSubmatch(n.Value)
		fits = m != nil && aTime(m)
	case "!!binary":
		_, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(n.Value), ""))
		fits = err == nil
	case "!!seq", "!!map", "!!set", "!!omap", "!!pairs":
		fits = false
	}
	if !fits {
		return sentence("%q in line %d is not what the tag %q before it says. Mend it, or leave the tag out.", n.Value, n.Line, n.ShortTag())
	}
	return nil
}

// checkMerges looks at what << takes in: mappings alone.
func checkMerges(n *yaml.Node) error {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.Value != "<<" || key.Style != 0 || isMapping(value) {
			continue
		}
		fits := value.Kind == yaml.SequenceNode
		for _, part := range value.Content {
			fits = fits && isMapping(part)
		}
		if !fits {
			return sentence("In line %d << takes something in that is no mapping. If it is a name, put it into quotation marks.", key.Line)
		}
	}
	return nil
}

func isMapping(n *yaml.Node) bool {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n != nil && n.Kind == yaml.MappingNode
}
