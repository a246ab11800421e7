package machines_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/provisioner"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

const gib = int64(1) << 30

var otherDigest, thirdDigest = strings.Repeat("cd", 32), strings.Repeat("ef", 32)

// record has a host say which images it has, as of now.
func record(t *testing.T, w *storetest.World, host uuid.UUID, list ...provisioner.HostImage) machines.HostDisk {
	t.Helper()
	begun := storetest.Must[time.Time](t)(w.DB.Core.Now(t.Context()))
	return storetest.Must[machines.HostDisk](t)(w.DB.Machines.RecordImages(t.Context(), host, begun, provisioner.HostImages{List: list, Size: 100 * gib, Free: 40 * gib}))
}

func whole(digest string, bytes int64) provisioner.HostImage {
	return provisioner.HostImage{Digest: digest, Whole: true, Bytes: bytes}
}

func images(t *testing.T, w *storetest.World, host uuid.UUID) []machines.BaseImage {
	t.Helper()
	return storetest.Must[[]machines.BaseImage](t)(w.DB.Machines.HostImages(t.Context(), w.Provider, host))
}

func TestRecordedImagesAreOrderedByUse(t *testing.T) {
	w := storetest.NewWorld(t)
	head := work(t, w, w.Launch(t, "trial-1", 0)).Nodes[0].Host.ID
	if got := images(t, w, head); len(got) != 1 || got[0].There || got[0].Nodes != 1 || got[0].Bytes != 900 || got[0].UsedAt != nil {
		t.Fatalf("before it is there: %+v", got)
	}
	record(t, w, head, whole(storetest.Digest, 900), whole(otherDigest, 5*gib), provisioner.HostImage{Digest: thirdDigest, Bytes: gib})
	w.Exec(t, `UPDATE base_images SET used_at = now() - interval '2 days' WHERE digest = $1`, otherDigest)
	w.Exec(t, `UPDATE base_images SET used_at = now() - interval '31 days' WHERE digest = $1`, thirdDigest)
	d := record(t, w, head, whole(storetest.Digest, 900), whole(otherDigest, 5*gib), provisioner.HostImage{Digest: thirdDigest, Bytes: 2 * gib})
	var order []string
	for _, i := range d.Images {
		order = append(order, fmt.Sprint(i.Digest[:2], " nodes ", i.Nodes, " used ", i.Used(), " old ", i.Old, " whole ", i.Whole))
	}
	want := []string{"ef nodes 0 used false old true whole false", "cd nodes 0 used false old false whole true", "ab nodes 1 used true old false whole true"}
	if !slices.Equal(order, want) || d.Capacity != 100*gib || d.Promised != 2*gib || d.Over() != 2*gib+900+5*gib+2*gib-100*gib {
		t.Errorf("%q, %+v", order, d)
	}
	h := storetest.Must[machines.Host](t)(w.DB.Machines.Host(t.Context(), w.Provider, head))
	if h.ImageBytes != 900 || h.SpareBytes != 7*gib || h.DiskTaken() != 3 || h.FreeBytes == nil || *h.FreeBytes != 40*gib || h.ImagesAt == nil {
		t.Errorf("the host: %+v", h)
	}
	p := storetest.Must[machines.PoolRow](t)(w.DB.Machines.ProviderPool(t.Context(), w.Provider, w.PoolID))
	if p.ImageBytes != 900 || p.SpareBytes != 7*gib || p.DiskTaken() != 3 {
		t.Errorf("the pool: %+v", p)
	}
	if d := record(t, w, head); len(d.Images) != 1 || d.Images[0].There {
		t.Errorf("what is not listed any more is there: %+v", d.Images)
	}
	if got, err := w.DB.Machines.HostImages(t.Context(), uuid.New(), head); err != nil || len(got) > 0 {
		t.Errorf("another provider sees %+v, %v", got, err)
	}
}

