package jobs_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"volary.dev/handlers/jobs"
	"volary.dev/handlers/loops/loopstest"
	"volary.dev/provisioner"
	"volary.dev/provisioner/image"
	"volary.dev/provisioner/waittest"
	"volary.dev/store/blob"
	"volary.dev/store/machines"
	"volary.dev/store/models"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// holes is a disk of 1 TiB in a few hundred KiB: a boot sector, and then nothing.
func holes(t *testing.T) []byte {
	t.Helper()
	raw, path := filepath.Join(t.TempDir(), "raw"), filepath.Join(t.TempDir(), "holes.qcow2")
	loopstest.NoError(t, os.WriteFile(raw, loopstest.BootSectorDisk(), 0o600))
	for _, args := range [][]string{{"convert", "-f", "raw", "-O", "qcow2", raw, path}, {"resize", "-q", path, "1T"}} {
		if out, err := exec.Command("qemu-img", args...).CombinedOutput(); err != nil {
			t.Fatalf("qemu-img %v: %v: %s", args, err, out)
		}
	}
	content, err := os.ReadFile(path)
	loopstest.NoError(t, err)
	return content
}

// slowPlace gives some uploads to nobody before the end of who asks.
type slowPlace struct {
	blob.Place
	slow  map[string]bool
	asked atomic.Int32
}

func (p *slowPlace) Local(ctx context.Context, key string) (path string, release func(), err error) {
	if !p.slow[key] {
		return p.Place.Local(ctx, key)
	}
	p.asked.Add(1)
	defer p.asked.Add(-1)
	<-ctx.Done()
	return "", nil, ctx.Err()
}

// TestSlowDisksStopNobody has one organization's disks verified, each of which takes for ever. A mail leaves at
// once, another organization's image is verified beside them, and those that wait for their turn hold no place.
func TestSlowDisksStopNobody(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	blobs, err := blob.OpenDirectory(t.TempDir())
	loopstest.NoError(t, err)
	other, err := b.DB.People.CreateOrganization(t.Context(), uuid.Nil, "Birds")
	loopstest.NoError(t, err)
	loopstest.NoError(t, b.DB.People.AddMember(t.Context(), uuid.Nil, other, b.Person, people.RoleMember))
	var slow []string
	place := &slowPlace{Place: blobs, slow: map[string]bool{}}
	for range 4 {
		id := b.UploadTo(t, blobs, b.Organization, b.Person, loopstest.BootSectorDisk())
		slow, place.slow[blob.UploadKey(id)] = append(slow, id), true
	}
	quick := b.UploadTo(t, blobs, other, b.Person, loopstest.BootSectorDisk())
	loopstest.NoError(t, b.DB.People.RequestReset(t.Context(), "ada@example.org", "192.0.2.1"))

	workers := river.NewWorkers()
	river.AddWorker(workers, &jobs.VerifyUpload{Models: b.DB.Models, Blobs: place, Verifier: image.Verifier{Scratch: t.TempDir()}, Limits: image.DefaultLimits(), Log: b.Log})
	river.AddWorker(workers, &jobs.SendMail{Core: b.DB.Core, Identity: storetest.MailIdentity(), PublicURL: "https://volary.example", Log: b.Log})
	b.RunQueue(t, jobs.QueueOptions{}, workers)
	read := func(org uuid.UUID, id string) models.Upload {
		i, err := b.DB.Models.Upload(t.Context(), org, id)
		loopstest.NoError(t, err)
		return i
	}
	count := func(query string) (n int) {
		loopstest.NoError(t, b.Pool.QueryRow(t.Context(), query).Scan(&n))
		return n
	}
	waittest.Until(t, "the mail", func() bool { return count(`SELECT count(*) FROM mails WHERE state = 'kept' AND kind = 'reset'`) == 1 })
	waittest.Until(t, "the other organization's verdict", func() bool { return read(other, quick).State == provisioner.UploadDone })
	waittest.Until(t, "one disk under way, the others waiting", func() bool {
		waiting := 0
		for _, id := range slow {
			switch i := read(b.Organization, id); {
			case i.State != provisioner.UploadChecking:
				t.Fatalf("%s %s", i.State, i.Reason)
			case strings.Contains(i.Reason, "Another upload of your organization is checked first"):
				waiting++
			}
		}
		return waiting == 3 && place.asked.Load() == 1
	})
	waittest.Until(t, "free places", func() bool {
		return count(`SELECT count(*) FROM river_job WHERE kind = 'verify_upload' AND state = 'running'`) == 1
	})
}

