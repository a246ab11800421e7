package models_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/machines"
	"volary.dev/store/models"
	"volary.dev/store/storetest"
)

// end brings a cluster to its end, as its organization and the worker do.
func end(t *testing.T, w *storetest.World, cluster uuid.UUID) {
	t.Helper()
	storetest.NoError(t, w.DB.Machines.DeleteCluster(t.Context(), w.Organization, w.Person, cluster))
	storetest.NoError(t, w.DB.Machines.MarkNodesGone(t.Context(), cluster))
}

// An image that ran is deleted once its cluster is gone and its version is withdrawn; the version keeps what it was called and its digest.
func TestAnImageThatRanIsDeleted(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx, web := t.Context(), storetest.OpenAs(t, w.Pool, store.RoleWeb)
	cluster := w.Launch(t, "trial-1", 1)
	w.Ready(t, cluster)
	end(t, w, cluster)
	storetest.WantRefusal(t, web.Models.DeleteImage(ctx, w.Organization, w.Person, w.Image), "image_used")
	storetest.NoError(t, web.Models.WithdrawVersion(ctx, w.Organization, w.Person, w.Version))

	v := storetest.Must[models.Version](t)(web.Models.Version(ctx, w.Organization, w.Version))
	if v.State != models.VersionStateWithdrawn || v.PublishedAt == nil || v.Groups[0].ImageID != w.Image || v.Restorable() != nil {
		t.Errorf("while its image is there: %+v", v)
	}
	if by := storetest.Must[models.Withdrawal](t)(web.Models.Withdrawal(ctx, w.Organization, w.Version)); by.Person != "Ada" || by.At.IsZero() {
		t.Errorf("withdrawn by %+v", by)
	}
	before := storetest.Must[models.Quota](t)(web.Models.Quota(ctx, w.Organization))
	storetest.NoError(t, web.Models.DeleteImage(ctx, w.Organization, w.Person, w.Image))
	if after := storetest.Must[models.Quota](t)(web.Models.Quota(ctx, w.Organization)); before.Stored-after.Stored != 900 {
		t.Errorf("quota before %+v, after %+v", before, after)
	}
	if n := count(t, w, `SELECT count(*) FROM nodes WHERE state = 'gone' AND image_id IS NULL AND image_digest = $1`, storetest.Digest); n != 2 {
		t.Errorf("%d nodes keep the digest", n)
	}
	v = storetest.Must[models.Version](t)(web.Models.Version(ctx, w.Organization, w.Version))
	if r := v.Groups[0]; len(v.Groups) != 2 || r.ImageID != uuid.Nil || r.Image.Name != "sample.qcow2" || r.Digest != storetest.Digest || r.Shape.MemoryMiB != 256 {
		t.Errorf("after its image is gone: %+v", v)
	}
	if c := storetest.Must[machines.ClusterDetail](t)(web.Machines.Cluster(ctx, w.Organization, cluster)); c.Name != "trial-1" || len(c.NodeRows) != 2 {
		t.Errorf("the cluster that ran: %+v", c)
	}
	if work := storetest.Must[machines.ClusterWork](t)(w.DB.Machines.ClusterForReconcile(ctx, cluster)); len(work.Nodes) != 0 {
		t.Errorf("nodes that are gone are to be looked after: %+v", work.Nodes)
	}
	r := storetest.WantRefusal(t, web.Models.RestoreVersion(ctx, w.Organization, w.Person, w.Version), "image_gone")
	if !strings.Contains(r.Title, `The image "sample.qcow2" was deleted`) || !strings.Contains(r.Next, "Upload the same file again") {
		t.Errorf("%v", r)
	}
	// Brought anew, it is the same image under another id.
	back := w.AddImage(t, w.Organization, w.Person)
	storetest.NoError(t, web.Models.RestoreVersion(ctx, w.Organization, w.Person, w.Version))
	v = storetest.Must[models.Version](t)(web.Models.Version(ctx, w.Organization, w.Version))
	if v.State != models.VersionStatePublished || v.Groups[0].ImageID != back || v.Groups[1].ImageID != back {
		t.Errorf("published again: %+v", v)
	}
	w.Ready(t, w.Launch(t, "trial-2", 1))
	if n := count(t, w, `SELECT count(*) FROM audit WHERE verb IN ('withdraw version', 'restore version') AND person_id = $1 AND subject_id = $2`, w.Person, w.Version); n != 2 {
		t.Errorf("%d lines in the log", n)
	}
}

