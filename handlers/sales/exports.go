package sales

import (
	"io"
	"regexp"
	"time"

	"github.com/labstack/echo/v4"

	"volary.dev/billing"
	"volary.dev/handlers/request"
	"volary.dev/store/books"
)

// focusVersion is the version of FOCUS that a query asks for; the newest where it does not say.
func focusVersion(c echo.Context) (billing.FocusVersion, error) {
	q := request.ParseQuery(c)
	q.Default("version", string(billing.Focus14))
	v := q.Choice("version", "a version of FOCUS", string(billing.Focus14), string(billing.Focus12))
	if r := q.Refusal(); r != nil {
		return "", r
	}
	return billing.FocusVersion(v), nil
}

// DownloadFocus sends a dataset of FOCUS as CSV, which programs read: it has no byte order mark.
func DownloadFocus(c echo.Context, db *books.DB, s books.ExportScope) error {
	v, err := focusVersion(c)
	if err != nil {
		return err
	}
	f := File{Name: "focus-" + string(v) + "-" + s.Month.String() + "-" + billing.Provisional, Tables: billing.FocusTables(v)}
	dataset, name, err := f.choose(c)
	if err != nil {
		return err
	}
	return download(c, name+".csv", "text/csv; charset=utf-8", func(w io.Writer) error {
		return db.ExportFocus(c.Request().Context(), s, v, dataset, billing.NewCSV(w, dataset))
	})
}

// DownloadFocusMetadata sends what FOCUS wants beside the data: what columns the files have.
func DownloadFocusMetadata(c echo.Context, m billing.Month) error {
	v, err := focusVersion(c)
	if err != nil {
		return err
	}
	return download(c, "focus-"+string(v)+"-"+m.String()+"-metadata.json", "application/json", func(w io.Writer) error {
		return billing.WriteFocusMetadata(w, v, time.Now())
	})
}

var gocdbSite = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// DownloadApel sends the messages of a UTC month. A provider says by what name GOCDB knows it; else it is made of the provider's.
func DownloadApel(c echo.Context, db *books.DB, s books.ExportScope) error {
	q := request.ParseQuery(c)
	site := q.Typed("site")
	if site != "" && !gocdbSite.MatchString(site) {
		q.Wrong("site", "Write the site as GOCDB names it: up to 100 letters, digits, dots, hyphens and underscores, no blanks.")
		return q.Refusal()
	}
	return download(c, "apel-"+s.Month.String()+"-"+billing.Provisional+".zip", "application/zip", func(w io.Writer) error {
		return db.ExportApel(c.Request().Context(), s, site, w)
	})
}
