// Package fetch asks a server of the internet for a file, and nobody else: no address of a network of ours, however a name, a redirect
// or a resolver leads there. It knows no uploads and no database; handlers/jobs writes what it gives.
//
//	address  https at port 443 of a name (typed.ParseWebAddress)
//	resolve  once; every answer has to be public (Public), one that is not refuses all
//	dial     one of these very addresses, so that a second answer of a resolver is never used
//	TLS      1.2 or later, for the name, by the system's roots; no proxy of the environment
//	answer   200, or 206 with exactly what is missing; a redirect is told (Problem.Leads) and never followed
//	body     counted, as it is (no encoding), at most so many bytes, not slower than Floor, not faster than the pace of all
//
// What goes wrong is a *Problem, whose Kind says who may do something about it.
//
// # Decided
//
// 2026-11-30: there is no switch that allows a private address, and none for tests: they pass a resolver and a dialer, or run in a network
// namespace that has a public address. The table of ranges is a list of what is refused in IPv4, and for IPv6 of what is given out at all.
//
// 2026-11-30: a redirect is not followed even where it leads to a public server: who gave the address trusts that one. It is said where it leads,
// and one press goes on from there, which is again a decision, an address that is read as any other, and a resolution of its own.
//
// 2026-11-30: port 443 alone, since a fetch from any port scans ports for whoever asks. Servers by number are refused: a certificate is of a name.
//
// 2026-11-30: a cut line goes on by Range with If-Range, which is a strong ETag or else a Last-Modified that was a minute old by the server's
// own clock. An answer that is not exactly what is missing of exactly that file begins anew: bytes of two files are never mixed.
//
// 2026-11-30: names with an underscore are taken, as curl takes them: buckets have them, resolvers find them, and certificates name them. What a
// store of files calls its refusal (S3's Code) is said with it, if it is one word; nothing else of an error's body is.
//
// It imports provisioner/typed and provisioner/refusal. Start at fetch.go.
package fetch
