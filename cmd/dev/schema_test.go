package main

import (
	"os"
	"testing"
)

// TestSchemaDump holds migrations/schema.sql to what the migrations make.
func TestSchemaDump(t *testing.T) {
	server := os.Getenv(testServerVariable)
	if server == "" {
		t.Fatalf("%s has to name a PostgreSQL server: `go run ./cmd/dev test` starts one", testServerVariable)
	}
	if err := checkSchema(t.Context(), checkoutRoot(t), server); err != nil {
		t.Error(err)
	}
}

func TestFirstDifference(t *testing.T) {
	const want = `line 2: the file has "b", the migrations make "(end of file)"`
	if got := firstDifference("a\nb", "a"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
