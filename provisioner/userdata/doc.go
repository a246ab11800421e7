// Package userdata judges user-data, the text that cloud-init acts on in a guest: what is refused where it is typed, and of
// what a person is warned. Whoever makes a seed asks the same rule, so that what could be published can be started.
//
// The rule is cloud-init's own (cloudinit/user_data.py and cloudinit/handlers): a text is taken for a MIME message where
// "mime-version:" stands in its first 4096 bytes, else its kind is told by how it begins, without regard to case and to
// blanks before; and what then has to run or to be parsed must be able to.
//
// 2026-11-29: an #include is refused although cloud-init knows it. What an address answers may change after the test, and
// the test's network is sealed; a version is frozen with all that it is made of.
package userdata
