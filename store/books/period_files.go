package books

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"volary.dev/billing"
	"volary.dev/billing/workbook"
	"volary.dev/store"
)

// PeriodFile is one file of a month.
type PeriodFile struct {
	Name   string // "usage-runs.csv"
	Media  string
	Size   int64  // 0: not kept, it is made as it is downloaded
	SHA256 string // lower-case hex
}

// periodFile is what a month's files are made of: tables in several forms, or a text.
type periodFile struct {
	name          string
	tables        []string // a CSV is of each; its name ends with the table's where there are several
	lines, sheets bool     // as JSON Lines and as a workbook, too
	fill          func(context.Context, pgx.Tx, accounts, billing.Book) error
	write         func(context.Context, pgx.Tx, accounts, io.Writer) error // of a text; else nil
}

// periodFiles is everything that is made of a month.
func periodFiles() []periodFile {
	return []periodFile{
		{name: "usage", tables: billing.UsageTables(), lines: true, sheets: true, fill: writeUsage},
		{name: "invoices", tables: billing.InvoiceTables(), sheets: true, fill: writeInvoices},
		{name: "trial-balance", tables: []string{billing.TrialBalance}, fill: writeTrialBalance},
		{name: "roll-forward", tables: []string{billing.RollLots, billing.RollTotals}, fill: writeRollForward},
		{name: "journal", tables: []string{billing.JournalLines}, fill: writeJournal},
		{name: "heads", write: writeHeadMarks},
	}
}

