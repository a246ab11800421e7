package handlers_test

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/xuri/excelize/v2"

	"volary.dev/billing"
	"volary.dev/handlers/handlertest"
	"volary.dev/provisioner"
	"volary.dev/provisioner/waittest"
)

// TestFromADescriptionToABill goes the way of a member and then of the accountant, by forms alone: describe, publish,
// launch, use, stop, start, delete, export.
func TestFromADescriptionToABill(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{Worker: true})
	w := a.World()
	member := a.SignIn(handlertest.Member)

	version := describe(t, member, w)
	cluster := launch(t, member, w, version)
	untilState(t, a, w, cluster, provisioner.ClusterReady)
	path := "/org/clusters/" + cluster.String()
	ready := member.Get(path)
	for _, text := range []string{"ssh -p ", "root@192.0.2.11", "compute-002", "3 of 3 nodes ready"} {
		if !strings.Contains(ready.Body, text) {
			t.Errorf("the cluster's page lacks %q", text)
		}
	}
	untilUsed(t, a, cluster)
	expect(t, member.Post(path+"/extend", url.Values{"extend_hours": {"0.5"}}), path)

	expect(t, member.Post(path+"/stop", nil), path)
	untilState(t, a, w, cluster, provisioner.ClusterStopped)
	if got := member.Get(path); !strings.Contains(got.Body, "asked by a member") || strings.Contains(got.Body, "ssh -p") {
		t.Error("the stopped cluster's page lacks why, or still shows SSH")
	}
	expect(t, member.Post(path+"/start", url.Values{"lease_hours": {"0.5"}}), path)
	untilState(t, a, w, cluster, provisioner.ClusterReady)
	expect(t, member.Post(path+"/delete", nil), path)
	untilState(t, a, w, cluster, provisioner.ClusterGone)
	if left := a.Hosts.Leftovers(); len(left) != 0 {
		t.Errorf("left on hosts: %v", left)
	}
	if got := member.Get("/org/clusters?gone=1"); !strings.Contains(got.Body, path) {
		t.Error("the list of those that are gone lacks it")
	}
	bills := a.SignIn(handlertest.Billing)
	if got := bills.Get("/org/usage"); !strings.Contains(got.Body, "by-forms") {
		t.Error("usage lacks the cluster")
	}
	if got := bills.Get("/org/wallet?cluster=by-forms"); !strings.Contains(got.Body, "<bdi>North</bdi></h3>") || !strings.Contains(got.Body, `data-label="What">by-forms<`) ||
		!strings.Contains(got.Body, `data-label="Released, CH"`) || !strings.Contains(got.Body, "back from what was set aside") {
		t.Error("the ledger lacks the cluster")
	}
	export(t, a, cluster)
	groupUsage(t, a)
	exports(t, a)
}

func describe(t *testing.T, b *handlertest.Browser, w *handlertest.World) uuid.UUID {
	t.Helper()
	made := b.Post("/org/models", url.Values{"name": {"described"}})
	form := made.Header.Get("Location")
	if !strings.HasSuffix(form, "/versions/new") || b.Get(form).Status != http.StatusOK {
		t.Fatalf("model cluster: %d %s", made.Status, form)
	}
	f := url.Values{
		"version": {"1.0"}, "group_0_name": {"compute"}, "group_0_same_gate": {"1"}, "group_0_least": {"0"}, "group_0_most": {"4"}, "head_gate_kind": {"console"}, "head_gate_text": {"volary: ready"}, "head_gate_timeout": {"60"},
	}
	for _, role := range []string{"head", "group_0"} {
		f.Set(role+"_image", w.Image.String())
		f.Set(role+"_vcpus", "1")
		f.Set(role+"_memory_mib", "256")
		f.Set(role+"_disk_gib", "2")
	}
	saved := b.Post(strings.TrimSuffix(form, "/new"), f)
	path := saved.Header.Get("Location")
	id := lastID(t, saved)
	if got := b.Get(path + "/edit"); !strings.Contains(got.Body, `value="volary: ready"`) {
		t.Error("the draft's form lacks what was saved")
	}
	f.Set("version", "1.1")
	f.Set("token", "1")
	expect(t, b.Post(path, f), path)
	if got := b.Post(path, f); got.Status != http.StatusConflict || !strings.Contains(got.Body, `value="1.1"`) {
		t.Errorf("a stale form: %d", got.Status)
	}
	expect(t, b.Post(path+"/publish", url.Values{"token": {"2"}}), path)
	return id
}

