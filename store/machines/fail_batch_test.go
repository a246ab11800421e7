package machines_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

// grow gives a ready cluster a second batch of one node like its first compute node, with a hold of its own, and gives its id.
func grow(t *testing.T, w *storetest.World, id uuid.UUID, held billing.Hours) (batch, node uuid.UUID) {
	t.Helper()
	batch, node = uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
	storetest.NoError(t, w.DB.Core.Tx(t.Context(), func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `
			INSERT INTO batches (id, cluster_id, organization_id, kind, held, created_at) SELECT $1, id, organization_id, 'scale', $3, now() FROM clusters WHERE id = $2`, batch, id, held)
		if err != nil {
			return err
		}
		_, err = tx.Exec(t.Context(), `
			INSERT INTO nodes (id, batch_id, cluster_id, organization_id, provider_id, host_id, role, group_name, name, mac, address, shape_name,
				vcpus, memory_mib, disk_gib, rate, image_id, image_digest, state, state_at)
			SELECT $1, $2, cluster_id, organization_id, provider_id, host_id, role, group_name, 'compute-900', '52:54:00:00:09:00', address + 100, shape_name,
				vcpus, memory_mib, disk_gib, rate, image_id, image_digest, 'reserved', now() FROM nodes WHERE cluster_id = $3 AND role = 'compute' LIMIT 1`, node, batch, id)
		if err != nil {
			return err
		}
		if _, err = tx.Exec(t.Context(), `UPDATE clusters SET generation = generation + 1 WHERE id = $1`, id); err != nil {
			return err
		}
		return w.DB.Books.Hold(t.Context(), tx, w.Provider, w.Organization, id, held, work(t, w, id).Now)
	}))
	return batch, node
}

func openRuns(t *testing.T, w *storetest.World, id uuid.UUID) (count int, held int64) {
	t.Helper()
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), `
		SELECT (SELECT count(*) FROM runs WHERE cluster_id = $1 AND closed_at IS NULL), (SELECT sum(held)::bigint FROM holds WHERE cluster_id = $1)`, id).Scan(&count, &held))
	return count, held
}

// TestAFailedBatchLeavesTheOthers: whatever it fails for, a second batch takes its own nodes and hold with it, and nothing else.
func TestAFailedBatchLeavesTheOthers(t *testing.T) {
	for _, reason := range []provisioner.Reason{provisioner.ReasonGateMissed, provisioner.ReasonHostLost, provisioner.ReasonHostRefused} {
		t.Run(string(reason), func(t *testing.T) {
			w := storetest.NewWorld(t)
			ctx := t.Context()
			id := w.Launch(t, "one", 1)
			w.Ready(t, id)
			runs, held := openRuns(t, w, id)
			ends := work(t, w, id).LeaseEndsAt
			batch, node := grow(t, w, id, 1_234_000)
			if _, now := openRuns(t, w, id); now != held+1_234_000 {
				t.Fatalf("held %d after %d", now, held)
			}
			storetest.Must[bool](t)(w.DB.Machines.SetNode(ctx, node, []provisioner.NodeState{provisioner.NodeReserved}, provisioner.NodeStarting, "", ""))
			before := work(t, w, id)
			if before.Batches[0].ID != batch || before.Batches[0].GateDeadline == nil {
				t.Fatalf("on their way up: %+v", before.Batches)
			}
			storetest.NoError(t, w.DB.Machines.FailBatch(ctx, id, before.Generation-1, batch, reason, "late"))
			if len(work(t, w, id).Batches) != 1 {
				t.Fatal("another generation's word counted")
			}
			storetest.NoError(t, w.DB.Machines.FailBatch(ctx, id, before.Generation, batch, reason, "late"))
			storetest.NoError(t, w.DB.Machines.FailBatch(ctx, id, work(t, w, id).Generation, batch, reason, "late"))
			d := storetest.Must[machines.ClusterDetail](t)(w.DB.Machines.Cluster(ctx, w.Organization, id))
			if d.State != provisioner.ClusterReady || d.Desired != provisioner.DesiredRunning || d.ReadyNodes != 2 || !d.LeaseEndsAt.Equal(*ends) {
				t.Errorf("the cluster is %s, to be %s, with %d ready until %v", d.State, d.Desired, d.ReadyNodes, d.LeaseEndsAt)
			}
			if r, h := openRuns(t, w, id); r != runs || h != held {
				t.Errorf("%d runs and %d held, before the batch %d and %d", r, h, runs, held)
			}
			for _, n := range work(t, w, id).Nodes {
				if own := n.ID == node; own != (n.Desired == provisioner.DesiredGone) || own != (n.State == provisioner.NodeFailed) {
					t.Errorf("%s is %s, to be %s", n.Name, n.State, n.Desired)
				}
			}
			storetest.NoError(t, w.DB.Machines.MarkNodesGone(ctx, id, node))
			after := work(t, w, id)
			if len(after.Nodes) != 2 || after.NetworkGeneration <= before.NetworkGeneration || after.VNI == 0 {
				t.Errorf("after it %d nodes, networks %d", len(after.Nodes), after.NetworkGeneration)
			}
			if err := w.DB.Machines.MarkNodesGone(ctx, id, after.Nodes[1].ID); err == nil {
				t.Error("a node that is to run was marked gone")
			}
			grow(t, w, id, 1000) // the name is free again
		})
	}
}

// TestASecondBatchIsMeteredFromItsOwnGate: its nodes become ready without those of the first, and the lease stays.
func TestASecondBatchIsMeteredFromItsOwnGate(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := w.Launch(t, "one", 1)
	w.Ready(t, id)
	before := work(t, w, id)
	runs, _ := openRuns(t, w, id)
	_, node := grow(t, w, id, 3_600_000)
	evidence := map[uuid.UUID]machines.Evidence{node: {StartID: "s9", Kind: "address"}}
	if !storetest.Must[bool](t)(w.DB.Machines.MarkNodesReady(ctx, id, work(t, w, id).Generation, evidence)) {
		t.Fatal("not marked")
	}
	after := work(t, w, id)
	if !after.ReadyAt.Equal(*before.ReadyAt) || !after.LeaseEndsAt.Equal(*before.LeaseEndsAt) || len(after.Batches) != 0 {
		t.Errorf("ready at %v until %v, before %v until %v; on their way %+v", after.ReadyAt, after.LeaseEndsAt, before.ReadyAt, before.LeaseEndsAt, after.Batches)
	}
	var right bool
	storetest.NoError(t, w.Pool.QueryRow(ctx, `
		SELECT r.started_at = date_trunc('second', n.ready_at) AND r.ends_by = date_trunc('second', c.lease_ends_at)
		FROM runs r JOIN nodes n ON n.id = r.node_id JOIN clusters c ON c.id = n.cluster_id WHERE n.id = $1`, node).Scan(&right))
	if now, _ := openRuns(t, w, id); now != runs+1 || !right {
		t.Errorf("%d runs after %d; the new one from its gate to the lease's end: %t", now, runs, right)
	}
}
