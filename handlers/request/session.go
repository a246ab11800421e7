package request

import (
	"time"

	"github.com/labstack/echo/v4"
	"volary.dev/store/people"
)

const (
	keyID      = "volary.request"
	keyBegun   = "volary.begun"
	keySession = "volary.session"
	keyToken   = "volary.token"
)

// SetID gives the request the id that its log line and an error page name, and has it begin now; middleware.RequestID calls it.
func SetID(c echo.Context, id string) {
	c.Set(keyID, id)
	c.Set(keyBegun, time.Now())
}

// Begun is when the request came: what its page shows was read after that. Outside of middleware.RequestID it is now.
func Begun(c echo.Context) time.Time {
	if at, ok := c.Get(keyBegun).(time.Time); ok {
		return at
	}
	return time.Now()
}

// RequestID is the id of the request, empty outside of middleware.RequestID.
func RequestID(c echo.Context) string {
	id, _ := c.Get(keyID).(string)
	return id
}

// SetSession says who sends the request and by which token; middleware.Session calls it.
func SetSession(c echo.Context, s *people.Session, token string) {
	c.Set(keySession, s)
	c.Set(keyToken, token)
}

// Session is the request's session, nil when nobody is signed in.
func Session(c echo.Context) *people.Session {
	s, _ := c.Get(keySession).(*people.Session)
	return s
}

// Token is the token of Session, for what outlives a request and has to notice the session's end.
func Token(c echo.Context) string {
	t, _ := c.Get(keyToken).(string)
	return t
}
