package org

import (
	"testing"

	"github.com/google/uuid"

	"volary.dev/store/models"
	web "volary.dev/web/org"
)

// The machine that is called as heads are is asked to be the head, or the first; the others are groups, by names that a document takes.
func TestAnOVAFillsTheForm(t *testing.T) {
	machine := func(n byte, name, member string, cpus int, memory int64) models.Image {
		return models.Image{ID: uuid.UUID{n}, UploadID: "u", Name: name, Member: member, ProposedVCPUs: cpus, ProposedMemoryMiB: memory, VirtualSize: 3<<30 + 1}
	}
	start := web.VersionValues{Head: web.GroupValues{VCPUs: "1", MemoryMiB: "256", DiskGiB: "2", GateKind: "address", GateTimeout: "120"}}
	for name, c := range map[string]struct {
		machines []models.Image
		head     byte
		groups   []string
	}{
		"head":         {[]models.Image{machine(1, "worker", "a.vmdk", 4, 8192), machine(2, "Head node", "b.vmdk", 2, 4096)}, 2, []string{"worker"}},
		"login":        {[]models.Image{machine(1, "gpu_1", "a.vmdk", 4, 8192), machine(2, "x", "login-disk1.vmdk", 2, 4096)}, 2, []string{"gpu-1"}},
		"the first":    {[]models.Image{machine(1, "overhead", "a.vmdk", 2, 4096), machine(2, "12 é", "b.vmdk", 4, 8192)}, 1, []string{"compute"}},
		"as node":      {[]models.Image{machine(1, "master", "a.vmdk", 2, 4096), machine(2, "head-001", "b.vmdk", 4, 8192)}, 1, []string{"compute"}},
		"twice a name": {[]models.Image{machine(1, "master", "a", 2, 4096), machine(2, "node", "b", 4, 8192), machine(3, "node", "c", 4, 8192)}, 1, []string{"node", "compute"}},
	} {
		v := ovaValues(start, c.machines)
		if v.Head.Image != (uuid.UUID{c.head}).String() || v.Head.VCPUs != "2" || v.Head.MemoryMiB != "4096" || v.Head.DiskGiB != "4" || v.Head.GateKind != "address" {
			t.Errorf("%s: the head is %+v", name, v.Head)
		}
		if len(v.Groups) != len(c.groups) {
			t.Errorf("%s: %d groups", name, len(v.Groups))
			continue
		}
		for i, g := range v.Groups {
			if g.Name != c.groups[i] || g.VCPUs != "4" || g.MemoryMiB != "8192" || g.DiskGiB != "4" || g.SameImage || g.SameSize || !g.SameGate || g.Least == "" {
				t.Errorf("%s: group %d is %+v", name, i, g)
			}
		}
	}
	list := ovas([]models.Image{machine(9, "b", "2", 4, 8192), machine(8, "a", "1", 2, 4096), {ID: uuid.UUID{7}, UploadID: "plain", Name: "disk"}})
	if len(list) != 1 || len(list[0]) != 2 || list[0][0].Name != "a" {
		t.Errorf("the OVAs are %+v", list)
	}
	if o := ovaOptions(list); len(o) != 1 || o[0].Value != "u" || o[0].Label != "a, b" {
		t.Errorf("it is offered as %+v", o)
	}
}
