package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"volary.dev/handlers/handlertest"
	"volary.dev/provisioner"
	"volary.dev/store/machines"
)

// describeThree publishes a version with a head and two compute groups, which differ in their gates.
func describeThree(t *testing.T, b *handlertest.Browser, w *handlertest.World) uuid.UUID {
	t.Helper()
	form := b.Post("/org/models", url.Values{"name": {"three"}}).Header.Get("Location")
	f := url.Values{
		"version": {"1.0"}, "head_gate_kind": {"address"}, "head_gate_timeout": {"60"},
		"group_0_name": {"compute"}, "group_0_least": {"1"}, "group_0_most": {"4"}, "group_0_same_gate": {"1"},
		"group_1_name": {"gpu"}, "group_1_least": {"0"}, "group_1_most": {"2"},
		"group_1_gate_kind": {"console"}, "group_1_gate_text": {"volary: ready"}, "group_1_gate_timeout": {"60"},
	}
	for _, group := range []string{"head", "group_0", "group_1"} {
		for field, value := range map[string]string{"image": w.Image.String(), "vcpus": "1", "memory_mib": "256", "disk_gib": "2"} {
			f.Set(group+"_"+field, value)
		}
	}
	saved := b.Post(strings.TrimSuffix(form, "/new"), f)
	expect(t, b.Post(saved.Header.Get("Location")+"/publish", url.Values{"token": {"1"}}), saved.Header.Get("Location"))
	return lastID(t, saved)
}

// TestThreeGroupsFromTheFormToReady launches a head, two compute nodes and one of a group gpu by the form.
func TestThreeGroupsFromTheFormToReady(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{Worker: true})
	w := a.World()
	member := a.SignIn(handlertest.Member)
	version := describeThree(t, member, w)

	at := url.Values{"version": {version.String()}, "pool": {w.Pool.String()}, "lease_hours": {"1"}}
	form := member.Get("/org/clusters/new?" + at.Encode())
	for _, want := range []string{`name="count.compute"`, `name="count.gpu"`, `name="counted" value="` + version.String(), "0 to 2. A head is added", "3 compute with", "1 gpu with"} {
		if !strings.Contains(form.Body, want) {
			t.Errorf("the form lacks %q", want)
		}
	}
	if strings.Contains(form.Body, `name="compute_count"`) {
		t.Error("the form counts all groups in one field, too")
	}
	// A part of the page leaves the fields alone while their version stays, and brings them where another was chosen.
	at.Set("count.compute", "2")
	at.Set("count.gpu", "1")
	at.Set("counted", version.String())
	if got := member.Fragment("/org/clusters/new?"+at.Encode(), "quote").Body; strings.Contains(got, `id="counts"`) || !strings.Contains(got, "2 compute with") || !strings.Contains(got, "4.00") {
		t.Errorf("the part for the same version: %s", got)
	}
	at.Set("version", w.Version.String())
	if got := member.Fragment("/org/clusters/new?"+at.Encode(), "quote").Body; !strings.Contains(got, `name="compute_count"`) || strings.Contains(got, "no group") || !strings.Contains(got, "3 compute with") {
		t.Errorf("the part for another version: %s", got)
	}
	at.Set("version", version.String())

	at.Set("name", "by-groups")
	at.Set("count.gpu", "3")
	if got := member.Post("/org/clusters", at); got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.Body, " gpu nodes; 3 was given") || !strings.Contains(got.Body, `value="3"`) {
		t.Errorf("too many of a group: %d %.3000s", got.Status, got.Body)
	}
	at.Set("count.gpu", "1")
	cluster := lastID(t, member.Post("/org/clusters", at))
	untilState(t, a, w, cluster, provisioner.ClusterReady)
	page := member.Get("/org/clusters/" + cluster.String())
	for _, want := range []string{"4 of 4 nodes ready: compute 2 of 2, gpu 1 of 1", "gpu-001", "compute-002", `data-label="Group" class="keep">gpu<`} {
		if !strings.Contains(page.Body, want) {
			t.Errorf("the cluster's page lacks %q", want)
		}
	}
	work, err := a.Store.Machines.ClusterForReconcile(t.Context(), cluster)
	if err != nil {
		t.Fatal(err)
	}
	wantEvidence(t, a, work)
}

// wantEvidence: each node was ready by the gate of its own group.
func wantEvidence(t *testing.T, a *handlertest.App, work machines.ClusterWork) {
	t.Helper()
	for _, n := range work.Nodes {
		var kind string
		if err := a.Pool.QueryRow(t.Context(), `SELECT evidence ->> 'kind' FROM nodes WHERE id = $1`, n.ID).Scan(&kind); err != nil {
			t.Fatal(err)
		}
		if want := map[bool]string{true: "console", false: "address"}[n.Group.Name == "gpu"]; kind != want {
			t.Errorf("%s was ready by its %s, want %s", n.Name, kind, want)
		}
	}
}
