package org

import (
	"slices"
	"strconv"
	"strings"

	"volary.dev/provisioner"
	"volary.dev/provisioner/manifest"
	"volary.dev/store/models"
	web "volary.dev/web/org"
	"volary.dev/web/ui"
)

// mostOVAs is of how many uploads, the newest first, the form of a new version offers to begin with the machines.
const mostOVAs = 5

// headWords are what the machine of an OVA is called that is asked to be the head.
var headWords = []string{"head", "master", "login"}

// ovas groups images by the OVAs that they came in, the newest upload first; of one each is in the order of its members. What nobody
// proposed anything for came in none.
func ovas(images []models.Image) (list [][]models.Image) {
	of := map[string]int{}
	for _, i := range images { // the newest first, and so the last member of an upload before its first
		if i.UploadID == "" || i.Member == "" || i.ProposedVCPUs == 0 && i.ProposedMemoryMiB == 0 {
			continue
		}
		at, known := of[i.UploadID]
		if !known {
			at, list = len(list), append(list, nil)
			of[i.UploadID] = at
		}
		list[at] = append([]models.Image{i}, list[at]...)
	}
	return list[:min(len(list), mostOVAs)]
}

// ovaOptions offers OVAs by their uploads, with the names of their machines.
func ovaOptions(list [][]models.Image) (options []ui.Option) {
	for _, machines := range list {
		names := make([]string, len(machines))
		for i, m := range machines {
			names[i] = m.Name
		}
		options = append(options, ui.Option{Value: machines[0].UploadID, Label: strings.Join(names, ", ")})
	}
	return options
}

// ovaValues fills a form with the machines of an OVA: one is the head, each other one a group of its own, of the size that the OVA asks
// for, where it does, and with a disk that holds the image.
func ovaValues(v web.VersionValues, machines []models.Image) web.VersionValues {
	head := max(slices.IndexFunc(machines, isHead), 0)
	sized := func(g web.GroupValues, i models.Image) web.GroupValues {
		g.Image, g.SameImage, g.SameSize, g.SameUserData, g.SameGate = i.ID.String(), false, false, true, true
		if i.ProposedVCPUs > 0 {
			g.VCPUs = strconv.Itoa(i.ProposedVCPUs)
		}
		if i.ProposedMemoryMiB > 0 {
			g.MemoryMiB = strconv.FormatInt(i.ProposedMemoryMiB, 10)
		}
		g.DiskGiB = strconv.FormatInt(max(1, (i.VirtualSize+1<<30-1)>>30), 10)
		return g
	}
	v.Head, v.Groups = sized(v.Head, machines[head]), nil
	v.Head.SameUserData, v.Head.SameGate = false, false
	for n, i := range machines {
		if n == head || len(v.Groups) == manifest.MostGroups {
			continue
		}
		g := sized(anotherGroup(v), i)
		if name := groupNameOf(i.Name); name != "" && !slices.ContainsFunc(v.Groups, func(o web.GroupValues) bool { return o.Name == name }) {
			g.Name = name
		}
		v.Groups = append(v.Groups, g)
	}
	return v
}

// isHead tells whether a machine is called one of headWords, with whatever stands beside it.
func isHead(i models.Image) bool {
	words := strings.FieldsFunc(strings.ToLower(i.Name+" "+i.Member), func(r rune) bool { return r < 'a' || r > 'z' })
	return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(headWords, w) })
}

// groupNameOf makes a group's name of a machine's, as a document takes one; empty where nothing of it can stand there, and for a name that
// is the head's or would look like a node's.
func groupNameOf(machine string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r == '-' || r == '_' || r == ' ' || r == '.':
			return '-'
		}
		return -1
	}, strings.ToLower(machine))
	name = strings.TrimLeft(name, "-0123456789")
	name = strings.Trim(name[:min(len(name), 31)], "-")
	m := provisioner.Model{Compute: []provisioner.Group{{Name: name}}}
	if _, wrong := manifest.Check(m)["compute[0].name"]; wrong {
		return ""
	}
	return name
}
