package webtest

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/web/org"
	"volary.dev/web/ui"
)

func modelSamples() []Sample {
	return []Sample{
		{"models", org.ModelClusterList(org.ModelClusterListProps{Layout: orgLayout(), List: ui.ListProps{Path: "/org/models", PerPage: 50, Total: 3}, MayEdit: true, Models: []org.ModelClusterRow{
			{ID: id(10), Name: "slurm-lab", Versions: 3, LatestVersion: "3", LatestState: "draft", LastTest: "passed", Created: ago(500 * time.Hour)},
			{ID: id(11), Name: "condor", Versions: 1, LatestVersion: "2026-11", LatestState: "published", LastTest: "failed", Created: ago(90 * time.Hour)},
			{ID: id(12), Name: "scratch", Created: ago(time.Hour)},
		}})},
		{"models-empty", org.ModelClusterList(org.ModelClusterListProps{Layout: orgLayout(), MayEdit: true})},
		{"model-new", org.ModelClusterNew(org.ModelClusterNewProps{Layout: orgLayout()})},
		{"model", org.ModelClusterShow(org.ModelClusterShowProps{Layout: orgLayout(), ID: id(10), Name: "slurm-lab", List: ui.ListProps{Path: "/org/models/1", PerPage: 50, Total: 3}, MayEdit: true, Versions: []org.VersionRow{
			{ID: id(22), Version: "3", State: "draft", ComputeMin: 1, ComputeMax: 16, Created: ago(2 * time.Hour)},
			{ID: id(20), Version: "2", State: "published", ComputeMin: 1, ComputeMax: 8, LastTest: "passed", Created: ago(60 * time.Hour), Published: ago(50 * time.Hour)},
			{ID: id(21), Version: "1", State: "withdrawn", ComputeMin: 2, ComputeMax: 2, LastTest: "failed", Created: ago(500 * time.Hour), Published: ago(499 * time.Hour)},
		}})},
		{"model-empty", org.ModelClusterShow(org.ModelClusterShowProps{Layout: orgLayout(), ID: id(12), Name: "scratch", MayEdit: true})},
		{"version-new", org.VersionForm(versionNew())},
		{"version-new-first", org.VersionForm(org.VersionFormProps{Layout: orgLayout(), ModelID: id(10), ModelName: "slurm-lab"})},
		{"version-edit-refused", org.VersionForm(versionFormRefused())},
		{"version-yaml", org.VersionYAML(versionYAML())},
		{"version-yaml-refused", org.VersionYAML(versionYAMLRefused())},
		{"version-compare", org.VersionCompare(org.VersionCompareProps{
			Layout: orgLayout(), ModelID: id(10), ModelName: "slurm-lab", ID: id(22), Version: "3", With: id(21).String(), Changes: versionChanges(),
			Others: []ui.Option{{Value: id(20).String(), Label: "2"}, {Value: id(21).String(), Label: "1"}},
		})},
		{"version-compare-alone", org.VersionCompare(org.VersionCompareProps{Layout: orgLayout(), ModelID: id(10), ModelName: "slurm-lab", ID: id(22), Version: "1"})},
		{"version-draft", org.VersionShow(version("draft"))},
		{"version-changed", org.VersionShow(versionChanged())},
		{"version-published", org.VersionShow(version("published"))},
		{"version-withdrawn", org.VersionShow(versionWithdrawn())},
		{"version-withdraw", org.VersionWithdraw(org.VersionWithdrawProps{
			Layout: orgLayout(), ID: id(20), ModelID: id(10), ModelName: "slurm-lab", Version: "2", Unused: true, Images: []org.UploadImage{{ID: id(1), Name: "debian-12-slurm.qcow2"}, {ID: id(2), Name: "rocky-9-mpi.qcow2"}},
		})},
		{"version-withdraw-used", org.VersionWithdraw(org.VersionWithdrawProps{
			Layout: orgLayout(), ID: id(20), ModelID: id(10), ModelName: "slurm-lab", Version: "2", Form: ui.Form{Refusal: &refusal.Error{
				Code: "version_used", Title: "slurm-lab 2 is used by 2 clusters (trial-1, trial-2) and 1 request that waits (asked).",
				Next: "Delete its clusters (one that is stopped can be started again) and decide or withdraw what waits, and withdraw the version then.",
			}},
		})},
		{"test-running", org.AcceptanceTestShow(acceptanceTest("running"))},
		{"test-passed", org.AcceptanceTestShow(acceptanceTest("passed"))},
		{"test-waiting", org.AcceptanceTestShow(testWaiting())},
		{"test-cancelled", org.AcceptanceTestShow(testCancelled())},
		{"test-empty", org.AcceptanceTestShow(org.AcceptanceTestShowProps{Layout: orgLayout(), ID: id(30), Version: org.VersionLink{ID: id(20), ModelName: "slurm-lab", Version: "2"}, State: "running", Pool: "lab-a", Provider: "Northern Compute", Person: "Ada Brandt", Created: now()})},
	}
}

