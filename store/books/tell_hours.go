package books

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/store"
)

// markFull notes what is left in the locked wallet with the hours that it just got: what 20 % and 5 % are of, until it gets
// more. What was told before is told anew.
func markFull(ctx context.Context, tx pgx.Tx, w wallet) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO hour_marks (wallet_id, full_hours, since)
		SELECT $1, coalesce(sum(available), 0), now() FROM lots WHERE wallet_id = $1 AND available > 0 AND (expires_at IS NULL OR expires_at > now())
		ON CONFLICT (wallet_id) DO UPDATE SET full_hours = excluded.full_hours, since = excluded.since, told = 100, told_at = NULL`, w.ID)
	if err != nil {
		return fmt.Errorf("mark wallet %s as full: %w", w.ID, err)
	}
	return nil
}

// TellHours tells of wallets of which 20 % or 5 % are left, and of hours that expire in 30, 7 or 1 days. It returns of how
// many it told.
//
// What is left is what the wallet's page calls so: neither used nor set aside, nor expired. The whole is what was left when
// the wallet last got hours. A threshold is told once, and again after more hours came, or where what was set aside came back,
// at least a day after. Of two crossed at once the lower one is told.
func (db *DB) TellHours(ctx context.Context) (count int, err error) {
	for _, tell := range []func(context.Context, pgx.Tx) (int, error){db.tellLow, db.tellExpiring} {
		err := db.core.Tx(ctx, func(tx pgx.Tx) error {
			n, err := tell(ctx, tx)
			count += n
			return err
		})
		if err != nil {
			return 0, fmt.Errorf("tell of hours: %w", err)
		}
	}
	return count, nil
}

// tellLow looks at lots with something in them alone.
func (db *DB) tellLow(ctx context.Context, tx pgx.Tx) (int, error) {
	type low struct {
		WalletID, OrganizationID uuid.UUID
		Organization, Provider   string
		Percent, Number          int
		Full, Left, Held         billing.Hours
	}
	rows, _ := tx.Query(ctx, `
		WITH stands AS (
			SELECT m.wallet_id, m.full_hours, coalesce(sum(l.available) FILTER (WHERE l.expires_at IS NULL OR l.expires_at > now()), 0)::bigint AS "left",
			       coalesce(sum(l.held), 0)::bigint AS held
			  FROM hour_marks m LEFT JOIN lots l ON l.wallet_id = m.wallet_id AND (l.available > 0 OR l.held > 0)
			 WHERE m.full_hours > 0 GROUP BY m.wallet_id),
		now_at AS (
			SELECT *, CASE WHEN "left" <= full_hours / 20 THEN 5 WHEN "left" <= full_hours / 5 THEN 20 ELSE 100 END AS percent FROM stands),
		moved AS (
			UPDATE hour_marks m SET told = n.percent, told_at = now(), number = m.number + 1
			  FROM now_at n WHERE n.wallet_id = m.wallet_id AND n.full_hours = m.full_hours
			   AND (n.percent < m.told OR n.percent > m.told AND m.told_at < now() - interval '1 day')
			RETURNING m.wallet_id, m.number, n.percent, n.full_hours, n."left", n.held)
		SELECT v.wallet_id, w.organization_id, g.name AS organization, p.name AS provider, v.percent, v.number, v.full_hours AS "full", v."left", v.held
		  FROM moved v JOIN wallets w ON w.id = v.wallet_id JOIN organizations g ON g.id = w.organization_id JOIN providers p ON p.id = w.provider_id
		 WHERE v.percent < 100 ORDER BY v.wallet_id`)
	list, err := store.All(rows, "wallets that are low", pgx.RowToStructByName[low])
	if err != nil {
		return 0, err
	}
	var happened []store.Happening
	for _, l := range list {
		happened = append(happened, store.Happening{
			Place: l.OrganizationID, Subject: l.WalletID, Mark: fmt.Sprintf("%d %d", l.Number, l.Percent), Kind: store.MailHoursLow,
			Data: map[string]string{
				"organization": l.Organization, "provider": l.Provider, "percent": strconv.Itoa(l.Percent), "left": l.Left.String(), "full": l.Full.String(),
				"held": heldWords(l.Held), "path": "/org/wallet",
			},
		})
	}
	return len(list), db.core.Tell(ctx, tx, store.EventHoursLow, happened...)
}

// heldWords is empty where nothing is set aside.
func heldWords(h billing.Hours) string {
	if h == 0 {
		return ""
	}
	return h.Ceil()
}

// tellExpiring counts days back from the instant of an expiry, by the provider's clock: a summer's hour more or less moves
// nothing. A lot that came less than a day before a notice is not told of by
// that one. Of what a wallet loses at one time
// there is one mail.
func (db *DB) tellExpiring(ctx context.Context, tx pgx.Tx) (int, error) {
	type expiring struct {
		WalletID, OrganizationID     uuid.UUID
		Organization, Provider, Zone string
		Days                         int
		At                           time.Time
		Hours                        billing.Hours
	}
	rows, _ := tx.Query(ctx, `
		WITH soon AS (
			SELECT l.id, l.wallet_id, l.expires_at, l.available, d.days
			  FROM lots l JOIN wallets w ON w.id = l.wallet_id JOIN providers p ON p.id = w.provider_id
			 CROSS JOIN LATERAL (
			   SELECT min(n) AS days FROM unnest(ARRAY[1, 7, 30]) AS n
			    CROSS JOIN LATERAL (SELECT ((l.expires_at AT TIME ZONE p.accounting_zone) - make_interval(days => n)) AT TIME ZONE p.accounting_zone AS at) t
			    WHERE t.at <= now() AND t.at >= l.created_at + interval '1 day') d
			 WHERE l.available > 0 AND l.expires_at > now() AND l.expires_at <= now() + interval '32 days' AND d.days IS NOT NULL),
		fresh AS (
			INSERT INTO told (event, subject_id, mark, at) SELECT $1, id, days::text, now() FROM soon ON CONFLICT DO NOTHING RETURNING subject_id)
		SELECT s.wallet_id, w.organization_id, g.name AS organization, p.name AS provider, p.accounting_zone AS zone, s.days, s.expires_at AS at,
		       sum(s.available)::bigint AS hours
		  FROM soon s JOIN fresh f ON f.subject_id = s.id JOIN wallets w ON w.id = s.wallet_id JOIN organizations g ON g.id = w.organization_id
		  JOIN providers p ON p.id = w.provider_id
		 GROUP BY s.wallet_id, w.organization_id, g.name, p.name, p.accounting_zone, s.days, s.expires_at ORDER BY s.wallet_id, s.expires_at`, store.EventHoursExpire)
	list, err := store.All(rows, "hours that expire", pgx.RowToStructByName[expiring])
	if err != nil {
		return 0, err
	}
	var happened []store.Happening
	for _, l := range list {
		zone, err := time.LoadLocation(l.Zone)
		if err != nil {
			return 0, fmt.Errorf("zone of %s: %w", l.Provider, err)
		}
		happened = append(happened, store.Happening{
			Place: l.OrganizationID, Subject: l.WalletID, Mark: fmt.Sprintf("%d %d", l.Days, l.At.UnixMicro()), Kind: store.MailHoursExpire,
			Data: map[string]string{
				"organization": l.Organization, "provider": l.Provider, "hours": l.Hours.String(), "days": store.Plural(l.Days, "day"),
				"until": l.At.In(zone).Format("2 January 2006 15:04 MST"), "path": "/org/wallet",
			},
		})
	}
	return len(list), db.core.Tell(ctx, tx, store.EventHoursExpire, happened...)
}
