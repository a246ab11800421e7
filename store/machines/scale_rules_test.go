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

// Nodes that are added have hosts of their own where their model says so.
func TestScaledNodesAreApart(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	w.Exec(t, `UPDATE pools SET placement = 'pack'`)
	r := requestFor(w)
	r.VersionID = w.PublishGroups(t, "9.0", provisioner.Group{Name: "db", Count: provisioner.Count{Most: 4}, Apart: true})
	r.Counts = machines.Counts{"db": 2}
	id := storetest.Must[uuid.UUID](t)(w.DB.Machines.LaunchCluster(ctx, w.Organization, w.Person, r))
	w.Ready(t, id)
	scale := func(count int) error {
		_, err := w.DB.Machines.ScaleCluster(ctx, w.Organization, w.Person, id, machines.ScaleRequest{Group: "db", Count: count})
		return err
	}
	if r := storetest.WantRefusal(t, scale(4), "capacity"); !strings.Contains(r.Title, "1 would fit") {
		t.Errorf("four on three hosts: %s", r.Title)
	}
	storetest.NoError(t, scale(3))
	if on := hostsOf(t, w, id, "db"); len(on) != 3 || len(slices.Compact(slices.SortedFunc(slices.Values(on), func(a, b uuid.UUID) int { return strings.Compare(a.String(), b.String()) }))) != 3 {
		t.Errorf("on %v", on)
	}
}

// What a provider keeps after leases counts nodes that are added, unless the cluster is deleted then.
func TestScaledNodesKeepToWhatIsKept(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := w.Launch(t, "one", 2)
	w.Ready(t, id)
	gib := 0
	storetest.NoError(t, w.Pool.QueryRow(ctx, `SELECT sum(disk_gib) FROM nodes WHERE cluster_id = $1`, id).Scan(&gib))
	storetest.NoError(t, w.DB.Machines.SetKeptDisks(ctx, w.Person, w.Provider, machines.KeptDisksRule{Days: 7, GiB: &gib}))
	_, err := scaled(t, w, id, 3)
	if r := storetest.WantRefusal(t, err, "capacity"); !strings.Contains(r.Title, "are promised, and these nodes have ") || !strings.Contains(r.Next, "deleted at the end of its lease") {
		t.Errorf("%s %s", r.Title, r.Next)
	}
	storetest.NoError(t, w.DB.Machines.SetLeaseTerms(ctx, w.Organization, w.Person, id, machines.LeaseTerms{AtEnd: machines.AtEndDelete}))
	_, err = scaled(t, w, id, 3)
	storetest.NoError(t, err)
}
