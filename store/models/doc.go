// Package models is the floor of what groups bring: uploads, the images verified from them, model clusters with their
// versions, and the acceptance tests that these pass. A test's start reserves hosts, and is therefore in machines.
//
// It imports the core and people. That a test's cluster ends it asks of Clusters (db.go). Start at model_versions.go; the
// rules of every floor are in the core's doc.go.
package models
