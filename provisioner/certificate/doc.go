// Package certificate is what a passed acceptance test leaves for whoever was not there: a DSSE envelope over an in-toto statement, signed by
// Ed25519, that anybody checks offline. It is pure: the worker signs (handlers/jobs), the store keeps, `volary certificate verify` checks.
//
//	Test      what a certificate says, made in one place of the report (Of) and of what the store knows of version, images, pool and hosts
//	Statement the in-toto form of it: subjects are the digests, the predicate is the rest
//	Sign      envelope over the statement, by each key that vouches for it
//	Verify    envelope against public keys and their revocations: the state of each signature
//	Compare   statement against a document and image files: what is the same, what differs, what could not be looked at
//
// # The form
//
// The envelope's payload type is application/vnd.in-toto+json, the statement's type https://in-toto.io/Statement/v1, the predicate's type
// PredicateType. Each digest is a subject of its own, SHA-256: "document", and for the n-th image "image/n/uploaded", "image/n/canonical" and
// "image/n/guest", whose annotations name the image and the kind of the digest. A digest that is not known (an image from before there were
// guest-visible digests) is no subject, and is listed under not_observed. Other programs may add members to the predicate; readers skip what they do not know.
//
// # Keys
//
// A key is known by the SHA-256 of its 32 public bytes, in hex. The ids of the keys that sign stand in the predicate as well, so that who strips one
// signature does not go unseen. A provider's key vouches for tests on the provider's own pools and for nothing else; the platform's for those that
// the platform's own workers followed, on whosever pool.
//
// 2026-11-30: a certificate has the provider's signature and the platform's, for today all workers are the platform's; where a provider runs its own, its certificates
// will have the provider's alone. Whoever trusts neither a provider nor its keys may take the platform's word, and the other way round.
//
// 2026-11-30: a key is retired (it signs no more, what it signed stays good) or revoked: then nothing that it signed is good any more, whenever the
// statement says it was, for whoever has the key writes the time. There is no "revoked from then on". What both keys signed stays good by the other one.
//
// # What a stranger may read
//
// 2026-11-30: who has the address of a certificate reads it without signing in, and may pass it on. So there is nothing in it of the people and their organization,
// no name or address of a host or node, no console, no user-data, and nothing that a guest wrote: no sentence of a check that passed, since such sentences have
// names, machine ids and keys of guests. What the group chose stands in it: the model's name, the version's, those of its groups and images; and the
// provider's and pool's names, which the market shows to everyone. Names are hostile text, as everywhere. The document itself is not in it, only its digest.
//
// It imports provisioner for the report.
package certificate
