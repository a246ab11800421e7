package store

import "errors"

// errUnwritten marks signatures that others build against while their bodies are being written.
var errUnwritten = errors.New("not written")
