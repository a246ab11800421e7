// Package account answers a signed-in person about themselves: name, address, password, SSH keys, sessions, and the
// organizations they make.
package account
