// Command build makes static/dist below the directory it is started in. It is a program of its own so that cmd/dev,
// which has to start quickly, is linked without a bundler.
package main

import (
	"fmt"
	"os"

	"volary.dev/cmd/internal/assets"
)

func main() {
	if err := assets.Build("."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
