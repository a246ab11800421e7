// Package bucket keeps blobs in a bucket of an S3-compatible server, under the keys of package blob:
//
//	uploads/ID.info          the note of an upload: its size, what its sender said of it, the size of its parts
//	uploads/ID.p00000 …      its parts, one after the other, each of that size but for the last
//	uploads/ID.sums          as in a folder
//	uploads/ID               an upload that was put whole
//	images/DIGEST.qcow2      as in a folder
//
// # Uploads
//
// What an upload has is the bytes of its parts up to the first that is not whole. The last part is written anew as more of it comes, in
// one piece, so that what is here never becomes less. Each writing names what it replaces (If-Match, If-None-Match): of two
// processes that extend one upload, the second is refused, whatever became of their locks. What comes is kept in files of the scratch
// folder that have no name (two parts of each upload under way), which end with the process. An upload that is whole stays
// in its parts, and is read over them.
//
// # Decided
//
// 2026-11-29: not tusd's own store of S3, which makes an upload one multipart upload of S3. Its parts cannot be read before its end, and who
// goes on with somebody's upload has to show that its file begins with what is here. It also takes away the part that is not whole
// before its bytes are anywhere else, leaves a hole where one of several parts failed that were sent at once, and has all
// uploads wait for one another's senders. S3's multipart uploads are used for images alone, which come as a whole from our own
// disk.
//
// 2026-11-29: nobody knows what is free in a bucket. What unfinished uploads may have together is configured.
//
// 2026-11-30: a start tries both conditions, and judges a server by what it answered alone. One that does not answer (blob.ErrAway) is
// no reason not to start: a worker that ended for it left hosts unobserved, for want of what only uploads and new nodes need.
//
// It imports package blob, and is the only one that knows the client of S3. Start at bucket.go.
package bucket
