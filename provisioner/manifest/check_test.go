package manifest_test

import (
	"slices"
	"strings"
	"testing"

	"volary.dev/provisioner"
	"volary.dev/provisioner/manifest"
)

func TestCheck(t *testing.T) {
	if wrong := manifest.Check(small()); wrong != nil {
		t.Fatalf("a right model: %v", wrong)
	}
	var nobodys provisioner.Model
	if wrong := manifest.Check(nobodys); wrong["volary"] == "" || wrong["head.image"] == "" || wrong["head.gate.kind"] == "" {
		t.Errorf("an empty model: %v", wrong)
	}
	for _, c := range []struct {
		path, says string
		change     func(m *provisioner.Model)
	}{
		{"volary", "volary: 1", func(m *provisioner.Model) { m.Format = 2 }},
		{"sign_in_user", "begins with a letter", func(m *provisioner.Model) { m.SignInUser = "Ada" }},
		{"head.name", "leave its name out", func(m *provisioner.Model) { m.Head.Name = "head" }},
		{"head.count", "one head", func(m *provisioner.Model) { m.Head.Count.Most = 1 }},
		{"head.image", "Choose an image", func(m *provisioner.Model) { m.Head.Image = provisioner.ImageRef{} }},
		{"head.image.name", "255", func(m *provisioner.Model) { m.Head.Image.Name = "" }},
		{"head.image.name", "255", func(m *provisioner.Model) { m.Head.Image.Name = "\xff" }},
		{"compute[1].image.digest", "64", func(m *provisioner.Model) { m.Compute[1].Image.Digest = "" }},
		{"compute[1].image.digest", "64", func(m *provisioner.Model) { m.Compute[1].Image.Digest = strings.ToUpper(digest) }},
		{"head.shape.vcpus", "1 to 256 vCPUs; 0", func(m *provisioner.Model) { m.Head.Shape.VCPUs = 0 }},
		{"compute[0].shape.memory_mib", "-5", func(m *provisioner.Model) { m.Compute[0].Shape.MemoryMiB = -5 }},
		{"head.shape.disk_gib", "16384", func(m *provisioner.Model) { m.Head.Shape.DiskGiB = 1 << 40 }},
		{"head.firmware", "bios or uefi", func(m *provisioner.Model) { m.Head.Firmware = provisioner.FirmwareBoth }},
		{"compute[0].user_data", "column", func(m *provisioner.Model) { m.Compute[0].UserData = "  #!/bin/sh\n" }},
		{"head.user_data", "65537 bytes", func(m *provisioner.Model) { m.Head.UserData = strings.Repeat("x", 65537) }},
		{"head.gate.kind", "address, console, agent or port", func(m *provisioner.Model) { m.Head.Gate.Kind = "prayer" }},
		{"head.gate.text", "200", func(m *provisioner.Model) { m.Head.Gate.Text = "" }},
		{"head.gate.text", "200", func(m *provisioner.Model) { m.Head.Gate.Text = "a\nb" }},
		{"head.gate.text", "200", func(m *provisioner.Model) { m.Head.Gate.Text = "\xff" }},
		{"head.gate.text", "Only the console gate", func(m *provisioner.Model) { m.Head.Gate.Kind = provisioner.GateAddress }},
		{"head.gate.port", "1 to 65535; 0", func(m *provisioner.Model) {
			m.Head.Gate = provisioner.Gate{Kind: provisioner.GatePort, TimeoutSeconds: 60}
		}},
		{"head.gate.port", "1 to 65535; 65536", func(m *provisioner.Model) {
			m.Head.Gate = provisioner.Gate{Kind: provisioner.GatePort, Port: 65536, TimeoutSeconds: 60}
		}},
		{"head.gate.port", "Only the port gate", func(m *provisioner.Model) {
			m.Head.Gate = provisioner.Gate{Kind: provisioner.GateAgent, Port: 22, TimeoutSeconds: 60}
		}},
		{"head.gate.text", "Only the console gate", func(m *provisioner.Model) {
			m.Head.Gate = provisioner.Gate{Kind: provisioner.GateAgent, Text: "login:", TimeoutSeconds: 60}
		}},
		{"compute[0].gate.timeout_seconds", "10 to 3600 seconds; 1", func(m *provisioner.Model) { m.Compute[0].Gate.TimeoutSeconds = 1 }},
		{"compute[0].count.least", "-1", func(m *provisioner.Model) { m.Compute[0].Count.Least = -1 }},
		{"compute[0].count.most", "1 to 1000", func(m *provisioner.Model) { m.Compute[0].Count = provisioner.Count{} }},
		{"compute[0].count.most", "less than the least (5)", func(m *provisioner.Model) { m.Compute[0].Count.Least = 5 }},
		{"compute[0].count.most", "1 to 1000", func(m *provisioner.Model) { m.Compute[0].Count.Most = 1 << 40 }},
		{"compute[1].count.most", "up to 1\u202f001 compute nodes", func(m *provisioner.Model) { m.Compute[0].Count.Most, m.Compute[1].Count.Most = 900, 101 }},
		{"compute[0].name", "lower-case", func(m *provisioner.Model) { m.Compute[0].Name = "" }},
		{"compute[0].name", "lower-case", func(m *provisioner.Model) { m.Compute[0].Name = "Fast" }},
		{"compute[0].name", "no hyphen last", func(m *provisioner.Model) { m.Compute[0].Name = "fast-" }},
		{"compute[0].name", "1 to 31", func(m *provisioner.Model) { m.Compute[0].Name = strings.Repeat("a", 32) }},
		{"compute[0].name", "The head", func(m *provisioner.Model) { m.Compute[0].Name = "head" }},
		{"compute[1].name", "Group 1", func(m *provisioner.Model) { m.Compute[1].Name = "compute" }},
		{"compute[1].name", "A node of the group", func(m *provisioner.Model) { m.Compute[1].Name = "compute-001" }},
		{"compute[0].name", "A node of the group", func(m *provisioner.Model) { m.Compute[0].Name = "gpu-1000" }},
		{"compute", "17 compute groups", func(m *provisioner.Model) {
			for len(m.Compute) < 17 {
				g := m.Compute[0]
				g.Name, g.Count = "more"+strings.Repeat("e", len(m.Compute)), provisioner.Count{Most: 1}
				m.Compute = append(m.Compute, g)
			}
		}},
		{"head.apart", "one head", func(m *provisioner.Model) { m.Head.Apart = true }},
		{"head.data_disks[0].name", "virtio-NAME", func(m *provisioner.Model) { m.Head.DataDisks[0].Name = "A" }},
		{"head.data_disks[0].size_gib", "GiB", func(m *provisioner.Model) { m.Head.DataDisks[0].SizeGiB = 0 }},
		{"head.data_disks[0].image.digest", "64", func(m *provisioner.Model) { m.Head.DataDisks[0].Image.Digest = "x" }},
		{"head.data_disks[1].name", "Another", func(m *provisioner.Model) { m.Head.DataDisks = append(m.Head.DataDisks, m.Head.DataDisks[0]) }},
		{"head.data_disks", "9 data disks", func(m *provisioner.Model) { m.Head.DataDisks = make([]provisioner.DataDisk, 9) }},
		{"checks[0].name", "1 to 80", func(m *provisioner.Model) { m.Checks[0].Name = "" }},
		{"checks[1].name", "Another", func(m *provisioner.Model) { m.Checks = append(m.Checks, m.Checks[0]) }},
		{"checks[0].node", "no group named", func(m *provisioner.Model) { m.Checks[0].Node = "nobody" }},
		{"checks[0].command", "Write the command", func(m *provisioner.Model) { m.Checks[0].Command = nil }},
		{"checks[0].command", "Name the program", func(m *provisioner.Model) { m.Checks[0].Command = []string{" "} }},
		{"checks[0].status", "0 to 255", func(m *provisioner.Model) { m.Checks[0].Status = 256 }},
		{"checks[0].output", "1024", func(m *provisioner.Model) { m.Checks[0].Output = "\x00" }},
		{"checks[0].timeout_seconds", "1 to 600", func(m *provisioner.Model) { m.Checks[0].TimeoutSeconds = 0 }},
		{"checks", "33 checks", func(m *provisioner.Model) { m.Checks = make([]provisioner.Check, 33) }},
		{"commands.drain", "Word 2", func(m *provisioner.Model) { m.Commands.Drain = []string{"x", "\xff"} }},
		{"commands.queue", "33 words", func(m *provisioner.Model) { m.Commands.Queue = slices.Repeat([]string{"x"}, 33) }},
		{"", "256 KiB", func(m *provisioner.Model) {
			for i := range 5 {
				g := m.Compute[0]
				g.Name, g.Count, g.UserData = "more"+strings.Repeat("e", i), provisioner.Count{Most: 1}, "#!/bin/sh\n"+strings.Repeat("#", 60<<10)
				m.Compute = append(m.Compute, g)
			}
		}},
	} {
		m := small()
		c.change(&m)
		wrong := manifest.Check(m)
		if !strings.Contains(wrong[c.path], c.says) {
			t.Errorf("%q says %q, not %q; all: %v", c.path, wrong[c.path], c.says, wrong)
		}
	}
}

