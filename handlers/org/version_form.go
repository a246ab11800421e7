package org

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"volary.dev/handlers/request"
	"volary.dev/provisioner"
	"volary.dev/provisioner/manifest"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/userdata"
	"volary.dev/store/models"
	web "volary.dev/web/org"
)

// typedGroups is how many groups of a form are read: no page offers as many, and the store says how many there may be.
const typedGroups = 4 * manifest.MostGroups

// typedVersion keeps every field as it was typed.
func typedVersion(f *request.Form) web.VersionValues {
	v := web.VersionValues{
		Version: f.Typed("version"), Head: typedGroup(f, web.HeadPrefix), SignInUser: f.Typed("sign_in_user"), Accounts: f.Has("accounts"), Kept: f.Typed("kept"),
	}
	for i := 0; i < typedGroups && f.Sent(web.GroupPrefix(i)+"name"); i++ {
		v.Groups = append(v.Groups, typedGroup(f, web.GroupPrefix(i)))
	}
	return v
}

func typedGroup(f *request.Form, prefix string) web.GroupValues {
	return web.GroupValues{
		Name: f.Typed(prefix + "name"), Least: f.Typed(prefix + "least"), Most: f.Typed(prefix + "most"),
		Image: f.Typed(prefix + "image"), VCPUs: f.Typed(prefix + "vcpus"), MemoryMiB: f.Typed(prefix + "memory_mib"),
		DiskGiB: f.Typed(prefix + "disk_gib"), UserData: f.Typed(prefix + "user_data"),
		GateKind: f.Typed(prefix + "gate_kind"), GateText: f.Typed(prefix + "gate_text"), GatePort: f.Typed(prefix + "gate_port"), GateTimeout: f.Typed(prefix + "gate_timeout"),
		SameImage: f.Has(prefix + "same_image"), SameSize: f.Has(prefix + "same_size"), SameUserData: f.Has(prefix + "same_user_data"), SameGate: f.Has(prefix + "same_gate"),
	}
}

// versionValues fills the form of a draft, and of a version that begins as another one is. A box "same as the head" is ticked
// where it is so.
func versionValues(v models.Version) web.VersionValues {
	values := web.VersionValues{Version: v.Version, SignInUser: v.Model.SignInUser, Accounts: v.Model.Accounts}
	for i, g := range v.Groups {
		if i == 0 {
			values.Head = groupValues(g)
			continue
		}
		group := groupValues(g)
		group.Name, group.Least, group.Most = g.Name, strconv.Itoa(g.Count.Least), strconv.Itoa(g.Count.Most)
		values.Groups = append(values.Groups, same(group, values.Head))
	}
	keep(&values, v.Model)
	return values
}

func groupValues(g models.VersionGroup) web.GroupValues {
	number := func(n int) string {
		if n == 0 {
			return "" // of a draft that lost it
		}
		return strconv.Itoa(n)
	}
	return web.GroupValues{
		Image: imageOf(g), VCPUs: number(g.Shape.VCPUs), MemoryMiB: number(g.Shape.MemoryMiB), DiskGiB: number(g.Shape.DiskGiB), UserData: g.UserData,
		GateKind: string(g.Gate.Kind), GateText: g.Gate.Text, GatePort: number(g.Gate.Port), GateTimeout: strconv.Itoa(g.Gate.TimeoutSeconds),
	}
}

// imageOf is the form's value of a group's image: the digest of one that was deleted, which no form offers; empty where there is none.
func imageOf(g models.VersionGroup) string {
	if g.ImageID == uuid.Nil {
		return g.Digest
	}
	return g.ImageID.String()
}

// same ticks the boxes of what a group has as the head has it.
func same(g, head web.GroupValues) web.GroupValues {
	g.SameImage, g.SameUserData = g.Image == head.Image, g.UserData == head.UserData
	g.SameSize = g.VCPUs == head.VCPUs && g.MemoryMiB == head.MemoryMiB && g.DiskGiB == head.DiskGiB
	g.SameGate = g.GateKind == head.GateKind && g.GateText == head.GateText && g.GatePort == head.GatePort && g.GateTimeout == head.GateTimeout
	return g
}

