package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"volary.dev/cmd/internal/demo"
	"volary.dev/cmd/internal/session"
)

const (
	uploadRounds = 5
	uploadSpace  = uint64(24 << 30) // bytes: four uploads of 2 GiB, a disk's copies, and a tenth that checks leave free
	verdictLimit = 10 * time.Minute
	checkNice    = "10" // of the worker's children: what else the machine does meets both sides alike
)

// uploadBench is a portal and a worker over simulated hosts, to which disks are sent.
type uploadBench struct {
	*volary
	to sender
}

// overUploads starts what uploads are measured with, and removes all of it.
func overUploads(ctx context.Context, c checkout, measure func(b *uploadBench) error) (err error) {
	note("building")
	if err := c.build(ctx, "web", "worker", "volary", "dev/bare"); err != nil {
		return err
	}
	programs := c.path("bin")
	c.state = c.path("bench-upload")
	if err := c.makeState(); err != nil {
		return err
	}
	if err := c.spaceOf(uploadSpace); err != nil {
		return err
	}
	address, err := freeAddresses(ctx, 1)
	if err != nil {
		return err
	}
	v := &volary{checkout: c, steps: newSteps(io.Discard), kind: hostsMemory, listen: "127.0.0.1", noPast: true, programs: programs}
	if _, err := fmt.Sscanf(address[0], "127.0.0.1:%d", &v.port); err != nil {
		return err
	}
	defer func() {
		v.stop()
		if err == nil {
			err = os.RemoveAll(c.state) // gigabytes; after a failure the logs are of use
		}
	}()
	note("starting PostgreSQL, worker and web")
	if err := errors.Join(c.reset(), v.start(ctx)); err != nil {
		return err
	}
	b := &uploadBench{volary: v}
	if b.to, err = b.sender(ctx, demo.People()[0].Email); err != nil {
		return err
	}
	return measure(b)
}

func (b *uploadBench) sender(ctx context.Context, email string) (sender, error) {
	cookies, err := session.SignIn(ctx, b.address(), email, demo.Password)
	return sender{b.address(), cookies}, err
}

// spaceOf refuses to begin where fewer bytes are free.
func (c checkout) spaceOf(need uint64) error {
	var s unix.Statfs_t
	if err := unix.Statfs(c.path(), &s); err != nil {
		return fmt.Errorf("free space of %s: %w", c.path(), err)
	}
	if free := s.Bavail * uint64(s.Bsize); free < need {
		return fmt.Errorf("%d MiB are free in %s and the uploads need %d", free>>20, c.path(), need>>20)
	}
	return nil
}

// benchUpload sends one disk to the portal and to tusd's bare handler in turns.
func benchUpload(ctx context.Context, c checkout) (ours, theirs figure, err error) {
	path, err := c.benchDisk(ctx, "qcow2")
	if err != nil {
		return ours, theirs, err
	}
	var as, zs []float64
	err = overUploads(ctx, c, func(b *uploadBench) error {
		bare, stop, err := b.bareUploads(ctx)
		if err != nil {
			return err
		}
		defer stop()
		for round := range uploadRounds + 1 {
			a, err := b.rate(ctx, b.to, path)
			if err != nil {
				return err
			}
			z, err := b.rate(ctx, bare, path)
			if err != nil {
				return err
			}
			if round > 0 { // the first one warms up
				note("round %d: %.0f MiB/s and %.0f MiB/s", round, a, z)
				as, zs = append(as, a), append(zs, z)
			}
		}
		a, z := median(as), median(zs)
		ours, theirs = figure{"Volary", a, "MiB/s"}, figure{"tusd's handler, bare", z, "MiB/s"}
		return nil
	})
	return ours, theirs, err
}

// bareUploads starts tusd's handler over a folder beside that of the portal.
func (b *uploadBench) bareUploads(ctx context.Context) (sender, func(), error) {
	at, err := freeAddresses(ctx, 1)
	if err != nil {
		return sender{}, nil, err
	}
	if err := os.MkdirAll(b.path("bare"), 0o755); err != nil {
		return sender{}, nil, err
	}
	d := &daemon{name: "The bare handler", program: b.program("bare"), log: b.path("logs", "bare.log"), env: []string{
		"BARE_LISTEN=" + at[0], "BARE_UPLOADS=" + b.path("bare"),
	}}
	return sender{address: "http://" + at[0]}, d.stop, startDaemon(ctx, d, "http://"+at[0]+"/uploads/")
}

// rate sends a file and takes it away again, and gives MiB per second. Nothing is written or checked any more when it
// begins and when it ends.
func (b *uploadBench) rate(ctx context.Context, to sender, path string) (float64, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	digest := ""
	if to.cookies != nil {
		digest = noDigest
	}
	unix.Sync()
	begun := time.Now()
	id, err := to.send(ctx, file, info.Size(), digest)
	if err != nil {
		return 0, err
	}
	took := time.Since(begun)
	if to.cookies == nil {
		_, err = to.ask(ctx, "DELETE", "/uploads/"+id, nil, 0, nil)
	} else {
		_, err = b.verdict(ctx, id, "refused")
	}
	return float64(info.Size()) / (1 << 20) / took.Seconds(), err
}

