package middleware

import (
	"context"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/people"
)

// mostPassword is more than any password that is taken, and bounds what is looked at.
const mostPassword = 1024

// PasswordAgain lets a form pass whose session is Fresh, or which carries the person's password (request.PasswordAgain): a browser that
// was left alone, or whose cookie was taken, gives nobody lasting power. Any other is refused with code "password_again", for which
// the error handler makes a page that keeps the form and asks. The handler never sees the password.
func PasswordAgain(repeat func(ctx context.Context, s people.Session, password, address string) error) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			s := request.Session(c)
			if s == nil {
				return request.Refuse(nil, request.SignedIn)
			}
			if s.Fresh {
				return next(c)
			}
			f, err := request.ParseForm(c)
			if err != nil {
				return err
			}
			if !f.Has(request.PasswordAgain) {
				return askAgain("")
			}
			password := f.Secret(request.PasswordAgain, "your password", mostPassword)
			if f.Refusal() != nil {
				return askAgain("This is not your password.")
			}
			err = repeat(c.Request().Context(), *s, password, c.RealIP())
			if r, ok := refusal.As(err); ok {
				if r.Code == "throttled" {
					return askAgain(r.Title + " " + r.Next)
				}
				return askAgain("This is not your password.")
			}
			if err != nil {
				return err
			}
			request.Drop(c.Request(), request.PasswordAgain)
			return next(c)
		}
	}
}

func askAgain(wrong string) *refusal.Error {
	r := &refusal.Error{
		Code: "password_again", Title: "Give your password once more.",
		Next: "What you are about to do lasts, and you gave your password more than ten minutes ago.",
	}
	if wrong != "" {
		r.Fields = map[string]string{request.PasswordAgain: wrong}
	}
	return r
}