// anotherGroup is a group about to be described: all of it as the head, under a name that none has.
func anotherGroup(v web.VersionValues) web.GroupValues {
	g := same(v.Head, v.Head)
	g.Name, g.Least, g.Most = string(provisioner.RoleCompute), "1", "8"
	for n := 2; slices.ContainsFunc(v.Groups, func(o web.GroupValues) bool { return strings.TrimSpace(o.Name) == g.Name }); n++ {
		g.Name = string(provisioner.RoleCompute) + strconv.Itoa(n)
	}
	return g
}

// regroup does what a button asks that changes how many groups a form has; false where no such button was pressed. What the form
// does not show of them goes with them.
func regroup(f *request.Form, v *web.VersionValues, hidden *provisioner.Model) bool {
	switch at, err := strconv.Atoi(f.Typed("remove_group")); {
	case f.Has("add_group"):
		if len(v.Groups) < manifest.MostGroups {
			v.Groups, hidden.Compute = append(v.Groups, anotherGroup(*v)), append(hidden.Compute, provisioner.Group{})
		}
	case err == nil && at >= 0 && at < len(v.Groups):
		v.Groups, hidden.Compute = slices.Delete(v.Groups, at, at+1), slices.Delete(hidden.Compute, at, at+1)
	default:
		return f.Has("remove_group") // what is gone is not removed again
	}
	return true
}

// meant is what the form says once the boxes are heard.
func meant(v web.VersionValues) web.VersionValues {
	v.Groups = slices.Clone(v.Groups)
	for i := range v.Groups {
		g, h := &v.Groups[i], v.Head
		if g.SameImage {
			g.Image = h.Image
		}
		if g.SameSize {
			g.VCPUs, g.MemoryMiB, g.DiskGiB = h.VCPUs, h.MemoryMiB, h.DiskGiB
		}
		if g.SameUserData {
			g.UserData = h.UserData
		}
		if g.SameGate {
			g.GateKind, g.GateText, g.GatePort, g.GateTimeout = h.GateKind, h.GateText, h.GatePort, h.GateTimeout
		}
	}
	return v
}

// versionDraft reads the form. Of a group's fields it reads those that are not the head's: what is typed in the others does not count,
// and is not refused either.
func versionDraft(f *request.Form, p web.VersionFormProps, hidden provisioner.Model) models.VersionDraft {
	d := models.VersionDraft{ID: p.ID, ModelClusterID: p.ModelID, Version: f.Text("version", "the version", 1, 40), Model: hidden}
	d.Model.Compute = nil
	d.Model.SignInUser = f.Text("sign_in_user", "the user to sign in as", 0, 32)
	d.Model.Accounts = p.Values.Accounts
	if p.Form.Token != "" {
		d.Revision = f.Int("token", "the draft's revision", 1, 1<<30)
	}
	const head = web.HeadPrefix
	image := typedImage(f, head)
	d.Images = append(d.Images, image)
	keep := func(g *provisioner.Group, from provisioner.Group) {
		g.Firmware, g.DataDisks, g.Apart = from.Firmware, from.DataDisks, from.Apart
	}
	d.Model.Head = provisioner.Group{Shape: typedSize(f, head), UserData: typedUserData(f, head), Gate: typedGate(f, head)}
	keep(&d.Model.Head, hidden.Head)
	for i, v := range p.Values.Groups {
		prefix, g, own := web.GroupPrefix(i), d.Model.Head, image
		g.Name, g.Count = strings.TrimSpace(v.Name), typedCount(f, prefix)
		keep(&g, hidden.Compute[i])
		if !v.SameImage {
			own = typedImage(f, prefix)
		}
		if !v.SameSize {
			g.Shape = typedSize(f, prefix)
		}
		if !v.SameUserData {
			g.UserData = typedUserData(f, prefix)
		}
		if !v.SameGate {
			g.Gate = typedGate(f, prefix)
		}
		d.Model.Compute, d.Images = append(d.Model.Compute, g), append(d.Images, own)
	}
	return d
}

func typedImage(f *request.Form, prefix string) uuid.UUID { return f.ID(prefix+"image", "an image") }

