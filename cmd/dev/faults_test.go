package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner/lab"
	"volary.dev/provisioner/nethook"
	"volary.dev/provisioner/waittest"
	"volary.dev/store"
	"volary.dev/store/floors"
	"volary.dev/store/machines"
)

// workerKilled kills the worker by SIGKILL in the middle of a launch, a stop and a delete on the lab's hosts. Each time
// the one started after it has to finish the work, and in the end nothing of the cluster may be left anywhere.
func workerKilled(t *testing.T, v *volary) {
	ctx, g := t.Context(), groupOf(t, v)
	id := g.launch(t, "phoenix", 2)
	v.killWorkerWhen(t, id, `state = 'starting'`)
	v.await(t, "the launch to end in READY", `SELECT count(*) = 3 FROM nodes WHERE cluster_id = $1 AND state = 'ready'`, id)

	if err := g.db.Machines.StopCluster(ctx, g.organization, g.person, id); err != nil {
		t.Fatal(err)
	}
	v.killWorkerWhen(t, id, `state = 'stopping'`)
	v.await(t, "the stop to end", `SELECT count(*) = 3 FROM nodes WHERE cluster_id = $1 AND state = 'stopped'`, id)

	if err := g.db.Machines.DeleteCluster(ctx, g.organization, g.person, id); err != nil {
		t.Fatal(err)
	}
	v.killWorkerWhen(t, id, `true`)
	v.await(t, "the delete to end", `SELECT ended_at IS NOT NULL AND vni IS NULL AND subnet IS NULL FROM clusters WHERE id = $1`, id)
	v.nothingLeft(t)
}

// hostRestarted takes the power from the head's host, and ends the lease of what is left. What ran there is stopped with
// that reason and metered no further, its disk stays, and the cluster starts again from it and can be deleted.
func hostRestarted(t *testing.T, v *volary) {
	ctx, g := t.Context(), groupOf(t, v)
	id := g.launch(t, "weathered", 2)
	v.await(t, "READY", `SELECT count(*) = 3 FROM nodes WHERE cluster_id = $1 AND state = 'ready'`, id)
	v.await(t, "proofs of life", `SELECT count(*) = 3 FROM runs WHERE cluster_id = $1 AND ended_at > started_at`, id)
	var host string
	if err := v.pool.QueryRow(ctx, `SELECT h.name FROM nodes n JOIN hosts h ON h.id = n.host_id WHERE n.cluster_id = $1 AND n.role = 'head'`, id).Scan(&host); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(v.lab.Hosts(), func(h lab.Host) bool { return h.Name == host })
	if err := v.lab.KillHost(ctx, i); err != nil {
		t.Fatal(err)
	}
	if err := v.lab.RestartHost(ctx, i); err != nil {
		t.Fatal(err)
	}
	v.await(t, "the head to be stopped: host restarted",
		`SELECT state = 'stopped' AND reason = 'host_restarted' FROM nodes WHERE cluster_id = $1 AND role = 'head'`, id)
	v.await(t, "the head's run to be closed",
		`SELECT bool_and(r.closed_at IS NOT NULL) FROM runs r JOIN nodes n ON n.id = r.node_id WHERE n.cluster_id = $1 AND n.role = 'head'`, id)

	// The lease's end is moved to now; a run never goes past it.
	if _, err := v.pool.Exec(ctx, `UPDATE clusters SET lease_ends_at = now() WHERE id = $1`, id); err != nil {
		t.Fatal(err)
	}
	v.await(t, "the lease's end to stop the rest",
		`SELECT c.reason = 'lease_ended' AND (SELECT bool_and(n.state = 'stopped') FROM nodes n WHERE n.cluster_id = c.id) FROM clusters c WHERE c.id = $1`, id)
	if err := g.db.Machines.StartCluster(ctx, g.organization, g.person, id, 3600); err != nil {
		t.Fatal(err)
	}
	v.await(t, "READY again", `SELECT count(*) = 3 FROM nodes WHERE cluster_id = $1 AND state = 'ready'`, id)
	if err := g.db.Machines.DeleteCluster(ctx, g.organization, g.person, id); err != nil {
		t.Fatal(err)
	}
	v.await(t, "the delete to end", `SELECT ended_at IS NOT NULL FROM clusters WHERE id = $1`, id)
	v.nothingLeft(t)
}