// A withdrawn version is launched, tested, asked for and changed by nobody.
func TestWithdrawnVersionIsRefused(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	bo := storetest.Member(t, w, "bo@example.org")
	storetest.SetCap(t, w, bo, 1)
	storetest.WantRefusal(t, w.DB.Models.RestoreVersion(ctx, w.Organization, w.Person, w.Version), "state")
	storetest.NoError(t, w.DB.Models.WithdrawVersion(ctx, w.Organization, w.Person, w.Version))
	launch := storetest.OneHour(w, "late", 1)
	for name, try := range map[string]func() error{
		"launch":  func() error { _, err := w.DB.Machines.LaunchCluster(ctx, w.Organization, w.Person, launch); return err },
		"request": func() error { _, err := w.DB.Machines.RequestLaunch(ctx, w.Organization, bo, launch); return err },
		"test": func() error {
			_, err := w.DB.Machines.StartAcceptanceTest(ctx, w.Organization, w.Person, w.Version, w.PoolID)
			return err
		},
		"publish":  func() error { return w.DB.Models.PublishVersion(ctx, w.Organization, w.Person, w.Version, 1) },
		"withdraw": func() error { return w.DB.Models.WithdrawVersion(ctx, w.Organization, w.Person, w.Version) },
	} {
		if r := storetest.WantRefusal(t, try(), "withdrawn"); !strings.Contains(r.Title, "was withdrawn") {
			t.Errorf("%s: %v", name, r)
		}
	}
	if list := storetest.Must[[]models.PublishedVersion](t)(w.DB.Models.PublishedVersions(ctx, w.Organization)); len(list) != 0 {
		t.Errorf("offered for launches: %+v", list)
	}
	if list, total, err := w.DB.Models.ListModelClusters(ctx, w.Organization, models.ModelClusterFilter{}); err != nil || total != 1 || list[0].Versions != 1 || list[0].Withdrawn != 1 || list[0].LatestState != models.VersionStateWithdrawn {
		t.Errorf("model clusters: %+v, %v", list, err)
	}
	if _, total, err := w.DB.Models.ListVersions(ctx, w.Organization, w.Model, models.VersionFilter{State: "withdrawn"}); err != nil || total != 1 {
		t.Errorf("%d withdrawn versions, %v", total, err)
	}
	w.Exec(t, `UPDATE images SET lost = 'gone', lost_at = now()`)
	storetest.WantRefusal(t, w.DB.Models.RestoreVersion(ctx, w.Organization, w.Person, w.Version), "image_lost")
}

// A full quota has a way out by versions that nobody needs any more, as long as there are any.
func TestFullQuotaNamesOldVersions(t *testing.T) {
	w := storetest.NewWorld(t)
	w.Exec(t, `UPDATE organizations SET quota = 1000`)
	const way = "ithdraw versions that are needed no more and delete their images"
	next := func() string {
		t.Helper()
		return storetest.WantRefusal(t, w.DB.Models.CreateUpload(t.Context(), w.Organization, w.Person, hexID(1), "next.img", 200), "quota").Next
	}
	if said := next(); !strings.Contains(said, way) {
		t.Errorf("while a version is published: %s", said)
	}
	storetest.NoError(t, w.DB.Models.WithdrawVersion(t.Context(), w.Organization, w.Person, w.Version))
	if said := next(); strings.Contains(said, way) || !strings.Contains(said, "Delete images that nothing uses (sample.qcow2, 900 B)") {
		t.Errorf("once it is withdrawn: %s", said)
	}
}

