package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"volary.dev/cmd/internal/demo"
	"volary.dev/cmd/internal/session"
	"volary.dev/provisioner/domainxml"
	"volary.dev/provisioner/lab"
	"volary.dev/provisioner/nethook"
	"volary.dev/store"
	"volary.dev/store/blob"
	"volary.dev/store/floors"
	"volary.dev/store/storetest"
)

const launchRounds = 5

// benchLaunch launches a head and three compute nodes over three lab hosts, from the form's POST to READY, and makes
// the very same networks, overlays, seeds and guests again by parallel virsh, to the last guest's address.
func benchLaunch(ctx context.Context, c checkout) (ours, theirs figure, err error) {
	if err := lab.Check(); err != nil {
		return ours, theirs, err
	}
	c.state = c.path("bench-launch")
	if err := c.makeState(); err != nil {
		return ours, theirs, err
	}
	address, err := freeAddresses(ctx, 1)
	if err != nil {
		return ours, theirs, err
	}
	v := &volary{checkout: c, steps: newSteps(io.Discard), kind: hostsLab, listen: "127.0.0.1", noPast: true}
	if _, err := fmt.Sscanf(address[0], "127.0.0.1:%d", &v.port); err != nil {
		return ours, theirs, err
	}
	defer v.stop()
	note("starting PostgreSQL, lab, worker and web")
	if err := errors.Join(c.reset(), v.start(ctx)); err != nil {
		return ours, theirs, err
	}
	b := launchBench{volary: v}
	if err := b.prepare(ctx); err != nil {
		return ours, theirs, err
	}
	a, z, err := b.compare(ctx)
	return figure{"Volary, POST to READY", a, "s"}, figure{"virsh, to the last address", z, "s"}, err
}

type launchBench struct {
	*volary
	cookies   []*http.Cookie
	versionID uuid.UUID
	poolID    uuid.UUID
	launched  int
	recorded  replay
}

// prepare waits for the hosts' checks and makes a version of the sample image.
func (b *launchBench) prepare(ctx context.Context) error {
	note("waiting for the checks of the hosts")
	err := b.await(ctx, 10*time.Minute, `SELECT count(*) FILTER (WHERE h.state = 'active' AND h.fit) >= 3 FROM hosts h
		JOIN pools p ON p.id = h.pool_id WHERE p.name = 'north'`)
	if err != nil {
		return fmt.Errorf("hosts of the pool: %w", err)
	}
	digest, size, err := b.storeSample(ctx)
	if err != nil {
		return err
	}
	if err := b.publish(ctx, digest, size); err != nil {
		return err
	}
	b.cookies, err = session.SignIn(ctx, b.address(), demo.People()[0].Email, demo.Password)
	return err
}

// publish gives a group of the demo a version of the sample image: its way through upload and check is not what is measured.
func (b *launchBench) publish(ctx context.Context, digest string, size int64) error {
	w := &storetest.World{DB: floors.New(b.pool, store.Options{}), Pool: b.pool}
	err := b.pool.QueryRow(ctx, `SELECT p.id, m.organization_id, l.id FROM memberships m JOIN people p ON p.id = m.person_id, pools l
		WHERE p.email = $1 AND l.name = 'north'`, demo.People()[0].Email).Scan(&w.Person, &w.Organization, &b.poolID)
	if err != nil {
		return err
	}
	return withFixtures(ctx, func(t testing.TB) {
		image := w.AddImageOf(t, w.Organization, w.Person, digest, size)
		model, err := w.DB.Models.CreateModelCluster(ctx, w.Organization, w.Person, "trial")
		if err != nil {
			t.Fatal(err)
		}
		b.versionID = w.Publish(t, w.Organization, model, image, "1.0")
	})
}

func (b *launchBench) storeSample(ctx context.Context) (digest string, size int64, err error) {
	f, err := os.Open(b.sample)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", 0, err
	}
	digest = hex.EncodeToString(h.Sum(nil))
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", 0, err
	}
	blobs, err := blob.OpenDirectory(b.path("blob"))
	if err != nil {
		return "", 0, err
	}
	key, err := blob.ImageKey(digest)
	if err != nil {
		return "", 0, err
	}
	size, err = blobs.Put(ctx, key, f)
	return digest, size, err
}

