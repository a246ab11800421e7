// Package handshake is how web and worker know each other: by a secret that both read from a file and neither sends. Each
// request carries an HMAC-SHA256 over its path, its query and a nonce; each answer one over the nonce. What listens at the
// worker's address without the secret gets no console's bytes, and what reaches the worker without it gets an answer 403.
// The bytes themselves are not encrypted: between two machines the address is one of a private network or of a tunnel.
//
// 2026-11-29: a secret by file and not certificates: there are two parties, both configured by the same operator, and what is
// asked for is a one-time ticket besides. It imports nothing of ours.
package handshake
