// Package userdata judges user-data, the text that cloud-init acts on in a guest: what is refused where it is typed, and of
// what a person is warned. Whoever makes a seed asks the same rule, so that what could be published can be started.
//
// The rule is cloud-init's own (cloudinit/user_data.py and cloudinit/handlers): a text is taken for a MIME message where
// "mime-version:" stands in its first 4096 bytes, else its kind is told by how it begins, without regard to case and to
// blanks before; and what then has to run or to be parsed must be able to.
//
// 2026-11-29: an #include is refused although cloud-init knows it. What an address answers may change after the test, and
// the test's network is sealed; a version is frozen with all that it is made of.
//
// 2026-11-30: a text has variables, few and named, for what is known only when a cluster is made: __VOLARY_HEAD_ADDRESS__ and the
// like (Variables). {{ }} is jinja's, which cloud-init fills in itself; $X, ${X} and $(X) are a shell's; @X@ and %X% cannot begin a
// value in YAML. Letters and underscores alone are a word in all of them, so that a text is of its kind before it is filled in as it is
// afterwards, and is checked as it is written. They are filled in when a node's seed is made (provisioner/plan), once, as text: a part that is encoded, in base64 or gzip, has
// none. An unknown name is refused at its line. Values are names of DNS, IPv4 addresses and numbers, and nothing else may become one (Fill):
// no quote, blank or line's end gets into a text by a variable.
//
// 2026-11-30: what our YAML parser takes and Python's safe loader does not (a mapping for a key, as {{ x }} is without jinja's header, a tag
// of its own, a second document, a word that is written like a date and is none) is refused, since cloud-init then goes on without the whole text; and so is a #! that names no path. A part that
// is encoded is decoded and checked as others are.
package userdata