// TestLaunchesCountBaseImages: hosts have 100 GiB, a node takes 2.
func TestLaunchesCountBaseImages(t *testing.T) {
	for name, c := range map[string]struct {
		size int64 // of the version's image
		fill []provisioner.HostImage
		used bool // a node stands on what fills the hosts
		want string
	}{
		"room for image and node":           {size: 98 * gib},
		"a byte too much":                   {size: 98*gib + 1, want: "2 GiB of disk and 98.01 GiB for the base image are needed, 100 of 100 GiB are free"},
		"what nobody uses is in no way":     {size: 98 * gib, fill: []provisioner.HostImage{whole(otherDigest, 99*gib)}},
		"what the host has unused is taken": {size: 98 * gib, fill: []provisioner.HostImage{whole(storetest.Digest, 98*gib)}},
		"what another's node stands on": {
			size: 50 * gib, fill: []provisioner.HostImage{whole(otherDigest, 49*gib)}, used: true, want: "2 GiB of disk and 50 GiB for the base image are needed, 49 of 100 GiB are free",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := storetest.NewWorld(t)
			if c.used {
				other := w.AddImageOf(t, w.Organization, w.Person, otherDigest, 49*gib)
				version := w.Publish(t, w.Organization, w.Model, other, "2.0")
				r := storetest.OneHour(w, "trial-2", 2)
				r.VersionID = version
				storetest.Must[uuid.UUID](t)(w.DB.Machines.LaunchCluster(t.Context(), w.Organization, w.Person, r))
			}
			for _, h := range w.Hosts {
				record(t, w, h, c.fill...)
			}
			w.Exec(t, `UPDATE images SET canonical_size = $2 WHERE id = $1`, w.Image, c.size)
			quote := storetest.Must[machines.Quote](t)(w.DB.Machines.Quote(t.Context(), w.Organization, storetest.OneHour(w, "trial-1", 0)))
			_, err := w.DB.Machines.LaunchCluster(t.Context(), w.Organization, w.Person, storetest.OneHour(w, "trial-1", 0))
			if c.want == "" {
				storetest.NoError(t, err)
				return
			}
			r := storetest.WantRefusal(t, err, "capacity")
			if !strings.Contains(strings.Join(r.Detail, "\n"), c.want) || quote.Refusal == nil || !slices.Equal(quote.Refusal.Detail, r.Detail) {
				t.Errorf("refused with %q, quoted %+v; want %q", r.Detail, quote.Refusal, c.want)
			}
		})
	}
}

// A second node on a host needs the image's bytes no second time.
func TestOneCopyCountsOnce(t *testing.T) {
	w := storetest.NewWorld(t)
	w.Exec(t, `UPDATE images SET canonical_size = $2 WHERE id = $1`, w.Image, 90*gib)
	w.Launch(t, "trial-1", 8) // 3 nodes on each host
	for _, id := range w.Hosts {
		if h := storetest.Must[machines.Host](t)(w.DB.Machines.Host(t.Context(), w.Provider, id)); h.Nodes != 3 || h.ImageBytes != 90*gib || h.DiskTaken() != 96 {
			t.Errorf("nodes: %d, bytes of images: %d, GiB taken: %d", h.Nodes, h.ImageBytes, h.DiskTaken())
		}
	}
	w.Launch(t, "trial-2", 4)
	r := storetest.WantRefusal(t, launchErr(t, w, "trial-3", 4), "capacity")
	if detail := strings.Join(r.Detail, "\n"); !strings.Contains(detail, "2 GiB of disk are needed, 0 of 100 GiB are free") {
		t.Errorf("%s", detail)
	}
}

func launchErr(t *testing.T, w *storetest.World, name string, compute int) error {
	t.Helper()
	_, err := w.DB.Machines.LaunchCluster(t.Context(), w.Organization, w.Person, storetest.OneHour(w, name, compute))
	return err
}

// claims says what bringing and removing answer.
type claims struct {
	*storetest.World
	t    *testing.T
	host uuid.UUID
}

func (c claims) bring(digest string) bool {
	c.t.Helper()
	return c.bringBy(digest, uuid.New())
}

