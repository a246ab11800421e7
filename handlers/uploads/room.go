package uploads

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"volary.dev/provisioner/refusal"
	"volary.dev/store/blob"
	"volary.dev/store/models"
)

// What an upload that was announced still lacks is room for nobody else, within two bounds: announcing costs nothing, and nobody
// keeps everyone from uploading by it. What arrives for which there is no room after all is kept, see storageFull.
const (
	promisedShare = 4         // what one person's uploads lack keeps others from at most this part of what is free
	promisedFor   = time.Hour // since its last byte an upload is promised room
	looksAtOnce   = 16        // a bucket answers each after some milliseconds
)

// noRoom is said where bytes have no place, whatever the size.
const noRoom = "The store of this platform has no room left."

// room is what is known, before a file is announced, of what it needs; left is asked of it under the lock of announcements.
type room struct {
	blob.Room
	here map[string]blob.Progress // of the unfinished uploads
}

// Lacks says what keeps uploads from coming here, as far as this machine knows without asking a server; empty: nothing. The rest of the portal
// needs none of it.
func (u *Handler) Lacks(ctx context.Context) string {
	r, err := u.store.Room(ctx)
	switch {
	case errors.Is(err, blob.ErrFull), err == nil && r.Bound == 0 && r.Free < blob.LeastFree:
		return "there is no room for uploads"
	case err != nil:
		return "the folder of uploads does not answer"
	}
	return ""
}

// look asks the store: it may take its time, and holds no lock meanwhile. What is announced after it lacks all of its bytes.
func (u *Handler) look(ctx context.Context) (r room, err error) {
	if r.Room, err = u.store.Room(ctx); errors.Is(err, blob.ErrFull) {
		u.log.ErrorContext(ctx, "no room for uploads", "error", err)
		return r, storageFull(noRoom)
	}
	if err != nil {
		return r, err
	}
	announced, err := u.models.AnnouncedUploads(ctx)
	if err != nil {
		return r, err
	}
	var mu sync.Mutex
	r.here = map[string]blob.Progress{}
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(looksAtOnce)
	for _, a := range announced {
		all.Go(func() error {
			p, err := u.store.Progress(ctx, a.ID)
			if errors.Is(err, blob.ErrNotFound) {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			r.here[a.ID] = p
			return err
		})
	}
	return r, all.Wait()
}

// left is what is free now, and what of it is promised to others than a person's next file (bytes).
func (r room) left(person uuid.UUID, announced []models.Announced, now time.Time) (free, kept int64) {
	free = r.free(announced)
	return free, promised(r.lacking(announced, now), person, free)
}

func (r room) free(announced []models.Announced) int64 {
	if r.Bound == 0 {
		return r.Free
	}
	free := r.Bound
	for _, a := range announced {
		free -= r.here[a.ID].Received
	}
	return max(free, 0)
}

// lacking is how many bytes each person's uploads still lack.
func (r room) lacking(announced []models.Announced, now time.Time) map[uuid.UUID]int64 {
	sum := map[uuid.UUID]int64{}
	for _, a := range announced {
		lacks := a.Size
		if p, ok := r.here[a.ID]; ok {
			lacks = max(lacks-p.Received, 0)
			if now.Sub(p.Written) > promisedFor {
				lacks = 0
			}
		}
		sum[a.Person] += lacks
	}
	return sum
}

// promised is how much of what is free a person may not have for another upload.
func promised(lacking map[uuid.UUID]int64, person uuid.UUID, free int64) (sum int64) {
	for of, lacks := range lacking {
		if of != person {
			lacks = min(lacks, free/promisedShare)
		}
		sum += lacks
	}
	return sum
}

// enough refuses, before its first byte is sent, a file that does not fit into what is free beside what is promised to others (bytes). Its sender
// is told neither: what others bring is nothing of theirs. The operator finds both in the log.
func enough(size, free, promised int64) error {
	if size > free-promised {
		return storageFull(fmt.Sprintf("The store of this platform has no room for %s now.", refusal.Bytes(size)))
	}
	return nil
}
