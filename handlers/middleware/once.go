package middleware

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

const (
	answerPatience = 2 * time.Second // for the answer to a form whose deed is done
	answerLook     = 25 * time.Millisecond
	mostNotice     = 300 // characters of a notice
)

// Taken is what Once asks the store and the pages for.
type Taken struct {
	Sent func(ctx context.Context, person, id uuid.UUID) (store.Sent, bool, error)
	Note func(ctx context.Context, s *store.Slip, location, notice string) error
	Done func(c echo.Context, href, notice string) error
	// Above is where a form leads whose own answer nobody noted: the page above the address that it was sent to.
	Above func(c echo.Context) string
	Log   *slog.Logger
}

// Once lets a form be done once, however often it is sent: its slip goes along with the first transaction that the handler commits
// (store.WithSlip), and who sends the form again within 24 hours is led where the first one was. Of two at the same time the second waits for
// the first. A form that was refused has taken nothing, and may be sent again. With other contents a slip that was taken is refused with
// code "sent_otherwise". A form without a slip, as a script's, is done as often as it is sent.
//
// A process that dies between the commit and the note leaves a slip without an answer: the form is then led to the page above its
// address, which lists or shows what it did.
func (t Taken) Once(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		s := request.Session(c)
		if s == nil {
			return next(c)
		}
		f, err := request.ParseForm(c)
		if err != nil {
			return err
		}
		slip, err := f.Slip(c, s)
		if err != nil || slip == nil {
			return orNext(c, err, next)
		}
		ctx := c.Request().Context()
		sent, taken, err := t.Sent(ctx, slip.Person, slip.ID)
		if err != nil {
			return err
		}
		if taken {
			return t.again(c, slip, sent)
		}
		held, ended := hold(c), false
		defer func() {
			if !ended {
				held.discard(c) // a panic is answered by who recovers from it
			}
		}()
		c.SetRequest(c.Request().WithContext(store.WithSlip(ctx, slip)))
		err = next(c)
		ended = true
		if !slip.Taken() && (err != nil || c.Response().Status >= http.StatusBadRequest) {
			// What was refused may have been refused for what the first one did meanwhile.
			if sent, taken, lookErr := t.Sent(ctx, slip.Person, slip.ID); lookErr == nil && taken {
				held.discard(c)
				return t.again(c, slip, sent)
			}
		}
		if errors.Is(err, store.ErrTaken) {
			err = fmt.Errorf("a form was taken and is not remembered: %w", err) // swept in this very moment
		}
		if err == nil {
			t.note(c, slip)
		}
		held.release(c)
		return err
	}
}

func orNext(c echo.Context, err error, next echo.HandlerFunc) error {
	if err != nil {
		return err
	}
	return next(c)
}

// note notes where the answer leads. Its fault is not the person's: what they asked for is done.
func (t Taken) note(c echo.Context, slip *store.Slip) {
	led := c.Response().Status == http.StatusSeeOther
	if !led && !slip.Taken() {
		return // nothing was done
	}
	to := ""
	if led {
		to = c.Response().Header().Get(echo.HeaderLocation)
	}
	// The person may be gone by now, and comes again.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), answerPatience)
	defer cancel()
	notice := request.Notice(c)
	if utf8.RuneCountInString(notice) > mostNotice {
		notice = ""
	}
	if err := t.Note(ctx, slip, to, notice); err != nil {
		t.Log.ErrorContext(ctx, "note the answer to a form", "error", err)
	}
}

// again answers a form whose slip was taken.
func (t Taken) again(c echo.Context, slip *store.Slip, sent store.Sent) error {
	if sent.Route != slip.Route || !bytes.Equal(sent.Digest, slip.Digest) {
		if sent.Location != nil {
			request.SetSent(c, *sent.Location)
		}
		return &refusal.Error{
			Code: "sent_otherwise", Title: fmt.Sprintf("This form was sent already, at %s, and held something else.", clock(sent.At)),
			Next: "What it held then was done, and nothing was done now. What you typed is kept on this page.",
		}
	}
	sent, err := t.answered(c.Request().Context(), slip, sent)
	if err != nil {
		return err
	}
	notice, to := fmt.Sprintf("This was done already, at %s, and not once more.", clock(sent.At)), t.Above(c)
	switch {
	case sent.Location == nil:
	case *sent.Location == "":
		notice += " What was shown then is not shown again."
	default:
		to = *sent.Location
	}
	if sent.Notice != nil && len(notice)+1+len(*sent.Notice) <= mostNotice && *sent.Notice != "" {
		notice += " " + *sent.Notice
	}
	return t.Done(c, to, notice)
}

// answered waits a moment for the note of an answer that is being written.
func (t Taken) answered(ctx context.Context, slip *store.Slip, sent store.Sent) (store.Sent, error) {
	over, look := time.NewTimer(answerPatience), time.NewTicker(answerLook)
	defer over.Stop()
	defer look.Stop()
	for sent.Location == nil {
		select {
		case <-ctx.Done():
			return sent, ctx.Err()
		case <-over.C:
			return sent, nil
		case <-look.C:
		}
		now, ok, err := t.Sent(ctx, slip.Person, slip.ID)
		if err != nil || !ok {
			return sent, err
		}
		sent = now
	}
	return sent, nil
}

// clock is a time of the last day in words.
func clock(at time.Time) string {
	at, now := at.UTC(), time.Now().UTC()
	if at.YearDay() != now.YearDay() {
		return at.Format("15:04 UTC on 2 January")
	}
	return at.Format("15:04 UTC")
}
