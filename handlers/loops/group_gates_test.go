package loops_test

import (
	"testing"

	"github.com/google/uuid"

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

// A head whose agent answers and compute nodes whose port does make a cluster ready; that the agent was asked stands in the log once.
func TestAgentAndPortGates(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	agent, port := provisioner.Gate{Kind: provisioner.GateAgent, TimeoutSeconds: 600}, provisioner.Gate{Kind: provisioner.GatePort, Port: 22, TimeoutSeconds: 600}
	b.Version = gated(t, b, agent, port)
	b.Worker(t, "one")
	id := b.Launch(t, "trial-1", 2)
	b.UntilState(t, id, provisioner.ClusterReady)
	for group, want := range map[string]string{"head": "agent: its agent answers", "compute": "port: port 22 answers"} {
		var got string
		loopstest.NoError(t, b.Pool.QueryRow(t.Context(), `SELECT DISTINCT evidence->>'kind' || ': ' || (evidence->>'detail') FROM nodes WHERE cluster_id = $1 AND group_name = $2`, id, group).Scan(&got))
		if got != want {
			t.Errorf("nodes of %s are ready by %q, want %q", group, got, want)
		}
	}
	var noted int
	loopstest.NoError(t, b.Pool.QueryRow(t.Context(), `
		SELECT count(*) FROM audit WHERE verb = 'run guest command' AND subject_id = $1 AND detail->>'because' = 'readiness gate' AND detail->>'end' = 'status 0'`, id).Scan(&noted))
	if noted != 1 {
		t.Errorf("the log has the agent's question %d times", noted)
	}
}

// A gate that is never met ends the launch free, and says of which node it was and for what that one waited.
func TestAGateThatIsNeverMet(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	b.Version = gated(t, b, provisioner.Gate{Kind: provisioner.GateAddress, TimeoutSeconds: 10}, provisioner.Gate{Kind: provisioner.GatePort, Port: 6818, TimeoutSeconds: 10})
	b.Worker(t, "one")
	id := b.Launch(t, "trial-1", 1)
	b.UntilState(t, id, provisioner.ClusterGone)
	var reason, detail string
	var used int
	loopstest.NoError(t, b.Pool.QueryRow(t.Context(), `
		SELECT reason, reason_detail, (SELECT count(*) FROM runs WHERE cluster_id = c.id) FROM clusters c WHERE id = $1`, id).Scan(&reason, &detail, &used))
	const want = "Not ready in time: compute-001, which waits for TCP port 6818 to answer (the connection was refused)."
	if reason != string(provisioner.ReasonGateMissed) || detail != want || used != 0 {
		t.Errorf("it ended by %s: %q with %d runs, want %q", reason, detail, used, want)
	}
}

// gated publishes a version whose head and compute nodes have these gates.
func gated(t *testing.T, b *loopstest.Bench, head, compute provisioner.Gate) uuid.UUID {
	t.Helper()
	d := storetest.Draft(b.Model, b.Image, "2.0", provisioner.Count{Most: 2}, compute)
	d.Model.Head.Gate = head
	version, err := b.DB.Models.SaveVersion(t.Context(), b.Organization, b.Person, d)
	loopstest.NoError(t, err)
	loopstest.NoError(t, b.DB.Models.PublishVersion(t.Context(), b.Organization, b.Person, version, 1))
	return version
}
