package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/pressly/goose/v3"
)

// ServerRole is a role of the database server: what one of our servers may do there (migrations/grants.sql).
type ServerRole string

// The roles of the two servers. The third one is the owner, who migrates and has no fixed name.
const (
	RoleWeb    ServerRole = "volary_web"
	RoleWorker ServerRole = "volary_worker"
)

// CheckServerRole returns nil where a server may begin its work over the pool: its user has the role's rights and no
// more, and the schema is of the version that the files (package migrations' FS) make. Any other answer is an error that
// says what to do.
func CheckServerRole(ctx context.Context, pool *pgxpool.Pool, role ServerRole, files fs.FS) error {
	if err := checkRights(ctx, pool, role); err != nil {
		return err
	}
	return checkVersion(ctx, pool, files)
}

func checkRights(ctx context.Context, pool *pgxpool.Pool, role ServerRole) error {
	other := RoleWorker
	if role == RoleWorker {
		other = RoleWeb
	}
	var user string
	var mighty, owner, member, both, temporary bool
	err := pool.QueryRow(ctx, `
		SELECT current_user,
			EXISTS (SELECT FROM pg_roles WHERE rolname IN (session_user, current_user) AND (rolsuper OR rolcreaterole)),
			EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v') AND pg_has_role(relowner, 'MEMBER')),
			EXISTS (SELECT FROM pg_roles WHERE rolname = $1 AND pg_has_role(oid, 'USAGE')),
			EXISTS (SELECT FROM pg_roles WHERE rolname = $2 AND pg_has_role(oid, 'MEMBER')),
			has_database_privilege(current_database(), 'TEMPORARY')`, role, other).Scan(&user, &mighty, &owner, &member, &both, &temporary)
	switch {
	case err != nil:
		return fmt.Errorf("read the rights in the database: %w", err)
	case mighty || owner:
		return fmt.Errorf("DATABASE_URL names %s, who may change what is insert-only: name a user whose only role is %s", user, role)
	case !member:
		return fmt.Errorf("DATABASE_URL names %s, who has not the role %s: run `volary migrate` as the owner, then GRANT %s TO %s", user, role, role, user)
	case both:
		return fmt.Errorf("DATABASE_URL names %s, who has the role %s too: name a user whose only role is %s", user, other, role)
	case temporary:
		return fmt.Errorf("%s may make temporary tables: run `volary migrate` as the database's owner, which takes that away", user)
	}
	return nil
}

// checkVersion wants the newest migration to be the newest that we know, and none to be missing.
func checkVersion(ctx context.Context, pool *pgxpool.Pool, files fs.FS) error {
	names, err := fs.Glob(files, "0*.sql")
	if err != nil {
		return err
	}
	var want int64
	for _, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return err
		}
		want = max(want, version)
	}
	have, count, err := appliedVersions(ctx, pool)
	switch {
	case err != nil:
		return err
	case have > want:
		return fmt.Errorf("the database is of version %d and this program of version %d: run the newer program", have, want)
	case have < want || count < int64(len(names)):
		return fmt.Errorf("the database is of version %d and this program of version %d: run `volary migrate` as its owner first", have, want)
	}
	return nil
}

// SchemaVersion is the number of the newest migration that was applied, 0 where none was.
func SchemaVersion(ctx context.Context, pool *pgxpool.Pool) (int64, error) {
	newest, _, err := appliedVersions(ctx, pool)
	return newest, err
}

func appliedVersions(ctx context.Context, pool *pgxpool.Pool) (newest, count int64, err error) {
	err = pool.QueryRow(ctx, `SELECT coalesce(max(version_id), 0), count(DISTINCT version_id) FROM goose_db_version WHERE is_applied AND version_id > 0`).Scan(&newest, &count)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "42P01" {
		return 0, 0, nil // no migration ever ran
	}
	if err != nil {
		return 0, 0, fmt.Errorf("read the schema's version: %w", err)
	}
	return newest, count, nil
}