func typedCount(f *request.Form, prefix string) provisioner.Count {
	c := provisioner.Count{
		Least: f.Int(prefix+"least", "the least number of nodes", 0, manifest.MostCompute),
		Most:  f.Int(prefix+"most", "the greatest number of nodes", 1, manifest.MostCompute),
	}
	if c.Most < c.Least {
		f.Wrong(prefix+"most", "The greatest number is below the least.")
	}
	return c
}

func typedSize(f *request.Form, prefix string) provisioner.Shape {
	return provisioner.Shape{
		VCPUs:     f.Int(prefix+"vcpus", "the number of vCPUs", 1, 256),
		MemoryMiB: f.Int(prefix+"memory_mib", "memory in MiB", 64, 4194304),
		DiskGiB:   f.Int(prefix+"disk_gib", "disk in GiB", 1, 16384),
	}
}

func typedUserData(f *request.Form, prefix string) string {
	return f.Lines(prefix+"user_data", "user-data", userdata.Most)
}

func typedGate(f *request.Form, prefix string) provisioner.Gate {
	g := provisioner.Gate{
		Kind: provisioner.GateKind(f.Choice(prefix+"gate_kind", "how readiness is known",
			string(provisioner.GateAddress), string(provisioner.GateConsole), string(provisioner.GateAgent), string(provisioner.GatePort))),
		TimeoutSeconds: f.Int(prefix+"gate_timeout", "the time limit", 10, 3600),
	}
	if g.Kind == provisioner.GateConsole {
		g.Text = f.Text(prefix+"gate_text", "the text on the console", 1, 200)
	}
	if g.Kind == provisioner.GatePort {
		g.Port = f.Int(prefix+"gate_port", "the TCP port", 1, 65535)
	}
	return g
}

// Where a fault of a document stands in the form.
var (
	ofGroup    = regexp.MustCompile(`^(head|compute\[([0-9]+)\])\.(.*)$`)
	notShown   = regexp.MustCompile(`^(accounts|checks|commands)|\.(firmware|data_disks|apart)`) // in the form, which keeps it
	groupField = map[string]string{
		"count.least": "least", "count.most": "most", "image.name": "image", "image.digest": "image", "shape.vcpus": "vcpus", "shape.memory_mib": "memory_mib",
		"shape.disk_gib": "disk_gib", "gate.kind": "gate_kind", "gate.text": "gate_text", "gate.port": "gate_port", "gate.timeout_seconds": "gate_timeout",
	}
)

// formField is the form's name of a path of the document.
func formField(path string) string {
	if path == "compute" {
		return "groups"
	}
	m := ofGroup.FindStringSubmatch(path)
	if m == nil {
		return path
	}
	prefix, field := web.HeadPrefix, m[3]
	if m[2] != "" {
		n, _ := strconv.Atoi(m[2])
		prefix = web.GroupPrefix(n)
	}
	if name, ok := groupField[field]; ok {
		field = name
	}
	return prefix + field
}

// onTheForm is a refusal of the store with the form's names of fields. It leaves out what would be said twice: of a field that is the head's,
// whose own field is named already.
func onTheForm(r *refusal.Error, v web.VersionValues) *refusal.Error {
	if len(r.Fields) == 0 {
		return r
	}
	out := *r
	out.Fields, out.Detail = map[string]string{}, slices.Clone(r.Detail)
	for _, path := range slices.Sorted(maps.Keys(r.Fields)) {
		out.Fields[formField(path)] = r.Fields[path]
		if notShown.MatchString(path) {
			out.Detail = append(out.Detail, path+": "+r.Fields[path])
			out.Next = "Correct the marked fields; what has none is edited as YAML."
		}
	}
	for i, g := range v.Groups {
		same := map[string]bool{
			"image": g.SameImage, "vcpus": g.SameSize, "memory_mib": g.SameSize, "disk_gib": g.SameSize, "user_data": g.SameUserData,
			"gate_kind": g.SameGate, "gate_text": g.SameGate, "gate_port": g.SameGate, "gate_timeout": g.SameGate,
		}
		maps.DeleteFunc(out.Fields, func(name, _ string) bool {
			field, ok := strings.CutPrefix(name, web.GroupPrefix(i))
			return ok && same[field]
		})
	}
	return &out
}
