package machines_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"volary.dev/provisioner"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

const noUEFI = "it has no UEFI firmware (OVMF), which the image needs"

// TestUEFINodesGoToHostsThatHaveIt: launches, quotes, acceptance tests, restarts and replacements ask hosts of a pool for UEFI
// firmware where the image needs it, and only there.
func TestUEFINodesGoToHostsThatHaveIt(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	without := w.Hosts[:2]
	w.Exec(t, `UPDATE hosts SET uefi = NULL WHERE id = $1`, without[0]) // not looked at
	w.Exec(t, `UPDATE hosts SET uefi = false WHERE id = $1`, without[1])
	w.Launch(t, "bios", 4) // anywhere
	w.Exec(t, `UPDATE images SET firmware = 'uefi' WHERE id = $1`, w.Image)

	id := w.Launch(t, "uefi", 2)
	for _, n := range work(t, w, id).Nodes {
		if n.Host.ID != w.Hosts[2] || n.Firmware != provisioner.FirmwareUEFI {
			t.Errorf("%s is on %s, started by %s", n.Name, n.Host.Name, n.Firmware)
		}
	}
	quote := storetest.Must[machines.Quote](t)(w.DB.Machines.Quote(ctx, w.Organization, storetest.OneHour(w, "more", 8)))
	r := storetest.WantRefusal(t, launchErr(t, w, "more", 8), "capacity")
	if want := "1 of 3 hosts that take nodes has UEFI firmware (OVMF)"; !strings.Contains(r.Title, want) || !strings.Contains(r.Next, "a pool whose hosts have it") ||
		strings.Count(strings.Join(r.Detail, "\n"), noUEFI) != 1 || !strings.Contains(strings.Join(r.Detail, "\n"), "its check has not looked for UEFI firmware") || quote.Refusal == nil || quote.Refusal.Title != r.Title {
		t.Errorf("refused with %+v, quoted %+v; want %q", r, quote.Refusal, want)
	}
	w.Exec(t, `UPDATE pools SET test_vcpus = 8`)
	test := storetest.Must[uuid.UUID](t)(w.DB.Machines.StartAcceptanceTest(ctx, w.Organization, w.Person, w.Version, w.PoolID))
	var elsewhere int
	storetest.NoError(t, w.Pool.QueryRow(ctx, `
		SELECT count(*) FROM nodes n JOIN acceptance_tests a ON a.cluster_id = n.cluster_id WHERE a.id = $1 AND n.host_id = ANY ($2)`, test, without).Scan(&elsewhere))
	if elsewhere > 0 {
		t.Errorf("%d nodes of the test are on hosts without UEFI firmware", elsewhere)
	}

	// The host cannot start one, and no other has what it needs; then one has.
	node := work(t, w, id).Nodes[1]
	replace := func() bool {
		t.Helper()
		return storetest.Must[bool](t)(w.DB.Machines.ReplaceNodes(ctx, id, work(t, w, id).Generation, machines.Replacement{
			HostID: w.Hosts[2], Nodes: []uuid.UUID{node.ID}, Reason: provisioner.ReasonHostRefused, Why: "the host refused it",
		}))
	}
	if replace() {
		t.Error("a node was placed on a host without UEFI firmware")
	}
	w.Exec(t, `UPDATE hosts SET uefi = true WHERE id = $1`, without[1])
	if !replace() || !slices.ContainsFunc(work(t, w, id).Nodes, func(n machines.NodeWork) bool { return n.ID == node.ID && n.Host.ID == without[1] }) {
		t.Errorf("the node is not on the host that has it now")
	}

	// Stopped, it starts where its disks are, and not where the firmware is gone.
	w.Ready(t, id)
	storetest.NoError(t, w.DB.Machines.StopCluster(ctx, w.Organization, w.Person, id))
	stopped(t, w, id)
	w.Exec(t, `UPDATE hosts SET uefi = false`)
	r = storetest.WantRefusal(t, w.DB.Machines.StartCluster(ctx, w.Organization, w.Person, id, 3600), "capacity")
	if len(r.Detail) != 2 || !strings.HasSuffix(r.Detail[0], noUEFI) || strings.Contains(r.Title, "room") || !strings.Contains(r.Next, "OVMF") {
		t.Errorf("refused with %+v", r)
	}
	w.Exec(t, `UPDATE hosts SET uefi = true`)
	storetest.NoError(t, w.DB.Machines.StartCluster(ctx, w.Organization, w.Person, id, 3600))
}

// TestAHostsFirmwareIsWhatItsCheckFound, and a check that found nothing out leaves it as it was.
func TestAHostsFirmwareIsWhatItsCheckFound(t *testing.T) {
	w := storetest.NewWorld(t)
	facts := provisioner.HostFacts{VCPUs: 8, MemoryMiB: 8192, DiskGiB: 100}
	done := func(f provisioner.HostFacts, passed bool) bool {
		t.Helper()
		storetest.NoError(t, w.DB.Machines.HostCheckDone(t.Context(), w.Hosts[0], f, "", nil, passed))
		h := storetest.Must[machines.Host](t)(w.DB.Machines.HostForWorker(t.Context(), w.Hosts[0]))
		return h.UEFI != nil && *h.UEFI
	}
	if done(facts, true) {
		t.Error("a host without UEFI firmware has it")
	}
	facts.UEFI = true
	if !done(facts, true) || !done(provisioner.HostFacts{}, false) {
		t.Error("a host with UEFI firmware has not")
	}
}
