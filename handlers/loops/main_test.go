package loops_test

import (
	"os"
	"testing"

	"volary.dev/provisioner/image"
)

// TestMain gives way to the confined child of image.Verifier, which runs this executable again.
func TestMain(m *testing.M) {
	image.Main()
	os.Exit(m.Run())
}
