package provisioner

// ImageState is where an image is on its way to being used.
type ImageState string

// The states of an image.
const (
	ImageChecking   ImageState = "checking"   // uploaded, the verdict is being made
	ImageReady      ImageState = "ready"      // has a canonical qcow2 and may be used
	ImageRefused    ImageState = "refused"    // a check failed; its bytes are gone
	ImageUnverified ImageState = "unverified" // nobody could look: the worker has no qemu-img
)

// ImageVerdict is what was found out about an uploaded image. Digests are lower-case hex SHA-256, sizes are bytes.
type ImageVerdict struct {
	State  ImageState
	Reason string // of a refusal, or why it stays unverified
	Checks []ImageCheck

	Format      string // "qcow2" or "raw"; empty where it is neither
	VirtualSize int64  // of the disk a guest sees
	// CanonicalSize is that of the qcow2 we made of it, the only form guests get.
	CanonicalSize int64

	UploadedDigest  string // of the file as it came
	CanonicalDigest string // of the qcow2 we made; a host's base image is named after it
	ContentDigest   string // of the VirtualSize bytes a guest reads: that of `qemu-img convert -O raw`'s result
}

// ImageCheck is one line of a verdict. Its name is the same wherever it is found, and tells what a disk was refused for:
// "firmware" that only UEFI can start it, "sector size" that its partition table is for sectors of 4096 bytes.
type ImageCheck struct {
	Name   string `json:"name"` // "backing file"
	Passed bool   `json:"passed"`
	Warned bool   `json:"warned,omitempty"` // it passed, and is doubtful
	Detail string `json:"detail"`           // what was seen, with its numbers
	Repair string `json:"repair,omitempty"` // what to do about a check that failed, or a warning
}
