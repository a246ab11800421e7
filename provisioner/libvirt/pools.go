//go:build libvirt

package libvirt

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"libvirt.org/go/libvirt"
	"libvirt.org/go/libvirtxml"

	"volary.dev/provisioner/domainxml"
)

const (
	refreshTries = 100
	refreshPause = 20 * time.Millisecond
)

// refresh has libvirt look at a pool's files anew. While another call works on one of them it refuses with these words; that is over
// soon for the hook's reports, so it is asked again for some two seconds.
func refresh(pool interface{ Refresh(flags uint32) error }) error {
	pause := time.NewTicker(refreshPause)
	defer pause.Stop()
	for tries := 1; ; tries++ {
		err := pool.Refresh(0)
		if tries == refreshTries || !isCode(err, libvirt.ERR_INTERNAL_ERROR) || !strings.Contains(err.Error(), "has asynchronous jobs running") {
			return err
		}
		<-pause.C
	}
}

// withPool makes and starts a pool where it is not, and hands it to f. An operator may have defined it elsewhere; then
// that is where it is.
func withPool(conn *libvirt.Connect, name, dir string, f func(*libvirt.StoragePool) error) error {
	pool, err := conn.LookupStoragePoolByName(name)
	if missing(err) {
		pool, err = definePool(conn, name, dir)
	}
	if err != nil {
		return err
	}
	defer pool.Free()
	active, err := pool.IsActive()
	if err != nil {
		return err
	}
	if !active {
		// Build makes the folder; one in memory is gone after each restart of the host.
		if err := pool.Build(0); err != nil && !isCode(err, libvirt.ERR_OPERATION_INVALID) {
			return err
		}
		if err := pool.Create(0); err != nil {
			if active, activeErr := pool.IsActive(); activeErr != nil || !active {
				return err
			}
		}
	}
	return f(pool)
}

func definePool(conn *libvirt.Connect, name, dir string) (*libvirt.StoragePool, error) {
	xml, err := domainxml.Pool(name, dir)
	if err != nil {
		return nil, err
	}
	pool, err := conn.StoragePoolDefineXML(xml, 0)
	if err != nil {
		// Another worker may have been faster.
		if there, lookErr := conn.LookupStoragePoolByName(name); lookErr == nil {
			return there, nil
		}
	}
	return pool, err
}

func withImagePool(conn *libvirt.Connect, f func(*libvirt.StoragePool) error) error {
	return withPool(conn, domainxml.ImagePool, domainxml.ImageDir, f)
}

// folderOf is the pool's folder.
func folderOf(pool *libvirt.StoragePool) (string, error) {
	text, err := pool.GetXMLDesc(0)
	if err != nil {
		return "", err
	}
	var x libvirtxml.StoragePool
	if err := x.Unmarshal(text); err != nil || x.Target == nil {
		return "", err
	}
	return x.Target.Path, nil
}

func volumeExists(pool *libvirt.StoragePool, name string) (bool, error) {
	v, err := pool.LookupStorageVolByName(name)
	if missing(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, v.Free()
}

func deleteVolume(pool *libvirt.StoragePool, name string) error {
	v, err := pool.LookupStorageVolByName(name)
	if missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer v.Free()
	if err := v.Delete(0); err != nil && !missing(err) {
		return err
	}
	return nil
}

// readVolume reads at most limit bytes from the end of a volume. Its size is that of the file and not the capacity that
// libvirt believes to see in it: bytes that a guest wrote could be made to look like an image of any size.
func readVolume(conn *libvirt.Connect, pool *libvirt.StoragePool, name string, limit int64) ([]byte, error) {
	v, err := pool.LookupStorageVolByName(name)
	if err != nil {
		return nil, err
	}
	defer v.Free()
	info, err := v.GetInfoFlags(libvirt.STORAGE_VOL_GET_PHYSICAL)
	if err != nil {
		return nil, err
	}
	size := int64(info.Allocation)
	want := min(size, limit)
	if want <= 0 {
		return nil, nil
	}
	s, err := conn.NewStream(0)
	if err != nil {
		return nil, err
	}
	defer s.Free()
	if err := v.Download(s, uint64(size-want), uint64(want), 0); err != nil {
		return nil, err
	}
	buf := make([]byte, want)
	n, err := io.ReadFull(receiver{s}, buf)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		_ = s.Abort()
		return nil, fmt.Errorf("read volume %s: %w", name, err)
	}
	if n < len(buf) {
		return buf[:n], s.Finish() // it was cut shorter meanwhile
	}
	// All that was asked for is here; what is left is the end of the stream.
	if _, err := s.Recv(make([]byte, 1)); !errors.Is(err, io.EOF) {
		_ = s.Abort()
		return buf, nil
	}
	return buf, s.Finish()
}

// receiver reads a stream.
type receiver struct{ s *libvirt.Stream }

// Read implements io.Reader.
func (r receiver) Read(p []byte) (int, error) { return r.s.Recv(p) }
