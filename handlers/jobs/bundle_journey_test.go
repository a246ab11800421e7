package jobs_test

import (
	"bytes"
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"volary.dev/handlers/handlertest"
	"volary.dev/handlers/jobs"
	"volary.dev/handlers/loops"
	"volary.dev/handlers/loops/loopstest"
	"volary.dev/provisioner"
	"volary.dev/provisioner/image"
	"volary.dev/provisioner/waittest"
	"volary.dev/store"
	"volary.dev/store/blob"
	"volary.dev/store/models"
	"volary.dev/store/queue"
	"volary.dev/store/storetest"
)

// deployment is a portal over a database and a store of its own.
type deployment struct {
	*handlertest.App
	w     *handlertest.World
	blobs *blob.Directory
}

func deploy(t *testing.T) deployment {
	t.Helper()
	blobs, err := blob.OpenDirectory(t.TempDir())
	loopstest.NoError(t, err)
	a := handlertest.Start(t, handlertest.Options{Worker: true, Blobs: blobs})
	return deployment{a, a.World(), blobs}
}

// bring uploads a file to the first organization and has its job make the verdict.
func (d deployment) bring(t *testing.T, filename string, content []byte) models.Upload {
	t.Helper()
	id, owner := strings.ReplaceAll(uuid.NewString(), "-", ""), d.w.Person(handlertest.Owner)
	loopstest.NoError(t, d.Store.Models.CreateUpload(t.Context(), d.w.Organization, owner, id, filename, int64(len(content))))
	_, err := d.blobs.Put(t.Context(), blob.UploadKey(id), bytes.NewReader(content))
	loopstest.NoError(t, err)
	loopstest.NoError(t, d.Store.Models.FinishUpload(t.Context(), owner, id))
	job := jobs.VerifyUpload{
		Models: storetest.OpenAs(t, d.Pool, store.RoleWorker).Models, Blobs: d.blobs, Verifier: image.Verifier{Scratch: t.TempDir()}, Limits: image.DefaultLimits(), Log: slog.New(slog.DiscardHandler),
	}
	subject, err := models.UploadSubject(id)
	loopstest.NoError(t, err)
	loopstest.NoError(t, job.Work(t.Context(), &river.Job[queue.VerifyUpload]{JobRow: &rivertype.JobRow{Attempt: 1, MaxAttempts: 3}, Args: queue.VerifyUpload{UploadID: subject}}))
	u, err := d.Store.Models.Upload(t.Context(), d.w.Organization, id)
	loopstest.NoError(t, err)
	return u
}

// work runs acceptance tests over the deployment's simulated hosts until the test ends.
func (d deployment) work(t *testing.T) {
	t.Helper()
	db, log := storetest.OpenAs(t, d.Pool, store.RoleWorker), slog.New(slog.DiscardHandler)
	hosts := loops.NewHosts(d.Hosts.Dial)
	e := loops.Engine{Core: db.Core, Books: db.Books, Models: db.Models, Machines: db.Machines, Hosts: hosts, Worker: "tests", Log: log}
	workers := river.NewWorkers()
	river.AddWorker(workers, &jobs.RunAcceptance{Engine: e, Look: 20 * time.Millisecond})
	pool := storetest.PoolAs(t, d.Pool, store.RoleWorker)
	q, err := jobs.NewQueue(db, pool, jobs.QueueOptions{Look: 20 * time.Millisecond}, log, workers)
	loopstest.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { _ = q.Run(ctx) })
	t.Cleanup(func() { cancel(); done.Wait(); pool.Close(); hosts.Close() })
}

func wantPage(t *testing.T, what string, got handlertest.Answer, status int, texts ...string) {
	t.Helper()
	if got.Status != status {
		t.Fatalf("%s: %d %s", what, got.Status, got.Body)
	}
	for _, text := range texts {
		if !strings.Contains(got.Body, text) {
			t.Errorf("%s does not say %q: %s", what, text, got.Body)
		}
	}
}

// led posts a form and gives where it leads.
func led(t *testing.T, b *handlertest.Browser, path string, form url.Values) string {
	t.Helper()
	got := b.Post(path, form)
	if got.Status != http.StatusSeeOther {
		t.Fatalf("POST %s: %d %s", path, got.Status, got.Body)
	}
	return got.Header.Get("Location")
}

