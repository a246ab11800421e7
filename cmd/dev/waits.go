package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// waitsVariable names the file that tests append their long waits to (provisioner/waittest).
const waitsVariable = "VOLARY_TEST_WAITS"

// slowest is how many waits are printed at the end of a run.
const slowest = 10

// wait is a line of that file, as package waittest writes it.
type wait struct {
	Package, Test, What string
	Seconds, Limit      float64
}

// waits are those of one run of the tests.
type waits struct {
	*os.File
	kept string // path of those of the last run
}

// newWaits begins a run's. Two runs in one checkout have a file each.
func (c checkout) newWaits() (waits, error) {
	f, err := os.CreateTemp(c.path(), "waits-*.jsonl")
	return waits{f, c.path("waits.jsonl")}, err
}

// print says which were the slowest, and keeps all of them.
func (w waits) print(out io.Writer) error {
	defer w.Close()
	all, err := readWaits(w)
	if err != nil {
		return err
	}
	printWaits(out, all)
	return os.Rename(w.Name(), w.kept)
}

func readWaits(r io.Reader) (all []wait, err error) {
	for d := json.NewDecoder(bufio.NewReader(r)); ; {
		var w wait
		if err := d.Decode(&w); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("read how long tests waited: %w", err)
		}
		all = append(all, w)
	}
}

func printWaits(out io.Writer, all []wait) {
	if len(all) == 0 {
		return
	}
	slices.SortStableFunc(all, func(a, b wait) int { return cmp.Compare(b.Seconds, a.Seconds) })
	all, total := all[:min(len(all), slowest)], len(all)
	fmt.Fprintf(out, "The slowest of %d waits, in seconds and as a share of the limit:\n", total)
	for _, w := range all {
		fmt.Fprintf(out, "%8.1f %3.0f %%  %s %s: %.100s\n", w.Seconds, 100*w.Seconds/w.Limit, w.Package, w.Test, w.What)
	}
}