// verdict waits for an upload's, fails where it is another one, and gives when it stood there.
func (b *uploadBench) verdict(ctx context.Context, id, want string) (at time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, verdictLimit)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		var state, reason string
		if err := b.pool.QueryRow(ctx, `SELECT state, reason FROM uploads WHERE id = $1`, id).Scan(&state, &reason); err != nil {
			return at, fmt.Errorf("upload %s: %w", id, err)
		}
		switch state {
		case want:
			return time.Now(), nil
		case "done", "refused", "unverified":
			return at, fmt.Errorf("%w: upload %s is %s: %s", errNotTaken, id, state, reason)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return at, fmt.Errorf("upload %s is %s %s: %w", id, state, reason, ctx.Err())
		}
	}
}

// benchUploadQCOW2 has a disk checked, and the same file hashed and converted to the same form by hand.
func benchUploadQCOW2(ctx context.Context, c checkout) (ours, theirs figure, err error) {
	return besideConvert(ctx, c, "qcow2")
}

func benchUploadRaw(ctx context.Context, c checkout) (ours, theirs figure, err error) {
	return besideConvert(ctx, c, "raw")
}

func besideConvert(ctx context.Context, c checkout, format string) (ours, theirs figure, err error) {
	path, err := c.benchDisk(ctx, format)
	if err != nil {
		return ours, theirs, err
	}
	a, z, err := compareVerified(ctx, c, path, func(ctx context.Context, b *uploadBench) error {
		out := b.path("scratch", "by-hand.qcow2")
		defer os.Remove(out)
		if err := runQuietly(ctx, ".", "sha256sum", path); err != nil {
			return err
		}
		return runQuietly(ctx, ".", "nice", "-n", checkNice, "qemu-img", "convert", "-c", "-f", format, "-O", "qcow2", "-o", "compat=1.1,compression_type=zstd", path, out)
	})
	return figure{"Volary, last byte to verdict", a, "s"}, figure{"sha256sum, qemu-img convert", z, "s"}, err
}

// benchUploadXZ has a compressed disk checked, and the same file unpacked by hand.
func benchUploadXZ(ctx context.Context, c checkout) (ours, theirs figure, err error) {
	return besideXZ(ctx, c, "raw.xz")
}

func benchUploadXZOne(ctx context.Context, c checkout) (ours, theirs figure, err error) {
	return besideXZ(ctx, c, "one.raw.xz")
}

func besideXZ(ctx context.Context, c checkout, format string) (ours, theirs figure, err error) {
	path, err := c.benchDisk(ctx, format)
	if err != nil {
		return ours, theirs, err
	}
	a, z, err := compareVerified(ctx, c, path, func(ctx context.Context, b *uploadBench) error {
		out := b.path("scratch", "by-hand.raw")
		defer os.Remove(out)
		return runInto(ctx, out, "nice", "-n", checkNice, "xz", "--decompress", "--stdout", path)
	})
	return figure{"Volary, last byte to verdict", a, "s"}, figure{"xz -d", z, "s"}, err
}

// compareVerified measures in turns from the last byte's answer to the verdict, and what is done by hand instead. The image is deleted
// after each round: what the organization has already is no work.
func compareVerified(ctx context.Context, c checkout, path string, byHand func(context.Context, *uploadBench) error) (ours, theirs float64, err error) {
	var as, zs []float64
	err = overUploads(ctx, c, func(b *uploadBench) error {
		for round := range uploadRounds + 1 {
			a, err := b.verified(ctx, path)
			if err != nil {
				return err
			}
			unix.Sync()
			begun := time.Now()
			if err := byHand(ctx, b); err != nil {
				return err
			}
			z := time.Since(begun)
			if round > 0 { // the first one warms up
				note("round %d: %.2f s and %.2f s", round, a.Seconds(), z.Seconds())
				as, zs = append(as, a.Seconds()), append(zs, z.Seconds())
			}
		}
		return nil
	})
	if err != nil {
		return 0, 0, err
	}
	return median(as), median(zs), nil
}

func (b *uploadBench) verified(ctx context.Context, path string) (time.Duration, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	unix.Sync()
	id, err := b.to.send(ctx, file, info.Size(), "")
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	end, err := b.verdict(ctx, id, "done")
	if err != nil {
		return 0, err
	}
	return end.Sub(begun), b.deleteImage(ctx, id)
}

// deleteImage deletes what came of an upload.
func (b *uploadBench) deleteImage(ctx context.Context, upload string) error {
	var id, name string
	if err := b.pool.QueryRow(ctx, `SELECT id::text, name FROM images WHERE upload_id = $1`, upload).Scan(&id, &name); err != nil {
		return err
	}
	return postForm(ctx, b.address()+"/org/images/"+id+"/delete", b.to.cookies, url.Values{"password_again": {demo.Password}})
}

// runInto runs a command whose output is a file.
func runInto(ctx context.Context, to, name string, args ...string) error {
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout = out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(name), err)
	}
	return out.Close()
}
