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
		`<input name="proof"/>`, "// seed the demo", "class=\"terminal-bar\"", "a text on the serial console", "// a node's serial line", "the reconciler's session",
	} {
		if len(wordFaults("a.go", line)) == 0 {
			t.Errorf("%q is accepted", line)
		}
	}
	for _, line := range []string{
		"// a proof of life for each node", "// runs end at their last proof", "SELECT a.day FROM audit_runs a", "// the seed of a node", "// fills a database with a demo",
		"// what a terminal takes for commands", "a session of a person", "Serials: []libvirtxml.DomainSerial{",
	} {
		if found := wordFaults("a.go", line); len(found) != 0 {
			t.Errorf("%v", found)
		}
	}
}