// A check that the worker's stop cut short is begun again, as often as that happens, and has its attempts still.
func TestAStoppedCheckCostsNoAttempt(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	blobs, err := blob.OpenDirectory(t.TempDir())
	loopstest.NoError(t, err)
	id := b.UploadTo(t, blobs, b.Organization, b.Person, loopstest.BootSectorDisk())
	scratch := t.TempDir()
	run := func(place blob.Place) (stop func()) {
		workers := river.NewWorkers()
		river.AddWorker(workers, &jobs.VerifyUpload{Models: b.DB.Models, Blobs: place, Verifier: image.Verifier{Scratch: scratch}, Limits: image.DefaultLimits(), Log: b.Log})
		return b.RunQueue(t, jobs.QueueOptions{}, workers)
	}
	for n := range 4 { // one more than it has attempts
		place := &slowPlace{Place: blobs, slow: map[string]bool{blob.UploadKey(id): true}}
		stop := run(place)
		waittest.Until(t, "the check has begun", func() bool { return place.asked.Load() == 1 })
		stop()
		var state string
		var left int
		loopstest.NoError(t, b.Pool.QueryRow(t.Context(), `SELECT state, max_attempts - attempt FROM river_job WHERE kind = 'verify_upload'`).Scan(&state, &left))
		if state != "available" || left < 3 {
			t.Fatalf("after stop %d the job is %s and has %d attempts left", n+1, state, left)
		}
	}
	run(blobs)
	waittest.Until(t, "the verdict", func() bool {
		u, err := b.DB.Models.Upload(t.Context(), b.Organization, id)
		loopstest.NoError(t, err)
		return u.State == provisioner.UploadDone
	})
}

// TestAWaitingTestHoldsNoPlace starts two tests that cannot end, with one place for both: each is looked at.
func TestAWaitingTestHoldsNoPlace(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	for n := 1; n <= 3; n++ {
		b.Host(n).SetHanging(true)
	}
	b.Exec(t, `UPDATE pools SET test_vcpus = 8`)
	first := b.StartTest(t)
	version := b.World.Publish(t, b.Organization, b.Model, b.Image, "2.0")
	second, err := b.DB.Machines.StartAcceptanceTest(t.Context(), b.Organization, b.Person, version, b.PoolID)
	loopstest.NoError(t, err)
	b.Worker(t, "one")
	workers := river.NewWorkers()
	river.AddWorker(workers, &jobs.RunAcceptance{Engine: b.Engine("one", b.DB, b.Simulated.Dial), Look: 20 * time.Millisecond})
	b.RunQueue(t, jobs.QueueOptions{Look: 20 * time.Millisecond, Places: jobs.Places{"acceptance": 1}}, workers)
	for _, id := range []uuid.UUID{first, second} {
		waittest.Until(t, "a look", func() bool {
			a, err := b.DB.Models.AcceptanceTest(t.Context(), b.Organization, id)
			loopstest.NoError(t, err)
			return len(a.Report.Nodes) == 3 && !a.Report.Nodes[0].StartedAt.IsZero()
		})
	}
}

// TestALongOwnCheckHoldsNoPlace has one place for two tests, of which the first runs a check for as long as one may take: the other one ends
// meanwhile.
func TestALongOwnCheckHoldsNoPlace(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	b.Exec(t, `UPDATE pools SET test_vcpus = 8`)
	d := storetest.Draft(b.Model, b.Image, "2.0", provisioner.Count{Most: 2}, provisioner.Gate{Kind: provisioner.GateAddress, TimeoutSeconds: 600})
	d.Model.Checks = []provisioner.Check{{Name: "long", Node: "head", Command: []string{"sleep", "590"}, TimeoutSeconds: 600}}
	version, err := b.DB.Models.SaveVersion(t.Context(), b.Organization, b.Person, d)
	loopstest.NoError(t, err)
	loopstest.NoError(t, b.DB.Models.PublishVersion(t.Context(), b.Organization, b.Person, version, 1))
	long, err := b.DB.Machines.StartAcceptanceTest(t.Context(), b.Organization, b.Person, version, b.PoolID)
	loopstest.NoError(t, err)
	b.Worker(t, "one")
	workers := river.NewWorkers()
	river.AddWorker(workers, &jobs.RunAcceptance{Engine: b.Engine("one", b.DB, b.Simulated.Dial), Look: 20 * time.Millisecond})
	b.RunQueue(t, jobs.QueueOptions{Look: 20 * time.Millisecond, Places: jobs.Places{"acceptance": 1}}, workers)
	waittest.Until(t, "the check runs", func() bool {
		evidence, err := b.DB.Models.TestEvidence(t.Context(), long)
		loopstest.NoError(t, err)
		return strings.Contains(string(evidence), `"Asked": "`)
	})
	if a := b.UntilTested(t, b.StartTest(t)); a.State != models.TestPassed {
		t.Errorf("the other test has %s", a.State)
	}
	if a, err := b.DB.Models.AcceptanceTest(t.Context(), b.Organization, long); err != nil || a.State != models.TestRunning {
		t.Errorf("the test with the long check is %s, %v", a.State, err)
	}
	var asked int
	loopstest.NoError(t, b.Pool.QueryRow(t.Context(), `SELECT count(*) FROM audit WHERE verb = 'run guest command' AND detail->>'command' LIKE 'sleep%'`).Scan(&asked))
	if asked != 0 {
		t.Errorf("the log has an end of the long check %d times", asked)
	}
}

