// Package bundle is a version of a model cluster as one file, that another deployment, a workstation and OCI registries' tools read: an OCI image
// layout in a tar archive. It is pure: nothing here opens a network or a database.
//
//	oci-layout                {"imageLayoutVersion":"1.0.0"}; the archive's first file, by which it is known
//	index.json                one manifest, of artifact type ArtifactType
//	blobs/sha256/MANIFEST     an OCI image manifest: config is the document, layers are the rest; its annotations name model, version and deployment
//	blobs/sha256/DOCUMENT     the canonical JSON of provisioner.Model (MediaTypeDocument): the blob's digest is the document's
//	blobs/sha256/KEYS         a list of public keys (MediaTypeKeys), by which the certificates are to be checked; it may lack
//	blobs/sha256/ENVELOPE     a certificate (MediaTypeCertificate), any number up to MostCertificates
//	blobs/sha256/CANONICAL    an image (MediaTypeImage), a qcow2 as guests get it; annotated with what the document calls it and its guest-visible digest
//
// # A stranger's bundle
//
// List reads the archive's headers and the three small files, each within a bound, and refuses (Fault) what is not exactly a bundle: links, devices, files
// outside or of other names, one that is there twice, a blob that is missing, of another size, named twice or by nothing. It hashes nothing: whoever reads a
// blob compares its digest (Extract does, and provisioner/image for uploads), so that a byte that changed is named with its blob. What List says of
// a stranger's archive is a stranger's word until then; Contents.Sane bounds what a child answered.
//
// 2026-11-30: the keys travel with the certificates, so that a certificate of a deployment that is gone or out of reach can be read and its signature
// compared. They prove that what signed it had that key, and not whose it is: pages say so, and a certificate that came in a bundle is good for no
// launch. The imported version is tested again.
//
// 2026-11-30: only the types of opencontainers/image-spec are used, and not oras: no registry is spoken to here, and what is read of a stranger is bounded by
// our own code.
//
// It imports provisioner/manifest, provisioner/refusal and provisioner/typed. Start at bundle.go.
package bundle
