package org

import (
	"maps"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"volary.dev/handlers/request"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/userdata"
	"volary.dev/store/models"
	web "volary.dev/web/org"
)

// versionFields are the form's names of the fields that store refuses.
var versionFields = map[string]string{
	"head_memory": "head_memory_mib", "head_disk": "head_disk_gib",
	"compute_memory": "compute_memory_mib", "compute_disk": "compute_disk_gib",
}

// typedVersion keeps every field as it was typed.
func typedVersion(f *request.Form) web.VersionValues {
	compute := typedRole(f, "compute")
	compute.SameImage, compute.SameSize, compute.SameUserData = f.Has("compute_same_image"), f.Has("compute_same_size"), f.Has("compute_same_user_data")
	return web.VersionValues{
		Version: f.Typed("version"), Head: typedRole(f, "head"), Compute: compute,
		ComputeMin: f.Typed("compute_min"), ComputeMax: f.Typed("compute_max"),
		GateKind: f.Typed("gate_kind"), GateText: f.Typed("gate_text"), GateTimeout: f.Typed("gate_timeout"),
		SignInUser: f.Typed("sign_in_user"),
	}
}

func typedRole(f *request.Form, role string) web.RoleValues {
	return web.RoleValues{
		Image: f.Typed(role + "_image"), VCPUs: f.Typed(role + "_vcpus"), MemoryMiB: f.Typed(role + "_memory_mib"),
		DiskGiB: f.Typed(role + "_disk_gib"), UserData: f.Typed(role + "_user_data"),
	}
}

// versionValues fills the form of a draft, and of a version that begins as another one is. A box "same as the head" is ticked
// where it is so; compute nodes that there are none of are as the head.
func versionValues(v models.Version) web.VersionValues {
	values := web.VersionValues{
		Version: v.Version, ComputeMin: strconv.Itoa(v.ComputeMin), ComputeMax: strconv.Itoa(v.ComputeMax),
		GateKind: string(v.Gate.Kind), GateText: v.Gate.Text, GateTimeout: strconv.Itoa(v.Gate.TimeoutSeconds),
		SignInUser: v.SignInUser,
	}
	for _, r := range v.Roles {
		role := web.RoleValues{
			Image: imageOf(r), VCPUs: strconv.Itoa(r.Shape.VCPUs), MemoryMiB: strconv.Itoa(r.Shape.MemoryMiB),
			DiskGiB: strconv.Itoa(r.Shape.DiskGiB), UserData: r.UserData,
		}
		if r.Role == provisioner.RoleHead {
			values.Head = role
		} else {
			values.Compute = role
		}
	}
	if _, ok := v.Role(provisioner.RoleCompute); !ok {
		values.Compute = values.Head
	}
	markSame(&values)
	return values
}

// imageOf is the form's value of a role's image: the digest of one that was deleted, which no form offers.
func imageOf(r models.VersionRole) string {
	if r.ImageID == uuid.Nil {
		return r.Digest
	}
	return r.ImageID.String()
}

// markSame ticks the boxes of what the compute nodes have as the head has it.
func markSame(v *web.VersionValues) {
	c, h := &v.Compute, v.Head
	c.SameImage, c.SameUserData = c.Image == h.Image, c.UserData == h.UserData
	c.SameSize = c.VCPUs == h.VCPUs && c.MemoryMiB == h.MemoryMiB && c.DiskGiB == h.DiskGiB
}

// meant is what the form says once the boxes are heard.
func meant(v web.VersionValues) web.VersionValues {
	c, h := &v.Compute, v.Head
	if c.SameImage {
		c.Image = h.Image
	}
	if c.SameSize {
		c.VCPUs, c.MemoryMiB, c.DiskGiB = h.VCPUs, h.MemoryMiB, h.DiskGiB
	}
	if c.SameUserData {
		c.UserData = h.UserData
	}
	return v
}

// versionDraft reads the form. A model cluster that never has compute nodes needs no compute role.
func versionDraft(f *request.Form, p web.VersionFormProps) models.VersionDraft {
	d := models.VersionDraft{
		ID: p.ID, ModelClusterID: p.ModelID, Version: f.Text("version", "the version", 1, 40),
		ComputeMin: f.Int("compute_min", "the least number of compute nodes", 0, 1000),
		ComputeMax: f.Int("compute_max", "the greatest number of compute nodes", 0, 1000),
		Gate: provisioner.Gate{
			Kind:           provisioner.GateKind(f.Choice("gate_kind", "how readiness is known", string(provisioner.GateAddress), string(provisioner.GateConsole))),
			TimeoutSeconds: f.Int("gate_timeout", "the time limit", 10, 3600),
		},
	}
	d.SignInUser = f.Text("sign_in_user", "the user to sign in as", 0, 32)
	if d.ComputeMax < d.ComputeMin {
		f.Wrong("compute_max", "The greatest number is below the least.")
	}
	if d.Gate.Kind == provisioner.GateConsole {
		d.Gate.Text = f.Text("gate_text", "the text on the console", 1, 200)
	}
	if p.Form.Token != "" {
		d.Revision = f.Int("token", "the draft's revision", 1, 1<<30)
	}
	head := models.RoleDraft{Role: provisioner.RoleHead, ImageID: typedImage(f, "head"), Shape: typedSize(f, "head"), UserData: typedUserData(f, "head")}
	d.Roles = append(d.Roles, head)
	if d.ComputeMax > 0 || f.Typed("compute_max") == "" {
		d.Roles = append(d.Roles, computeDraft(f, head, p.Values.Compute))
	}
	return d
}

// computeDraft reads of the compute nodes' fields those that are not the head's: what is typed in the others does not count, and
// is not refused either.
func computeDraft(f *request.Form, head models.RoleDraft, v web.RoleValues) models.RoleDraft {
	r := head
	r.Role = provisioner.RoleCompute
	if !v.SameImage {
		r.ImageID = typedImage(f, "compute")
	}
	if !v.SameSize {
		r.Shape = typedSize(f, "compute")
	}
	if !v.SameUserData {
		r.UserData = typedUserData(f, "compute")
	}
	return r
}

func typedImage(f *request.Form, role string) uuid.UUID { return f.ID(role+"_image", "an image") }

func typedSize(f *request.Form, role string) provisioner.Shape {
	return provisioner.Shape{
		VCPUs:     f.Int(role+"_vcpus", "the number of vCPUs", 1, 256),
		MemoryMiB: f.Int(role+"_memory_mib", "memory in MiB", 64, 4194304),
		DiskGiB:   f.Int(role+"_disk_gib", "disk in GiB", 1, 16384),
	}
}

func typedUserData(f *request.Form, role string) string {
	return f.Lines(role+"_user_data", "user-data", userdata.Most)
}

// onTheHead leaves out of a refusal what it says twice: of a field of the compute nodes that is the head's, whose own field it
// names already.
func onTheHead(r *refusal.Error, v web.RoleValues) *refusal.Error {
	same := map[string]bool{
		"image": v.SameImage, "vcpus": v.SameSize, "memory_mib": v.SameSize, "disk_gib": v.SameSize, "user_data": v.SameUserData,
	}
	out := *r
	out.Fields = maps.Clone(r.Fields)
	maps.DeleteFunc(out.Fields, func(name, _ string) bool {
		field, compute := strings.CutPrefix(name, "compute_")
		return compute && same[field]
	})
	return &out
}