// What is alive of a version keeps it, and is named with what to do about it.
func TestWithdrawVersionInUse(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	refused := func(code string, words ...string) {
		t.Helper()
		r := storetest.WantRefusal(t, w.DB.Models.WithdrawVersion(ctx, w.Organization, w.Person, w.Version), code)
		for _, want := range words {
			if !strings.Contains(r.Title+r.Next, want) {
				t.Errorf("%q is missing of %s %s", want, r.Title, r.Next)
			}
		}
		if shown, err := w.DB.Models.UseOfVersion(ctx, w.Organization, w.Version); err != nil || shown == nil || shown.Title != r.Title {
			t.Errorf("the page says %v, %v", shown, err)
		}
	}
	id := w.Launch(t, "trial-1", 1)
	refused("version_used", "trial 1.0 is used by 1 cluster (trial-1).", "Delete its clusters")
	w.Ready(t, id)
	storetest.NoError(t, w.DB.Machines.StopCluster(ctx, w.Organization, w.Person, id))
	refused("version_used", "1 cluster (trial-1)", "one that is stopped can be started again")

	bo := storetest.Member(t, w, "bo@example.org")
	storetest.SetCap(t, w, bo, 1)
	request := storetest.Must[uuid.UUID](t)(w.DB.Machines.RequestLaunch(ctx, w.Organization, bo, storetest.OneHour(w, "asked", 1)))
	test := storetest.Must[uuid.UUID](t)(w.DB.Machines.StartAcceptanceTest(ctx, w.Organization, w.Person, w.Version, w.PoolID))
	refused("version_used", "is used by 1 cluster (trial-1), 1 acceptance test (main) and 1 request that waits (asked).", "wait until it is tested no more and decide or withdraw what waits")

	end(t, w, id)
	refused("version_used", "is used by 1 acceptance test (main) and 1 request that waits (asked).")
	storetest.NoError(t, w.DB.Machines.DeclineRequest(ctx, w.Organization, w.Person, request, "no"))
	found := storetest.Must[models.AcceptanceTest](t)(w.DB.Models.TestForWorker(ctx, test))
	storetest.NoError(t, w.DB.Models.FinishAcceptanceTest(ctx, test, true, found.Report))
	refused("version_used", "is used by 1 acceptance test (main).") // its machines are not gone yet
	storetest.NoError(t, w.DB.Machines.MarkNodesGone(ctx, found.ClusterID))
	storetest.NoError(t, w.DB.Models.WithdrawVersion(ctx, w.Organization, w.Person, w.Version))
	if tests, total, err := w.DB.Models.AcceptanceTests(ctx, w.Organization, w.Version, models.TestFilter{}); err != nil || total != 1 || tests[0].State != models.TestPassed {
		t.Errorf("its test stays: %+v, %v", tests, err)
	}
	storetest.NoError(t, draft(t, w, w.Image, "2.0"))
	v := storetest.Must[models.ModelCluster](t)(w.DB.Models.ModelCluster(ctx, w.Organization, w.Model)).Versions[0]
	storetest.WantRefusal(t, w.DB.Models.WithdrawVersion(ctx, w.Organization, w.Person, v.ID), "draft")
}

// The database keeps of a withdrawn version all but that it is withdrawn, and publishes it with images of the same digests alone.
func TestWithdrawnVersionStays(t *testing.T) {
	w := storetest.NewWorld(t)
	storetest.NoError(t, w.DB.Models.WithdrawVersion(t.Context(), w.Organization, w.Person, w.Version))
	other := w.AddImageOf(t, w.Organization, w.Person, strings.Repeat("5", 64), 5)
	for _, sql := range []string{
		`UPDATE model_versions SET version = 'another'`,
		`UPDATE model_versions SET state = 'draft', published_at = NULL, withdrawn_at = NULL, withdrawn_by = NULL`,
		`UPDATE model_versions SET state = 'published', withdrawn_at = NULL, withdrawn_by = NULL`,
		`DELETE FROM model_versions`,
		`UPDATE version_roles SET most = 2`,
		`UPDATE version_roles SET image_digest = repeat('5', 64)`,
		`UPDATE version_roles SET image_id = '` + other.String() + `', image_digest = ''`,
		`DELETE FROM version_roles`,
		`INSERT INTO version_roles SELECT version_id, organization_id, 'other', image_id, image_name, image_digest, 7, 1, 1, 60 FROM version_roles LIMIT 1`,
	} {
		if _, err := w.Pool.Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "never change") {
			t.Errorf("%s: %v", sql, err)
		}
	}
	if _, err := w.Pool.Exec(t.Context(), `UPDATE nodes SET image_id = NULL WHERE id = (SELECT n.id FROM nodes n LIMIT 1)`); err != nil {
		t.Error(err)
	}
	w2 := w.Publish(t, w.Organization, w.Model, w.Image, "2.0")
	w.Version = w2
	w.Launch(t, "alive", 1)
	if _, err := w.Pool.Exec(t.Context(), `UPDATE nodes SET image_id = NULL`); err == nil {
		t.Error("a node that lives lets go of its image")
	}
	if _, err := w.Pool.Exec(t.Context(), `UPDATE nodes SET desired = 'gone', state = 'gone'`); err == nil {
		t.Error("a node that is gone holds its image")
	}
}