func (c claims) bringBy(digest string, by uuid.UUID) bool {
	c.t.Helper()
	return storetest.Must[bool](c.t)(c.DB.Machines.BringImage(c.t.Context(), c.host, digest, 900, by, time.Minute))
}

func (c claims) remove(digest string, usedAt *time.Time) bool {
	c.t.Helper()
	return storetest.Must[bool](c.t)(c.DB.Machines.RemoveImage(c.t.Context(), c.host, digest, *usedAt, time.Minute))
}

func (c claims) image(digest string) machines.BaseImage {
	c.t.Helper()
	list := images(c.t, c.World, c.host)
	i := slices.IndexFunc(list, func(i machines.BaseImage) bool { return i.Digest == digest })
	if i < 0 {
		return machines.BaseImage{}
	}
	return list[i]
}

func TestWhoBringsAnImageKeepsOffWhoRemovesIt(t *testing.T) {
	w := storetest.NewWorld(t)
	c := claims{w, t, w.Hosts[0]}
	record(t, w, c.host, whole(storetest.Digest, 900))
	seen := c.image(storetest.Digest).UsedAt
	first := uuid.New()
	for range 2 { // it renews
		if !c.bringBy(storetest.Digest, first) {
			t.Fatal("it may renew")
		}
	}
	if i := c.image(storetest.Digest); !i.Coming || !i.Used() {
		t.Errorf("brought: %+v", i)
	}
	if c.remove(storetest.Digest, seen) || c.remove(storetest.Digest, c.image(storetest.Digest).UsedAt) {
		t.Error("removed while it is brought")
	}
	// What the host answered before says nothing of what comes.
	d := storetest.Must[machines.HostDisk](t)(w.DB.Machines.RecordImages(t.Context(), c.host, *seen, provisioner.HostImages{}))
	if len(d.Images) != 1 {
		t.Error("what is being brought is forgotten")
	}
	storetest.NoError(t, w.DB.Machines.ImageBrought(t.Context(), c.host, storetest.Digest, first, true))
	// Nor of what came since it began.
	late := provisioner.HostImages{List: []provisioner.HostImage{{Digest: storetest.Digest, Bytes: 5}}}
	d = storetest.Must[machines.HostDisk](t)(w.DB.Machines.RecordImages(t.Context(), c.host, *seen, late))
	if len(d.Images) != 1 || !d.Images[0].Whole || d.Images[0].Bytes != 900 {
		t.Errorf("an answer of before it was brought says of it: %+v", d.Images)
	}
	if c.remove(storetest.Digest, seen) {
		t.Error("removed although it was used since it was seen unused")
	}
	if i := c.image(storetest.Digest); i.Coming || !i.Whole || !c.remove(storetest.Digest, i.UsedAt) {
		t.Errorf("not removed although nobody uses it: %+v", i)
	}
}

// Of several who bring an image none ends the claim of the others, in whatever order they renew it: it lapses.
func TestSeveralBringAnImage(t *testing.T) {
	w := storetest.NewWorld(t)
	c := claims{w, t, w.Hosts[0]}
	one, two := uuid.New(), uuid.New()
	brought := func(by uuid.UUID) {
		storetest.NoError(t, w.DB.Machines.ImageBrought(t.Context(), c.host, storetest.Digest, by, false))
	}
	for _, by := range []uuid.UUID{one, two, one, two} {
		if !c.bringBy(storetest.Digest, by) {
			t.Fatal("two may bring it at once")
		}
	}
	brought(one)
	if !c.bringBy(storetest.Digest, two) || !c.image(storetest.Digest).Coming || c.remove(storetest.Digest, c.image(storetest.Digest).UsedAt) {
		t.Error("the second one's claim ended with the first one's")
	}
	brought(two)
	w.Exec(t, `UPDATE base_images SET brought_until = clock_timestamp() - interval '1 second'`)
	c.bringBy(storetest.Digest, two)
	brought(two)
	if c.image(storetest.Digest).Coming {
		t.Error("the claim of one alone does not end with it")
	}
}

