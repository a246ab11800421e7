// Package respond says what an error means to a browser: one table from refusal codes to HTTP statuses, and the
// sentence for everything that is no refusal. respond/page turns that into pages.
package respond