// group is who launches what in tests past the browser's: Ada, with the version she published there.
type group struct {
	db                                  *floors.All
	organization, person, version, pool uuid.UUID
}

func groupOf(t *testing.T, v *volary) group {
	t.Helper()
	g := group{db: floors.New(v.pool, store.Options{})}
	err := v.pool.QueryRow(t.Context(), `SELECT v.organization_id, p.id, v.id, l.id FROM model_versions v, people p, pools l
		WHERE v.state = 'published' AND p.email = 'ada@tidal.example' AND l.name = 'north'
			AND v.organization_id = (SELECT organization_id FROM memberships WHERE person_id = p.id)
		ORDER BY v.version DESC LIMIT 1`).Scan(&g.organization, &g.person, &g.version, &g.pool)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func (g group) launch(t *testing.T, name string, compute int) uuid.UUID {
	t.Helper()
	id, err := g.db.Machines.LaunchCluster(t.Context(), g.organization, g.person, machines.LaunchRequest{
		VersionID: g.version, PoolID: g.pool, Name: name, Counts: machines.Counts{"compute": compute}, LeaseSeconds: 3600,
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// killWorkerWhen waits until the condition holds for a node of the cluster, and kills the worker there.
func (v *volary) killWorkerWhen(t *testing.T, cluster uuid.UUID, condition string) {
	t.Helper()
	v.await(t, "a node with "+condition, `SELECT EXISTS (SELECT FROM nodes WHERE cluster_id = $1 AND `+condition+`)`, cluster)
	pid := int(v.worker.pid.Load())
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waittest.Until(t, "the worker to be started again", func() bool {
		return int(v.worker.pid.Load()) != pid && answers(t.Context(), v.workerURL()+"/healthz")
	})
}

// networksForgotten waits until a host has no file of a cluster's network. Where its power was cut they stay until they are old.
func (v *volary) networksForgotten(t *testing.T, host int) {
	t.Helper()
	folder := filepath.Join(v.lab.HostDir(host), "lib", "dnsmasq")
	old := time.Now().Add(-time.Hour)
	waittest.Until(t, "the files of networks on "+v.lab.Hosts()[host].Name+" to be gone", func() bool {
		var left []string
		for _, pattern := range []string{"volary-[0-9]*", "vol[0-9]*"} {
			files, err := filepath.Glob(filepath.Join(folder, pattern))
			must(t, err)
			left = append(left, files...)
		}
		for _, f := range left {
			if err := os.Chtimes(f, old, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
		}
		return len(left) == 0
	})
}

// nothingLeft asks every host of the lab, by virsh, whether anything of a cluster is there: no domain, no network, no console,
// no UEFI variables, and of volumes base images alone. Holds and runs have to be closed too.
func (v *volary) nothingLeft(t *testing.T) {
	t.Helper()
	v.await(t, "every hold to be released and every run closed",
		`SELECT NOT EXISTS (SELECT FROM holds WHERE held > 0) AND NOT EXISTS (SELECT FROM runs WHERE closed_at IS NULL)`)
	base := regexp.MustCompile(`^(base-)?[0-9a-f]{64}(\.ok)?$`)
	for i, h := range v.lab.Hosts() {
		for _, folder := range []string{"volary/consoles", "qemu/nvram"} {
			files, _ := filepath.Glob(filepath.Join(v.lab.HostDir(i), "lib", folder, "*"))
			for _, f := range files {
				t.Errorf("%s still has the file %s", h.Name, f)
			}
		}
		v.networksForgotten(t, i)
		uri := "qemu+tcp://" + h.Address.Name + "/system"
		for _, list := range [][]string{{"list", "--all", "--name"}, {"net-list", "--all", "--name"}} {
			for _, name := range strings.Fields(virsh(t.Context(), t, uri, list...)) {
				if name != nethook.ProbeName { // in which the hook is asked: it is no cluster's
					t.Errorf("%s still has, by virsh %s: %s", h.Name, strings.Join(list, " "), name)
				}
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
