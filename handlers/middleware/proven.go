package middleware

import (
	"context"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/people"
)

// mostProof is more than any password that is taken, and bounds what is looked at.
const mostProof = 1024

// Proven lets a form pass whose session is Proven, or which carries the person's password (request.Proof): a browser that
// was left alone, or whose cookie was taken, gives nobody lasting power. Any other is refused with code "prove", for which
// the error handler makes a page that keeps the form and asks. The handler never sees the password.
func Proven(prove func(ctx context.Context, s people.Session, password, address string) error) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			s := request.Session(c)
			if s == nil {
				return request.Refuse(nil, request.SignedIn)
			}
			if s.Proven {
				return next(c)
			}
			f, err := request.ParseForm(c)
			if err != nil {
				return err
			}
			if !f.Has(request.Proof) {
				return askAgain("")
			}
			password := f.Secret(request.Proof, "your password", mostProof)
			if f.Refusal() != nil {
				return askAgain("This is not your password.")
			}
			err = prove(c.Request().Context(), *s, password, c.RealIP())
			if r, ok := refusal.As(err); ok {
				if r.Code == "throttled" {
					return askAgain(r.Title + " " + r.Next)
				}
				return askAgain("This is not your password.")
			}
			if err != nil {
				return err
			}
			c.Request().PostForm.Del(request.Proof)
			c.Request().Form.Del(request.Proof)
			return next(c)
		}
	}
}

func askAgain(wrong string) *refusal.Error {
	r := &refusal.Error{
		Code: "prove", Title: "Give your password once more.",
		Next: "What you are about to do lasts, and you gave your password more than ten minutes ago.",
	}
	if wrong != "" {
		r.Fields = map[string]string{request.Proof: wrong}
	}
	return r
}