// A version leaves one deployment as a bundle, comes into another as the same document, and is tested and launched there. With a byte changed nothing of
// it comes.
func TestBundleFromOneDeploymentToAnother(t *testing.T) {
	here, there := deploy(t), deploy(t)
	disk := loopstest.BootSectorDisk()
	random := rand.New(rand.NewPCG(1, 2))
	for at := 1 << 20; at < 1<<20+256<<10; at++ {
		disk[at] = byte(random.Uint32())
	}
	made, err := here.Store.Models.ImagesOfUpload(t.Context(), here.w.Organization, here.bring(t, "disk.img", disk).ID)
	loopstest.NoError(t, err)
	gate := provisioner.Gate{Kind: provisioner.GateAddress, TimeoutSeconds: 120}
	owner := here.w.Person(handlertest.Owner)
	model, err := here.Store.Models.CreateModelCluster(t.Context(), here.w.Organization, owner, "travelling")
	loopstest.NoError(t, err)
	version, err := here.Store.Models.SaveVersion(t.Context(), here.w.Organization, owner, storetest.Draft(model, made[0].ID, "1.0", provisioner.Count{Most: 4}, gate))
	loopstest.NoError(t, err)
	member := here.SignIn(handlertest.Member)
	wantPage(t, "the bundle of a draft", member.Get("/org/versions/"+version.String()+"/bundle.tar"), http.StatusUnprocessableEntity, "Only a published version can be exported")
	loopstest.NoError(t, here.Store.Models.PublishVersion(t.Context(), here.w.Organization, owner, version, 1))
	here.w.Version = version
	here.Certify(here.w)
	source, err := here.Store.Models.Version(t.Context(), here.w.Organization, version)
	loopstest.NoError(t, err)

	wantPage(t, "its page", member.Get("/org/versions/"+version.String()), http.StatusOK, "/org/versions/"+version.String()+"/bundle.tar")
	sent := member.Get("/org/versions/" + version.String() + "/bundle.tar")
	if sent.Status != http.StatusOK || sent.Header.Get("Content-Length") != strconv.Itoa(len(sent.Body)) {
		t.Fatalf("the bundle: %d, %s of %d bytes", sent.Status, sent.Header.Get("Content-Length"), len(sent.Body))
	}

	changed := []byte(sent.Body)
	changed[bytes.Index(changed, []byte("QFI\xfb"))+70000] ^= 1
	u := there.bring(t, "changed.tar", changed)
	if u.State != provisioner.UploadRefused || !strings.Contains(u.Reason, "The bytes of the blob "+made[0].CanonicalDigest) {
		t.Errorf("a byte changed: %s, %s", u.State, u.Reason)
	}
	if list, err := there.Store.Models.ImagesOfUpload(t.Context(), there.w.Organization, u.ID); err != nil || len(list) != 0 {
		t.Errorf("images of a changed bundle: %v, %v", list, err)
	}

	u = there.bring(t, "travelling-1.0.tar", []byte(sent.Body))
	if u.State != provisioner.UploadDone {
		t.Fatalf("%s, %s: %+v", u.State, u.Reason, u.Checks)
	}
	guest := there.SignIn(handlertest.Member)
	subject, err := models.UploadSubject(u.ID)
	loopstest.NoError(t, err)
	page := "/org/uploads/" + subject.String()
	wantPage(t, "the upload", guest.Get(page), http.StatusOK, "The model cluster in it", "travelling", source.DocumentDigest, "valid by the keys that came along", "North", here.URL)
	wantPage(t, "a name that is taken", guest.Post(page+"/bundle", url.Values{"name": {"trial"}}), http.StatusUnprocessableEntity, "The model cluster in it", `value="trial"`)
	imported := led(t, guest, page+"/bundle", url.Values{"name": {"travelling"}})
	id := uuid.MustParse(imported[strings.LastIndex(imported, "/")+1:])
	v, err := there.Store.Models.Version(t.Context(), there.w.Organization, id)
	loopstest.NoError(t, err)
	if v.DocumentDigest != source.DocumentDigest || v.State != models.VersionStateDraft || v.Version != "1.0" {
		t.Errorf("the imported version: %+v", v)
	}
	wantPage(t, "the draft", guest.Get(imported), http.StatusOK, "Certificates that came along", "No launch here takes these")
	there.testAndLaunch(t, guest, id)
}

func (d deployment) testAndLaunch(t *testing.T, guest *handlertest.Browser, id uuid.UUID) {
	t.Helper()
	d.work(t)
	page := "/org/versions/" + id.String()
	led(t, guest, page+"/publish", url.Values{"token": {"1"}})
	test := led(t, guest, page+"/test", url.Values{"pool": {d.w.Pool.String()}})
	testID := uuid.MustParse(test[strings.LastIndex(test, "/")+1:])
	var ended models.AcceptanceTest
	waittest.Until(t, "the test's end", func() bool {
		var err error
		ended, err = d.Store.Models.AcceptanceTest(t.Context(), d.w.Organization, testID)
		loopstest.NoError(t, err)
		return ended.State != models.TestRunning
	})
	if ended.State != models.TestPassed {
		t.Fatalf("the test %s: %+v", ended.State, ended.Report.Checks)
	}
	cluster := led(t, guest, "/org/clusters", url.Values{"name": {"arrived"}, "version": {id.String()}, "pool": {d.w.Pool.String()}, "compute_count": {"1"}, "lease_hours": {"1"}})
	clusterID := uuid.MustParse(cluster[strings.LastIndex(cluster, "/")+1:])
	waittest.Until(t, "ready", func() bool {
		c, err := d.Store.Machines.Cluster(t.Context(), d.w.Organization, clusterID)
		loopstest.NoError(t, err)
		return c.State == provisioner.ClusterReady
	})
}
