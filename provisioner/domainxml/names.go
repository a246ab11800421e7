package domainxml

import (
	"strings"

	"github.com/google/uuid"

	"volary.dev/provisioner/nethook"
)

// The storage pools on a host and where their folders are.
const (
	ImagePool  = "volary"
	ImageDir   = "/var/lib/libvirt/volary/images"
	ReportPool = "volary-networks"
	ReportDir  = nethook.ReportDir
	// OldConsolePool is the pool in which consoles lay once. libvirtd looks into every file of a pool as if it were a disk
	// image, so it goes where it is found; its folder stays.
	OldConsolePool = "volary-consoles"
)

const domainPrefix = "volary-"

// DomainName is the name of a node's domain for one start of it. The nonce is what tells two starts apart, as libvirt
// numbers running machines anew when the host restarts.
func DomainName(id uuid.UUID, nonce string) string { return domainPrefix + id.String() + "-" + nonce }

// ParseDomainName finds the node and the start's nonce; ok is false for a domain that is not ours.
func ParseDomainName(name string) (id uuid.UUID, nonce string, ok bool) {
	rest, ours := strings.CutPrefix(name, domainPrefix)
	if !ours || len(rest) < 36 {
		return uuid.UUID{}, "", false
	}
	id, err := uuid.Parse(rest[:36])
	if err != nil {
		return uuid.UUID{}, "", false
	}
	return id, strings.TrimPrefix(rest[36:], "-"), true
}

const (
	basePrefix   = "base-"
	markerSuffix = ".ok"
)

// BaseVolume is the volume of a base image.
func BaseVolume(digest string) string { return basePrefix + digest }

// BaseDigest finds the digest in a base image's volume; ok is false for another volume.
func BaseDigest(volume string) (digest string, ok bool) {
	digest, ok = strings.CutPrefix(volume, basePrefix)
	return digest, ok && isDigest(digest)
}

// MarkerVolume says that the base image is there with all its bytes. It is made last.
func MarkerVolume(digest string) string { return digest + markerSuffix }

// MarkerDigest finds the digest in a marker; ok is false for another volume.
func MarkerDigest(volume string) (digest string, ok bool) {
	digest, ok = strings.CutSuffix(volume, markerSuffix)
	return digest, ok && isDigest(digest)
}

func isDigest(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

// OverlayVolume is a node's disk.
func OverlayVolume(id uuid.UUID) string { return nethook.DiskName(id) }

// SeedVolume is a node's NoCloud seed.
func SeedVolume(id uuid.UUID) string { return nethook.SeedName(id) }
