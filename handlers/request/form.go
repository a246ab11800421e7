package request

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
)

// Form is a parsed form or query. Its methods take the field's name, what a sentence calls it ("the lease"), and
// its bounds; a wrong field gives the zero value and one sentence.
type Form struct {
	values url.Values
	wrong  map[string]string
}

// PasswordAgain is the field of a form that carries the password of who sends it, where it is asked for again.
const PasswordAgain = "password_again"

// ParseForm reads the body of a POST. A body that is too large, does not come in time or is no form is a refusal.
func ParseForm(c echo.Context) (*Form, error) {
	r := c.Request()
	if err := r.ParseForm(); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return nil, &refusal.Error{
				Code: "too_large", Title: fmt.Sprintf("The form is larger than %d KiB.", large.Limit>>10),
				Next: "Shorten it and send it again.",
			}
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, &refusal.Error{Code: "too_slow", Title: "The request took too long to arrive.", Next: "Send it again."}
		}
		return nil, malformed()
	}
	return &Form{values: r.PostForm}, nil
}

func malformed() *refusal.Error {
	return &refusal.Error{Code: "malformed", Title: "The form could not be read.", Next: "Go back, reload the page and send it again."}
}

// Drop takes a field out of a request's form: what comes after sees the form as if it had not been sent.
func Drop(r *http.Request, name string) {
	r.PostForm.Del(name)
	r.Form.Del(name)
}

// ParseQuery reads the query of a GET.
func ParseQuery(c echo.Context) *Form { return &Form{values: c.QueryParams()} }

// Filled is a form of other values whose wrong fields are also those of f: a query with its defaults filled in.
func Filled(values url.Values, f *Form) *Form {
	if f.wrong == nil {
		f.wrong = map[string]string{}
	}
	return &Form{values: values, wrong: f.wrong}
}

// Typed is a field exactly as it was typed.
func (f *Form) Typed(name string) string { return f.values.Get(name) }

// Has tells whether the field was sent with anything in it.
func (f *Form) Has(name string) bool { return f.Typed(name) != "" }

