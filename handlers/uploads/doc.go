// Package uploads takes files by the tus protocol under /uploads: who may is asked at every request, bytes go to the folder of
// unfinished uploads, and the finished one waits for its check, of which images come.
//
// # For whom, of which file, by whom
//
// A client may say four things with every request of an upload; the page of a new image always does:
//
//	Volary-Place        for whom it was begun: "org:" and the organization's id. Where the session works for another one
//	                    meanwhile, POST, HEAD, PATCH, DELETE and sums are refused ("other_organization")
//	Volary-Fingerprint  of which file: a scheme, a hyphen, 64 hex digits. It stays the upload's; another one is refused
//	                    ("another_file")
//	Volary-Sender       a random name that the client gives the file when it is chosen, 16 to 64 letters, digits and hyphens. A
//	                    creation that is asked for twice under one name, its first answer being lost, makes one upload
//	Volary-Digest       the SHA-256 that the file is to have, as its source gives it; or the metadata sha256 of its creation. One that
//	                    is none is refused before the first byte ("invalid"), a file of another one by its check, with both
//
// A creation whose digest is that of a file which the organization has brought already, of the same size and with images that are there still, makes
// no upload: the answer is 201 with the address of the upload from then, Upload-Offset at its end, and in Volary-Image and Volary-Image-Name an
// image that came of it. What is sent there is refused ("conflict"), and HEAD says that nothing is missing. Who goes on with an unfinished upload and
// gives such a digest with HEAD is answered the same, and more of it is not taken; the page discards what had arrived. A digest of a file of another
// size or fingerprint is refused with the bytes ("invalid").
//
// Of each file the first 40 KiB are looked at before more is taken. One that is known by them for a kind which is refused is ended: the PATCH, and every
// later request, is answered with "format", what it is and the command that makes of it what is taken; its page has the same, nothing
// of it is kept, and Volary-Upload has its id.
//
// The answer to the last byte, and to HEAD from then on, has the upload's id in Volary-Upload: /org/uploads/{id} is its page.
//
// Every refusal of ours is a 4xx or 5xx whose header Volary-Refusal has its code, for HEAD too and whoever of the portal refuses
// (handlers/respond/page), so that a gateway's own 404, 413 or 429 is not taken for one of ours.
//
// The bytes of a second sender are taken after those of the first only where it shows, by Volary-Received on its PATCH, that its
// file begins with what is here; HEAD answers Volary-Prove where that will be asked ("unproven" otherwise). It is looked at under the
// upload's lock, where nobody appends between the look and the writing. From then on it is the sender, and the first has
// to show the same. Without a fingerprint nothing of this is asked: a plain tus client is taken as it comes and resumes by the
// upload's address at its own risk, but only where the upload was begun without one.
//
// The fingerprint s1 is SHA-256 of the size as 8 bytes, the highest first, and then: the whole file where it has at most 4 MiB; else
// its first MiB, 30 pieces of 64 KiB, the n-th of them at n·⌊size/31⌋, and its last MiB. It is cheap, finds an upload in
// the list and tells nearly all twins apart at once; a file whose bytes have another one than was announced is not checked.
// What the samples miss the sums find: SHA-256 of each block of 4 MiB, the last one shorter, which GET /uploads/{id}/sums?from=N
// tells 64 at a time. Volary-Received is SHA-256 of the sums, 32 bytes each, of the bytes before Upload-Offset.
//
// # Decided
//
// 2026-11-29: sending takes hours, and a right that ends meanwhile ends it. A running PATCH is answered with the refusal within
// five seconds (middleware.Rights), and the transaction that asks for the check asks anew who sent the last byte, whose the images
// are. What arrived is kept for a day, for the person or a colleague. To a suspended organization nothing is brought (POST, PATCH);
// HEAD asks and DELETE discards all the same. Unfinished uploads are bounded by person within the organization's bound, and what
// announced ones still lack is no free room: that is counted in the transaction that announces, of all web processes. Announcing costs
// nothing, so that one person's keep others from a quarter of what is free, and those without a byte for an hour from nothing: three
// announcements of the largest size were enough to end everybody's uploading for a day.
//
// 2026-11-29: an upload is resumed by content. By name and size a colleague's other disk.raw was mixed with the first, half of
// each, and found ready. Samples alone miss a difference between them, and a running digest of everything has to be computed
// by both for every byte, though hardly any upload is ever resumed elsewhere. So there are sums of blocks: computed when
// somebody asks, kept beside the upload (they outlast the process, and what has arrived never changes), compared piece by
// piece with progress, and by the browser's own SHA-256 where it has one, which knows no running digest. Over plain HTTP
// browsers keep theirs from pages, and static/vendor/noble-hashes stands in.
//
// 2026-11-29: the page sends pieces, of 8 MiB first and twice as much as long as one takes less than 8 s, up to 256 MiB. One
// request for all is no faster, and a proxy that refuses it (nginx: 1 MiB) says so only after it has read half a minute of it. A 413
// that is not ours halves the piece for good, a piece of which nothing arrived halves it for now. The tus client begins
// anew where a gateway answers HEAD with 502: it is given no address to begin at, and static/js/sending.js decides.
//
// 2026-11-29: any web process takes any request of an upload. The lock was a map in one process. It is a row now (upload_locks): its
// holder confirms it every second, and one that was not confirmed for ten is whoever's comes next, by the database's clock. Who wants
// it marks the row and notifies; who has it is asked at once, or with the next confirmation, and lets go as the tus handler does. A
// holder whose confirmations do not come through writes nothing from the seventh second on, and waits: where the database was
// away for less than a minute and nobody took the lock, the upload goes on as if nothing had been. It is no advisory lock, which would keep a
// connection for each upload. A bucket refuses a second writer by itself, too (store/blob/bucket).
//
// 2026-11-30: the answer to a creation of what is had is no refusal. tus clients try a 409 of a creation again, and give up with an error
// message in which nobody looks for an image; 201 with an address is what all of them know. Those that read Upload-Offset (as after
// creation-with-upload) are done. Those that begin at 0 get 409 without a byte of theirs being read, ask by HEAD as the protocol has them do
// after a conflict, and are done as well.
//
// 2026-11-30: a file without a mark in its first 40 KiB is no reason to refuse here: a format may have its mark at the end, which has not come. The
// page sends a first piece of 64 KiB, for browsers show no answer that comes while they send; a program that sends all at once is
// answered meanwhile, and its connection is closed.
//
// 2026-11-30: what the worker fetches from an address is sent by nobody (fetched.go): bytes of a sender and of a server are not mixed. To
// discard it asks the worker for its lock, as of any sender.
//
// 2026-11-29: errors of the store go to the log, whole; the sender is told that it is our fault, or that there is no room. tusd would tell
// paths and a bucket's address.
//
// 2026-11-30: who is refused for want of room is told of their own file alone. How much is free, and what of it others' uploads need, stands in the log.
//
// Start at uploads.go, then same_file.go; locks.go has the locks, store.go what the tus handler sees of the store.
package uploads
