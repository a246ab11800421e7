package books_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/provisioner/certificate"
	"volary.dev/provisioner/typed"
	"volary.dev/store/books"
)

// stranger has what somebody without an account has: an exported ledger, heads of two older days, and the page of Python.
type stranger struct {
	t               *testing.T
	dir, page, base string
	older           []billing.OlderHead
	early, late     string // files of heads
	last            int64  // the entry that the later is of
	otherPool       uuid.UUID
	world           *ledgerWorld
}

// newStranger makes a ledger by the commands that make every one: two sales and a grant, a cluster whose run two lots pay, an expiry.
func newStranger(t *testing.T) *stranger {
	t.Helper()
	w := newLedgerWorld(t)
	s := &stranger{t: t, dir: t.TempDir(), world: w, otherPool: uuid.New()}
	w.sell(200_000, uuid.Nil, 1, "A") // before tax was computed
	w.must(w.db.Books.SetTaxRate(t.Context(), w.person, w.provider, 1900, w.today()))
	w.sell(50_000_000, uuid.Nil, 2, "B") // 13.89 EUR
	s.early = s.heads("2026-11-21")
	w.grant(100_000_000, nil)
	id, nodes := w.running(3, 7200, at(3500))
	w.proveUntil(3500, 9_000, nodes...)
	for _, sec := range []int{3665, 7265} {
		_, err := w.db.Books.SettleUsage(t.Context(), at(sec))
		w.must(err)
	}
	w.pay(900, w.invoices()[1].ID)
	w.pay(900, w.invoices()[1].ID) // 16.53 are owed with tax; the rest is credit
	_, err := w.takeBack(w.invoices()[1].ID, billing.ComputeHour)
	w.must(err)
	w.must(w.db.Books.RepayCredit(t.Context(), w.person, w.provider, books.NewPayment{OrganizationID: w.org, Minor: 7, PaidOn: typed.DayOf(at(0), time.UTC), Reference: "back"}))
	w.must(w.db.Books.EndRunsNow(t.Context(), id, nil, "asked"))
	w.must(w.db.Books.ReleaseNow(t.Context(), id, at(9_100)))
	_, err = w.db.Books.SettleUsage(t.Context(), at(4*24*3600))
	w.must(err)
	w.verified()
	s.late = s.heads("2026-11-22")
	var b bytes.Buffer
	w.must(w.db.Books.ExportLedgerOfOrganization(t.Context(), w.org, &b))
	s.base = s.write("base.jsonl", b.Bytes())
	s.page = s.write("ledger.py", []byte(pageOfPython(t)))
	s.write("forge.py", []byte(forger))
	return s
}

// pageOfPython is the one that the documentation has.
func pageOfPython(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../.readme/ledger.md")
	if err != nil {
		t.Fatal(err)
	}
	_, code, found := strings.Cut(string(text), "```python\n")
	code, _, ended := strings.Cut(code, "\n```\n")
	if !found || !ended {
		t.Fatal("the documentation has no page of Python")
	}
	return code + "\n"
}

func (s *stranger) write(name string, b []byte) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	s.world.must(os.WriteFile(path, b, 0o600))
	return path
}

// heads writes down what the head is now, as the worker signs it.
func (s *stranger) heads(day string) string {
	s.t.Helper()
	r, err := s.world.db.Books.VerifyLedger(s.t.Context())
	s.world.must(err)
	d, err := time.Parse(time.DateOnly, day)
	s.world.must(err)
	payload, err := billing.WriteHeads(d, d, r.Heads)
	s.world.must(err)
	key, err := certificate.NewKey()
	s.world.must(err)
	envelope, err := certificate.SignPayload(s.t.Context(), billing.HeadsPayload, payload, key)
	s.world.must(err)
	_, older, err := billing.ReadHeads(payload)
	s.world.must(err)
	s.older = append(s.older, older...)
	s.last = r.Heads[0].Seq
	return s.write(day+".json", envelope)
}

func (s *stranger) python(args ...string) (string, error) {
	s.t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		s.t.Fatalf("python3 is needed: `go run ./cmd/dev test` installs it: %v", err)
	}
	cmd := exec.CommandContext(s.t.Context(), python, append([]string{"-I", "-S"}, args...)...)
	cmd.Dir = s.dir
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// both gives what the command and the page say of a file: nil where it is whole.
func (s *stranger) both(file string, heads bool) (theirs string, ours error) {
	s.t.Helper()
	f, err := os.Open(file)
	s.world.must(err)
	defer f.Close()
	args := []string{s.page, file}
	older := billing.Older{}
	if heads {
		older, args = billing.NewOlder(s.older...), append(args, s.early, s.late)
	}
	_, ours = billing.VerifyLedgerFile(f, older)
	theirs, err = s.python(args...)
	if (err == nil) != (ours == nil) {
		s.t.Errorf("the command says %v, the page %q, %v", ours, theirs, err)
	}
	return theirs, ours
}

