package uploads

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"

	"volary.dev/store/models"
)

// What an upload that was announced still lacks is room for nobody else, within two bounds: announcing costs nothing, and nobody
// keeps everyone from uploading by it. What arrives for which there is no room after all is kept, see diskFull.
const (
	promisedShare = 4         // what one person's uploads lack keeps others from at most this part of what is free
	promisedFor   = time.Hour // since its last byte an upload is promised room
)

// room refuses a person's file for which the folder has no room now, before its first byte is sent.
func (u *Handler) room(ctx context.Context, person uuid.UUID, size int64) error {
	announced, err := u.models.AnnouncedUploads(ctx)
	if err != nil {
		return u.refusal(ctx, err)
	}
	free, err := freeIn(u.folder)
	if err != nil {
		return err
	}
	return enough(size, free, promised(u.lacking(announced, time.Now()), person, free))
}

// lacking is how many bytes each person's uploads still lack.
func (u *Handler) lacking(announced []models.Announced, now time.Time) map[uuid.UUID]int64 {
	sum := map[uuid.UUID]int64{}
	for _, a := range announced {
		lacks := a.Size
		if info, err := os.Stat(filepath.Join(u.folder, filepath.Base(a.ID))); err == nil {
			lacks = max(lacks-info.Size(), 0)
			if now.Sub(info.ModTime()) > promisedFor {
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

func freeIn(folder string) (int64, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(folder, &fs); err != nil {
		return 0, fmt.Errorf("upload folder: %w", err)
	}
	return int64(min(fs.Bavail, math.MaxInt64/uint64(fs.Bsize))) * fs.Bsize, nil //nolint:gosec // bounded in the same line
}

// enough refuses a file that does not fit into what is free beside what is promised to others (bytes).
func enough(size, free, promised int64) error {
	switch {
	case size > free:
		return diskFull(fmt.Sprintf("The file has %d MiB, the server has room for %d MiB.", size>>20, free>>20))
	case size > free-promised:
		return diskFull(fmt.Sprintf("The file has %d MiB, the server has room for %d MiB; uploads that are under way need %d MiB of it.", size>>20, free>>20, promised>>20))
	}
	return nil
}
