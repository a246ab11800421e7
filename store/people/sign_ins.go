package people

import (
	"context"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// ShownSignInDays is how far back a person's sign-ins are listed; the log has all.
const ShownSignInDays = 90

// SignInRow is one sign-in to a person's account, or one that failed.
type SignInRow struct {
	At        time.Time
	Failed    bool
	Why       string // it failed: the refusal's code, "sign_in", "unconfirmed" or "suspended"
	More      bool   // and others in the hour before it were not kept
	UserAgent string
	Address   *netip.Addr
	Total     int
}

// Outcomes of sign-ins, to filter by.
const (
	SignInOutcomeIn     = "in"
	SignInOutcomeFailed = "failed"
)

// SignInFilter narrows and orders a list of sign-ins. Sorting keys: at, outcome, browser, address.
type SignInFilter struct {
	Text    string // part of what the browser says of itself, or of the address
	Outcome string // SignInOutcomeIn or SignInOutcomeFailed; anything else: both
	store.Sorting
	store.Page
}

// SignIns lists the sign-ins to a person's account of the last ShownSignInDays, failed ones included (mostFailed an hour), the
// newest first where the filter says nothing else, and how many the filter leaves.
func (db *DB) SignIns(ctx context.Context, personID uuid.UUID, f SignInFilter) ([]SignInRow, int, error) {
	const from = ` FROM audit WHERE person_id = $1 AND verb IN ('sign in', 'fail sign-in') AND at > now() - make_interval(days => $2)
		AND (coalesce(detail ->> 'program', '') ILIKE $3 OR host(address) ILIKE $3)
		AND ($4 NOT IN ('in', 'failed') OR (verb = 'fail sign-in') = ($4 = 'failed'))`
	order := store.Sortable{"at": "at", "outcome": "verb", "browser": "detail ->> 'program'", "address": "address"}
	args := []any{personID, ShownSignInDays, store.Like(f.Text), f.Outcome}
	rows, _ := db.pool.Query(ctx, `
		SELECT at, verb = 'fail sign-in' AS failed, coalesce(detail ->> 'why', '') AS why, coalesce((detail ->> 'more')::boolean, false) AS more,
			coalesce(detail ->> 'program', '') AS user_agent, address, count(*) OVER ()::int AS total
		`+from+order.OrderBy(f.Sorting, "at DESC, id DESC")+` LIMIT $5 OFFSET $6`, append(args, f.Most(), f.Skip())...)
	list, err := store.All(rows, "sign-ins", pgx.RowToStructByName[SignInRow])
	if err != nil || len(list) > 0 {
		return list, store.TotalOf(list, func(s SignInRow) int { return s.Total }), err
	}
	total, err := db.core.Count(ctx, `SELECT count(*)`+from, args...)
	return list, total, err
}
