package org

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/userdata"
	"volary.dev/store/models"
	web "volary.dev/web/org"
	"volary.dev/web/ui"
)

// changesFrom is what values say otherwise than the version before. name gives an image's name by its id.
func changesFrom(before models.Version, values web.VersionValues, name func(id string) string) *web.VersionChanges {
	c := &web.VersionChanges{BeforeID: before.ID, Before: before.Version}
	was, is := versionValues(before), meant(values)
	groupChanges(c, "Head", was.Head, is.Head, name)
	for _, w := range was.Groups {
		groupChanges(c, w.Name, w, groupNamed(is.Groups, w.Name), name)
	}
	for _, i := range is.Groups {
		if groupNamed(was.Groups, i.Name).Name == "" {
			groupChanges(c, i.Name, web.GroupValues{}, i, name)
		}
	}
	field(c, "Cluster", "User to sign in as", signInUser(was), signInUser(is))
	field(c, "Cluster", "A login for each member", accounts(was), accounts(is))
	keptChanges(c, before.Model, keptOf(is))
	return c
}

// groupNamed is a group of a form; one that is not there has nothing in it.
func groupNamed(groups []web.GroupValues, name string) web.GroupValues {
	for _, g := range groups {
		if strings.TrimSpace(g.Name) == name {
			return g
		}
	}
	return web.GroupValues{}
}

func groupChanges(c *web.VersionChanges, of string, was, is web.GroupValues, name func(id string) string) {
	field(c, of, "Nodes, at least", was.Least, is.Least)
	field(c, of, "Nodes, at most", was.Most, is.Most)
	field(c, of, "Image", shownImage(was.Image, is.Image, name), shownImage(is.Image, was.Image, name))
	field(c, of, "vCPUs", was.VCPUs, is.VCPUs)
	field(c, of, "Memory", united(was.MemoryMiB, "MiB"), united(is.MemoryMiB, "MiB"))
	field(c, of, "Disk", united(was.DiskGiB, "GiB"), united(is.DiskGiB, "GiB"))
	field(c, of, "A node is ready when", gateKinds[was.GateKind], gateKinds[is.GateKind])
	field(c, of, "Text on the console", gateText(was), gateText(is))
	field(c, of, "TCP port", gatePort(was), gatePort(is))
	field(c, of, "Time limit", united(was.GateTimeout, "s"), united(is.GateTimeout, "s"))
	text(c, of, was.UserData, is.UserData)
}

var gateKinds = map[string]string{
	string(provisioner.GateAddress): "it took its address by DHCP", string(provisioner.GateConsole): "a text appears on its console",
	string(provisioner.GateAgent): "its guest agent answers", string(provisioner.GatePort): "a TCP port of it answers",
}

// gatePort is as gateText.
func gatePort(v web.GroupValues) string {
	if v.GateKind != string(provisioner.GatePort) {
		return ""
	}
	return v.GatePort
}

// gateText is what counts of it: a text that was typed for another kind of gate is not kept.
func gateText(v web.GroupValues) string {
	if v.GateKind != string(provisioner.GateConsole) {
		return ""
	}
	return v.GateText
}

func signInUser(v web.VersionValues) string {
	if strings.TrimSpace(v.SignInUser) == "" {
		return "the image’s own"
	}
	return v.SignInUser
}

func united(number, unit string) string {
	if number = strings.TrimSpace(number); number == "" {
		return ""
	}
	return number + " " + unit
}

func accounts(v web.VersionValues) string {
	if v.Accounts {
		return "yes"
	}
	return "no"
}

// shownImage is an image's name; with the beginning of its id where another one of the same name is compared with it.
func shownImage(id, other string, name func(id string) string) string {
	if id != other && other != "" && id != "" && name(id) == name(other) {
		return name(id) + " (" + id[len(id)-min(len(id), 6):] + ")"
	}
	return name(id)
}

func field(c *web.VersionChanges, of, name, before, after string) {
	if before, after = strings.TrimSpace(before), strings.TrimSpace(after); before != after {
		c.Fields = append(c.Fields, web.FieldChange{Of: of, Field: name, Before: before, After: after})
	}
}

func text(c *web.VersionChanges, of, before, after string) {
	if before == after {
		return
	}
	found := userdata.Compare(before, after)
	t := web.TextChange{Of: strings.ToLower(of), Field: "User-data", Added: found.Added, Removed: found.Removed, Left: found.Left}
	for _, l := range found.Lines {
		t.Lines = append(t.Lines, web.TextLine{Kind: string(l.Kind), Text: l.Text, Of: l.Of})
	}
	c.Texts = append(c.Texts, t)
}

// imageNames finds names among the images of some versions, and those that a form offers.
func imageNames(offered []ui.Option, versions ...models.Version) func(id string) string {
	names := map[string]string{}
	for _, o := range offered {
		names[o.Value] = o.Label
	}
	for _, v := range versions {
		for _, g := range v.Groups {
			names[imageOf(g)] = g.Image.Name
		}
	}
	return func(id string) string { return names[id] }
}

// changesOf compares a version that is kept with the one before it; nil where there is none.
func (h Handlers) changesOf(ctx context.Context, orgID uuid.UUID, v models.Version) (*web.VersionChanges, error) {
	before, ok, err := h.Models.VersionBefore(ctx, orgID, v)
	if err != nil || !ok {
		return nil, err
	}
	return changesFrom(before, versionValues(v), imageNames(nil, before, v)), nil
}

// formChanges compares what a form says with the version before; nil where there is none.
func (h Handlers) formChanges(ctx context.Context, orgID uuid.UUID, p web.VersionFormProps) (*web.VersionChanges, error) {
	before, ok, err := h.Models.VersionBefore(ctx, orgID, models.Version{ID: p.ID, ModelClusterID: p.ModelID})
	if err != nil || !ok {
		return nil, err
	}
	return changesFrom(before, p.Values, imageNames(p.Images, before)), nil
}

// nextName suggests a name for the version after the newest one: the last number in its name, one higher until that is free; else
// how many there are then.
func nextName(m models.ModelCluster) string {
	taken := func(name string) bool {
		return slices.ContainsFunc(m.Versions, func(v models.VersionRow) bool { return v.Version == name })
	}
	last := m.Versions[0].Version
	stem := strings.TrimRight(last, "0123456789")
	if n, err := strconv.ParseUint(last[len(stem):], 10, 32); err == nil {
		for n++; taken(stem + strconv.FormatUint(n, 10)); n++ {
		}
		if name := stem + strconv.FormatUint(n, 10); len([]rune(name)) <= 40 {
			return name
		}
	}
	return strconv.Itoa(len(m.Versions) + 1)
}
