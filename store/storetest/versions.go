package storetest

import (
	"volary.dev/provisioner"
	"volary.dev/store/models"
)

// DraftOf is a draft of the World's model cluster, as its form would send it.
func DraftOf(w *World) models.VersionDraft {
	shape := provisioner.Shape{VCPUs: 1, MemoryMiB: 256, DiskGiB: 2}
	return models.VersionDraft{
		ModelClusterID: w.Model, Version: "2.0", ComputeMin: 1, ComputeMax: 4,
		Roles: []models.RoleDraft{
			{Role: provisioner.RoleHead, ImageID: w.Image, Shape: shape, UserData: "#cloud-config\n"},
			{Role: provisioner.RoleCompute, ImageID: w.Image, Shape: shape},
		},
		Gate: provisioner.Gate{Kind: provisioner.GateConsole, Text: "ready", TimeoutSeconds: 60},
	}
}
