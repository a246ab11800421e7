// Package handlertest runs the whole portal in a test: every handler over a clone of a migrated database, with a
// small world of two organizations, two providers and a person for each role. Only tests import it.
package handlertest
