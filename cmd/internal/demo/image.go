package demo

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/store/blob"
)

// Images is where the demo's image comes from and goes to.
type Images struct {
	Sample  string     // path of a qcow2 that boots; empty makes a small disk that only simulated hosts can start
	Blobs   blob.Store // nil: no image can be kept, so no model cluster and no past
	Scratch string     // folder
	// Verify judges a file as the worker does and gives the path of the canonical form of each image, which is ours to move away.
	Verify func(ctx context.Context, path string) (verdict provisioner.UploadVerdict, canonical []string, err error)
}

// errUnverified says that this machine cannot judge images.
var errUnverified = errors.New("images stay unverified here")

// upload brings the image the way a member does: upload, verdict, canonical form.
func (s *story) upload(ctx context.Context, orgID, person uuid.UUID) (uuid.UUID, error) {
	path, name := s.images.Sample, "sample.qcow2"
	if path == "" {
		small, err := smallDisk(s.images.Scratch)
		if err != nil {
			return uuid.Nil, err
		}
		defer os.Remove(small)
		path, name = small, "small.img"
	}
	f, err := os.Open(path)
	if err != nil {
		return uuid.Nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return uuid.Nil, err
	}
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	upload := hex.EncodeToString(b)
	if err := s.db.Models.CreateUpload(ctx, orgID, person, upload, name, info.Size()); err != nil {
		return uuid.Nil, err
	}
	if _, err := s.images.Blobs.Put(ctx, blob.UploadKey(upload), f); err != nil {
		return uuid.Nil, err
	}
	if err := s.db.Models.FinishUpload(ctx, person, upload); err != nil {
		return uuid.Nil, err
	}
	if err := s.verify(ctx, upload); err != nil {
		return uuid.Nil, err
	}
	made, err := s.db.Models.ImagesOfUpload(ctx, orgID, upload)
	if err != nil || len(made) != 1 {
		return uuid.Nil, errors.Join(fmt.Errorf("%d images came of the demo's upload", len(made)), err)
	}
	return made[0].ID, nil
}

// verify is what the worker's job does, at once and in our own process.
func (s *story) verify(ctx context.Context, upload string) error {
	path, release, err := s.images.Blobs.Local(ctx, blob.UploadKey(upload))
	if err != nil {
		return err
	}
	defer release()
	verdict, canonical, err := s.images.Verify(ctx, path)
	if err != nil {
		return err
	}
	switch verdict.State {
	case provisioner.UploadDone:
	case provisioner.UploadUnverified:
		_, err := s.db.Models.RecordVerdict(ctx, upload, verdict)
		return errors.Join(errUnverified, err)
	default:
		return fmt.Errorf("the demo's image is %s: %s", verdict.State, verdict.Reason)
	}
	for n, i := range verdict.Images {
		key, err := blob.ImageKey(i.CanonicalDigest)
		if err != nil {
			return err
		}
		if err := s.images.Blobs.Adopt(ctx, key, canonical[n]); err != nil {
			return err
		}
	}
	_, err = s.db.Models.RecordVerdict(ctx, upload, verdict)
	return errors.Join(err, s.images.Blobs.Delete(ctx, blob.UploadKey(upload)))
}

// smallDisk is a disk of 4 MiB with a partition table and nothing in it.
func smallDisk(folder string) (string, error) {
	disk := make([]byte, 4<<20)
	entry := disk[446:]
	entry[0], entry[4] = 0x80, 0x83 // bootable, Linux
	binary.LittleEndian.PutUint32(entry[8:], 8)
	binary.LittleEndian.PutUint32(entry[12:], uint32(len(disk)/512-8))
	disk[510], disk[511] = 0x55, 0xaa
	path := filepath.Join(folder, "demo-small.img")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, disk, 0o600)
}