// TestWithdrawVersionAtOnce withdraws a version while it is launched, tested and asked for: who comes second is refused.
func TestWithdrawVersionAtOnce(t *testing.T) {
	w := storetest.NewWorld(t)
	bo := storetest.Member(t, w, "bo@example.org")
	storetest.SetCap(t, w, bo, 1)
	w.Exec(t, `UPDATE pools SET test_vcpus = 14`)
	uses := []func(context.Context, string) error{
		func(ctx context.Context, name string) error {
			_, err := w.DB.Machines.LaunchCluster(ctx, w.Organization, w.Person, storetest.OneHour(w, name, 0))
			return err
		},
		func(ctx context.Context, name string) error {
			_, err := w.DB.Machines.RequestLaunch(ctx, w.Organization, bo, storetest.OneHour(w, name, 1))
			return err
		},
		func(ctx context.Context, _ string) error {
			_, err := w.DB.Machines.StartAcceptanceTest(ctx, w.Organization, w.Person, w.Version, w.PoolID)
			return err
		},
	}
	for n := range 9 { // of which three are tests, as many as run at once
		w.Version = w.Publish(t, w.Organization, w.Model, w.Image, fmt.Sprintf("1.%d", n+1))
		var used, withdrawn error
		var both sync.WaitGroup
		both.Go(func() { used = uses[n%len(uses)](t.Context(), fmt.Sprintf("at-once-%d", n)) })
		both.Go(func() { withdrawn = w.DB.Models.WithdrawVersion(t.Context(), w.Organization, w.Person, w.Version) })
		both.Wait()
		if (used == nil) == (withdrawn == nil) || used != nil && !refusedWith(used, "withdrawn") || withdrawn != nil && !refusedWith(withdrawn, "version_used") {
			t.Errorf("%d used: %v; withdrawn: %v", n%len(uses), used, withdrawn)
		}
	}
}

// TestRestoreVersionAtOnce publishes a version again while its image is deleted: one of the two is refused.
func TestRestoreVersionAtOnce(t *testing.T) {
	w := storetest.NewWorld(t)
	for n := range 10 {
		image := w.AddImageOf(t, w.Organization, w.Person, strings.Repeat(fmt.Sprint(n), 64), 5)
		id := w.Publish(t, w.Organization, w.Model, image, fmt.Sprintf("2.%d", n))
		storetest.NoError(t, w.DB.Models.WithdrawVersion(t.Context(), w.Organization, w.Person, id))
		var restored, deleted error
		var both sync.WaitGroup
		both.Go(func() { restored = w.DB.Models.RestoreVersion(t.Context(), w.Organization, w.Person, id) })
		both.Go(func() { deleted = w.DB.Models.DeleteImage(t.Context(), w.Organization, w.Person, image) })
		both.Wait()
		if (restored == nil) == (deleted == nil) || restored != nil && !refusedWith(restored, "image_gone") || deleted != nil && !refusedWith(deleted, "image_used") {
			t.Errorf("restored: %v; deleted: %v", restored, deleted)
		}
	}
}

// Another organization's image of the same bytes brings no version back.
func TestRestoreVersionOfOwnImages(t *testing.T) {
	w := storetest.NewWorld(t)
	storetest.NoError(t, w.DB.Models.WithdrawVersion(t.Context(), w.Organization, w.Person, w.Version))
	storetest.NoError(t, w.DB.Models.DeleteImage(t.Context(), w.Organization, w.Person, w.Image))
	other := storetest.Must[uuid.UUID](t)(w.DB.People.CreateOrganization(t.Context(), uuid.Nil, "Birds"))
	w.AddImage(t, other, w.Person)
	if v := storetest.Must[models.Version](t)(w.DB.Models.Version(t.Context(), w.Organization, w.Version)); v.Groups[0].ImageID != uuid.Nil {
		t.Errorf("another organization's image %s is shown as the version's", v.Groups[0].ImageID)
	}
	storetest.WantRefusal(t, w.DB.Models.RestoreVersion(t.Context(), w.Organization, w.Person, w.Version), "image_gone")
	for _, err := range []error{
		w.DB.Models.RestoreVersion(t.Context(), other, w.Person, w.Version), w.DB.Models.WithdrawVersion(t.Context(), other, w.Person, w.Version),
	} {
		if r, ok := refusal.As(err); !ok || r.Code != "not_found" {
			t.Errorf("of another organization: %v", err)
		}
	}
}
