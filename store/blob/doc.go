// Package blob keeps what is too large for the database: uploads on their way in, and canonical images. Directory
// keeps them in one folder that web and worker share; the interface is small enough for an object store.
//
//	uploads/ID               the bytes of an upload, written by the tus handler
//	uploads/ID.info          tusd's own note beside it
//	uploads/ID.sums          SHA-256 of each whole block of it, as far as anybody asked (handlers/uploads)
//	images/DIGEST.qcow2      a canonical image, named after its SHA-256
//
// It imports nothing of ours.
package blob