func versionNew() org.VersionFormProps {
	return org.VersionFormProps{
		Layout: orgLayout(), ModelID: id(10), ModelName: "slurm-lab", MayAdd: true, Changes: &org.VersionChanges{BeforeID: id(20), Before: "2"},
		Images: []ui.Option{{Value: "1", Label: "debian-12-slurm.qcow2"}},
		Suggested: []org.SignInSuggestion{
			{Image: "debian-12-slurm.qcow2", User: "slurmadmin", Cluster: "spring-tide"}, {Image: "Rocky-9-GenericCloud.latest.x86_64.qcow2", User: "rocky", System: "Rocky Linux"},
		},
		Values: org.VersionValues{
			Version: "3", SignInUser: "debian",
			Head: org.GroupValues{
				Image: "1", VCPUs: "2", MemoryMiB: "4096", DiskGiB: "10", UserData: "#cloud-config\nruncmd:\n  - systemctl enable --now slurmctld\n", GateKind: "console", GateText: "login:", GateTimeout: "120",
				Tried: &org.ConsoleTry{TestID: id(30), Node: "head", At: ago(49 * time.Hour), Text: "login:", Line: "head login: ", Number: 58, Lines: 60},
			},
			Groups: []org.GroupValues{{
				Name: "compute", Least: "1", Most: "8", Image: "1", VCPUs: "4", MemoryMiB: "16384", DiskGiB: "20", SameImage: true, UserData: "#cloud-config\n",
				GateKind: "console", GateText: "login:", GateTimeout: "120", SameGate: true,
			}},
		},
	}
}

const sampleYAML = `# yaml-language-server: $schema=https://volary.example/schemas/cluster-1.json
volary: 1
sign_in_user: debian
head:
  image:
    name: debian-12-slurm.qcow2
  shape:
    vcpus: 2
    memory_mib: 4096
    disk_gib: 10
  user_data: |
    #!/bin/sh
    mount __VOLARY_HEAD_ADDR__:/home /home
  gate:
    kind: console
    text: 'login:'
    timeout_seconds: 5
`

func versionYAML() org.VersionFormProps {
	return org.VersionFormProps{
		Layout: orgLayout(), ModelID: id(10), ModelName: "slurm-lab", Text: sampleYAML, Values: org.VersionValues{Version: "3"},
		Variables: []ui.Option{{Value: "__VOLARY_HEAD_ADDRESS__", Label: "the head’s IPv4 address"}, {Value: "__VOLARY_NODE_NAME__", Label: "the node’s own name, such as compute-001"}},
	}
}

func versionYAMLRefused() org.VersionFormProps {
	p := versionYAML()
	p.Form = refused(nil)
	p.Form.Refusal.Title, p.Form.Refusal.Next = "Some lines of the file need another look.", "Correct them and send the file again."
	p.Faults = []org.YAMLFault{
		{Line: 13, Column: 5, Path: "head.user_data", Says: "Line 2 of the user-data has the variable __VOLARY_HEAD_ADDR__, which is not known. Known are __VOLARY_HEAD_ADDRESS__, __VOLARY_NODE_NAME__, __VOLARY_NODE_ADDRESS__, __VOLARY_GROUP_NAME__, __VOLARY_DOMAIN__, __VOLARY_COMPUTE_COUNT__.", Text: "    mount __VOLARY_HEAD_ADDR__:/home /home"},
		{Line: 17, Column: 22, Path: "head.gate.timeout_seconds", Says: "Choose 10 to 3600 seconds; 5 was given.", Text: "    timeout_seconds: 5"},
	}
	p.FaultsLeft = 3
	return p
}

