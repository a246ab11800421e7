package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ServerLimit bounds what the users of one server's role may take of the database server. A time is where a session begins
// that sets none of its own; whoever has the password may set it away, but not the number of connections.
type ServerLimit struct {
	Role                               ServerRole
	Connections                        int // of each of its users, all processes together
	Statement, Lock, IdleInTransaction time.Duration
}

// LimitServers bounds each user that has a server's role, and takes from everybody the making of large objects, which no
// table's rights bound. PostgreSQL lets neither follow from a role to its members, nor the owner of a database do it: left
// are the statements that the pool's user may not run and that are still to be run, by a superuser.
func LimitServers(ctx context.Context, pool *pgxpool.Pool, limits ...ServerLimit) (left []string, err error) {
	var wanted []string
	for _, l := range limits {
		more, err := l.statements(ctx, pool)
		if err != nil {
			return nil, err
		}
		wanted = append(wanted, more...)
	}
	for _, sql := range wanted {
		_, err := pool.Exec(ctx, sql)
		var pg *pgconn.PgError
		switch {
		case err == nil:
		case errors.As(err, &pg) && pg.Code == "42501": // insufficient_privilege
			left = append(left, sql)
		case errors.As(err, &pg) && pg.Code == "42704": // the user is gone meanwhile
		default:
			return nil, fmt.Errorf("limit the servers: %s: %w", sql, err)
		}
	}
	revoke, err := largeObjects(ctx, pool)
	if err != nil || revoke == "" {
		return left, err
	}
	// Whoever may not gets a warning, and no error.
	if _, err := pool.Exec(ctx, revoke); err != nil {
		return nil, fmt.Errorf("limit the servers: %s: %w", revoke, err)
	}
	if revoke, err = largeObjects(ctx, pool); revoke != "" {
		left = append(left, revoke)
	}
	return left, err
}

// largeObjects is the statement that takes the making of large objects away; empty where nobody may but superusers.
func largeObjects(ctx context.Context, pool *pgxpool.Pool) (string, error) {
	rows, err := pool.Query(ctx, `SELECT oid::regprocedure::text FROM pg_proc
		WHERE pronamespace = 'pg_catalog'::regnamespace AND proname IN ('lo_create', 'lo_creat', 'lo_from_bytea') AND has_function_privilege('public', oid, 'EXECUTE')
		ORDER BY 1`)
	if err != nil {
		return "", fmt.Errorf("read who may make large objects: %w", err)
	}
	open, err := All(rows, "who may make large objects", pgx.RowTo[string])
	if err != nil || len(open) == 0 {
		return "", err
	}
	return `REVOKE EXECUTE ON FUNCTION ` + strings.Join(open, ", ") + ` FROM PUBLIC`, nil
}

// limitedUser is a user of a role with the limits it has in this database.
type limitedUser struct {
	Name, Database string
	Connections    int
	Settings       []string // statement_timeout=15s
}

// statements are those that a role's users still need.
func (l ServerLimit) statements(ctx context.Context, pool *pgxpool.Pool) ([]string, error) {
	rows, err := pool.Query(ctx, `
		SELECT u.rolname::text AS name, d.datname::text AS database, u.rolconnlimit AS connections, coalesce(s.setconfig, '{}') AS settings
		FROM pg_roles u JOIN pg_database d ON d.datname = current_database()
			LEFT JOIN pg_db_role_setting s ON s.setrole = u.oid AND s.setdatabase = d.oid
		WHERE u.rolcanlogin AND NOT u.rolsuper AND u.oid <> d.datdba AND pg_has_role(u.oid, (SELECT oid FROM pg_roles WHERE rolname = $1), 'MEMBER')
		ORDER BY u.rolname`, l.Role)
	if err != nil {
		return nil, fmt.Errorf("read the users of %s: %w", l.Role, err)
	}
	users, err := All(rows, "the users of a role", pgx.RowToStructByName[limitedUser])
	if err != nil {
		return nil, err
	}
	var all []string
	for _, u := range users {
		name, database := pgx.Identifier{u.Name}.Sanitize(), pgx.Identifier{u.Database}.Sanitize()
		if u.Connections != l.Connections {
			all = append(all, fmt.Sprintf("ALTER ROLE %s CONNECTION LIMIT %d", name, l.Connections))
		}
		for _, s := range []struct {
			name string
			d    time.Duration
		}{{"statement_timeout", l.Statement}, {"lock_timeout", l.Lock}, {"idle_in_transaction_session_timeout", l.IdleInTransaction}} {
			if value := fmt.Sprintf("%dms", s.d.Milliseconds()); !slices.Contains(u.Settings, s.name+"="+value) {
				all = append(all, fmt.Sprintf("ALTER ROLE %s IN DATABASE %s SET %s = '%s'", name, database, s.name, value))
			}
		}
	}
	return all, nil
}
