// Package people is the floor of who there is and who may do what: persons, their sessions, keys and passwords,
// organizations with members and invitations, providers with staff and announcements, and all suspensions.
//
// It imports the core alone. What a suspension does to clusters it asks of Clusters (db.go). Start at sessions.go, then
// sign_up.go; the rules of every floor (scope, locks, one file per command) are in the core's doc.go.
package people