func versionChanged() org.VersionShowProps {
	p := version("draft")
	p.Changes = versionChanges()
	return p
}

func versionChanges() *org.VersionChanges {
	return &org.VersionChanges{
		BeforeID: id(21), Before: "1",
		Fields: []org.FieldChange{
			{Of: "Head", Field: "Memory", Before: "2048 MiB", After: "4096 MiB"},
			{Of: "compute", Field: "Image", Before: "debian-12-slurm.qcow2 (4f21aa)", After: "debian-12-slurm.qcow2 (90bc13)"},
			{Of: "Head", Field: "A node is ready when", Before: "it took its address by DHCP", After: "a text appears on its console"},
			{Of: "Head", Field: "Text on the console", After: "login:"},
		},
		Texts: []org.TextChange{{
			Of: "head", Field: "User-data", Added: 212, Removed: 1, Left: 209, Lines: []org.TextLine{
				{Kind: "skipped", Of: 14},
				{Kind: "same", Text: "runcmd:"},
				{Kind: "removed", Text: "  - systemctl enable slurmctld"},
				{Kind: "added", Text: "  - systemctl enable --now slurmctld"},
				{Kind: "added", Text: ""},
				{Kind: "added", Text: "  - [sh, -c, 'echo " + strings.Repeat("SlurmctldParameters=enable_configless ", 4) + "\x1b[31m\u202e>> /etc/slurm/slurm.conf']"},
				{Kind: "same", Text: "\tfinal_message: ready"},
			},
		}, {Of: "compute", Field: "User-data"}},
	}
}

func versionFormRefused() org.VersionFormProps {
	form := refused(map[string]string{
		"head_memory_mib": "16 777 216 MiB are asked for; at most 4 194 304 can be described.",
		"group_0_most":    "The greatest number is below the least.",
		"group_1_name":    "A node of the group \"compute\" has this name. Choose another.",
		"group_1_image":   "Choose an image.",
		"head_gate_text":  "Fill in the text on the console.",
	})
	form.Token = "3"
	return org.VersionFormProps{
		Layout: orgLayout(), Form: form, ModelID: id(10), ModelName: "slurm-lab", ID: id(22), MayAdd: true, Changes: versionChanges(),
		Images: []ui.Option{{Value: "1", Label: "debian-12-slurm.qcow2, 8 GiB"}, {Value: "2", Label: "rocky-9-mpi.qcow2, 10 GiB"}},
		Values: org.VersionValues{
			Version: "3",
			Head:    org.GroupValues{GateKind: "console", GateTimeout: "120", Image: "1", VCPUs: "2", MemoryMiB: "16777216", DiskGiB: "10", UserData: "#cloud-config\nruncmd:\n  - systemctl enable --now slurmctld\nusers: [{name: ada}]\n", Warnings: []string{"It has users without the entry default: the image's own user is not made."}},
			Groups: []org.GroupValues{
				{Name: "compute", Least: "8", Most: "4", Image: "1", VCPUs: "4", MemoryMiB: "8192", DiskGiB: "20", SameImage: true, SameUserData: true, SameGate: true},
				{
					Name: "compute-001", Least: "0", Most: "2", VCPUs: "4", MemoryMiB: "8192", DiskGiB: "20", SameSize: true, SameUserData: true, GateKind: "agent", GateTimeout: "600",
					GateWarning: "Its nodes are ready when their guest agent answers, and in its last acceptance test the image showed none. Install qemu-guest-agent in it, or choose another gate.",
				},
			},
		},
	}
}

