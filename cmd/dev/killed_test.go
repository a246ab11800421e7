package main

import (
	"context"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/store"
)

// workerKilled kills the worker by SIGKILL in the middle of a launch, a stop and a delete on the lab's hosts. Each time
// the one started after it has to finish the work, and in the end nothing of the cluster may be left anywhere.
func workerKilled(t *testing.T, v *volary) {
	db, err := store.New(v.pool, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	var org, ada, version, pool uuid.UUID
	err = v.pool.QueryRow(ctx, `SELECT v.organization_id, p.id, v.id, l.id FROM model_versions v, people p, pools l
		WHERE v.state = 'published' AND p.email = 'ada@tidal.example' AND l.name = 'north'`).Scan(&org, &ada, &version, &pool)
	if err != nil {
		t.Fatal(err)
	}
	id, err := db.LaunchCluster(ctx, org, ada, store.LaunchRequest{
		VersionID: version, PoolID: pool, Name: "phoenix", ComputeCount: 2, LeaseSeconds: 3600,
	})
	if err != nil {
		t.Fatal(err)
	}
	v.killWorkerWhen(t, id, `state = 'starting'`)
	v.await(t, "the launch to end in READY", 4*time.Minute, `SELECT count(*) = 3 FROM nodes WHERE cluster_id = $1 AND state = 'ready'`, id)

	if err := db.StopCluster(ctx, org, ada, id); err != nil {
		t.Fatal(err)
	}
	v.killWorkerWhen(t, id, `state = 'stopping'`)
	v.await(t, "the stop to end", 2*time.Minute, `SELECT count(*) = 3 FROM nodes WHERE cluster_id = $1 AND state = 'stopped'`, id)

	if err := db.DeleteCluster(ctx, org, ada, id); err != nil {
		t.Fatal(err)
	}
	v.killWorkerWhen(t, id, `true`)
	v.await(t, "the delete to end", 2*time.Minute, `SELECT ended_at IS NOT NULL AND vni IS NULL AND subnet IS NULL FROM clusters WHERE id = $1`, id)
	v.nothingLeft(t)
}

// killWorkerWhen waits until the condition holds for a node of the cluster, and kills the worker there.
func (v *volary) killWorkerWhen(t *testing.T, cluster uuid.UUID, condition string) {
	t.Helper()
	v.await(t, "a node with "+condition, time.Minute, `SELECT EXISTS (SELECT FROM nodes WHERE cluster_id = $1 AND `+condition+`)`, cluster)
	pid := int(v.worker.pid.Load())
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(30 * time.Second)
	for int(v.worker.pid.Load()) == pid || !answers(t.Context(), v.workerURL()+"/healthz") {
		if time.Now().After(deadline) {
			t.Fatal("the worker was not started again")
		}
	}
}

// nothingLeft asks every host of the lab, by virsh, whether anything of a cluster is there: no domain, no network, and
// of volumes base images alone. Holds and runs have to be closed too.
func (v *volary) nothingLeft(t *testing.T) {
	t.Helper()
	v.await(t, "every hold to be released and every run closed", time.Minute,
		`SELECT NOT EXISTS (SELECT FROM holds WHERE held > 0) AND NOT EXISTS (SELECT FROM runs WHERE closed_at IS NULL)`)
	base := regexp.MustCompile(`^(base-)?[0-9a-f]{64}(\.ok)?$`)
	for _, h := range v.lab.Hosts() {
		uri := "qemu+tcp://" + h.Address.Name + "/system"
		for _, list := range [][]string{{"list", "--all", "--name"}, {"net-list", "--all", "--name"}} {
			if out := virsh(t.Context(), t, uri, list...); strings.TrimSpace(out) != "" {
				t.Errorf("%s still has, by virsh %s:\n%s", h.Name, strings.Join(list, " "), out)
			}
		}
		for _, line := range strings.Split(virsh(t.Context(), t, uri, "vol-list", "--pool", "volary"), "\n") {
			if f := strings.Fields(line); len(f) > 0 && !base.MatchString(f[0]) {
				t.Errorf("%s still has the volume %s", h.Name, f[0])
			}
		}
	}
}

func virsh(ctx context.Context, t *testing.T, uri string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(ctx, "virsh", append([]string{"-q", "-c", uri}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("virsh %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