// forger changes rows of an exported ledger as whoever has the database could, and seals again what it is told to.
const forger = `
import hashlib, json, sys
sys.path.insert(0, ".")
import ledger
src, dst, edit, seal = sys.argv[1:]
rows = [json.loads(l) for l in open(src, encoding="utf-8")]
of = lambda kind: [r for r in rows if r["row"] == kind]
entries, lines = of("entry"), of("line")
of_entry, owner = {}, None
for r in rows:
    if r["row"] == "entry": owner = r["seq"]; of_entry[owner] = []
    if r["row"] == "line": of_entry[owner].append(r)
exec(edit)
if seal == "reseal":
    digests = {(r["row"], r["id"]): ledger.fact(r)[0] for r in rows if r["row"] in ("lot", "order", "invoice", "credit_note", "payment")}
    previous = "0" * 64
    j = of("journal")[0]
    for e in of("entry"):
        for f in e["facts"]: f["digest"] = digests.get((f["what"], f["id"]), f["digest"])
        if e["kind"] == "use": e["digest"] = ledger.digest_of_lines(e["version"], of_entry[e["seq"]])
        e["previous"] = previous
        previous = e["hash"] = ledger.sha(ledger.canonical(e, (j["provider"], j["organization"]), e["seq"], previous))
    of("head")[0].update(seq=of("entry")[-1]["seq"], hash=previous)
text = "".join(json.dumps(r, ensure_ascii=False, separators=(",", ":")) + "\n" for r in rows[:-1])
rows[-1]["sha256"] = hashlib.sha256(text.encode()).hexdigest()
open(dst, "w", encoding="utf-8").write(text + json.dumps(rows[-1], separators=(",", ":")) + "\n")
`

func TestAStrangerNamesWhatWasChanged(t *testing.T) {
	s := newStranger(t)
	for _, heads := range []bool{false, true} {
		if theirs, ours := s.both(s.base, heads); ours != nil || !strings.Contains(theirs, "used 4") {
			t.Fatalf("untouched: %v, %q", ours, theirs)
		}
	}
	const first, last = `
p = entries[0]["posts"]; p[0]["mcs"] -= 1; p[1]["mcs"] += 1`, `
p = entries[-1]["posts"]; p[0]["mcs"] += 1 if p[0]["mcs"] < 0 else -1; p[1]["mcs"] += 1 if p[1]["mcs"] < 0 else -1`
	const cut = `
at = rows.index(entries[-1]); del rows[at]
while rows[at]["row"] == "line": del rows[at]`
	const buyer = `
of("invoice")[0]["buyer"] = "Biology"`
	for name, c := range map[string]struct {
		edit   string
		reseal bool
		want   string
	}{
		"first entry":               {first, false, "entry 1: the hash should be "},
		"first entry, sealed again": {first, true, "entry 2: the hash by the heads of 2026-11-21 should be "},
		"last entry":                {last, false, "the hash should be "},
		"last entry, sealed again":  {last, true, "the hash by the heads of 2026-11-22 should be "},
		"both, sealed again":        {first + last, true, "entry 2: the hash by the heads of 2026-11-21 should be "},
		"last entry cut":            {cut, false, "the last entry should be "},
		"last cut, sealed again":    {cut, true, "but is missing; the last good entry is 2, by the older heads given"},
		"costs swapped": {`
a, b = next((x, y) for x in lines for y in lines if x["lot"] == y["lot"] and x["cost"] is not None and x["cost"] != y["cost"])
a["cost"], b["cost"] = b["cost"], a["cost"]`, false, "the digest of the usage lines should be "},
		"lot of a line": {`
lines[0]["lot"] = next(r["id"] for r in of("lot") if r["id"] != lines[0]["lot"])`, false, "the digest of the usage lines should be "},
		"all raised by one": {`
o, i, l = of("order")[0], of("invoice")[0], next(r for r in of("lot") if r["order"] == of("order")[0]["id"])
o["amount"] += 1; i["net"] += 1; i["lines"][0]["minor"] += 1; l["amount"] += 1`, false, "entry 1: the digest of invoice NOR-"},
		"buyer":               {buyer, false, "entry 1: the digest of invoice NOR-"},
		"buyer, sealed again": {buyer, true, "entry 2: the hash by the heads of 2026-11-21 should be "},
		"pool of a lot": {`
of("lot")[0]["pool"] = "` + s.otherPool.String() + `"`, false, "the digest of lot "},
		"reference of a payment": {`
of("payment")[0]["reference"] = "x"`, false, "the digest of payment "},
		"day of a payment": {`
of("payment")[0]["paid"] = "2026-11-01"`, false, "the digest of payment "},
		"payment of another": {`
of("payment")[0]["to"][0]["invoice"] = of("invoice")[0]["id"]`, false, "the digest of payment "},
		"payment hidden": {`
rows.remove(of("payment")[0])`, false, "should be there but is missing"},
		"due day": {`
of("invoice")[0]["due"] = "2027-01-01"`, false, "the digest of invoice NOR-"},
		"zone on paper": {`
of("invoice")[0]["printed"]["zone"] = "UTC"`, false, "the digest of invoice NOR-"},
		"reason of a credit note": {`
of("credit_note")[0]["reason"] = "x"`, false, "the digest of credit note NOR-C-"},
		"line dropped": {`
rows.remove(lines[0])`, false, "the number of usage lines should be "},
		"lot hidden": {`
rows.remove(of("lot")[0])`, false, "the number of lots should be "},
	} {
		t.Run(name, func(t *testing.T) {
			s := *s
			s.t = t
			seal := map[bool]string{true: "reseal", false: "leave"}[c.reseal]
			forged := filepath.Join(s.dir, strings.ReplaceAll(name, " ", "-")+".jsonl")
			if out, err := s.python("forge.py", s.base, forged, c.edit, seal); err != nil {
				t.Fatalf("%s, %v", out, err)
			}
			theirs, ours := s.both(forged, c.reseal)
			if ours == nil || ours.Error() != theirs || !strings.Contains(theirs, c.want) || !strings.Contains(theirs, s.world.org.String()) {
				t.Errorf("want %q\nours   %v\ntheirs %s", c.want, ours, theirs)
			}
		})
	}
}