func version(state string) org.VersionShowProps {
	gate := provisioner.Gate{Kind: provisioner.GateConsole, Text: "login:", TimeoutSeconds: 120}
	p := org.VersionShowProps{
		Layout: orgLayout(), ModelID: id(10), ID: id(20), ModelName: "slurm-lab", Version: "2", State: state, Created: ago(60 * time.Hour),
		Digest: digest(9), YAML: sampleYAML,
		MayClone: true, MayEdit: state == "draft", MayPublish: true, MayTest: true, MayLaunch: true, MayWithdraw: state == "published", MayExport: state == "published", Form: ui.Form{Token: "3"},
		TestPools: []ui.Option{{Value: "1", Label: "lab-a, Northern Compute"}},
		Checks: []provisioner.Check{
			{Name: "srun over two nodes", Node: "head", Command: []string{"srun", "-N2", "hostname"}, Output: "compute-002", TimeoutSeconds: 60},
			{Name: "munge answers", Node: "compute", Command: []string{"sh", "-c", "munge -n | unmunge"}, TimeoutSeconds: 10},
		},
		Groups: []org.GroupShow{
			{Name: "head", ImageID: id(1), ImageName: "debian-12-slurm.qcow2", Digest: digest(2), Shape: provisioner.Shape{VCPUs: 2, MemoryMiB: 4096, DiskGiB: 10}, Rate: 2000, Gate: gate, UserData: "#cloud-config\nruncmd:\n  - systemctl enable --now slurmctld\nusers: [{name: ada}]\n", Warnings: []string{"It has users without the entry default: the image's own user is not made."}},
			{Name: "compute", Count: provisioner.Count{Least: 1, Most: 8}, ImageID: id(1), ImageName: "debian-12-slurm.qcow2", Digest: digest(2), Shape: provisioner.Shape{VCPUs: 4, MemoryMiB: 16384, DiskGiB: 20}, Rate: 4000, Gate: gate},
		},
	}
	if state == "draft" {
		p.Groups = append(p.Groups, org.GroupShow{
			Name: "gpu", Count: provisioner.Count{Most: 2}, ImageID: id(3), ImageName: "rocky-9-mpi.qcow2", Digest: digest(4), Shape: provisioner.Shape{VCPUs: 16, MemoryMiB: 65536, DiskGiB: 40}, Rate: 16000,
			Gate: provisioner.Gate{Kind: provisioner.GatePort, Port: 6818, TimeoutSeconds: 600}, UserData: "#cloud-config\nhostname: __VOLARY_NODE_NAME__\n", Example: "#cloud-config\nhostname: gpu-001\n",
		})
	}
	if state == "published" {
		p.Published = ago(50 * time.Hour)
		p.Certificates = []org.CertificateLink{
			{Address: "a", Pool: "lab-a", Provider: "Northern Compute", Made: ago(49 * time.Hour), ByProvider: true, ByPlatform: true},
			{Address: "b", Pool: "lab-b", Provider: "Northern Compute", Made: ago(90 * time.Hour), ByPlatform: true},
			{Address: "c", Pool: "shore", Provider: "Harbour Cloud", Made: ago(99 * time.Hour)},
		}
		p.TestList = ui.ListProps{Path: "/org/versions/1", PerPage: 50, Total: 3}
		p.Tests = []org.TestRow{
			{ID: id(31), State: "running", Pool: "lab-a", Person: "Ada Brandt", Created: ago(20 * time.Second)},
			{ID: id(34), State: "waiting", Place: 3, Pool: "lab-a", Person: "Ada Brandt", Created: ago(2 * time.Minute)},
			{ID: id(30), State: "passed", Pool: "lab-a", Person: "Ada Brandt", Created: ago(49 * time.Hour), Begun: ago(49 * time.Hour), Ended: ago(49*time.Hour - 48*time.Second)},
			{ID: id(32), State: "failed", Pool: "lab-b", Person: "Ilse Roth", Created: ago(49 * time.Hour), Begun: ago(49 * time.Hour), Ended: ago(49*time.Hour - 130*time.Second)},
		}
	}
	return p
}

// versionWithdrawn is one of whose two images one was deleted.
func versionWithdrawn() org.VersionShowProps {
	p := version("published")
	p.State, p.MayEdit, p.MayPublish, p.MayTest, p.MayLaunch, p.MayWithdraw = "withdrawn", false, false, false, false, false
	p.Groups[1].ImageID, p.Groups[1].ImageName, p.Groups[1].Digest = uuid.Nil, "rocky-9-mpi.qcow2", digest(3)
	p.Withdrawn = &org.Withdrawn{
		At: ago(3 * time.Hour), Person: "Ilse Roth",
		Wrong: "The image \"rocky-9-mpi.qcow2\" was deleted: slurm-lab 2 cannot be published again without it. Upload the same file again, of which the same image comes, or make a new version of the model cluster with another image.",
	}
	return p
}

// testWaiting is one whose pool has no room for it now.
func testWaiting() org.AcceptanceTestShowProps {
	p := acceptanceTest("waiting")
	p.Begun, p.Limit, p.Emulated, p.Checks, p.Nodes, p.MayCancel = time.Time{}, 0, false, nil, nil, true
	p.Place, p.Summary = 3, "The test waits for its turn, and begins by itself. It has no machines yet."
	p.WaitsFor = "Other tests on this pool come first: each organization has one in its turn."
	return p
}

