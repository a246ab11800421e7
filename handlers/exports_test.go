package handlers_test

import (
	"archive/zip"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"volary.dev/handlers/handlertest"
)

// exports takes a month home in every format, as the provider's accountant and as the group's billing. Each file of use has the same sum, and
// what is no month, version, dataset or site is refused in words.
func exports(t *testing.T, a *handlertest.App) {
	t.Helper()
	accountant, bills := a.SignIn(handlertest.Accountant), a.SignIn(handlertest.Billing)
	for side, b := range map[string]*handlertest.Browser{"/provider": accountant, "/org": bills} {
		says(t, side, b.Get(side+"/exports"), http.StatusOK, "These files are provisional", "Usage, JSON Lines", "FOCUS 1.4", "FOCUS 1.2", "APEL cloud 0.4", "a month in Europe/Berlin")
		says(t, side+" of no month", b.Get(side+"/exports?month=2026-13"), http.StatusUnprocessableEntity, "Write the month as 2026-11.", `value="2026-13"`)
		says(t, side+" of a month to come", b.Get(side+"/exports?month=2999-01"), http.StatusOK, "This month has not begun")
		want := mcsOf(t, b.Get(side+"/usage.csv").Body)
		for _, lines := range []string{"", "?lines=totals"} {
			if got := mcsOfLines(t, b.Get(side+"/usage.jsonl"+lines)); got != want || want == 0 {
				t.Errorf("%s%s: %d mcs, the CSV has %d", side, lines, got, want)
			}
		}
		for _, version := range []string{"", "?version=1.4", "?version=1.2"} {
			got := b.Get(side + "/exports/focus.csv" + version)
			rows, err := csv.NewReader(strings.NewReader(got.Body)).ReadAll()
			if err != nil || got.Status != http.StatusOK || len(rows) < 3 || !strings.Contains(got.Header.Get("Content-Disposition"), "-provisional.csv") {
				t.Errorf("%s%s: %d, %d rows, %v, %v", side, version, got.Status, len(rows), got.Header, err)
			}
			if used := focusMCS(t, rows); used != want {
				t.Errorf("%s%s: %d mcs used, the usage file has %d", side, version, used, want)
			}
			if meta := b.Get(side + "/exports/focus.json" + version); meta.Status != http.StatusOK || !json.Valid([]byte(meta.Body)) {
				t.Errorf("%s%s: metadata %d", side, version, meta.Status)
			}
		}
		says(t, side+" commitments", b.Get(side+"/exports/focus.csv?lines=contract-commitment"), http.StatusOK, "ContractCommitmentId", "Prepaid Compute Hours")
		says(t, side+" commitments of 1.2", b.Get(side+"/exports/focus.csv?version=1.2&lines=contract-commitment"), http.StatusUnprocessableEntity)
		says(t, side+" version", b.Get(side+"/exports/focus.csv?version=2"), http.StatusUnprocessableEntity)
		says(t, side+" site", b.Get(side+"/exports/apel.zip?site=a+b"), http.StatusUnprocessableEntity)
		got := b.Get(side + "/exports/apel.zip?site=TEST-Site&month=" + time.Now().UTC().Format("2006-01")) // APEL's months are UTC's
		z, err := zip.NewReader(strings.NewReader(got.Body), int64(len(got.Body)))
		if err != nil || len(z.File) != 1 {
			t.Fatalf("%s: %d, %v", side, got.Status, err)
		}
		f, err := z.File[0].Open()
		if err != nil {
			t.Fatal(err)
		}
		message, err := io.ReadAll(f)
		if err != nil || !strings.HasPrefix(string(message), "APEL-cloud-message: v0.4\n") || !strings.Contains(string(message), "SiteName: TEST-Site\n") || strings.Count(string(message), "VMUUID: ") < 3 {
			t.Errorf("%s: %s, %v", side, message, err)
		}
	}
	for who, path := range map[string]string{handlertest.Member: "/org/exports", handlertest.Operator: "/provider/exports"} {
		for _, file := range []string{"", "/focus.csv", "/focus.json", "/apel.zip"} {
			if got := a.SignIn(who).Get(path + file); got.Status != http.StatusForbidden {
				t.Errorf("%s gets %s%s: %d", who, path, file, got.Status)
			}
		}
	}
	if got := a.SignIn(handlertest.Auditor).Get("/org/exports"); got.Status != http.StatusOK {
		t.Errorf("an auditor gets %d", got.Status)
	}
	other := a.SignIn(handlertest.OtherOwner).Get("/org/exports/apel.zip")
	if z, err := zip.NewReader(strings.NewReader(other.Body), int64(len(other.Body))); err != nil || len(z.File) != 0 || other.Status != http.StatusOK {
		t.Errorf("another organization's file: %d, %v", other.Status, err)
	}
}

// mcsOfLines adds up what the lines of a JSON Lines file say was used.
func mcsOfLines(t *testing.T, got handlertest.Answer) (sum int64) {
	t.Helper()
	for line := range strings.Lines(got.Body) {
		var row struct{ MCS int64 }
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatalf("%d %q: %v", got.Status, line, err)
		}
		sum += row.MCS
	}
	return sum
}

// focusMCS adds up what rows of use say.
func focusMCS(t *testing.T, rows [][]string) (sum int64) {
	t.Helper()
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	for _, r := range rows[1:] {
		if r[column["ChargeCategory"]] == "Usage" && r[column["CommitmentDiscountStatus"]] == "Used" {
			n := json.Number(r[column["x_ComputeMilliseconds"]])
			mcs, err := n.Int64()
			if err != nil {
				t.Fatal(err)
			}
			sum += mcs
		}
	}
	return sum
}