func launch(t *testing.T, b *handlertest.Browser, w *handlertest.World, version uuid.UUID) uuid.UUID {
	t.Helper()
	f := url.Values{
		"name": {"by-forms"}, "version": {version.String()}, "pool": {w.Pool.String()}, "compute_count": {"2"}, "lease_hours": {"1"},
	}
	quote := b.Fragment("/org/clusters/new?"+f.Encode(), "quote")
	if !strings.Contains(quote.Body, "3.00") || !strings.Contains(quote.Body, "997.00") || strings.Contains(quote.Body, "<html") {
		t.Errorf("the quote is no fragment with what it costs and leaves: %s", quote.Body)
	}
	return lastID(t, b.Post("/org/clusters", f))
}

func expect(t *testing.T, got handlertest.Answer, location string) {
	t.Helper()
	if got.Status != http.StatusSeeOther || got.Header.Get("Location") != location {
		t.Fatalf("%d to %q, wanted to be led to %s\n%.2000s", got.Status, got.Header.Get("Location"), location, got.Body)
	}
}

var anyID = regexp.MustCompile(`[0-9a-f-]{36}$`)

func lastID(t *testing.T, got handlertest.Answer) uuid.UUID {
	t.Helper()
	id, err := uuid.Parse(anyID.FindString(got.Header.Get("Location")))
	if err != nil {
		t.Fatalf("%d leads to %q\n%.3000s", got.Status, got.Header.Get("Location"), got.Body)
	}
	return id
}

// untilUsed waits for a second that is proven.
func untilUsed(t *testing.T, a *handlertest.App, cluster uuid.UUID) {
	t.Helper()
	waittest.Until(t, "a proven second of three runs", func() (proven bool) {
		err := a.Pool.QueryRow(t.Context(), `SELECT count(*) = 3 FROM runs WHERE cluster_id = $1 AND ended_at > started_at`, cluster).Scan(&proven)
		if err != nil {
			t.Fatal(err)
		}
		return proven
	})
}

// export reads the month as the provider's accountant, and compares its total with the page's.
func export(t *testing.T, a *handlertest.App, cluster uuid.UUID) {
	t.Helper()
	accountant := a.SignIn(handlertest.Accountant)
	page := accountant.Get("/provider/usage")
	if !strings.Contains(page.Body, "First Group") || !strings.Contains(page.Body, "agree to the last compute second") {
		t.Error("the page lacks the organization, or says that ledger and runs differ")
	}
	file := accountant.Get("/provider/usage.csv")
	body, marked := strings.CutPrefix(file.Body, billing.ByteOrderMark)
	lines, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	if !marked || !strings.Contains(file.Header.Get("Content-Disposition"), "-provisional.csv") {
		t.Errorf("the file has no byte order mark, or is not called provisional: %v", file.Header)
	}
	if err != nil || file.Status != http.StatusOK || !strings.HasPrefix(file.Header.Get("Content-Disposition"), "attachment") {
		t.Fatalf("export: %d %v", file.Status, err)
	}
	column := map[string]int{}
	for i, name := range lines[0] {
		column[name] = i
	}
	wantWorkbook(t, accountant.Get("/provider/usage.xlsx"), lines)
	runs := 0
	for _, l := range lines[1:] {
		if l[column["cluster_id"]] == cluster.String() {
			runs++
		}
	}
	if runs < 3 {
		t.Errorf("%d runs in\n%s", runs, file.Body)
	}
	for _, table := range []string{"organizations", "totals", "total"} {
		got := accountant.Get("/provider/usage.csv?lines=" + table)
		if table == "total" { // as older links have it
			table = "totals"
		}
		if got.Status != http.StatusOK || !strings.Contains(got.Header.Get("Content-Disposition"), "-"+table+"-provisional.csv") || mcsOf(t, got.Body) != mcsOf(t, file.Body) {
			t.Errorf("%s: %d, %v\n%s", table, got.Status, got.Header, got.Body)
		}
	}
	says(t, "a table that there is not", accountant.Get("/provider/usage.csv?lines=everything"), http.StatusUnprocessableEntity)
	for month, status := range map[string]int{"2026-13": 422, "x": 422, "0001-01": 422, "2020-01": 200} {
		if got := accountant.Get("/provider/usage.csv?month=" + month); got.Status != status {
			t.Errorf("export of %s: %d", month, got.Status)
		}
		if got := accountant.Get("/provider/usage?month=" + month); got.Status != status || !strings.Contains(got.Body, `value="`+month+`"`) {
			t.Errorf("page of %s: %d", month, got.Status)
		}
	}
}