func testCancelled() org.AcceptanceTestShowProps {
	p := testWaiting()
	p.State, p.Place, p.WaitsFor, p.MayCancel, p.Ended = "cancelled", 0, "", false, now()
	p.Summary = "It was cancelled by a member. It says nothing of the version."
	return p
}

func acceptanceTest(state string) org.AcceptanceTestShowProps {
	p := org.AcceptanceTestShowProps{
		Layout: orgLayout(), ID: id(30), Digest: digest(9), Version: org.VersionLink{ID: id(20), ModelName: "slurm-lab", Version: "2"}, State: state,
		Pool: "lab-a", Provider: "Northern Compute", Person: "Ada Brandt", Created: ago(52 * time.Second), Begun: ago(48 * time.Second), Limit: 45 * time.Minute, Emulated: true, MayCancel: state == "running",
		Checks: []ui.Check{
			{Name: "Every node boots in time", State: "passed", Took: 1900 * time.Millisecond, Channel: "host"},
			{Name: "Every node takes its address by DHCP", State: "passed", Took: 2300 * time.Millisecond, Channel: "host"},
			{Name: "Every node reads its seed", State: "passed", Took: 2600 * time.Millisecond, Channel: "console", GuestsWord: true},
			{Name: "No two nodes have the same machine id", State: "passed", Took: 2600 * time.Millisecond, Channel: "console", GuestsWord: true},
			{Name: "Every pair of nodes pings", State: "running", Detail: "compute-002: It did not tell of head.", Excerpt: "compute-002 login: \x1b[1;32mping head\x1b[0m\r\n64 bytes from head\r\n<script>alert(1)</script>\x07\u202egnp.exe"},
			{Name: "The cluster becomes ready", State: "waiting"},
			{Name: "srun over two nodes", State: "waiting"},
			{Name: "The test's own key signs in as volary", State: "waiting"},
			{Name: "Nothing leaves the sealed network", State: "waiting"},
			{Name: "Every node shuts down within 60 s", State: "waiting"},
			{Name: "A second boot gives the same machines", State: "waiting"},
			{Name: "The base images are unchanged", State: "waiting"},
		},
		Nodes: []org.TestNode{
			{Name: "head", Host: "host-1", Address: "10.90.4.10", State: "passed", Boot: 2300 * time.Millisecond},
			{Name: "compute-001", Host: "host-2", Address: "10.90.4.11", State: "passed", Boot: 2400 * time.Millisecond},
			{Name: "compute-002", Host: "host-3", Address: "10.90.4.12", State: "running"},
		},
	}
	if state == "passed" {
		p.Ended = now()
		p.Summary = "Any provider can rely on it: one head and two compute nodes booted, met and shut down in 48 seconds."
		for i := range p.Checks {
			p.Checks[i].State, p.Checks[i].Excerpt, p.Checks[i].Detail = "passed", "", ""
		}
		for i, channel := range []string{4: "console", 5: "console", 7: "probe", 8: "host", 9: "host", 10: "console", 11: "host"} {
			if channel != "" {
				p.Checks[i].Channel, p.Checks[i].GuestsWord = channel, channel == "console"
			}
		}
		p.Checks[6].State, p.Checks[6].Detail = "not observed", "head: No guest agent answers: install qemu-guest-agent in the image, and the check is run."
		p.Checks[8].Detail = "3 packets were dropped at the network's edge, and none passed it."
		p.Latencies = []org.Latency{{From: "head", To: "compute-001 0.41 ms, compute-002 0.52 ms"}, {From: "compute-001", To: "head 0.44 ms, compute-002 0.61 ms"}}
		p.Certificate = &org.CertificateLink{Address: "a", Made: now(), ByProvider: true, ByPlatform: true}
		p.GuestAgent = "answers"
		p.Excerpts = []org.ConsoleExcerpt{{Node: "head", Text: "[    0.000000] Linux version 6.1.0-28-amd64\r\n[    1.204511] systemd[1]: Reached target multi-user.\r\n\r\nhead login: "}, {Node: "compute-001", Text: "compute-001 login: "}}
	}
	return p
}