// compare measures both in turns; the first of ours warms up, as it brings the image to the hosts.
func (b *launchBench) compare(ctx context.Context) (ours, theirs float64, err error) {
	dir, err := os.MkdirTemp("", "volary-bench-")
	if err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(dir)
	var as, zs []float64
	for round := range launchRounds + 1 {
		b.recorded = replay{dir: dir}
		a, err := b.launch(ctx)
		if err != nil {
			return 0, 0, err
		}
		z, err := b.replay(ctx)
		if err != nil {
			return 0, 0, err
		}
		if round == 0 {
			continue
		}
		note("round %d: %.2f s and %.2f s", round, a.Seconds(), z.Seconds())
		as, zs = append(as, a.Seconds()), append(zs, z.Seconds())
	}
	return median(as), median(zs), nil
}

// replay launches by virsh. The worker has to rest meanwhile: it would take what stands there for orphans.
func (b *launchBench) replay(ctx context.Context) (time.Duration, error) {
	b.worker.stop()
	b.worker = nil
	took, err := b.recorded.launch(ctx)
	b.recorded.clear(context.WithoutCancel(ctx))
	if err != nil {
		return 0, err
	}
	_, err = b.startWorker(ctx)
	return took, err
}

// launch posts the form, waits for READY, records what stands on the hosts, and deletes the cluster again.
func (b *launchBench) launch(ctx context.Context) (time.Duration, error) {
	b.launched++
	name := fmt.Sprintf("bench-%d", b.launched)
	form := url.Values{
		"name": {name}, "version": {b.versionID.String()}, "pool": {b.poolID.String()}, "compute_count": {"3"}, "lease_hours": {"1"},
	}
	begun := time.Now()
	if err := b.post(ctx, "/org/clusters", form); err != nil {
		return 0, err
	}
	ready := `SELECT coalesce(bool_or(ready_at IS NOT NULL), false) FROM clusters WHERE name = '` + name + `'`
	if err := b.await(ctx, 5*time.Minute, ready); err != nil {
		return 0, fmt.Errorf("%s is not ready: %w", name, err)
	}
	took := time.Since(begun)
	id, err := b.read(ctx, name)
	if err != nil {
		return 0, err
	}
	if err := b.recorded.record(ctx); err != nil {
		return 0, err
	}
	// With the password: a bench takes longer than ten minutes.
	deletion := url.Values{"confirm": {name}, "name": {name}, "password_again": {demo.Password}}
	if err := b.post(ctx, "/org/clusters/"+id.String()+"/delete", deletion); err != nil {
		return 0, err
	}
	gone := `SELECT coalesce(bool_and(ended_at IS NOT NULL), false) FROM clusters WHERE name = '` + name + `'`
	return took, b.await(ctx, 2*time.Minute, gone)
}

func (b *launchBench) post(ctx context.Context, path string, form url.Values) error {
	return postForm(ctx, b.address()+path, b.cookies, form)
}

// await polls until the query is true.
func (b *launchBench) await(ctx context.Context, limit time.Duration, query string) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		var yes bool
		if err := b.pool.QueryRow(ctx, query).Scan(&yes); err != nil {
			return err
		}
		if yes {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// read finds where the cluster's nodes stand.
func (b *launchBench) read(ctx context.Context, name string) (id uuid.UUID, err error) {
	rows, err := b.pool.Query(ctx, `
		SELECT c.id, c.vni, h.address, CASE h.port WHEN 0 THEN 16509 ELSE h.port END, n.id, n.mac::text, n.image_digest, n.disk_gib
		  FROM clusters c JOIN nodes n ON n.cluster_id = c.id JOIN hosts h ON h.id = n.host_id WHERE c.name = $1`, name)
	if err != nil {
		return id, err
	}
	var vni uint32
	var port, disk int
	var address, mac, digest string
	var node uuid.UUID
	_, err = pgx.ForEachRow(rows, []any{&id, &vni, &address, &port, &node, &mac, &digest, &disk}, func() error {
		uri := fmt.Sprintf("qemu+tcp://%s:%d/system", address, port)
		i := slices.IndexFunc(b.recorded.hosts, func(h *replayHost) bool { return h.uri == uri })
		if i < 0 {
			i = len(b.recorded.hosts)
			b.recorded.hosts = append(b.recorded.hosts, &replayHost{uri: uri, network: nethook.NetworkName(vni)})
		}
		h := b.recorded.hosts[i]
		h.nodes = append(h.nodes, replayNode{id: node, mac: mac, base: domainxml.BaseVolume(digest), diskGiB: disk})
		return nil
	})
	return id, err
}
