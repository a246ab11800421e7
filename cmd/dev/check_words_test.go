package main

import "testing"

func TestWords(t *testing.T) {
	if err := checkWords(t.Context(), checkoutRoot(t)); err != nil {
		t.Error(err)
	}
}

func TestOtherWordsAreFound(t *testing.T) {
	for _, line := range []string{
		"// the nightly proof of the ledger", "func (db *DB) LedgerProofs()", "FROM ledger_proofs", "// a session that proved its password",
		`<input name="proof"/>`, "// seed the demo", "class=\"terminal-bar\"", "a text on the serial console", "Name: \"Pay as you go\"", `{ ui.Hours(p.Quote.HoursMCS) } h for`, `ui.Hours(c.Expiring)+" h expire"`,
		`e.Hours.Decimal() + " h"`, `Label: "Compute hours", Value: p.Hours, Suffix: "h"`, `Title: fmt.Sprintf("All %d networks are taken.", n)`, `"%d of %d checks passed"`, `"from %s h on"`, "// a node's serial line", "the reconciler's session",
	} {
		if len(wordFaults("a.go", line)) == 0 {
			t.Errorf("%q is accepted", line)
		}
	}
	for _, line := range []string{
		"// a proof of life for each node", "// runs end at their last proof", "SELECT a.day FROM audit_runs a", "// the seed of a node", "// fills a database with a demo",
		"// what a terminal takes for commands", "a session of a person", `{ ui.ComputeHours(p.Hours) } for`, `{ ui.Count(p.MaxLease) } h`, `Label: "Lease", Suffix: "h"`, `return fmt.Errorf("%d nodes, at most %d", n, most)`, "Serials: []libvirtxml.DomainSerial{",
	} {
		if found := wordFaults("a.go", line); len(found) != 0 {
			t.Errorf("%v", found)
		}
	}
}
