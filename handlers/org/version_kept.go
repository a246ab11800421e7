package org

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"volary.dev/handlers/request"
	"volary.dev/provisioner"
	"volary.dev/provisioner/manifest"
	"volary.dev/provisioner/refusal"
	web "volary.dev/web/org"
)

// kept is what of a model the form does not show. The form carries it as a document, whose compute groups stand as the form's do: so a
// version that has it can be edited and cloned by the form, and a file that has it can be gone on with.
func kept(m provisioner.Model) provisioner.Model {
	k := provisioner.Model{Format: provisioner.ModelFormat, Checks: m.Checks, Commands: m.Commands, Head: keptOfGroup(m.Head)}
	for _, g := range m.Compute {
		k.Compute = append(k.Compute, keptOfGroup(g))
	}
	return k
}

func keptOfGroup(g provisioner.Group) provisioner.Group {
	return provisioner.Group{Firmware: g.Firmware, DataDisks: g.DataDisks, Apart: g.Apart}
}

// keep writes what is kept into a form; nothing where nothing is.
func keep(v *web.VersionValues, m provisioner.Model) {
	v.Kept, v.KeptWords = "", nil
	add := func(has bool, word string) {
		if has && !slices.Contains(v.KeptWords, word) {
			v.KeptWords = append(v.KeptWords, word)
		}
	}
	k := kept(m)
	add(len(k.Checks) > 0, "checks")
	add(len(k.Commands.Drain)+len(k.Commands.Queue) > 0, "commands")
	for _, g := range k.Groups() {
		add(g.Firmware != "", "firmware")
		add(len(g.DataDisks) > 0, "data disks")
		add(g.Apart, "nodes on hosts of their own")
	}
	if v.KeptWords != nil {
		v.Kept = string(manifest.Canonical(k))
	}
}

// typedKept reads what a form carries, with as many compute groups as the form has.
func typedKept(f *request.Form, groups int) (provisioner.Model, error) {
	k := provisioner.Model{Format: provisioner.ModelFormat}
	if f.Has("kept") {
		var err error
		if k, err = manifest.Read([]byte(f.Typed("kept"))); err != nil {
			return k, &refusal.Error{Code: "malformed", Title: "The form could not be read.", Next: "Go back, reload the page and send it again."}
		}
	}
	k.Compute = append(k.Compute, make([]provisioner.Group, max(0, groups-len(k.Compute)))...)[:groups]
	return kept(k), nil
}

// keptOf is what a form keeps, with the names that its groups have in the form.
func keptOf(v web.VersionValues) provisioner.Model {
	m := provisioner.Model{}
	if v.Kept != "" {
		m, _ = manifest.Read([]byte(v.Kept)) // keep wrote it
	}
	for i := range m.Compute {
		if i < len(v.Groups) {
			m.Compute[i].Name = strings.TrimSpace(v.Groups[i].Name)
		}
	}
	return m
}

// keptChanges adds the differences of what the form does not show; groups, disks and checks are compared by their names.
func keptChanges(c *web.VersionChanges, was, is provisioner.Model) {
	for _, g := range bothGroups(was, is) {
		before, _ := was.Group(g)
		after, _ := is.Group(g)
		field(c, g, "Firmware", string(before.Firmware), string(after.Firmware))
		field(c, g, "Each node on a host of its own", yes(before.Apart), yes(after.Apart))
		named(c, g, "Data disk", before.DataDisks, after.DataDisks, func(d provisioner.DataDisk) string { return d.Name })
	}
	named(c, "Cluster", "Check", was.Checks, is.Checks, func(k provisioner.Check) string { return k.Name })
	field(c, "Cluster", "Command that drains", words(was.Commands.Drain), words(is.Commands.Drain))
	field(c, "Cluster", "Command that tells the queue", words(was.Commands.Queue), words(is.Commands.Queue))
}

// yes is a switch in words.
func yes(on bool) string {
	if on {
		return "yes"
	}
	return "no"
}

// words are a command's, in quotes where that tells them apart.
func words(command []string) string {
	if len(command) == 0 {
		return ""
	}
	return asJSON(command)
}

func bothGroups(was, is provisioner.Model) (names []string) {
	for _, g := range append(was.Groups(), is.Groups()...) {
		if !slices.Contains(names, g.Name) {
			names = append(names, g.Name)
		}
	}
	return names
}

// named compares lists of things that have names.
func named[T any](c *web.VersionChanges, of, what string, was, is []T, name func(T) string) {
	before, after := map[string]string{}, map[string]string{}
	for _, t := range was {
		before[name(t)] = asJSON(t)
	}
	for _, t := range is {
		after[name(t)] = asJSON(t)
	}
	all := maps.Clone(before)
	maps.Copy(all, after)
	for _, n := range slices.Sorted(maps.Keys(all)) {
		field(c, of, what+" "+n, before[n], after[n])
	}
}

// asJSON is a part of a document as a document has it.
func asJSON(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err.Error() // texts, numbers and lists have none
	}
	return strings.TrimSpace(b.String())
}
