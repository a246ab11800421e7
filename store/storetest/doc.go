// Package storetest gives each test a database of its own: a clone of a template that is migrated once for each
// state of the migrations. VOLARY_TEST_DATABASE_URL names the server and its superuser. The
// clone's time zone is an awkward one, so that nothing depends on UTC by accident. Only tests import it, and benches, which measure over the same World.
package storetest
