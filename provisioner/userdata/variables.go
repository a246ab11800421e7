package userdata

import (
	"regexp"
	"strings"
)

// Variable is a name that stands in user-data for what is known only when a cluster is made.
type Variable struct {
	Name    string // "__VOLARY_HEAD_ADDRESS__"
	Means   string // for people
	longest int    // characters that a value may have
}

// The variables, and no others.
const (
	HeadAddress  = "__VOLARY_HEAD_ADDRESS__"
	NodeName     = "__VOLARY_NODE_NAME__"
	NodeAddress  = "__VOLARY_NODE_ADDRESS__"
	GroupName    = "__VOLARY_GROUP_NAME__"
	Domain       = "__VOLARY_DOMAIN__"
	ComputeCount = "__VOLARY_COMPUTE_COUNT__"
)

// Variables are all, in the order in which they are told.
func Variables() []Variable {
	return []Variable{
		{HeadAddress, "the head’s IPv4 address", 15},
		{NodeName, "the node’s own name, such as compute-001", 40},
		{NodeAddress, "the node’s own IPv4 address", 15},
		{GroupName, "the name of the node’s group", 31},
		{Domain, "the cluster’s DNS domain, such as trial.volary", 80},
		{ComputeCount, "how many compute nodes the cluster has", 4},
	}
}

// Values are what the variables stand for on one node, by name.
type Values map[string]string

var (
	variable = regexp.MustCompile(`__VOLARY_[A-Za-z0-9]+(?:_[A-Za-z0-9]+)*__`)
	value    = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)
)

// Fill replaces the variables of a text. False: a value is missing, or is not what a value may be. One has small letters, digits, dots and hyphens alone,
// and begins and ends with a letter or digit: wherever it stands, in a shell's word, in quotes, in YAML or in JSON, it ends nothing.
func Fill(text string, values Values) (filled string, ok bool) {
	ok = true
	return variable.ReplaceAllStringFunc(text, func(name string) string {
		v, has := values[name]
		if longest, known := longestOf(name); !has || !known || len(v) > longest || !value.MatchString(v) {
			ok = false
		}
		return v
	}), ok
}

// Uses tells whether a text has a variable.
func Uses(text string) bool { return variable.MatchString(text) }

func longestOf(name string) (int, bool) {
	for _, v := range Variables() {
		if v.Name == name {
			return v.longest, true
		}
	}
	return 0, false
}

// checkVariables refuses a name that is none, at its line, and a text that may be too long once it is filled in.
func checkVariables(text string) error {
	size := len(text)
	for _, at := range variable.FindAllStringIndex(text, -1) {
		name := text[at[0]:at[1]]
		longest, known := longestOf(name)
		if !known {
			return sentence("Line %d of the user-data has the variable %s, which is not known. Known are %s.", 1+strings.Count(text[:at[0]], "\n"), name[:min(len(name), 60)], strings.Join(variableNames(), ", "))
		}
		size += max(0, longest-len(name))
	}
	if size > Most {
		return sentence("The user-data may have %d bytes once its variables are filled in, at most %d are kept. Put large files into the image.", size, Most)
	}
	return nil
}

func variableNames() []string {
	var names []string
	for _, v := range Variables() {
		names = append(names, v.Name)
	}
	return names
}
