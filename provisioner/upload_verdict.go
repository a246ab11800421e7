package provisioner

// UploadState is where an upload is on its way to images.
type UploadState string

// The states of an upload.
const (
	UploadArriving   UploadState = "arriving"   // bytes are missing
	UploadChecking   UploadState = "checking"   // all are here; its verification waits or runs
	UploadDone       UploadState = "done"       // images came of it; its bytes are gone
	UploadRefused    UploadState = "refused"    // a check failed; its bytes are gone
	UploadUnverified UploadState = "unverified" // nobody could look, and it is tried again: the worker lacks what a check takes, or failed
)

// UploadVerdict is what was found out about an upload. Digests are lower-case hex SHA-256, sizes are bytes.
type UploadVerdict struct {
	State  UploadState // done, refused or unverified
	Reason string      // of a refusal, or why it stays unverified
	Checks []ImageCheck
	Format string          // "qcow2", "raw", "vmdk", "vpc" (a VHD), "raw in xz", "ova", "bundle"; empty where it is none that is taken
	Digest string          // of the file as it came; empty where it was not read as a whole
	Images []VerifiedImage // the disks that it holds, in its order; none unless it is done
	Bundle *UploadBundle   // what it holds beside them, where it is a bundle and done
}

// UploadBundle is a version of a model cluster that came in an upload (provisioner/bundle). Its images are the upload's, called as the document calls
// them, and of the guest-visible digests that it has. All of it is a stranger's word but that.
type UploadBundle struct {
	Model, Version string
	Source         string   // the address of the deployment that it says it comes from; empty: it says none
	Document       string   // canonical, and one that may be published here as far as it goes by itself
	Certificates   []string // envelopes, unread
	Keys           string   // a list of keys, unread; empty: none
}

// VerifiedImage is one disk that a verification found good.
type VerifiedImage struct {
	Member string // which of the upload's disks, by name or number and distinct; empty: the upload is the disk
	Name   string // what it is called in the upload, a stranger's words; empty: nothing but what the upload is called

	VirtualSize     int64  // of the disk a guest sees
	CanonicalSize   int64  // of the qcow2 we made of it, the only form guests get
	CanonicalDigest string // of that; a host's base image is named after it
	GuestDigest     string // of what a guest reads (provisioner/image, doc.go): the same whatever format the disk came in
	Firmware        Firmware

	// What its OVA asks for, as a proposal; 0: nobody said.
	VCPUs     int
	MemoryMiB int64
}

// ImageCheck is one line of a verdict. Its name is the same wherever it is found, and tells what a disk was refused for:
// "firmware" that it is made for another machine, "sector size" that its partition table is for sectors of 4096 bytes, "digest"
// that it is another file than was announced.
type ImageCheck struct {
	Name   string `json:"name"`             // "backing file"
	Member string `json:"member,omitempty"` // which of an upload's disks it is about; empty: the upload
	Passed bool   `json:"passed"`
	Warned bool   `json:"warned,omitempty"` // it passed, and is doubtful
	Detail string `json:"detail"`           // what was seen, with its numbers
	Repair string `json:"repair,omitempty"` // what to do about a check that failed, or a warning
}

// UploadProgress is what a verification does at a moment. Sizes are bytes.
type UploadProgress struct {
	Step   string `json:"step,omitempty"`   // in words: "Unpacking xz"; empty: nothing is told
	Member string `json:"member,omitempty"` // which of the upload's disks; empty: the upload
	Number int    `json:"number,omitempty"` // of the disk; 0: the upload holds one
	Of     int    `json:"of,omitempty"`     // disks
	Done   int64  `json:"done,omitempty"`
	Total  int64  `json:"total,omitempty"` // 0: nobody knows
}
