package loops_test

import (
	"testing"

	"volary.dev/handlers/loops/loopstest"
	"volary.dev/provisioner"
	"volary.dev/store/storetest"
)

// Each node is ready by the gate of its own group, and the cluster has until the latest limit of them.
func TestEachGroupHasItsGate(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	address, console := provisioner.Gate{Kind: provisioner.GateAddress, TimeoutSeconds: 600}, provisioner.Gate{Kind: provisioner.GateConsole, Text: "volary: ready", TimeoutSeconds: 60}
	d := storetest.Draft(b.Model, b.Image, "2.0", provisioner.Count{Most: 2}, console)
	d.Model.Head.Gate = address
	version, err := b.DB.Models.SaveVersion(t.Context(), b.Organization, b.Person, d)
	loopstest.NoError(t, err)
	loopstest.NoError(t, b.DB.Models.PublishVersion(t.Context(), b.Organization, b.Person, version, 1))
	b.Version = version
	b.Worker(t, "one")
	id := b.Launch(t, "trial-1", 2)
	b.UntilState(t, id, provisioner.ClusterReady)
	rows, err := b.Pool.Query(t.Context(), `SELECT n.group_name, n.evidence->>'kind', n.evidence->>'detail', extract(epoch FROM b.gate_deadline - n.started_at) > 500
		FROM nodes n JOIN batches b ON b.id = n.batch_id WHERE n.cluster_id = $1`, id)
	loopstest.NoError(t, err)
	nodes := 0
	for rows.Next() {
		var group, kind, detail string
		var late bool
		loopstest.NoError(t, rows.Scan(&group, &kind, &detail, &late))
		want := console
		if group == provisioner.HeadName {
			want = address
		}
		if kind != string(want.Kind) || kind == string(console.Kind) && detail != console.Text || !late {
			t.Errorf("a node of %s is ready by %s: %s; late: %t", group, kind, detail, late)
		}
		nodes++
	}
	if err := rows.Err(); err != nil || nodes != 3 {
		t.Errorf("%d nodes, %v", nodes, err)
	}
}
