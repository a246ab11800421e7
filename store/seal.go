package store

import "errors"

// Seal closes a text for the worker alone, whoever asks.
func (db *DB) Seal(text string) ([]byte, error) {
	if db.mailsTo.IsZero() {
		return nil, errors.New("VOLARY_MAIL_RECIPIENT, for whom secrets are sealed, is not given")
	}
	return db.mailsTo.Seal(text)
}
