package respond

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/labstack/echo/v4"

	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// statusGone is nginx's number for a client that went away before the answer: nobody reads it but our log.
const statusGone = 499

// RefusalHeader has, on every refusal below /uploads/, its code: to HEAD there is no other answer, and a gateway's own 404, 413 and 429
// are none of ours.
const RefusalHeader = "Volary-Refusal"

// Status is the HTTP status of a refusal's code. A code that the table lacks is a form that was refused.
func Status(code string) int {
	switch code {
	case "not_found":
		return http.StatusNotFound
	case "signed_out", "password_again":
		return http.StatusUnauthorized
	case "forbidden", "cross_origin":
		return http.StatusForbidden
	case "method":
		return http.StatusMethodNotAllowed
	case "malformed":
		return http.StatusBadRequest
	case "link": // of a mail: used, expired, or never there
		return http.StatusGone
	case "too_large":
		return http.StatusRequestEntityTooLarge
	case "throttled":
		return http.StatusTooManyRequests
	case "stale_form", "conflict", "other_place", "sent_otherwise":
		return http.StatusConflict
	case "no_upgrade":
		return http.StatusUpgradeRequired
	case "other_organization", "another_file", "unproven": // of an upload
		return http.StatusConflict
	case "too_slow":
		return http.StatusRequestTimeout
	case "busy", "database_away":
		return http.StatusServiceUnavailable
	case "worker_away":
		return http.StatusBadGateway
	case "storage_full": // of an upload
		return http.StatusInsufficientStorage
	case "internal":
		return http.StatusInternalServerError
	case "client_gone":
		return statusGone
	default:
		return http.StatusUnprocessableEntity
	}
}

// Refusal is what a browser is told of err, and the status to send. Only refusals speak for themselves: what any
// other error says stays in the log.
func Refusal(err error, requestID string) (refusal.Error, int) {
	r := translate(err, requestID)
	return *r, Status(r.Code)
}

// AsForm gives a refusal that belongs above its form. Everything else (an error of ours, someone else's id) is answered
// by the one error handler.
func AsForm(err error) (*refusal.Error, bool) {
	r, ok := refusal.As(err)
	if !ok || r.Code == "not_found" {
		return nil, false
	}
	return r, true
}

func translate(err error, requestID string) *refusal.Error {
	if r, ok := refusal.As(err); ok {
		return r
	}
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return &refusal.Error{Code: "too_large", Title: fmt.Sprintf("More than %d KiB were sent.", large.Limit>>10), Next: "Send less at once."}
	}
	var h *echo.HTTPError
	if errors.As(err, &h) {
		switch h.Code {
		case http.StatusNotFound:
			return &refusal.Error{Code: "not_found", Title: "There is no such page.", Next: "Check the address, or go on from the start."}
		case http.StatusMethodNotAllowed:
			return &refusal.Error{Code: "method", Title: "This address does not take that kind of request.", Next: "Open it from its page."}
		case http.StatusBadRequest:
			return &refusal.Error{Code: "malformed", Title: "The request could not be read.", Next: "Go back, reload the page and try again."}
		}
	}
	if store.Away(err) {
		return &refusal.Error{
			Code: "database_away", Title: "The database does not answer at the moment. Nothing was left half done.",
			Next: "Try again in a few seconds. Clusters that run are not touched by this.",
		}
	}
	if errors.Is(err, context.DeadlineExceeded) || store.TookTooLong(err) {
		return &refusal.Error{Code: "busy", Title: "The answer took too long to find. Nothing was left half done.", Next: "Try again in a moment."}
	}
	if store.NoText(err) {
		return &refusal.Error{Code: "malformed", Title: "The request holds what is no text.", Next: "Go back, reload the page and type it again."}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &refusal.Error{Code: "too_slow", Title: "The request took too long to arrive.", Next: "Send it again."}
	}
	if errors.Is(err, context.Canceled) {
		return &refusal.Error{Code: "client_gone", Title: "The browser went away.", Next: "Load the page again."}
	}
	return &refusal.Error{
		Code: "internal", Title: "Something went wrong on our side. Nothing was left half done.",
		Next: fmt.Sprintf("Try again; if it stays so, report request %s.", requestID),
	}
}