func TestWhoRemovesAnImageKeepsOffWhoBringsIt(t *testing.T) {
	w := storetest.NewWorld(t)
	c := claims{w, t, w.Hosts[0]}
	record(t, w, c.host, whole(storetest.Digest, 900))
	seen := c.image(storetest.Digest).UsedAt
	if !c.remove(storetest.Digest, seen) || c.remove(storetest.Digest, seen) {
		t.Fatal("one worker removes it")
	}
	w.Launch(t, "trial-1", 8)
	if c.bring(storetest.Digest) {
		t.Error("brought while it is removed")
	}
	storetest.NoError(t, w.DB.Machines.ImageRemoved(t.Context(), c.host, storetest.Digest))
	if i := c.image(storetest.Digest); i.There || i.Nodes != 3 {
		t.Errorf("removed: %+v", i)
	}
	if !c.bring(storetest.Digest) {
		t.Error("not brought anew")
	}
	// A worker that died while it removed something does not stand in the way for ever, and a clock that was set back neither.
	for _, until := range []string{"-1 second", "1 day"} {
		w.Exec(t, `UPDATE base_images SET brought_until = NULL, going_until = clock_timestamp() + $1::interval`, until)
		if !c.bring(storetest.Digest) {
			t.Errorf("a claim that ends in %s keeps the image off", until)
		}
	}
}

func TestUsedImagesAreNotRemoved(t *testing.T) {
	w := storetest.NewWorld(t)
	c := claims{w, t, w.Hosts[0]}
	remove := func(digest string) bool {
		record(t, w, c.host, whole(storetest.Digest, 900), whole(otherDigest, 900))
		return c.remove(digest, c.image(digest).UsedAt)
	}
	id := w.Launch(t, "trial-1", 8)
	for _, state := range []string{"reserved", "starting", "ready", "lost", "stopping", "stopped"} {
		w.Exec(t, `UPDATE nodes SET state = $1`, state)
		if remove(storetest.Digest) {
			t.Errorf("removed under a node that is %s", state)
		}
	}
	w.Exec(t, `UPDATE nodes SET host_id = $2, left_host_id = $1, left_at = now(), left_why = 'full' WHERE host_id = $1 AND cluster_id = $3`, c.host, w.Hosts[1], id)
	if remove(storetest.Digest) {
		t.Error("removed under what is left of a node that was placed elsewhere")
	}
	w.Exec(t, `UPDATE nodes SET left_cleared_at = now() WHERE left_host_id IS NOT NULL`)
	// A check of any host of the pool has guests on the others, on an image that no row has.
	w.Exec(t, `UPDATE hosts SET check_state = 'running' WHERE id = $1`, w.Hosts[2])
	if remove(otherDigest) {
		t.Error("removed what a check may stand on")
	}
	if !remove(storetest.Digest) {
		t.Error("kept an image for a check that does not use it")
	}
	w.Exec(t, `UPDATE hosts SET check_state = 'passed' WHERE id = $1`, w.Hosts[2])
	if !remove(otherDigest) {
		t.Error("kept what no check uses")
	}
}

func TestKeptImagesAreNotTriedFirst(t *testing.T) {
	w := storetest.NewWorld(t)
	c := claims{w, t, w.Hosts[0]}
	record(t, w, c.host, whole(storetest.Digest, 900))
	seen := c.image(storetest.Digest).UsedAt
	for _, used := range []bool{false, true} {
		if !c.remove(storetest.Digest, seen) {
			t.Fatal("not claimed")
		}
		storetest.NoError(t, w.DB.Machines.ImageStays(t.Context(), c.host, storetest.Digest, used))
		if i := c.image(storetest.Digest); i.Going || i.UsedAt.After(*seen) != used {
			t.Errorf("kept, used %t: %+v, seen %s", used, i, seen)
		}
	}
	storetest.NoError(t, w.DB.Machines.RemoveHost(t.Context(), w.Person, w.Provider, c.host))
	var rows int
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), `SELECT count(*) FROM base_images`).Scan(&rows))
	if rows > 0 {
		t.Errorf("%d rows are left of a removed host", rows)
	}
}