// TestAStrangerAddsMoneyUp has a ledger that was sealed anew, and no older head: what papers and payments say has to be what the accounts have.
func TestAStrangerAddsMoneyUp(t *testing.T) {
	s := newStranger(t)
	const credit = `
e = next(e for e in entries if e["kind"] == "refund")
e["money"][0]["minor"] += 5000; e["money"][1]["minor"] -= 5000`
	for name, c := range map[string]struct{ edit, want string }{
		"received":       {`of("payment")[0]["amount"] += 1`, "what was received in minor units of EUR should be "},
		"paid back":      {`next(p for p in of("payment") if p["kind"] == "repaid")["amount"] -= 1`, "what was paid back in minor units of EUR should be 6 but is 7"},
		"settled":        {`of("payment")[0]["to"][0]["minor"] -= 1`, "what payments settled in minor units of EUR should be "},
		"off":            {`n = of("credit_note")[0]; n["net"] += 1`, "what credit notes made credit in minor units of EUR should be "},
		"hours":          {`of("credit_note")[0]["lines"][0]["mcs"] += 1`, "the refunded hours of lot "},
		"amount":         {`of("credit_note")[0]["lines"][0]["minor"] += 1`, "what is deferred, earned and lapsed of lot "},
		"paid twice":     {`p = of("payment")[0]["to"][0]; p["invoice"] = of("invoice")[0]["id"]`, "what is left to pay of invoice NOR-"},
		"credit below 0": {credit, "the account credit in minor units of EUR should be zero or more but is -"},
	} {
		forged := filepath.Join(s.dir, "sum.jsonl")
		if out, err := s.python("forge.py", s.base, forged, c.edit, "reseal"); err != nil {
			t.Fatalf("%s: %s, %v", name, out, err)
		}
		theirs, ours := s.both(forged, false)
		if ours == nil || ours.Error() != theirs || !strings.Contains(theirs, c.want) {
			t.Errorf("%s: want %q\nours   %v\ntheirs %s", name, c.want, ours, theirs)
		}
	}
}

// TestNoByteOfAnExportMayChange turns over a byte of names, which nothing hashed has, and of white space; and cuts the file.
func TestNoByteOfAnExportMayChange(t *testing.T) {
	s := newStranger(t)
	b, err := os.ReadFile(s.base)
	s.world.must(err)
	for name, c := range map[string]struct{ old, is, want string }{
		"a name":  {`"organization_name":"Astronomy"`, `"organization_name":"Astronomz"`, "the whole: the SHA-256 of the rows should be "},
		"a blank": {`"row":"head",`, `"row":"head", `, "the whole: the SHA-256 of the rows should be "},
		"a key":   {`"key":"grant:`, `"key":"grand:`, "entry 1: the hash should be "},
	} {
		file := s.write("byte.jsonl", bytes.Replace(b, []byte(c.old), []byte(c.is), 1))
		theirs, ours := s.both(file, false)
		if ours == nil || ours.Error() != theirs || !strings.Contains(theirs, c.want) {
			t.Errorf("%s: want %q\nours   %v\ntheirs %s", name, c.want, ours, theirs)
		}
	}
	cut := bytes.LastIndexByte(bytes.TrimSpace(b), '\n') + 1
	if theirs, ours := s.both(s.write("cut.jsonl", b[:cut]), false); ours == nil || !strings.Contains(ours.Error(), "its last row is missing") || !strings.Contains(theirs, "its last row is missing") {
		t.Errorf("cut: %v, %s", ours, theirs)
	}
	for n := 0; n < len(b); n += len(b)/97 + 1 { // and any other
		spoilt := bytes.Clone(b)
		spoilt[n] ^= 1
		if _, err := billing.VerifyLedgerFile(bytes.NewReader(spoilt), nil); err == nil {
			t.Errorf("byte %d of %d may be another one", n, len(b))
		}
	}
}

