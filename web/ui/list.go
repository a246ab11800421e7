package ui

import (
	"maps"
	"net/url"
	"strconv"

	"volary.dev/provisioner"
)

// ListProps say which part of a list is shown and by what address another one is. The zero value is an empty list.
type ListProps struct {
	Path    string     // of the page
	Query   url.Values // the present one: filters stay when the order changes
	Sort    string     // key of the column that orders the rows; empty: the list's own order
	Desc    bool
	From    int // rows before the first one shown
	PerPage int
	Total   int // rows that the filters leave
}

func (p ListProps) with(changes map[string]string) string {
	query := maps.Clone(p.Query)
	if query == nil {
		query = url.Values{}
	}
	for key, value := range changes {
		if value == "" {
			query.Del(key)
			continue
		}
		query.Set(key, value)
	}
	if len(query) == 0 {
		return p.Path
	}
	return p.Path + "?" + query.Encode()
}

// Address is the page's own, with its filters, order and place.
func (p ListProps) Address() string { return p.with(nil) }

// sorted is the address of the list ordered by a column: a second time the other way round.
func (p ListProps) sorted(key string) string {
	desc := ""
	if p.Sort == key && !p.Desc {
		desc = "1"
	}
	return p.with(map[string]string{"sort": key, "desc": desc, "from": ""})
}

// order is the value of aria-sort of a column.
func (p ListProps) order(key string) string {
	switch {
	case p.Sort != key:
		return "none"
	case p.Desc:
		return "descending"
	default:
		return "ascending"
	}
}

func (p ListProps) last() int { return min(p.From+p.PerPage, p.Total) }

// earlier and later are addresses, empty where there is nothing.
func (p ListProps) earlier() string {
	if p.From <= 0 {
		return ""
	}
	from := ""
	if before := p.From - p.PerPage; before > 0 {
		from = strconv.Itoa(before)
	}
	return p.with(map[string]string{"from": from})
}

func (p ListProps) later() string {
	if p.From+p.PerPage >= p.Total {
		return ""
	}
	return p.with(map[string]string{"from": strconv.Itoa(p.From + p.PerPage)})
}

// Filtered tells whether the list is narrowed: an empty one then says so, instead of how to begin.
func (p ListProps) Filtered() bool {
	for key, values := range p.Query {
		if key != "sort" && key != "desc" && key != "from" && len(values) > 0 && values[0] != "" {
			return true
		}
	}
	return false
}

const fewRows = 8

func nodeStates() []Option {
	var list []Option
	for _, s := range []provisioner.NodeState{
		provisioner.NodeReserved, provisioner.NodeStarting, provisioner.NodeReady, provisioner.NodePausing, provisioner.NodePaused,
		provisioner.NodeStopping, provisioner.NodeStopped, provisioner.NodeLost, provisioner.NodeFailed, provisioner.NodeGone,
	} {
		list = append(list, Option{Value: string(s), Label: string(s)})
	}
	return list
}
