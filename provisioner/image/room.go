package image

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// keepFree is the part of a file system that a verification leaves free: a tenth.
const keepFree = 10

// ScratchFolder is what the scratch folder is called in sentences.
const ScratchFolder = "the folder in which images are checked"

// NoRoomError says that a folder has no room for a verification now. Sizes are bytes.
type NoRoomError struct {
	Folder      string // in words: ScratchFolder, or that of the store
	Need        int64
	Free, Total int64 // of its file system; what other verifications have been promised is not free
}

// Error implements error.
func (e *NoRoomError) Error() string {
	return fmt.Sprintf("The check needs %s in %s, of whose %s %s are free; a tenth is left free.", bytesText(e.Need), e.Folder, bytesText(e.Total), bytesText(max(0, e.Free)))
}

// Ever tells whether there would be room if nothing else lay there.
func (e *NoRoomError) Ever() bool { return e.Need <= e.Total-e.Total/keepFree }

// rooms remembers what verifications under way were promised, by file system. Of that they may have written a part
// already, which then counts twice: rather wait than fill a disk.
type rooms struct {
	mu       sync.Mutex
	promised map[uint64]int64
	space    func(folder string) (free, total int64, err error) // nil: statfs
}

// claim is what one verification needs below a folder.
type claim struct {
	path, words string
	need        int64
}

// take promises room for every claim, or for none; release takes the promise back. Claims on one file system add up.
func (r *rooms) take(claims ...claim) (release func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.promised == nil {
		r.promised = map[uint64]int64{}
	}
	mine := map[uint64]int64{}
	devices := make([]uint64, len(claims))
	for n, c := range claims {
		var stat unix.Stat_t
		if err := unix.Stat(c.path, &stat); err != nil {
			return nil, fmt.Errorf("%s: %w", c.words, err)
		}
		devices[n] = stat.Dev
		mine[stat.Dev] += c.need
	}
	for n, c := range claims { // each sum, before any is refused: whether there is ever room for it is asked of the refusal
		free, total, err := r.spaceOf(c.path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.words, err)
		}
		need := mine[devices[n]]
		free -= r.promised[devices[n]]
		if free-need < total/keepFree {
			return nil, &NoRoomError{Folder: c.words, Need: need, Free: free, Total: total}
		}
	}
	for dev, need := range mine {
		r.promised[dev] += need
	}
	return sync.OnceFunc(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		for dev, need := range mine {
			r.promised[dev] -= need
		}
	}), nil
}

// spaceOf is the space of a folder's file system, bytes.
func (r *rooms) spaceOf(folder string) (free, total int64, err error) {
	if r.space != nil {
		return r.space(folder)
	}
	var fs unix.Statfs_t
	err = unix.Statfs(folder, &fs)
	return signed(fs.Bavail) * fs.Bsize, signed(fs.Blocks) * fs.Bsize, err
}

// SpaceBy is for tests of what waits for room: space says what is free of a folder's file system and what there is, bytes.
func (v *Verifier) SpaceBy(space func(folder string) (free, total int64, err error)) {
	v.rooms.mu.Lock()
	defer v.rooms.mu.Unlock()
	v.rooms.space = space
}

// Reserve promises room in the scratch folder for a file that is brought there to be checked, as room does for what the check makes of
// it. A *NoRoomError is its refusal.
func (v *Verifier) Reserve(folder string, bytes int64) (release func(), err error) {
	return v.rooms.take(claim{folder, ScratchFolder, bytes})
}

// sameFileSystem tells whether a file can be moved from one folder to the other without a copy.
func sameFileSystem(a, b string) bool {
	var x, y unix.Stat_t
	return unix.Stat(a, &x) == nil && unix.Stat(b, &y) == nil && x.Dev == y.Dev
}

// reserveStep is how much a growing promise grows at a time, in bytes.
const reserveStep = 64 << 20

// growing is a promise of room for what is written bit by bit, whose whole nobody knows before: always for the next reserveStep bytes,
// since what is written is not free any more.
type growing struct {
	v             *Verifier
	written, left int64
	release       func()
}

// reserve makes sure of room for n more bytes before they are written. A *NoRoomError says what is known to be needed at least.
func (g *growing) reserve(n int64) error {
	if g.left < n {
		g.end()
		step := max(reserveStep, n)
		release, err := g.v.rooms.take(claim{g.v.Scratch, ScratchFolder, step})
		if full := (*NoRoomError)(nil); errors.As(err, &full) {
			full.Need, full.Free = full.Need+g.written, full.Free+g.written
		}
		if err != nil {
			return err
		}
		g.left, g.release = step, release
	}
	g.left -= n
	g.written += n
	return nil
}

// end gives back what was promised and not written.
func (g *growing) end() {
	if g.release != nil {
		g.release()
	}
	g.left, g.release = 0, nil
}
