package domainxml

import (
	"fmt"

	"libvirt.org/go/libvirtxml"
)

// Pool describes a storage pool that is a folder of the host.
func Pool(name, dir string) (string, error) {
	p := libvirtxml.StoragePool{Type: "dir", Name: name, Target: &libvirtxml.StoragePoolTarget{Path: dir}}
	out, err := p.Marshal()
	if err != nil {
		return "", fmt.Errorf("pool %s: %w", name, err)
	}
	return out, nil
}

// RawVolume describes a volume that bytes are uploaded into as they are. A base image is one too, although its bytes are
// qcow2: as such libvirt would first fill it with an empty image.
func RawVolume(name string, size int64) (string, error) {
	return volume(libvirtxml.StorageVolume{
		Name: name, Capacity: &libvirtxml.StorageVolumeSize{Unit: "bytes", Value: uint64(size)},
		Allocation: &libvirtxml.StorageVolumeSize{Unit: "bytes", Value: 0},
		Target:     &libvirtxml.StorageVolumeTarget{Format: &libvirtxml.StorageVolumeTargetFormat{Type: "raw"}},
	})
}

// Overlay describes a node's disk over a base image at a path of the host. The base's format is named: nothing ever
// guesses it.
func Overlay(name, basePath string, diskGiB int) (string, error) {
	return volume(libvirtxml.StorageVolume{
		Name: name, Capacity: &libvirtxml.StorageVolumeSize{Unit: "GiB", Value: uint64(diskGiB)},
		Allocation: &libvirtxml.StorageVolumeSize{Unit: "bytes", Value: 0},
		Target:     &libvirtxml.StorageVolumeTarget{Format: &libvirtxml.StorageVolumeTargetFormat{Type: "qcow2"}},
		BackingStore: &libvirtxml.StorageVolumeBackingStore{
			Path: basePath, Format: &libvirtxml.StorageVolumeTargetFormat{Type: "qcow2"},
		},
	})
}

func volume(v libvirtxml.StorageVolume) (string, error) {
	out, err := v.Marshal()
	if err != nil {
		return "", fmt.Errorf("volume %s: %w", v.Name, err)
	}
	return out, nil
}

// BackingOf reads the path of the image under a volume from its XML; empty where it stands alone.
func BackingOf(volumeXML string) (string, error) {
	var v libvirtxml.StorageVolume
	if err := v.Unmarshal(volumeXML); err != nil {
		return "", fmt.Errorf("volume: %w", err)
	}
	if v.BackingStore == nil {
		return "", nil
	}
	return v.BackingStore.Path, nil
}