// TestATestEndsInTime follows a test that is older than any may become.
func TestATestEndsInTime(t *testing.T) {
	t.Parallel()
	b := loopstest.NewBench(t)
	for n := 1; n <= 3; n++ {
		b.Host(n).SetHanging(true)
	}
	id := b.StartTest(t)
	b.Exec(t, `UPDATE acceptance_tests SET begun_at = begun_at - interval '2 hours'`)
	b.Worker(t, "one")
	b.Queue(t, "one")
	if a := b.UntilTested(t, id); a.State != models.TestFailed || !strings.Contains(reportRow(a.Report, provisioner.CheckGate).Evidence, "was not over within 45 minutes") {
		t.Errorf("%s: %+v", a.State, a.Report.Checks)
	}
}

func TestVerifyUploadRefusesMoreThanTheLargestShape(t *testing.T) {
	u := loopstest.Upload(t, loopstest.BootSectorDisk())
	provider, err := u.DB.People.CreateProvider(t.Context(), uuid.Nil, people.NewProvider{Name: "North", Currency: "EUR", AccountingZone: "Europe/Berlin"})
	loopstest.NoError(t, err)
	_, err = u.DB.Machines.CreateShape(t.Context(), uuid.Nil, provider, machines.NewShape{Name: "small", Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 256, DiskGiB: 2}})
	loopstest.NoError(t, err)
	loopstest.NoError(t, u.Work(t.Context(), 1))
	if i := u.Read(); i.State != provisioner.UploadDone {
		t.Fatalf("2 MiB: %s %s", i.State, i.Reason)
	}
	v := loopstest.Upload(t, holes(t))
	provider, err = v.DB.People.CreateProvider(t.Context(), uuid.Nil, people.NewProvider{Name: "North", Currency: "EUR", AccountingZone: "Europe/Berlin"})
	loopstest.NoError(t, err)
	_, err = v.DB.Machines.CreateShape(t.Context(), uuid.Nil, provider, machines.NewShape{Name: "small", Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 256, DiskGiB: 2}})
	loopstest.NoError(t, err)
	loopstest.NoError(t, v.Work(t.Context(), 1))
	i := v.Read()
	if i.State != provisioner.UploadRefused || !strings.Contains(i.Checks[len(i.Checks)-1].Repair+i.Checks[len(i.Checks)-2].Repair, "2 GiB (the disk of the largest shape, small of North)") || !v.BytesGone() {
		t.Errorf("1 TiB: %s %+v", i.State, i.Checks)
	}
}

func TestParsePlaces(t *testing.T) {
	p, err := jobs.ParsePlaces(" mail=7, verify = 1 ")
	if err != nil || p["mail"] != 7 || p["verify"] != 1 || p["hosts"] != jobs.DefaultPlaces()["hosts"] {
		t.Errorf("%v, %v", p, err)
	}
	if p, err := jobs.ParsePlaces(""); err != nil || len(p) != 5 {
		t.Errorf("%v, %v", p, err)
	}
	for _, wrong := range []string{"4", "mail", "mail=0", "mail=101", "male=3", "mail=4;verify=2"} {
		if p, err := jobs.ParsePlaces(wrong); err == nil || !strings.Contains(err.Error(), "mail, verify, fetch, acceptance, hosts") {
			t.Errorf("%q gives %v, %v", wrong, p, err)
		}
	}
}
