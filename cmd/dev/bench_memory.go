package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"volary.dev/cmd/internal/demo"
)

const (
	uploadsAtOnce = 4
	largeUpload   = int64(2 << 30) // bytes
	webAboveIdle  = 64.0           // MiB
)

// benchUploadMemory sends four large disks at once and reads what web takes above what it took before.
func benchUploadMemory(ctx context.Context, c checkout) (ours, theirs figure, err error) {
	path, err := c.benchDisk(ctx, "raw")
	if err != nil {
		return ours, theirs, err
	}
	var above float64
	err = overUploads(ctx, c, func(b *uploadBench) error {
		senders, err := b.colleagues(ctx)
		if err != nil {
			return err
		}
		large := b.path("large.raw")
		if err := growDisk(path, large); err != nil {
			return err
		}
		// Who signed in left much behind that a portal at rest does not have.
		b.web.stop()
		if _, err := b.startWeb(ctx); err != nil {
			return err
		}
		pid := int(b.web.pid.Load())
		idle, err := memoryOf(pid, "VmRSS")
		if err != nil {
			return err
		}
		if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0); err != nil { // the peak begins anew
			return err
		}
		begun := time.Now()
		ids, err := sendAtOnce(ctx, senders, large)
		if err != nil {
			return err
		}
		peak, err := memoryOf(pid, "VmHWM")
		if err != nil {
			return err
		}
		note("%d uploads in %.0f s; web took %.1f MiB before and %.1f MiB at most", len(ids), time.Since(begun).Seconds(), idle, peak)
		above = peak - idle
		for _, id := range ids {
			if _, err := b.verdict(ctx, id, "refused"); err != nil {
				return err
			}
		}
		return nil
	})
	return figure{"web above idle", above, "MiB"}, figure{"what it may take", webAboveIdle, "MiB"}, err
}

// colleagues are as many senders as there are uploads at once, of two people: one alone may not have so many unfinished.
func (b *uploadBench) colleagues(ctx context.Context) (list []sender, err error) {
	for _, p := range demo.People()[:2] {
		s, err := b.sender(ctx, p.Email)
		if err != nil {
			return nil, err
		}
		list = append(list, slices.Repeat([]sender{s}, uploadsAtOnce/2)...)
	}
	return list, nil
}

func sendAtOnce(ctx context.Context, senders []sender, path string) ([]string, error) {
	ids := make([]string, len(senders))
	all, ctx := errgroup.WithContext(ctx)
	for n, s := range senders {
		all.Go(func() error {
			file, err := os.Open(path)
			if err != nil {
				return err
			}
			defer file.Close()
			ids[n], err = s.send(ctx, file, largeUpload, noDigest)
			return err
		})
	}
	return ids, all.Wait()
}

// growDisk writes a disk of largeUpload bytes: a smaller one, and its bytes once more behind it.
func growDisk(from, to string) error {
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	for at := int64(0); at < largeUpload; {
		in, err := os.Open(from)
		if err != nil {
			return err
		}
		n, err := io.Copy(out, io.LimitReader(in, largeUpload-at))
		_ = in.Close()
		if err != nil {
			return err
		}
		at += n
	}
	unix.Sync()
	return out.Close()
}

// memoryOf reads a figure of a process in MiB.
func memoryOf(pid int, figure string) (float64, error) {
	n, err := memoryMiB(fmt.Sprintf("/proc/%d/status", pid), figure)
	return float64(n), err
}
