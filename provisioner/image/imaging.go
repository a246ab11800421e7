package image

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// imaging is a canonical form that is being made while the bytes of its disk come: what a guest reads goes to the hash and to the child that
// writes the qcow2, side by side.
type imaging struct {
	guest *guestStream
	path  string

	pipe *os.File // to the child
	stop context.CancelFunc
	end  chan struct{} // closed when the child has ended, with
	o    outcome
	err  error
}

// imageOf begins to make the canonical form of a disk of at most so many bytes. Its maker calls finish or abandon.
func (d *disk) imageOf(most int64) (*imaging, error) {
	to, err := d.scratchFile(fmt.Sprintf("canonical-%d.qcow2", len(d.verification.made)+1))
	if err != nil {
		return nil, err
	}
	theirs, ours, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	_, _ = unix.FcntlInt(ours.Fd(), unix.F_SETPIPE_SZ, guestPiece) // fewer switches between the two; without it all goes on
	ctx, stop := context.WithCancel(d.ctx)
	m := &imaging{guest: newGuestStream(ours), path: to, pipe: ours, stop: stop, end: make(chan struct{})}
	work := confined{
		Task: "canonical", input: theirs, Write: to, FileBytes: canonicalMost(most) + most>>12, CPUSeconds: compressing * cpuSecondsOf(most),
		Nice: 5, // who unpacks the disk has no more threads than it can use, and is what is waited for
	}
	go func() {
		defer close(m.end)
		defer theirs.Close() // where no child came to have it
		m.o, m.err = work.run(ctx)
	}()
	return m, nil
}

// finish says that all of a disk of size bytes has come, and gives its guest-visible digest once the canonical form is there.
func (m *imaging) finish(size int64) (digest string, err error) {
	defer m.stop()
	digest, err = m.guest.end(size)
	err = errors.Join(err, m.pipe.Close())
	<-m.end
	switch {
	case m.err != nil:
		return "", m.err
	case m.o.fault != nil:
		// Its input is what we gave it: this is no fault of the disk.
		return "", fmt.Errorf("make canonical image: %s %s", m.o.fault.Detail, m.o.words)
	}
	return digest, err
}

// abandon ends what does not go on.
func (m *imaging) abandon() {
	m.stop()
	<-m.end // and with it whoever waits for it to read
	_ = m.guest.abandon()
	_ = m.pipe.Close()
}
