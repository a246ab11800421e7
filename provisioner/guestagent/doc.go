// Package guestagent has QEMU's guest agent run a command: what is asked of it, and what its answers may be. It is the same
// whoever brings the questions to it, and knows nothing of how: libvirt, or the agent's port itself (Port).
//
// A guest is hostile. An answer that has no end, or too much in it, another's, or none at all costs its own call and nothing else.
//
// # Decided
//
// 2026-11-30: it left package libvirt when a second driver came to need it.
package guestagent