// forms are the files that it is.
func (f periodFile) forms() []PeriodFile {
	if f.write != nil {
		return []PeriodFile{{Name: f.name + ".txt", Media: "text/plain; charset=utf-8"}}
	}
	var list []PeriodFile
	for _, t := range f.tables {
		list = append(list, PeriodFile{Name: f.of(t, "csv"), Media: "text/csv; charset=utf-8"})
	}
	for _, t := range f.tables {
		if f.lines {
			list = append(list, PeriodFile{Name: f.of(t, "jsonl"), Media: "application/jsonl"})
		}
	}
	if f.sheets {
		list = append(list, PeriodFile{Name: f.name + ".xlsx", Media: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"})
	}
	return list
}

func (f periodFile) of(table, ending string) string {
	if len(f.tables) == 1 {
		return f.name + "." + ending
	}
	return f.name + "-" + table + "." + ending
}

// tableOf is the table that a file of it has.
func (f periodFile) tableOf(name string) string {
	for _, t := range f.tables {
		if stem, _, _ := strings.Cut(name, "."); len(f.tables) == 1 || stem == f.name+"-"+t {
			return t
		}
	}
	return ""
}

// book begins a file of it.
func (f periodFile) book(name string, to io.Writer) (b billing.Book, done func() error, err error) {
	done = func() error { return nil }
	switch {
	case strings.HasSuffix(name, ".csv"):
		b, err = billing.NewMarkedCSV(to, f.tableOf(name))
	case strings.HasSuffix(name, ".jsonl"):
		b = billing.NewJSONLines(to, f.tableOf(name))
	default:
		sheets, err := workbook.New(to)
		if err != nil {
			return nil, nil, err
		}
		return &fitting{Book: sheets}, sheets.Close, nil
	}
	return b, done, err
}

// fitting is a workbook that is given up where a sheet is too long: the other forms have all rows.
type fitting struct {
	billing.Book
	full bool
}

func (f *fitting) Row(cells ...billing.Cell) error {
	if f.full {
		return nil
	}
	err := f.Book.Row(cells...)
	if f.full = errors.Is(err, workbook.ErrTooLong); f.full {
		return nil
	}
	return err
}

func (f *fitting) Table(name string, columns []billing.Column) error {
	if f.full {
		return nil
	}
	return f.Book.Table(name, columns)
}

func (f *fitting) Finish() error {
	if f.full {
		return nil
	}
	return f.Book.Finish()
}

// findPeriodFile finds what a file is of.
func findPeriodFile(name string) (f periodFile, form PeriodFile, ok bool) {
	for _, f := range periodFiles() {
		if i := slices.IndexFunc(f.forms(), func(x PeriodFile) bool { return x.Name == name }); i >= 0 {
			return f, f.forms()[i], true
		}
	}
	return periodFile{}, PeriodFile{}, false
}

// PeriodFileNamed gives what is known of one of a month's files before it is made; false where there is none of that name.
func PeriodFileNamed(name string) (PeriodFile, bool) {
	_, form, ok := findPeriodFile(name)
	return form, ok
}

// WritePeriodFile makes a file of an open month, as it would be now. It is good only where it returns nil. NotFound("file").
func (db *DB) WritePeriodFile(ctx context.Context, providerID uuid.UUID, month billing.Month, name string, to io.Writer) error {
	f, _, ok := findPeriodFile(name)
	if !ok {
		return store.Found(pgx.ErrNoRows, "file")
	}
	period, err := db.accountingPeriod(ctx, providerID, month)
	if err != nil {
		return err
	}
	err = db.core.LongSnapshot(ctx, func(tx pgx.Tx) error {
		known, err := asOf(ctx, tx, providerID, uuid.Nil)
		if err != nil {
			return err
		}
		a := accounts{providerID, month, period, known}
		if f.write != nil {
			return f.write(ctx, tx, a, to)
		}
		b, done, err := f.book(name, to)
		if err != nil {
			return err
		}
		return errors.Join(f.fill(ctx, tx, a, b), done())
	})
	if err != nil {
		return fmt.Errorf("%s of provider %s in %s: %w", name, providerID, month, err)
	}
	return nil
}

// makeFiles makes and keeps all files of a month that is being closed.
func makeFiles(ctx context.Context, tx pgx.Tx, a accounts) error {
	for _, f := range periodFiles() {
		if err := f.makeForms(ctx, tx, a); err != nil {
			return fmt.Errorf("make %s: %w", f.name, err)
		}
	}
	return nil
}

// made is a file on its way into the database.
type made struct {
	PeriodFile
	file *os.File
	book billing.Book
	done func() error
}

// makeForms reads once what all forms of a file are made of. They are written beside the database first: rows of the query are on the connection meanwhile.
func (f periodFile) makeForms(ctx context.Context, tx pgx.Tx, a accounts) (err error) {
	var list []made
	defer func() {
		for _, m := range list {
			err = errors.Join(err, m.done(), m.file.Close(), os.Remove(m.file.Name()))
		}
	}()
	var all billing.Books
	for _, form := range f.forms() {
		file, err := os.CreateTemp("", "volary-*-"+form.Name)
		if err != nil {
			return err
		}
		list = append(list, made{form, file, nil, func() error { return nil }})
		if m := &list[len(list)-1]; f.write == nil {
			if m.book, m.done, err = f.book(form.Name, file); err != nil {
				m.done = func() error { return nil }
				return err
			}
			all = append(all, m.book)
		}
	}
	if f.write != nil {
		err = f.write(ctx, tx, a, list[0].file)
	} else {
		err = f.fill(ctx, tx, a, all)
	}
	if err != nil {
		return err
	}
	for _, m := range list {
		if sheets, ok := m.book.(*fitting); ok && sheets.full {
			continue
		}
		if err := m.keep(ctx, tx, a); err != nil {
			return err
		}
	}
	return nil
}

// partBytes is how long a part of a kept file is.
const partBytes = 1 << 20

func (m made) keep(ctx context.Context, tx pgx.Tx, a accounts) error {
	sum, size, err := sumOf(m.file)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO period_files (provider_id, month, name, media, size, sha256) VALUES ($1, $2::text::date, $3, $4, $5, $6)`,
		a.providerID, a.month.FirstDay(), m.Name, m.Media, size, sum.Sum(nil)); err != nil {
		return err
	}
	part := make([]byte, partBytes)
	for number := 1; ; number++ {
		n, err := io.ReadFull(m.file, part)
		if n > 0 {
			_, failed := tx.Exec(ctx, `INSERT INTO period_file_parts (provider_id, month, name, number, bytes) VALUES ($1, $2::text::date, $3, $4, $5)`,
				a.providerID, a.month.FirstDay(), m.Name, number, part[:n])
			if failed != nil {
				return failed
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// sumOf reads a file once, and leaves it at its beginning.
func sumOf(file *os.File) (hash.Hash, int64, error) {
	sum := sha256.New()
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, 0, err
	}
	size, err := io.Copy(sum, file)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	return sum, size, err
}

func keptFiles(ctx context.Context, q store.Queryer, providerID uuid.UUID, month billing.Month) ([]PeriodFile, error) {
	rows, _ := q.Query(ctx, `SELECT name, media, size, sha256 FROM period_files WHERE provider_id = $1 AND month = $2::text::date ORDER BY name`, providerID, month.FirstDay())
	list, err := store.All(rows, "files of a month", func(row pgx.CollectableRow) (PeriodFile, error) {
		var f PeriodFile
		var sum []byte
		err := row.Scan(&f.Name, &f.Media, &f.Size, &sum)
		f.SHA256 = hex.EncodeToString(sum)
		return f, err
	})
	// In the order in which they are made; one of an older version comes last.
	place := map[string]int{}
	for _, f := range periodFiles() {
		for _, form := range f.forms() {
			place[form.Name] = len(place) - 1_000_000
		}
	}
	slices.SortStableFunc(list, func(x, y PeriodFile) int { return place[x.Name] - place[y.Name] })
	return list, err
}

// KeptFile finds a file of a closed month. NotFound("file").
func (db *DB) KeptFile(ctx context.Context, providerID uuid.UUID, month billing.Month, name string) (PeriodFile, error) {
	list, err := keptFiles(ctx, db.pool, providerID, month)
	if err != nil {
		return PeriodFile{}, err
	}
	if i := slices.IndexFunc(list, func(f PeriodFile) bool { return f.Name == name }); i >= 0 {
		return list[i], nil
	}
	return PeriodFile{}, store.Found(pgx.ErrNoRows, "file")
}

// WriteKeptFile writes a kept file as it was made. NotFound("file"); a workbook too long for spreadsheets was not made.
func (db *DB) WriteKeptFile(ctx context.Context, providerID uuid.UUID, month billing.Month, name string, to io.Writer) error {
	if _, err := db.KeptFile(ctx, providerID, month, name); err != nil {
		return err
	}
	return db.core.LongSnapshot(ctx, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, `SELECT bytes FROM period_file_parts WHERE provider_id = $1 AND month = $2::text::date AND name = $3 ORDER BY number`, providerID, month.FirstDay(), name)
		var part []byte
		_, err := pgx.ForEachRow(rows, []any{&part}, func() error {
			_, err := to.Write(part)
			return err
		})
		if err != nil {
			return fmt.Errorf("read %s of %s: %w", name, month, err)
		}
		return nil
	})
}