func TestNamesThatAreLikeNodesOfNobody(t *testing.T) {
	m := small()
	m.Checks = nil
	for _, name := range []string{"node-001", "compute-1", "compute-00001", "gpu2", "a", strings.Repeat("a", 31), "compute-001-002"} {
		m.Compute[1].Name = name
		if wrong := manifest.Check(m); wrong != nil {
			t.Errorf("%s: %v", name, wrong)
		}
	}
}

func TestBeyond(t *testing.T) {
	m := small()
	starts := map[string]provisioner.Firmware{provisioner.HeadName: provisioner.FirmwareBoth, "compute": provisioner.FirmwareUEFI, "gpu": provisioner.FirmwareUEFI}
	m.Compute[1].Firmware = provisioner.FirmwareUEFI
	wrong := manifest.Beyond(m, starts)
	for _, path := range []string{"head.data_disks", "compute[0].data_disks", "compute[1].data_disks", "compute[0].firmware"} {
		if !strings.Contains(wrong[path], "cannot do that yet") {
			t.Errorf("%s: %q", path, wrong[path])
		}
		delete(wrong, path)
	}
	if len(wrong) > 0 {
		t.Errorf("also %v", wrong)
	}
	m.Head.DataDisks = nil
	for i := range m.Compute {
		m.Compute[i].DataDisks, m.Compute[i].Firmware = nil, ""
	}
	if wrong := manifest.Beyond(m, starts); wrong != nil {
		t.Errorf("what can be done, commands kept: %v", wrong)
	}
}