// TestTheDatabaseNamesItAlike changes the rows themselves; what the command says of the database is what the stranger says of its export.
func TestTheDatabaseNamesItAlike(t *testing.T) {
	s := newStranger(t)
	w := s.world
	if _, err := w.pool.Exec(t.Context(), `UPDATE run_bookings SET booked_until = booked_until - interval '1 second'`); err == nil || !strings.Contains(err.Error(), "only grows") {
		t.Errorf("how far a run is booked was moved back: %v", err)
	}
	for _, c := range []struct{ sql, back, want string }{
		{`UPDATE invoices SET buyer = 'Biology' WHERE serial = 1`, `UPDATE invoices SET buyer = 'Astronomy' WHERE serial = 1`, "the digest of invoice NOR-"},
		{`UPDATE usage_lines SET cost = cost + 1 WHERE cost > 0`, `UPDATE usage_lines SET cost = cost - 1 WHERE cost > 1`, "the digest of the usage lines"},
	} {
		w.tamper(c.sql)
		r, err := w.db.Books.VerifyLedger(t.Context(), s.older...)
		w.must(err)
		var b bytes.Buffer
		w.must(w.db.Books.ExportLedgerOfProvider(t.Context(), w.provider, &b))
		theirs, ours := s.both(s.write("tampered.jsonl", b.Bytes()), true)
		if r.Difference == nil || ours == nil || r.Difference.Error() != ours.Error() || ours.Error() != theirs || !strings.Contains(theirs, c.want) {
			t.Errorf("want %q\ndatabase %v\nours   %v\ntheirs %s", c.want, r.Difference, ours, theirs)
		}
		w.tamper(c.back)
	}
}

// TestOlderHeadsFindAJournalThatIsGone has heads of a journal that is not there any more, and of one with another past.
func TestOlderHeadsFindAJournalThatIsGone(t *testing.T) {
	s := newStranger(t)
	w := s.world
	gone := billing.OlderHead{Journal: billing.Journal{ProviderID: uuid.New(), OrganizationID: w.org}.ID(), Seq: 3, Of: "the heads of 2026-11-20"}
	r, err := w.db.Books.VerifyLedger(t.Context(), append(s.older, gone)...)
	w.must(err)
	if r.Difference == nil || !strings.Contains(r.Difference.Error(), "which reached entry 3 by the heads of 2026-11-20") {
		t.Errorf("a journal that is gone: %v", r.Difference)
	}
	r, err = w.db.Books.VerifyLedger(t.Context(), s.older...)
	w.must(err)
	if r.Difference != nil || r.Vouchers != 2 {
		t.Errorf("%d older heads hold, %v", r.Vouchers, r.Difference)
	}
	var first uuid.UUID
	w.must(w.pool.QueryRow(t.Context(), `SELECT id FROM invoices WHERE serial = 1`).Scan(&first))
	for _, read := range []func() (books.Invoice, error){
		func() (books.Invoice, error) { return w.db.Books.InvoiceOfOrganization(t.Context(), w.org, first) },
		func() (books.Invoice, error) { return w.db.Books.InvoiceOfProvider(t.Context(), w.provider, first) },
	} {
		i, err := read()
		w.must(err)
		marks, err := billing.ReadMarks(i.Number, []byte(i.Head.Mark()))
		w.must(err)
		if r, err := w.db.Books.VerifyLedger(t.Context(), marks...); err != nil || r.Difference != nil || r.Vouchers != 1 || marks[0].Seq != 1 {
			t.Errorf("the head that an invoice carries, %+v: %+v, %v", marks, r.Difference, err)
		}
	}
	paper := "Invoice\n<p>" + r.Heads[0].Mark()[:90] + "\n" + r.Heads[0].Mark()[90:] + "</p>"
	marks, err := billing.ReadMarks("an invoice", []byte(paper))
	w.must(err)
	if len(marks) != 1 || marks[0].Hash != r.Heads[0].Hash || marks[0].Seq != s.last {
		t.Errorf("%+v", marks)
	}
	if _, err := billing.ReadMarks("a letter", []byte("no head")); err == nil {
		t.Error("a letter has a head")
	}
}