// groupUsage reads the month as the group does: who launched what was used. Everybody's is for those who may see it, a member
// has their own, and each table of the file has the same sum.
func groupUsage(t *testing.T, a *handlertest.App) {
	t.Helper()
	const at = "/org/usage/people"
	for _, who := range []string{handlertest.Owner, handlertest.Billing, handlertest.Auditor} {
		says(t, who+"'s month", a.SignIn(who).Get(at), http.StatusOK, "Launched by", handlertest.Member, "a month in Europe/Berlin", "is booked", "Download CSV")
	}
	bills, member, extra := a.SignIn(handlertest.Billing), a.SignIn(handlertest.Member), a.SignIn("extra@first.example")
	says(t, "one's own", member.Get(at), http.StatusOK, "What you launched used", handlertest.Member)
	says(t, "of who launched nothing", extra.Get(at), http.StatusOK, "Nothing is booked in this month")
	says(t, "another organization's", a.SignIn(handlertest.OtherOwner).Get(at), http.StatusOK, "Nothing is booked in this month")
	says(t, "no month", bills.Get(at+"?month=2026-13"), http.StatusUnprocessableEntity, "Write the month as 2026-11.", `value="2026-13"`)
	says(t, "an older month", bills.Get(at+"?month=2020-01"), http.StatusOK, "Nothing is booked in this month", "The month is over")
	runs := bills.Get("/org/usage.csv")
	sum := mcsOf(t, runs.Body)
	for _, table := range []string{"people", "totals"} {
		got := bills.Get("/org/usage.csv?lines=" + table)
		if got.Status != http.StatusOK || !strings.Contains(got.Header.Get("Content-Disposition"), "-"+table+"-provisional.csv") || mcsOf(t, got.Body) != sum || sum == 0 {
			t.Errorf("%s: %d, %v\n%s", table, got.Status, got.Header, got.Body)
		}
	}
	own := member.Get("/org/usage.csv")
	if name := own.Header.Get("Content-Disposition"); mcsOf(t, own.Body) != sum || !strings.Contains(name, "own-usage-") || strings.Contains(runs.Header.Get("Content-Disposition"), "own-") {
		t.Errorf("the member launched all, and has of %d mcs in %s:\n%s", sum, name, own.Body)
	}
	if none := extra.Get("/org/usage.csv"); none.Status != http.StatusOK || strings.Count(none.Body, "\n") != 1 {
		t.Errorf("who launched nothing has\n%s", none.Body)
	}
	says(t, "a file of no month", bills.Get("/org/usage.csv?month=x"), http.StatusUnprocessableEntity)
	book, err := excelize.OpenReader(strings.NewReader(bills.Get("/org/usage.xlsx").Body))
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	if head, err := book.GetRows(billing.GroupPeople); err != nil || !slices.Equal(book.GetSheetList(), billing.GroupTables()) || !slices.Contains(head[0], "from (UTC)") {
		t.Errorf("sheets %q, %v", book.GetSheetList(), err)
	}
}

// wantWorkbook wants a workbook with the same rows as a CSV.
func wantWorkbook(t *testing.T, got handlertest.Answer, lines [][]string) {
	t.Helper()
	book, err := excelize.OpenReader(strings.NewReader(got.Body))
	if err != nil || got.Status != http.StatusOK {
		t.Fatalf("workbook: %d %v", got.Status, err)
	}
	defer book.Close()
	rows, err := book.GetRows(billing.UsageRuns)
	if err != nil || len(rows) != len(lines) || !slices.Equal(book.GetSheetList(), billing.UsageTables()) {
		t.Fatalf("%d rows, the CSV has %d; sheets %q: %v", len(rows), len(lines), book.GetSheetList(), err)
	}
	for i, row := range rows {
		for j, cell := range row {
			if name := lines[0][j]; name != "made_at" && name != "settled_until" && strings.TrimSuffix(cell, " (UTC)") != lines[i][j] {
				t.Errorf("row %d: %s is %q in the workbook and %q in the CSV", i+1, name, cell, lines[i][j])
			}
		}
	}
}

// mcsOf adds up what the lines of a CSV say was used.
func mcsOf(t *testing.T, file string) (sum int64) {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(file, billing.ByteOrderMark))).ReadAll()
	if err != nil || len(rows) < 2 {
		t.Fatalf("%d rows: %v\n%s", len(rows), err, file)
	}
	column := slices.Index(rows[0], "mcs")
	for _, row := range rows[1:] {
		n, err := strconv.ParseInt(row[column], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}