// Named are the fields that were sent whose names begin with prefix, in order and without it; at most most of them.
func (f *Form) Named(prefix string, most int) []string {
	var names []string
	for field := range f.values {
		if name, ok := strings.CutPrefix(field, prefix); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names[:min(len(names), most)]
}

// Sent tells whether the field was sent at all, be it empty.
func (f *Form) Sent(name string) bool { return f.values.Has(name) }

// Default gives a field that was not sent at all a value, as if it had been typed.
func (f *Form) Default(name, value string) {
	if !f.values.Has(name) {
		f.values.Set(name, value)
	}
}

// Rename reads a field's old value as what it is called now.
func (f *Form) Rename(name, old, now string) {
	if f.Typed(name) == old {
		f.values.Set(name, now)
	}
}

// Wrong adds a sentence for a field; the first one of a field stays.
func (f *Form) Wrong(name, sentence string) {
	if f.wrong == nil {
		f.wrong = map[string]string{}
	}
	if _, has := f.wrong[name]; !has {
		f.wrong[name] = sentence
	}
}

// WrongNumber is Wrong of a number: its sentence repeats what was typed, as it was typed.
func (f *Form) WrongNumber(name, sentence string) {
	text := strings.TrimSpace(f.Typed(name))
	if text != "" && !slices.ContainsFunc(strings.Fields(sentence), func(word string) bool { return strings.Trim(word, ".;:“”\u2068\u2069") == text }) {
		sentence = strings.TrimSuffix(sentence, ".") + "; " + typed.Quoted(text) + " was typed."
	}
	f.Wrong(name, sentence)
}

// Also adds what a command would refuse of the fields, so that a person hears of all faults of a form at once: err is its check
// of what was read so far. Of a field that could not be read that is not said.
func (f *Form) Also(err error) {
	if r, ok := refusal.As(err); ok {
		for name, sentence := range r.Fields {
			f.Wrong(name, sentence)
		}
	}
}

// Refusal is nil when every field read so far was right.
func (f *Form) Refusal() *refusal.Error {
	if len(f.wrong) == 0 {
		return nil
	}
	return refusal.Invalid(f.wrong)
}

// Text is one line without spaces around it, between least and most characters.
func (f *Form) Text(name, called string, least, most int) string {
	s := strings.TrimSpace(f.Typed(name))
	n := utf8.RuneCountInString(s)
	switch {
	case n == 0 && least > 0:
		f.Wrong(name, fmt.Sprintf("Fill in %s.", called))
	case n < least || n > most:
		f.Wrong(name, fmt.Sprintf("%s has %s; between %d and %d are taken.", sentence(called), characters(n), least, most))
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		f.Wrong(name, fmt.Sprintf("%s holds characters that cannot be shown.", sentence(called)))
	default:
		return s
	}
	return ""
}

// Name is what somebody or something is called (typed.ParseName), between least and most characters.
func (f *Form) Name(name, called string, least, most int) string {
	s := f.Text(name, called, least, most)
	if s == "" {
		return s
	}
	parsed, err := typed.ParseName(s)
	if err != nil {
		f.Wrong(name, "This name "+err.Error()+".")
	}
	return parsed
}

// Lines is text of many lines, kept byte for byte but for line ends, at most most bytes.
func (f *Form) Lines(name, called string, most int) string {
	// Browsers send CRLF, and scripts with it do not run.
	s := strings.ReplaceAll(f.Typed(name), "\r\n", "\n")
	switch {
	case len(s) > most:
		f.Wrong(name, fmt.Sprintf("%s has %d bytes; at most %d are taken.", sentence(called), len(s), most))
	case !utf8.ValidString(s) || strings.ContainsRune(s, 0):
		f.Wrong(name, fmt.Sprintf("%s is not text in UTF-8.", sentence(called)))
	default:
		return s
	}
	return ""
}

// Secret is taken as it is, since spaces may belong to a password.
func (f *Form) Secret(name, called string, most int) string {
	s := f.Typed(name)
	if s == "" {
		f.Wrong(name, fmt.Sprintf("Fill in %s.", called))
	}
	if len(s) > most {
		f.Wrong(name, fmt.Sprintf("%s is longer than %d bytes.", sentence(called), most))
		return ""
	}
	return s
}

// Int is a whole number between least and most.
func (f *Form) Int(name, called string, least, most int) int {
	return int(f.Int64(name, called, int64(least), int64(most)))
}

// Int64 is a whole number between least and most.
func (f *Form) Int64(name, called string, least, most int64) int64 {
	s := f.Typed(name)
	if strings.TrimSpace(s) == "" {
		f.Wrong(name, fmt.Sprintf("Fill in %s: a whole number between %d and %d.", called, least, most))
		return 0
	}
	n, err := scaled(s, 0, strconv.FormatInt(least, 10))
	switch {
	case errors.Is(err, typed.ErrTooLarge), err == nil && (n < least || n > most):
		f.WrongNumber(name, fmt.Sprintf("%s must be between %d and %d.", sentence(called), least, most))
	case err != nil:
		f.WrongNumber(name, fmt.Sprintf("Give %s as a whole number between %d and %d; %v.", called, least, most, err))
	default:
		return n
	}
	return 0
}

// Decimal is a number with at most that many decimals, in units of 10^-places, as its bounds are.
func (f *Form) Decimal(name, called string, places int, least, most int64) int64 {
	low, high := typed.Text(least, places), typed.Text(most, places)
	n, err := scaled(f.Typed(name), places, low)
	switch {
	case errors.Is(err, typed.ErrTooLarge), err == nil && (n < least || n > most):
		f.WrongNumber(name, fmt.Sprintf("%s must be between %s and %s.", sentence(called), low, high))
	case err != nil:
		f.WrongNumber(name, fmt.Sprintf("Give %s as a number between %s and %s; %v.", called, low, high, err))
	default:
		return n
	}
	return 0
}

func scaled(s string, places int, example string) (int64, error) {
	n, err := typed.ParseNumber(s, example)
	if err != nil {
		return 0, err
	}
	return n.Scaled(places)
}

// ID is a UUID of a choice; what is no UUID was not chosen from the page.
func (f *Form) ID(name, called string) uuid.UUID {
	id, err := uuid.Parse(f.Typed(name))
	if err != nil || id == uuid.Nil {
		f.Wrong(name, fmt.Sprintf("Choose %s.", called))
		return uuid.Nil
	}
	return id
}

// Choice is one of the given values.
func (f *Form) Choice(name, called string, values ...string) string {
	s := f.Typed(name)
	for _, v := range values {
		if s == v {
			return s
		}
	}
	f.Wrong(name, fmt.Sprintf("Choose %s.", called))
	return ""
}

// Duration is a number of hours ("1.5"), exact to the second, between least and most.
func (f *Form) Duration(name, called string, least, most time.Duration) time.Duration {
	d, err := parseHours(f.Typed(name))
	switch {
	case errors.Is(err, typed.ErrTooLarge), err == nil && d < 0:
		f.WrongNumber(name, fmt.Sprintf("%s has to be hours like 4 or 1.5, between %s and %s.", sentence(called), hours(least), hours(most)))
	case err != nil:
		f.WrongNumber(name, fmt.Sprintf("%s has to be hours like 4 or 1.5, between %s and %s; %v.", sentence(called), hours(least), hours(most), err))
	case d < least || d > most:
		f.WrongNumber(name, fmt.Sprintf("%s must be between %s and %s.", sentence(called), hours(least), hours(most)))
	default:
		return d
	}
	return 0
}

// Hours is a number of hours ("1.5"), exact to the second. What bounds it is said by who knows the bounds; more than can be
// written is the most that can.
func (f *Form) Hours(name, called string) time.Duration {
	d, err := parseHours(f.Typed(name))
	if errors.Is(err, typed.ErrTooLarge) {
		return math.MaxInt64 / time.Hour * time.Hour
	}
	if err != nil {
		f.WrongNumber(name, fmt.Sprintf("%s has to be hours like 4 or 1.5; %v.", sentence(called), err))
	}
	return d
}

// Moment is a date and time in UTC, as a field of type datetime-local sends it, or the start of a day; nothing typed is the
// zero time.
func (f *Form) Moment(name, called string) time.Time {
	return f.moment(name, called, typed.Day.Start)
}

// Until is Moment for what lasts until then: a day alone is meant with the whole of it.
func (f *Form) Until(name, called string) time.Time {
	return f.moment(name, called, typed.Day.End)
}

// UntilIn is Until by the clocks of a zone, of what has to be said: a day alone is meant with the whole of it, however many hours it has.
func (f *Form) UntilIn(name, called string, zone *time.Location) time.Time {
	if day, err := typed.ParseDay(f.Typed(name)); err == nil {
		return day.End(zone)
	}
	t, err := typed.ParseClock(f.Typed(name), zone)
	switch {
	case strings.TrimSpace(f.Typed(name)) == "":
		f.Wrong(name, fmt.Sprintf("Fill in %s: a date and time like 2026-11-22T15:20.", called))
	case errors.Is(err, typed.ErrSkipped):
		f.Wrong(name, fmt.Sprintf("There is no such time on that day in %s: clocks go forward over it. Choose an earlier or a later one.", zone))
	case err != nil:
		f.Wrong(name, fmt.Sprintf("%s has to be a date and time like 2026-11-22T15:20.", sentence(called)))
	}
	return t
}

func (f *Form) moment(name, called string, bound func(typed.Day, *time.Location) time.Time) time.Time {
	s := strings.TrimSpace(f.Typed(name))
	if s == "" {
		return time.Time{}
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04"} {
		if t, err := time.Parse(layout, s); err == nil && t.Year() >= 2000 && t.Year() < 3000 {
			return t
		}
	}
	if day, err := typed.ParseDay(s); err == nil {
		return bound(day, time.UTC)
	}
	f.Wrong(name, fmt.Sprintf("%s has to be a date and time like 2026-11-22T15:20.", sentence(called)))
	return time.Time{}
}

// Day is a day; ok is false where nothing was typed, or no day.
func (f *Form) Day(name string) (day typed.Day, ok bool) {
	if !f.Has(name) {
		return typed.Day{}, false
	}
	day, err := typed.ParseDay(f.Typed(name))
	if err != nil {
		f.Wrong(name, sentence(err.Error())+".")
	}
	return day, err == nil
}

// parseHours does not go through floating point: 0.1 h is 360 s. Digits beyond the sixth are refused.
func parseHours(s string) (time.Duration, error) {
	n, err := scaled(s, 6, "4 or 1.5")
	if err != nil {
		return 0, err
	}
	const millionth = time.Hour / 1_000_000
	if n > int64(math.MaxInt64/millionth) || n < int64(math.MinInt64/millionth) {
		return 0, typed.ErrTooLarge
	}
	return (time.Duration(n) * millionth).Truncate(time.Second), nil
}

func hours(d time.Duration) string {
	if d < time.Hour {
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return strconv.FormatFloat(d.Hours(), 'f', -1, 64) + " h"
}

func characters(n int) string { return refusal.Plural(n, "character", "characters") }

func sentence(called string) string {
	r, n := utf8.DecodeRuneInString(called)
	return string(unicode.ToUpper(r)) + called[n:]
}
