package provider

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/labstack/echo/v4"

	"volary.dev/billing"
	"volary.dev/billing/workbook"
)

// fileKind is a form of what an accountant takes home.
type fileKind struct {
	ending, media string
	// write has fill fill a sheet whose file goes to w, and ends what the sheet holds.
	write func(w io.Writer, fill func(billing.Sheet) error) error
}

var (
	csvFile  = fileKind{"csv", "text/csv; charset=utf-8", writeCSV}
	xlsxFile = fileKind{"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", writeXLSX}
)

// writeCSV marks the file: who downloads it opens it by a click.
func writeCSV(w io.Writer, fill func(billing.Sheet) error) error {
	s, err := billing.NewMarkedCSV(w)
	if err != nil {
		return err
	}
	return fill(s)
}

func writeXLSX(w io.Writer, fill func(billing.Sheet) error) error {
	b, err := workbook.New(w, "Volary")
	if err != nil {
		return err
	}
	return errors.Join(fill(b), b.Close())
}

// download sends a file that fill makes whole before the first byte is sent: one that does not tie to the ledger, or is
// cut by an error, must not look like a download that worked. name has no ending.
func download(c echo.Context, kind fileKind, name string, fill func(billing.Sheet) error) error {
	file, err := os.CreateTemp("", "volary-"+name+"-*."+kind.ending)
	if err != nil {
		return fmt.Errorf("make %s: %w", name, err)
	}
	defer func() { _ = errors.Join(file.Close(), os.Remove(file.Name())) }()
	if err := kind.write(file, fill); err != nil {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	c.Response().Header().Set(echo.HeaderContentDisposition, fmt.Sprintf("attachment; filename=%q", name+"."+kind.ending))
	return c.Stream(http.StatusOK, kind.media, file)
}
