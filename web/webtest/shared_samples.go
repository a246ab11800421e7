package webtest

import (
	"time"

	"volary.dev/provisioner"
	"volary.dev/web/org"
	"volary.dev/web/ui"
)

// sharedSamples are the pages of sharing, cloning and bundles.
func sharedSamples() []Sample {
	return []Sample{
		{"model-shared", org.ModelClusterShow(org.ModelClusterShowProps{
			Layout: orgLayout(), ID: id(10), Name: "slurm-lab", List: ui.ListProps{Path: "/org/models/1", PerPage: 50, Total: 1}, MayEdit: true,
			Versions: []org.VersionRow{{ID: id(20), Version: "2", State: "published", ComputeMin: 1, ComputeMax: 8, LastTest: "passed", Created: ago(60 * time.Hour), Published: ago(50 * time.Hour)}},
			Origin:   &org.ModelOrigin{Whose: "Volary Starters", Model: "Slurm", Version: "2026-11"},
			Shares: org.ModelShares{MayShare: true, Clones: 3, Typed: "Tidal dynamics", List: []org.ModelShare{
				{Name: "everyone", Person: "Ada Brandt", At: ago(20 * time.Hour)}, {With: id(90), Name: "Institute of Very Long Names and Tidal Dynamics at the Coast", Person: "Ilse Roth", At: ago(90 * time.Hour)},
			}},
		})},
		{"shared-models", org.SharedModelList(org.SharedModelListProps{Layout: orgLayout(), List: ui.ListProps{Path: "/org/shared-models", PerPage: 50, Total: 2}, Models: []org.SharedModelRow{
			{ID: id(70), Name: "Slurm on Debian 12", Owner: "Volary Starters", Latest: "2026-11", Starter: true, Everyone: true, Certified: true, Versions: 2, Size: 900 << 20, Published: ago(200 * time.Hour)},
			{ID: id(71), Name: "ocean-model", Owner: "Institute of Very Long Names and Tidal Dynamics at the Coast", Latest: "3", Versions: 1, Size: 4 * gib, Published: ago(5 * time.Hour)},
		}})},
		{"shared-models-empty", org.SharedModelList(org.SharedModelListProps{Layout: orgLayout(), List: ui.ListProps{Path: "/org/shared-models", PerPage: 50}})},
		{"shared-model", org.SharedModelShow(sharedModel())},
		{"upload-bundle", org.UploadShow(uploadedBundle())},
	}
}

func sharedModel() org.SharedModelShowProps {
	shape := provisioner.Shape{VCPUs: 4, MemoryMiB: 8192, DiskGiB: 20}
	return org.SharedModelShowProps{
		Layout: orgLayout(), ID: id(70), Name: "Slurm on Debian 12", Owner: "Volary Starters", Starter: true, MayClone: true, Typed: "Slurm on Debian 12", Chosen: id(72).String(),
		Versions: []org.SharedVersion{{
			ID: id(72), Version: "2026-11", Published: ago(200 * time.Hour), Digest: digest(3), YAML: "volary: 1\nhead:\n  image: {name: slurm-head.qcow2}\n",
			Groups:       []org.GroupShow{{Name: "head", ImageName: "slurm-head.qcow2", Shape: shape}, {Name: "compute", ImageName: "slurm-node.qcow2", Shape: shape, Count: provisioner.Count{Least: 1, Most: 64}}},
			Sizes:        []org.SharedImage{{Name: "slurm-head.qcow2", Digest: digest(4), Size: 600 << 20, VirtualSize: 8 * gib}, {Name: "slurm-node.qcow2", Digest: digest(5), Size: 300 << 20, VirtualSize: 4 * gib}},
			Certificates: []org.CertificateLink{{Address: "abc", Pool: "lab-a", Provider: "Northern Compute", Made: ago(190 * time.Hour), ByProvider: true, ByPlatform: true}},
		}},
	}
}

func uploadedBundle() org.UploadShowProps {
	p := uploadDone()
	p.Name, p.Filename, p.Format = "slurm-lab-2.tar", "slurm-lab-2.tar", "bundle"
	p.Bundle = &org.UploadBundle{
		Typed: "slurm-lab", Whose: "https://volary.south.example", Model: "slurm-lab", Version: "2", Digest: digest(3), Certificates: []org.ForeignCertificate{
			{Provider: "Southern Compute", Pool: "lab-b", Ended: ago(300 * time.Hour), Signatures: []org.ForeignSignature{{By: "Southern Compute", Key: digest(6), State: "valid"}, {By: "its platform", Key: digest(7), State: "valid"}}},
			{Provider: "Southern Compute", Pool: "lab-c", Ended: ago(400 * time.Hour), Wrong: "No signature of it is valid by the keys that came along.", Signatures: []org.ForeignSignature{{By: "an unknown key", Key: digest(8), State: "unknown"}}},
		},
	}
	return p
}
