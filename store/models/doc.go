// Package models is the floor of what groups bring: uploads, the images verified from them, model clusters with their
// versions, and the acceptance tests that these pass. A test's start reserves hosts, and is therefore in machines.
//
// # Decided
//
// 2026-11-29: an upload is an import, and an image is a disk that may be used. What was a state of an image (checking, refused,
// unverified) is a state of its upload, which has the verdict, too; RecordVerdict makes the images, in its transaction, of
// the list that a verification gives, and nothing else makes any. An image is (upload, member): today's verifier finds one disk
// with an empty member. The upload's row stays as evidence until the last of its images is deleted; one that was refused is
// forgotten after 30 days, or when somebody discards it. Its id names it in jobs, the log and open pages as a UUID (UploadSubject).
//
// 2026-11-29: an image goes with its row: DeleteImage writes its digest into gone_images and asks for a job. Bytes are shared
// by digest, so whoever writes or removes them holds the digest (HoldDigest) and asks for rows under that lock; a row that
// names the digest keeps bytes and copies, whenever it came. A published version keeps its images until it is withdrawn.
//
// 2026-11-29: the version before one is the one that was made before it in its model cluster (VersionBefore), and no column: a new
// version's form begins as the newest is, and what is compared is what a group sees one below the other in its list. That
// compute nodes are as the head is kept nowhere either: it is so where it is so, and a box of the form.
//
// 2026-11-30: what an organization keeps has a quota over three things, since bytes move between them: unfinished uploads as announced (what
// arrived of them says nothing of what is to come), uploads that are checked, and images, of which those of one canonical digest count once as they
// lie there once. An upload's row is its reservation, judged under a lock of the organization's quota in the transaction that writes it
// (reserve); RaiseUpload is for who learns the size later. A verdict judges anew and refuses nothing: whoever sent 4 GiB for hours was told yes, cannot
// know how large the canonical form is, and could not send less the next time. So it is taken, the verdict warns, and the next
// upload is refused; what that can exceed the quota by is bounded, since the check bounds what one upload unpacks to and judges one of an
// organization at a time.
//
// 2026-11-30: an image whose bytes are lost uses nothing of the quota until they are back: nothing of it is kept, and the room that it had is what its
// file needs to come in again. A file may be larger than what is kept of it (a raw disk), and the quota fuller or lower than it was, so an upload that
// announces the digest of such a file, and no more bytes than that had, passes a full quota, one at a time (bringsBack). Only the
// digest proves it: a fingerprint is of samples, and its sender's word. Where others filled the room meanwhile, the image that is whole again
// is over the quota, as one is that is larger than its upload, and the next upload is refused. An image is never refused its bytes.
//
// 2026-11-30: a file that the organization has is known by the digest of its upload (UploadHad), within the organization alone: an answer
// about others' files would tell who knows a digest that somebody has them. One that was sent nevertheless is taken and
// checked as any other: its sender called it something, and what is kept of both is one. The verdict says which image came of the same file.
// One with an image whose bytes are lost is not had: its file is what brings them back.
//
// 2026-11-30: where an upload comes from an address is a row beside it (upload_sources), since all but its page and its worker have nothing to
// do with that. An upload that is fetched arrives as any other: it counts among the unfinished, and has its quota set aside as its length becomes
// known (RaiseUpload), a step at a time where its server does not say. What a person may mend (404, a redirect, a certificate) leaves it arriving, failed,
// with the address sealed for another try; what nobody can makes it refused, as a verdict does. Web cannot read the address that it wrote: the
// form of another one is filled with host and path, and going on from where a server led is a mark that the worker acts upon.
//
// 2026-11-30: where a redirect is followed, the address that was given stays beside the one that it led to, sealed as well: what it led to is often
// signed for minutes, and a person may begin again at the first. Both are shown.
//
// 2026-11-30: an image that ran can be deleted. A node that is gone keeps its image's digest and no image (a check of the table holds both). A published
// version of which nothing lives is withdrawn (WithdrawVersion) and then holds no images: its roles keep what these were called and their
// canonical digests, and all else of it stays, since bills, tests and certificates speak of it. It is no end: RestoreVersion publishes it
// again, with images of the same digests, whichever rows these are by then, and the database refuses others. Who takes a version up holds it first (HoldVersion), so that
// it is withdrawn before, and refused, or after, and in use. A draft that was made from a version has images of its own and asks nothing of it.
//
// 2026-11-30: no check of an upload begins while its organization is suspended (RefuseVerification); one that has begun goes on to its verdict, since its bytes
// are here either way and are fewer after it. What is fetched or sent ends within seconds, as before.
//
// 2026-11-30: a version is a document (provisioner/manifest), kept as its bytes, and nothing of it is kept in a column beside but what SQL has to
// know: version_roles is a projection of its groups that SaveVersion writes with it, for the foreign keys to images, the numbers of nodes in lists, and
// the time limit that a node's start sets. The document calls images by name and guest-visible digest, as they were when the draft was saved; the
// projection has their ids. An image from before that digest has none: versions of it that were published keep an empty one, and publishing another
// refuses it ("image_digest"). What the document may say and nothing does yet, SaveVersion refuses (manifest.Beyond).
//
// 2026-11-30: the gate is a group's. Of time limits the cluster has one, the latest of its nodes': what is missed ends all of it, as before.
//
// 2026-11-30: what a certificate will say is written with the end of its test (claimCertificate), and who signs it comes later. Claims, certificates, keys and
// their ends are insert-only, and refer to the test and not to image or version: those may go. A key is the worker's to make, so that web never had its
// private part, and web's to end; that a key signs is that it has no end. Keys are made and ended under one lock (lockKeys), which a signature
// shares, so that none is kept of a key that had ended. An end is counted by owner and day, since each has the worker make a row that stays.
//
// 2026-11-30: a provider that wants a certificate before a launch asks for the document's digest among the launching organization's own: of others
// it would tell who tested the same document. Starts of a cluster that was launched before, longer leases and replaced nodes ask for none.
//
// 2026-11-30: a model cluster is shared with an organization by its name, or with everyone (model_shares): whoever is named reads and clones what is
// published of it, now and later, with its certificates. Every query for a taker has the condition (reaches) in its WHERE clause, and an organization
// that is not named finds nothing there. Withdrawing a share ends that and touches no clone. Nothing of a suspended organization is spread.
//
// 2026-11-30: a clone (CloneModel) is a published version of the taker's own, of the same document: its images are rows over the same bytes
// (images.cloned), which came of no upload. They count against nobody but who stores the bytes; once all who brought these deleted theirs, those who
// cloned them store them, and their quota says so from then on: else a share would be a way to keep bytes that nobody counts. Bytes go with their last row, as
// ever. Web makes no such row but by the function clone_image, which looks whether the version reaches the taker, and takes certificates along by
// give_certificates: a server that was taken over must not call others' bytes or certificates its own. A provider that wants a certificate takes one that was given.
//
// 2026-11-30: starter models need no rule of their own: an organization that the platform's admin has marked as the platform's own (organizations.starters)
// shares with everyone, and what it so shares is called a starter model. It has members, uploads and tests as any other.
//
// 2026-11-30: a bundle (provisioner/bundle) comes in as an upload. Its verdict makes the images, called as the document calls them, and keeps the rest
// (bundles) until a person gives the model cluster a name (CreateModelFromBundle): the name may be taken, and a worker cannot ask. The draft has the bundle's
// digest or there is none. Certificates of elsewhere are kept beside the draft (foreign_certificates), shown, and good for no launch.
//
// It imports the core, people and provisioner/bundle. That a test's cluster ends it asks of Clusters (db.go). Start at model_versions.go; the
// rules of every floor are in the core's doc.go.
package models
