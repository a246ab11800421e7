package image

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// scratchAge spares a folder whose maker has not locked it yet.
const scratchAge = time.Minute

// scratch is a folder of one verification. Its lock ends with the process, by which a folder that a dead worker left
// is known.
type scratch struct {
	path string
	lock *os.File
}

func newScratch(parent string) (scratch, error) {
	sweepScratch(parent, time.Now().Add(-scratchAge))
	path, err := os.MkdirTemp(parent, "image-")
	if err != nil {
		return scratch{}, err
	}
	lock, err := os.Open(path)
	if err == nil {
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err != nil {
		return scratch{}, errors.Join(err, os.Remove(path))
	}
	return scratch{path, lock}, nil
}

func (s scratch) remove() {
	if s.lock == nil {
		return
	}
	os.RemoveAll(s.path)
	s.lock.Close()
}

// SweepScratch removes what verifications that died left in the scratch folder, as far as it was made before a time; what was made in the last
// minute stays in any case.
func (v *Verifier) SweepScratch(before time.Time) {
	if young := time.Now().Add(-scratchAge); before.After(young) {
		before = young
	}
	sweepScratch(v.Scratch, before)
}

// sweepScratch removes the folders that were made before a time and that nobody holds. What cannot be removed is tried
// again the next time.
func sweepScratch(parent string, before time.Time) {
	folders, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, folder := range folders {
		if info, err := folder.Info(); err == nil && folder.IsDir() && strings.HasPrefix(folder.Name(), "image-") && info.ModTime().Before(before) {
			removeUnlessHeld(filepath.Join(parent, folder.Name()))
		}
	}
}

func removeUnlessHeld(path string) {
	lock, err := os.Open(path)
	if err != nil {
		return
	}
	defer lock.Close()
	if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
		os.RemoveAll(path)
	}
}
