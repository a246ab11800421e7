package machines

import (
	"maps"

	"volary.dev/provisioner"
)

// Counts is how many nodes of each compute group there are to be, by the group's name. Under OnlyGroup stands that of a version's only
// group, for who does not know its name.
type Counts map[string]int

// OnlyGroup stands for the only compute group of a version, whatever its name.
const OnlyGroup = ""

// Sum is how many nodes there are to be in all groups.
func (c Counts) Sum() int {
	sum := 0
	for _, n := range c {
		sum += n
	}
	return sum
}

// Of gives the only group its name. Of a version with several, OnlyGroup says nothing.
func (c Counts) Of(m provisioner.Model) Counts {
	named := maps.Clone(c)
	if n, ok := named[OnlyGroup]; ok {
		delete(named, OnlyGroup)
		if groups := counted(m); len(groups) == 1 {
			named[groups[0].Name] = n
		}
	}
	return named
}
