//go:build libvirt

package libvirt

import (
	"errors"
	"testing"

	"libvirt.org/go/libvirt"
)

// busyPool refuses so many times before it answers.
type busyPool struct {
	busy, asked int
	with        error
}

func (p *busyPool) Refresh(uint32) error {
	if p.asked++; p.asked <= p.busy {
		return p.with
	}
	return nil
}

// A pool on one of whose files another call works is asked again, and not for ever; any other refusal is the answer.
func TestABusyPoolIsAskedAgain(t *testing.T) {
	working := libvirt.Error{Code: libvirt.ERR_INTERNAL_ERROR, Message: "internal error: pool 'volary-networks' has asynchronous jobs running."}
	other := libvirt.Error{Code: libvirt.ERR_INTERNAL_ERROR, Message: "cannot open directory"}
	for name, c := range map[string]struct {
		pool  busyPool
		asked int
		fails bool
	}{
		"free":     {busyPool{0, 0, working}, 1, false},
		"soon":     {busyPool{3, 0, working}, 4, false},
		"for ever": {busyPool{1000, 0, working}, refreshTries, true},
		"broken":   {busyPool{1000, 0, other}, 1, true},
	} {
		if err := refresh(&c.pool); (err != nil) != c.fails || c.pool.asked != c.asked || c.fails && !errors.Is(err, c.pool.with) {
			t.Errorf("%s: asked %d times, %v", name, c.pool.asked, err)
		}
	}
}
