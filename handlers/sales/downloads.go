package sales

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/billing"
	"volary.dev/billing/workbook"
	"volary.dev/handlers/request"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/books"
)

// File is what an accountant takes home.
type File struct {
	Name   string   // without its ending: "usage-2026-11-provisional"
	Of     string   // what a kept file is called by: "usage" of "usage-runs.csv"
	Tables []string // that it has; a CSV is of the one that the query asks for as "lines", else of the first
	// Fill writes it whole: one that does not tie to the ledger, or is cut by an error, is not sent.
	Fill func(billing.Book) error
	// Kept writes a file of a closed month as it was made, by its name; nil: it is made now.
	Kept func(name string, to io.Writer) error
}

// kept is how a table's kept file is called.
func (f File) kept(table, ending string) string {
	if len(f.Tables) > 1 {
		return f.Of + "-" + table + "." + ending
	}
	return f.Of + "." + ending
}

// DownloadCSV sends one table of a file as CSV.
func DownloadCSV(c echo.Context, f File) error {
	table, name, err := f.choose(c)
	if err != nil {
		return err
	}
	return download(c, name+".csv", "text/csv; charset=utf-8", func(w io.Writer) error {
		if f.Kept != nil {
			return f.Kept(f.kept(table, "csv"), w)
		}
		b, err := billing.NewMarkedCSV(w, table) // marked: who downloads it opens it by a click
		if err != nil {
			return err
		}
		return f.Fill(b)
	})
}

// DownloadJSONLines sends one table of a file as JSON Lines.
func DownloadJSONLines(c echo.Context, f File) error {
	table, name, err := f.choose(c)
	if err != nil {
		return err
	}
	return download(c, name+".jsonl", "application/jsonl", func(w io.Writer) error {
		if f.Kept != nil {
			return f.Kept(f.kept(table, "jsonl"), w)
		}
		return f.Fill(billing.NewJSONLines(w, table))
	})
}

// choose reads which table the query asks for, and names the file by it.
func (f File) choose(c echo.Context) (table, name string, err error) {
	table, name = f.Tables[0], f.Name
	if q := request.ParseQuery(c); q.Has("lines") {
		q.Rename("lines", "total", billing.UsageAll) // as it was called in links until 2026-11-30
		table = q.Choice("lines", "what the lines are", f.Tables...)
		if r := q.Refusal(); r != nil {
			return "", "", r
		}
	}
	if table != f.Tables[0] {
		plain, provisional := strings.CutSuffix(name, "-"+billing.Provisional)
		if name = plain + "-" + table; provisional {
			name += "-" + billing.Provisional
		}
	}
	return table, name, nil
}

// DownloadWorkbook sends a file as an .xlsx workbook, with a sheet for each table.
func DownloadWorkbook(c echo.Context, f File) error {
	return download(c, f.Name+".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", func(w io.Writer) error {
		if f.Kept != nil {
			return f.Kept(f.Of+".xlsx", w)
		}
		b, err := workbook.New(w)
		if err != nil {
			return err
		}
		return errors.Join(f.Fill(b), b.Close())
	})
}

// DownloadPeriodFile sends a file of a month: as it was made where the month is closed, else as it would be made now, and called provisional.
func DownloadPeriodFile(c echo.Context, db *books.DB, providerID uuid.UUID, month billing.Month, name string) error {
	ctx := c.Request().Context()
	file, ok := books.PeriodFileNamed(name)
	closed, err := db.PeriodClosed(ctx, providerID, month)
	if err != nil {
		return err
	}
	stem, ending, _ := strings.Cut(name, ".")
	if closed {
		if file, err = db.KeptFile(ctx, providerID, month, name); err != nil {
			return err
		}
		return download(c, stem+"-"+month.String()+"."+ending, file.Media, func(w io.Writer) error { return db.WriteKeptFile(ctx, providerID, month, name, w) })
	}
	if !ok {
		return refusal.NotFound("file")
	}
	return download(c, stem+"-"+month.String()+"-"+billing.Provisional+"."+ending, file.Media, func(w io.Writer) error {
		return db.WritePeriodFile(ctx, providerID, month, name, w)
	})
}

// DownloadLedger sends a ledger as lines of JSON.
func DownloadLedger(c echo.Context, write func(io.Writer) error) error {
	return download(c, "ledger.jsonl", "application/x-ndjson", write)
}

// download sends a file that write makes whole before the first byte is sent.
func download(c echo.Context, name, media string, write func(io.Writer) error) error {
	file, err := os.CreateTemp("", "volary-*-"+name)
	if err != nil {
		return fmt.Errorf("make %s: %w", name, err)
	}
	defer func() { _ = errors.Join(file.Close(), os.Remove(file.Name())) }()
	if err := write(file); err != nil {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	c.Response().Header().Set(echo.HeaderContentDisposition, fmt.Sprintf("attachment; filename=%q", name))
	return c.Stream(http.StatusOK, media, file)
}
