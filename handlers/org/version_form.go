package org

import (
	"strconv"

	"volary.dev/handlers/request"
	"volary.dev/provisioner"
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
	return web.VersionValues{
		Version: f.Typed("version"), Head: typedRole(f, "head"), Compute: typedRole(f, "compute"),
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

// versionValues fills the form of a draft.
func versionValues(v models.Version) web.VersionValues {
	values := web.VersionValues{
		Version: v.Version, ComputeMin: strconv.Itoa(v.ComputeMin), ComputeMax: strconv.Itoa(v.ComputeMax),
		GateKind: string(v.Gate.Kind), GateText: v.Gate.Text, GateTimeout: strconv.Itoa(v.Gate.TimeoutSeconds),
		SignInUser: v.SignInUser,
	}
	for _, r := range v.Roles {
		role := web.RoleValues{
			Image: r.ImageID.String(), VCPUs: strconv.Itoa(r.Shape.VCPUs), MemoryMiB: strconv.Itoa(r.Shape.MemoryMiB),
			DiskGiB: strconv.Itoa(r.Shape.DiskGiB), UserData: r.UserData,
		}
		if r.Role == provisioner.RoleHead {
			values.Head = role
		} else {
			values.Compute = role
		}
	}
	return values
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
	d.Roles = append(d.Roles, roleDraft(f, provisioner.RoleHead))
	if d.ComputeMax > 0 || f.Typed("compute_max") == "" {
		d.Roles = append(d.Roles, roleDraft(f, provisioner.RoleCompute))
	}
	return d
}

func roleDraft(f *request.Form, role provisioner.Role) models.RoleDraft {
	prefix := string(role) + "_"
	return models.RoleDraft{
		Role: role, ImageID: f.ID(prefix+"image", "an image"),
		Shape: provisioner.Shape{
			VCPUs:     f.Int(prefix+"vcpus", "the number of vCPUs", 1, 256),
			MemoryMiB: f.Int(prefix+"memory_mib", "memory in MiB", 64, 4194304),
			DiskGiB:   f.Int(prefix+"disk_gib", "disk in GiB", 1, 16384),
		},
		UserData: f.Lines(prefix+"user_data", "user-data", userdata.Most),
	}
}
