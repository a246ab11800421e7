package store

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Away tells whether err says that the database does not answer: it refuses connections, cut one, or starts or stops. The
// work was not done, or rolled back; only an answer to COMMIT that was cut is not known.
func Away(err error) bool {
	var connect *pgconn.ConnectError
	var pg *pgconn.PgError
	var cut *net.OpError
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return false
	case errors.As(err, &pg) && !errors.As(err, &connect):
		// 08: connection exceptions; 57P01..3: stopped by an administrator, after a crash, or starting up; 53300: full.
		return strings.HasPrefix(pg.Code, "08") || strings.HasPrefix(pg.Code, "57P0") || pg.Code == "53300"
	case errors.As(err, &connect), errors.As(err, &cut):
		return true
	}
	// What pgx says of a connection that it has found closed may be tried again; a cut in an answer's middle is an EOF.
	return pgconn.SafeToRetry(err) || errors.Is(err, io.ErrUnexpectedEOF)
}

// awayTexts are what the messages of pgx have in them where it is sure that Away is true.
var awayTexts = []string{"failed to connect to `", "(SQLSTATE 08", "(SQLSTATE 57P0", "(SQLSTATE 53300)", "conn closed"}

// AwayText is Away where only an error's text is at hand, as in a library's log. Its no is no proof: a connection that was cut
// has a text that anybody's connection has.
func AwayText(text string) bool {
	return slices.ContainsFunc(awayTexts, func(s string) bool { return strings.Contains(text, s) })
}
