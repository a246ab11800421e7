// Package blob keeps what is too large for the database: uploads on their way in (Uploads), and canonical images (Store). A Place has
// both. Directory is one in a folder that web and worker share, bucket.Bucket one in a bucket of an S3-compatible server;
// blobtest.Exercise is the contract of both. In a folder lies:
//
//	uploads/ID               the bytes of an upload, written by the tus handler, or by a worker that fetches it (Arrival)
//	uploads/ID.info          tusd's own note beside it
//	uploads/ID.sums          SHA-256 of each whole block of it, as far as anybody asked (handlers/uploads)
//	images/DIGEST.qcow2      a canonical image, named after its SHA-256
//	volary-store             the mark of a store (Mark), in a bucket as well
//
// What is here of an upload never changes and never becomes less, so that it can be shown to begin like somebody's file. That two do not
// append at once is the upload's lock's to see to (handlers/uploads). Which blobs are wanted is known by rows alone
// (models.NamedDigests): bytes come before their row and go after it, and loops.BlobKeeper removes what is left over.
//
// # Decided
//
// 2026-11-29: what takes uploads asked a folder for a file's size and time, for what is free, and for ranges, in four packages. These
// questions are the interface now. What is free cannot be asked of a bucket: its Room is a bound.
//
// 2026-11-30: a store that is away (ErrAway) and one without the blob (ErrNotFound) are two answers, for a folder as well: where the folder itself
// is not there, nothing is said of what lies in it. What is judged by an answer (an image that lost its bytes, an upload whose bytes are gone)
// is judged by the second alone; jobs wait for the first and use no attempt.
//
// 2026-11-30: a folder that is not mounted is an empty folder, and one that a process made anew at its start was worse: it counted as a store that
// has lost everything, images were marked and uploads refused for good. A store has a mark, made when it is first used; a folder
// without it is away, at the start (Kept) and later. Nothing is written into it.
//
// 2026-11-30: a bucket has the mark, too, as an object of that name: an empty bucket, or another one by a slip in the configuration, answers
// each question as one that has lost everything does, and a bucket that is gone answers HEAD as for an object that is. So where a
// blob is not there, and where something is listed, begun or removed, the mark is asked for once more (Place.Kept, Place.Begin): a request
// of milliseconds beside those that carry bytes. That a mark is of another Volary's store it does not tell.
//
// It imports nothing of ours, and tusd for what its handler writes to. Start at blob.go.
package blob
