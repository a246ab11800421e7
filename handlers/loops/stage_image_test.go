package loops_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/handlers/loops"
	"volary.dev/handlers/loops/loopstest"
	"volary.dev/provisioner"
	"volary.dev/provisioner/memory"
	"volary.dev/provisioner/waittest"
	"volary.dev/store"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

// stager stages images on a bench's first host.
type stager struct {
	*loopstest.Bench
	t    *testing.T
	host loops.ImageHost
	e    loops.Engine
}

func newStager(t *testing.T, b *loopstest.Bench) stager {
	t.Helper()
	a := provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: "host-1"}
	return stager{b, t, loops.ImageHost{ID: b.Hosts[0], Address: a}, b.Engine("stager", storetest.OpenAs(t, b.Pool, store.RoleWorker), b.Simulated.Dial)}
}

func digestOf(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// stage brings content, whose bytes are had once the gate is open.
func (s stager) stage(ctx context.Context, content string, gate <-chan struct{}) error {
	return s.e.StageImage(ctx, s.host, digestOf(content), int64(len(content)), func(ctx context.Context) (io.ReadCloser, error) {
		select {
		case <-gate:
			return io.NopCloser(strings.NewReader(content)), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
}

func opened() <-chan struct{} {
	gate := make(chan struct{})
	close(gate)
	return gate
}

func (s stager) images() []machines.BaseImage {
	s.t.Helper()
	list, err := s.DB.Machines.HostImages(s.t.Context(), s.Provider, s.host.ID)
	loopstest.NoError(s.t, err)
	return list
}

func (s stager) row(digest string) (found machines.BaseImage) {
	s.t.Helper()
	for _, i := range s.images() {
		if i.Digest == digest {
			found = i
		}
	}
	return found
}

// unused has an image count as unused for so long.
func (s stager) unused(digest string, d time.Duration) {
	s.t.Helper()
	s.Exec(s.t, `UPDATE base_images SET used_at = now() - $2::interval WHERE digest = $1`, digest, d)
}

// An observer looks at every opportunity: what is brought is not removed, however old the database takes it to be.
func TestTheSweepKeepsOffWhatIsBrought(t *testing.T) {
	b := loopstest.NewBench(t)
	s := newStager(t, b)
	b.AddImageOf(t, b.Organization, b.Person, digestOf("a slow disk"), int64(len("a slow disk")))
	_, old := b.NewImage(t, "an old disk", b.Host(1))
	gate, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- s.stage(t.Context(), "a slow disk", gate) }()
	waittest.Until(t, "the claim", func() bool { return s.row(digestOf("a slow disk")).Coming })
	b.Observe(t, "")
	waittest.Until(t, "the old one to be listed", func() bool { return s.row(old).There })
	s.unused(digestOf("a slow disk"), machines.ImagesKept+time.Hour)
	s.unused(old, machines.ImagesKept+time.Hour)
	waittest.Until(t, "the old one to go", func() bool { return !has(t, b.Host(1), old) })
	if i := s.row(digestOf("a slow disk")); !i.Coming {
		t.Errorf("what is brought is %+v", i)
	}
	close(gate)
	loopstest.NoError(t, <-done)
	if !has(t, b.Host(1), digestOf("a slow disk")) {
		t.Error("it is not there")
	}
}

// Who is to bring what another removes waits for the end of that, and then brings it.
func TestBringingWaitsForARemoval(t *testing.T) {
	b := loopstest.NewBench(t)
	s := newStager(t, b)
	_, digest := b.NewImage(t, "a disk", b.Host(1))
	loopstest.NoError(t, s.stage(t.Context(), "a disk", opened()))
	mine, err := b.DB.Machines.RemoveImage(t.Context(), s.host.ID, digest, *s.row(digest).UsedAt, time.Minute)
	loopstest.NoError(t, err)
	if !mine {
		t.Fatal("not claimed")
	}
	loopstest.NoError(t, b.Host(1).DeleteImage(t.Context(), digest))
	db, asked := storetest.OpenNoted(t, b.Pool, store.RoleWorker)
	s.e = b.Engine("stager", db, b.Simulated.Dial)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.stage(ctx, "a disk", opened()) }()
	questions := 0
	waittest.Until(t, "the second question, or something else", func() bool {
		for _, sql := range asked.Taken() {
			if strings.Contains(sql, "INSERT INTO base_images") {
				questions++
			}
		}
		return questions > 1 || len(done) > 0
	})
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) || has(t, b.Host(1), digest) {
		t.Fatalf("staged during the removal: %v", err)
	}
	loopstest.NoError(t, b.DB.Machines.ImageRemoved(t.Context(), s.host.ID, digest))
	loopstest.NoError(t, s.stage(t.Context(), "a disk", opened()))
	if i := s.row(digest); !i.Whole || !has(t, b.Host(1), digest) {
		t.Errorf("it is %+v", i)
	}
}

// The host has the last word: a machine that no row knows stands on what nobody seems to use.
func TestTheSweepTakesAHostsNo(t *testing.T) {
	b := loopstest.NewBench(t)
	s := newStager(t, b)
	_, digest := b.NewImage(t, "a disk", b.Host(1))
	stand(t, b.Host(1), digest)
	log := b.Observe(t, "")
	waittest.Until(t, "the image to be listed", func() bool { return s.row(digest).There })
	s.unused(digest, machines.ImagesKept+time.Hour)
	waittest.Until(t, "the refusal", func() bool { return log.Has("stands on it") })
	waittest.Until(t, "the claim to be given back", func() bool { i := s.row(digest); return !i.Going && !i.Old })
	if !has(t, b.Host(1), digest) {
		t.Error("the image under a disk is gone")
	}
}

// small is a bench whose hosts have so many GiB of disk.
func small(t *testing.T, gib int) *loopstest.Bench {
	t.Helper()
	b := loopstest.NewBench(t)
	b.Simulated = memory.NewWorld(memory.Options{
		BootTime: 30 * time.Millisecond, StopTime: 10 * time.Millisecond, Size: provisioner.Shape{VCPUs: 8, MemoryMiB: 8 << 10, DiskGiB: gib},
	})
	b.Exec(t, `UPDATE hosts SET disk_gib = $1`, gib)
	return b
}

// A disk that gets short loses what was unused for longest, and no more than is needed; what a node uses stays.
func TestShortDisksLoseWhatWasUnusedForLongest(t *testing.T) {
	b := small(t, 10) // of which 4 are to be free
	s := newStager(t, b)
	var digests []string
	for i, content := range []string{"used first", "used second", "used third"} {
		_, digest := b.NewImage(t, content, b.Host(1))
		b.Host(1).Inflate(digest, []int64{5 << 29, 3 << 29, 3 << 29}[i])
		digests = append(digests, digest)
		loopstest.NoError(t, s.stage(t.Context(), content, opened()))
		s.unused(digest, time.Duration(10-i)*time.Hour)
	}
	id := b.Launch(t, "trial-1", 0)
	stop := b.Worker(t, "healthy")
	b.UntilState(t, id, provisioner.ClusterReady)
	stop()
	if s.row(digestOf(string(loopstest.Disk))).Nodes != 1 {
		t.Fatal("the node came to another host")
	}
	b.Observe(t, "")
	waittest.Until(t, "the oldest to go", func() bool { return !has(t, b.Host(1), digests[0]) && s.row(digests[0]).Digest == "" })
	gone := s.lookedAt()
	waittest.Until(t, "two more looks", func() bool { return s.lookedAt().After(gone.Add(10 * time.Millisecond)) })
	if !has(t, b.Host(1), digests[1]) || !has(t, b.Host(1), digests[2]) {
		t.Error("more is gone than was needed")
	}
}

// lookedAt is when the host was last asked for its images.
func (s stager) lookedAt() (at time.Time) {
	s.t.Helper()
	loopstest.NoError(s.t, s.Pool.QueryRow(s.t.Context(), `SELECT coalesce(images_at, 'epoch') FROM hosts WHERE id = $1`, s.host.ID).Scan(&at))
	return at
}

// Where nobody sweeps, who brings an image makes the room for it: what was unused for longest goes, what a launch is to stand on and
// what no image has stay.
func TestBringingMakesRoom(t *testing.T) {
	b := small(t, 12)
	s := newStager(t, b)
	loopstest.NoError(t, s.stage(t.Context(), "older", opened()))
	_, older := b.NewImage(t, "older", b.Host(1))
	_, newer := b.NewImage(t, "newer", b.Host(1))
	foreign := loopstest.Bring(t, b.Host(1), "another deployment's")
	loopstest.NoError(t, s.stage(t.Context(), "newer", opened()))
	for digest, bytes := range map[string]int64{older: 6 << 30, newer: 4 << 30, foreign: 2 << 30} {
		b.Host(1).Inflate(digest, bytes)
	}
	s.unused(older, 2*time.Hour)
	s.unused(newer, time.Hour)
	b.AddImageOf(t, b.Organization, b.Person, digestOf("wanted"), int64(len("wanted")))
	loopstest.NoError(t, s.stage(t.Context(), "wanted", opened()))
	if has(t, b.Host(1), older) || !has(t, b.Host(1), newer) || !has(t, b.Host(1), foreign) || !has(t, b.Host(1), digestOf("wanted")) {
		t.Errorf("there are: older %t, newer %t, foreign %t, wanted %t", has(t, b.Host(1), older), has(t, b.Host(1), newer), has(t, b.Host(1), foreign), has(t, b.Host(1), digestOf("wanted")))
	}
}

// What another removes at this moment makes room as well: nothing more goes for it.
func TestWhatIsGoingMakesRoom(t *testing.T) {
	b := small(t, 12)
	s := newStager(t, b)
	_, going := b.NewImage(t, "going", b.Host(1))
	_, stays := b.NewImage(t, "stays", b.Host(1))
	for n, content := range []string{"stays", "going"} { // the one that stays is the next to go
		loopstest.NoError(t, s.stage(t.Context(), content, opened()))
		s.unused(digestOf(content), time.Duration(3-n)*time.Hour)
	}
	b.Host(1).Inflate(going, 6<<30)
	b.Host(1).Inflate(stays, 5<<30)
	if mine, err := b.DB.Machines.RemoveImage(t.Context(), s.host.ID, going, *s.row(going).UsedAt, time.Minute); err != nil || !mine {
		t.Fatalf("not claimed: %v", err)
	}
	b.AddImageOf(t, b.Organization, b.Person, digestOf("wanted"), int64(len("wanted")))
	loopstest.NoError(t, s.stage(t.Context(), "wanted", opened()))
	if !has(t, b.Host(1), stays) || !has(t, b.Host(1), digestOf("wanted")) {
		t.Errorf("there are: the one that stays %t, wanted %t", has(t, b.Host(1), stays), has(t, b.Host(1), digestOf("wanted")))
	}
}

// What nobody uses refuses no launch, and goes before the image that is wanted comes.
func TestUnusedImagesMakeRoomForALaunch(t *testing.T) {
	b := small(t, 12)
	digests := map[uuid.UUID]string{}
	for n, id := range b.Hosts {
		_, digest := b.NewImage(t, "nobody's any more", b.Host(n+1))
		b.Host(n+1).Inflate(digest, 12<<30)
		digests[id] = digest
	}
	stop := b.Worker(t, "healthy")
	defer stop()
	waittest.Until(t, "the images to be listed", func() bool {
		var n int
		loopstest.NoError(t, b.Pool.QueryRow(t.Context(), `SELECT count(*) FROM hosts WHERE images_at IS NOT NULL`).Scan(&n))
		return n == 3
	})
	b.UntilState(t, b.Launch(t, "trial-1", 2), provisioner.ClusterReady)
	for n, id := range b.Hosts {
		if has(t, b.Host(n+1), digests[id]) {
			t.Errorf("host %d keeps what nobody uses", n+1)
		}
	}
}
