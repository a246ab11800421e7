// Package manifest says what a model cluster's document (provisioner.Model) has to be, writes it in one form, and reads it back.
//
//	Check(m)      what is wrong with it, by path: "compute[0].user_data"
//	Beyond(m, …)  what of it is right and nothing does yet
//	Canonical(m)  its bytes: the canonical JSON of RFC 8785
//	Digest(b)     what the bytes are known by, in certificates and beside bills
//	Read(b)       the model of such bytes, and of no others
//	ReadYAML(b)   the model of a cluster.yaml, which a person writes; ParseYAML of one that need not be right
//	WriteYAML(m)  a cluster.yaml
//
// # Decided
//
// 2026-11-30: a document is kept as the bytes that its digest is of, and read strictly: what is not exactly what Canonical would
// write is refused, so that one model has one digest and a digest one meaning. A file that a person writes comes in by
// another way, and becomes these bytes. What Read takes need not be right: a draft from before a rule is shown, and told so when it is published.
//
// 2026-11-30: the encoder is ours. A document has strings, whole numbers, true and false, lists and objects with names in
// ASCII; what makes RFC 8785 hard, floating-point numbers and the order of other names, is not in it. encoding/json alone does not write it:
// it escapes U+2028 and U+2029, which the RFC leaves as they are. The libraries for it are larger than this and bring their own reader, and
// encoding/json/v2's is an experiment of the toolchain. PostgreSQL's to_json writes strings in the same form, which is how the versions from before
// documents got theirs.
//
// 2026-11-30: an image is named by what a guest reads of it, which an image from before that was looked at does not have. A
// draft of one is kept with an empty digest, and refused when it is published; a version that was published before stays
// as it is, with the empty digest in its document.
//
// 2026-11-30: a group's name may not be one that a node of another group has (compute, and compute-001): both are names in one
// domain, and a check is run on either. It ends in no hyphen, so that node names have one alone before their number.
//
// 2026-11-30: a document has at most 256 KiB. It is kept for ever once published, and whoever signs up may make hundreds a day.
//
// 2026-11-30: cluster.yaml is read as nodes of YAML, and these into the types by their JSON names: unknown keys, keys twice, anchors,
// aliases, tags, and values of another kind are refused, each at its line and column, all at once. A number is
// written in digits, a switch as true or false, and a text that YAML would take for either stands in quotes, so that every reader of YAML,
// of 1.1 and of 1.2, sees the same document; WriteYAML quotes them. Comments are the file's and not the document's.
// An error of YAML itself is placed behind the longest beginning of the file that is YAML, for the library names the line where the broken part began.
//
// 2026-11-30: the JSON Schema (cluster-1.json) is written by hand and held by tests: it has the types' fields, what Check takes passes
// it, and what it can tell is refused by both. It asks for no digest of an image, which the portal's editor fills in. Its address has the format's number
// and never changes.
package manifest
