package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"volary.dev/billing"
	"volary.dev/provisioner/certificate"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/floors"
)

// What is read of a file of heads, and of a paper.
const (
	mostHeadsFile = 64 << 20
	mostPaper     = 16 << 20
)

// older reads the heads that were given, and says what each file's signature is worth. A signature that does not hold is refused; one by a key
// that nobody named is said to be unchecked.
func (v verifyLedger) older(out io.Writer, ring certificate.Ring, checked bool) ([]billing.OlderHead, error) {
	var all []billing.OlderHead
	for _, name := range v.Heads {
		b, err := readBounded(name, mostHeadsFile)
		if err != nil {
			return nil, err
		}
		payload, signature, err := certificate.OpenPayload(b, billing.HeadsPayload, ring)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		switch {
		case !checked:
			fmt.Fprintf(out, "%s: the signature is not checked: name the keys by --keys.\n", name)
		case signature.State != certificate.SignatureValid:
			return nil, fmt.Errorf("%s: its signature, by the key %s, is %s: nothing it says counts", name, printable(signature.KeyID), signature.State)
		default:
			fmt.Fprintf(out, "%s: signed by the platform's key %s.\n", name, signature.KeyID)
		}
		_, heads, err := billing.ReadHeads(payload)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, heads...)
	}
	for _, name := range v.Statement {
		b, err := readBounded(name, mostPaper)
		if err != nil {
			return nil, err
		}
		heads, err := billing.ReadMarks(name, b)
		if err != nil {
			return nil, err
		}
		all = append(all, heads...)
	}
	return all, nil
}

// keys reads the list of keys that was named, else none.
func (v verifyLedger) keys() (ring certificate.Ring, err error) {
	if v.Keys == "" {
		return ring, nil
	}
	b, err := readBounded(v.Keys, 16<<20)
	if err != nil {
		return ring, err
	}
	if ring, err = certificate.ReadRing(b); err != nil {
		return ring, fmt.Errorf("%s: %w", v.Keys, err)
	}
	return ring, nil
}

// file recomputes an exported ledger without a database.
func (v verifyLedger) file(out io.Writer) error {
	ring, err := v.keys()
	if err != nil {
		return err
	}
	older, err := v.older(out, ring, v.Keys != "")
	if err != nil {
		return err
	}
	f, err := os.Open(v.File)
	if err != nil {
		return err
	}
	defer f.Close()
	journals, err := billing.VerifyLedgerFile(f, billing.NewOlder(older...))
	var d *billing.Difference
	if errors.As(err, &d) {
		return fmt.Errorf("the ledger differs: %w", d)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", v.File, err)
	}
	vouchers := 0
	for _, j := range journals {
		vouchers += j.Vouchers
		printJournal(out, j)
	}
	if len(older) > 0 && vouchers == 0 {
		return fmt.Errorf("none of the %s given is of a journal in %s: they say nothing of it", refusal.Plural(len(older), "older head", "older heads"), v.File)
	}
	fmt.Fprintf(out, "The ledger is whole: %s.\n", refusal.Plural(len(journals), "journal", "journals"))
	return nil
}

func printJournal(out io.Writer, j billing.VerifiedJournal) {
	fmt.Fprintf(out, "Journal of %q with %q: %s, %s, %s; %s. Head: %s\n", j.Provider, j.Organization, refusal.Plural(int(j.Head.Seq), "entry", "entries"),
		refusal.Plural(j.Lines, "usage line", "usage lines"), refusal.Plural(j.Runs, "run", "runs"), refusal.Plural(j.Vouchers, "older head holds", "older heads hold"), j.Head.Hash)
	if len(j.Bill) == 0 {
		fmt.Fprintln(out, "  Nothing was sold: there is no bill.")
	}
	for _, b := range j.Bill {
		m := func(minor int64) billing.Money { return billing.Money{Minor: minor, Currency: b.Currency} }
		fmt.Fprintf(out, "  The bill: invoiced %s, of which used %s, lapsed %s and left %s; paid %s, owed %s.\n",
			m(b.Invoiced), m(b.Used), m(b.Lapsed), m(b.Left), m(b.Paid), m(b.Owed))
	}
}

// database recomputes what the database has, and compares it with what was given beside it.
func (v verifyLedger) database(ctx context.Context, db *floors.All, out io.Writer) error {
	ring, err := v.keys()
	if err == nil && v.Keys == "" && len(v.Heads) > 0 {
		ring, err = db.Models.CertificateRing(ctx)
	}
	if err != nil {
		return err
	}
	older, err := v.older(out, ring, true)
	if err != nil {
		return err
	}
	report, err := db.Books.VerifyLedger(ctx, older...)
	if err != nil {
		return err
	}
	if report.Difference != nil {
		return fmt.Errorf("the ledger differs: %w", report.Difference)
	}
	fmt.Fprintf(out, "The ledger is whole: %s, %s, %s, %s.\n", refusal.Plural(report.Journals, "journal", "journals"),
		refusal.Plural(report.Entries, "entry", "entries"), refusal.Plural(report.Lines, "usage line", "usage lines"), refusal.Plural(report.Runs, "run", "runs"))
	if len(older) > 0 {
		fmt.Fprintf(out, "%s.\n", refusal.Plural(report.Vouchers, "older head holds", "older heads hold"))
	}
	return nil
}
