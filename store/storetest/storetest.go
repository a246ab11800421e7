package storetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"volary.dev/migrations"
	"volary.dev/provisioner/waittest"
	"volary.dev/store"
	"volary.dev/store/floors"
)

// zone has daylight saving of half an hour: whoever forgets UTC is found out.
const zone = "Australia/Lord_Howe"

// templateVersion is part of the template's name: change it where Clone or the job queue's tables change.
const templateVersion = "3"

// The roles that test databases are made and used under. A connection takes one by the parameter "role" at its start; who
// signs in is always the server's superuser.
const (
	// Owner made what is in a test database, and has no other rights.
	Owner store.ServerRole = "volary_owner"
	// servers may what either server may: tests of the store do the work of both.
	servers store.ServerRole = "volary_servers"
)

var template = sync.OnceValues(makeTemplate)

// New gives the test a DB over a fresh clone; see Pool.
func New(t testing.TB) *floors.All {
	t.Helper()
	return Open(t, Pool(t))
}

// Open makes a DB over the database of a pool of Pool, for tests that also want to read or break rows by themselves. It
// may what either server may, and no more.
func Open(t testing.TB, pool *pgxpool.Pool) *floors.All {
	t.Helper()
	return OpenAs(t, pool, servers)
}

// OpenAs is Open with the rights of one of the servers.
func OpenAs(t testing.TB, pool *pgxpool.Pool, role store.ServerRole) *floors.All {
	t.Helper()
	return floors.New(PoolAs(t, pool, role), Options())
}

// Options are those of tests: secret links are sealed to MailIdentity, and passwords hashed at the least cost.
func Options() store.Options {
	return store.Options{MailRecipient: MailIdentity().Recipient(), PasswordKiB: 8}
}

// PoolAs opens another pool on the database of a pool of Pool, with the rights of one of the servers.
func PoolAs(t testing.TB, pool *pgxpool.Pool, role store.ServerRole) *pgxpool.Pool {
	t.Helper()
	config := pool.Config()
	config.ConnConfig.RuntimeParams["role"] = string(role)
	other, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Close)
	return other
}

// Pool opens a fresh clone of the migrated template, as one who may everything, and drops it when the test ends.
func Pool(t testing.TB) *pgxpool.Pool {
	t.Helper()
	return poolOf(t, URL(t))
}

func poolOf(t testing.TB, address string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(context.Background(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// URL is the address of a fresh clone of the migrated template, dropped when the test ends.
func URL(t testing.TB) string {
	t.Helper()
	from, err := template()
	if err != nil {
		t.Fatal(err)
	}
	return cloneOf(t, from)
}

// cloneOf is the address of a fresh clone of a database, dropped when the test ends.
func cloneOf(t testing.TB, from string) string {
	t.Helper()
	name := "volary_test_" + hex.EncodeToString(newBytes())
	if err := admin(context.Background(), func(ctx context.Context, c *pgx.Conn) error {
		if err := createDatabase(ctx, c, name, from); err != nil {
			return err
		}
		_, err := c.Exec(ctx, `ALTER DATABASE `+name+` SET timezone TO '`+zone+`'`)
		if err != nil {
			return err
		}
		// A database's own rights are not cloned.
		_, err = c.Exec(ctx, `REVOKE CREATE, TEMPORARY ON DATABASE `+name+` FROM PUBLIC`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := admin(context.Background(), func(ctx context.Context, c *pgx.Conn) error {
			_, err := c.Exec(ctx, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`)
			return err
		}); err != nil {
			t.Error(err)
		}
	})
	return databaseURL(name)
}

// worldPrefix begins the names of databases that keepWorld made. The day follows, as a count.
const worldPrefix = "volary_world_"

// keepWorld clones the database at an address for the tests of this program, and gives its name. Nobody is told when those end: a server that
// outlives them is freed of the clones of days before.
func keepWorld(address string) (name string, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	today := time.Now().Unix() / 86400
	name = fmt.Sprintf("%s%d_%x", worldPrefix, today, newBytes())
	return name, admin(context.Background(), func(ctx context.Context, c *pgx.Conn) error {
		rows, err := c.Query(ctx, `
			SELECT datname FROM pg_database
			WHERE datname ~ ('^' || $1 || '[0-9]+_') AND split_part(substr(datname, length($1) + 1), '_', 1)::bigint < $2 - 1`, worldPrefix, today)
		if err != nil {
			return err
		}
		old, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		for _, name := range old {
			if _, err := c.Exec(ctx, `DROP DATABASE IF EXISTS `+name); err != nil {
				return err
			}
		}
		return createDatabase(ctx, c, name, strings.TrimPrefix(u.Path, "/"))
	})
}

func newBytes() []byte {
	id := uuid.New()
	return id[:]
}

func serverURL() string { return os.Getenv("VOLARY_TEST_DATABASE_URL") }

func databaseURL(name string) string {
	u, err := url.Parse(serverURL())
	if err != nil {
		return serverURL()
	}
	u.Path = "/" + name
	return u.String()
}

// admins are connections to the server's maintenance database, which the tests of a package use in turn: a new one costs the server more than
// what is asked on it.
var admins = sync.OnceValues(func() (*pgxpool.Pool, error) {
	if serverURL() == "" {
		return nil, fmt.Errorf("VOLARY_TEST_DATABASE_URL is not set: name a PostgreSQL and its superuser, or use go run ./cmd/dev test")
	}
	return pgxpool.New(context.Background(), serverURL())
})

// admin runs f on a connection to the server's maintenance database.
func admin(ctx context.Context, f func(context.Context, *pgx.Conn) error) error {
	pool, err := admins()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, waittest.Limit) //nolint:forbidigo // no test waits here: what it makes is every test's
	defer cancel()
	c, err := pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("test database server: %w", err)
	}
	defer c.Release()
	return f(ctx, c.Conn())
}

// makeTemplate migrates a template for the present migrations unless some test has done so before.
func makeTemplate() (string, error) {
	hash, err := hashMigrations()
	if err != nil {
		return "", err
	}
	name := "volary_template_" + hash[:16]
	return name, admin(context.Background(), func(ctx context.Context, c *pgx.Conn) error {
		// Test binaries of several packages run at once.
		if _, err := c.Exec(ctx, `SELECT pg_advisory_lock(hashtext($1))`, name); err != nil {
			return err
		}
		var done bool
		err := c.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, name).Scan(&done)
		if err == nil && !done {
			err = buildTemplate(ctx, c, name)
		}
		_, fault := c.Exec(ctx, `SELECT pg_advisory_unlock(hashtext($1))`, name)
		return errors.Join(err, fault)
	})
}

// buildTemplate migrates under another name and renames last, so that a template is whole where it exists.
func buildTemplate(ctx context.Context, c *pgx.Conn, name string) error {
	for _, role := range []store.ServerRole{Owner, store.RoleWeb, store.RoleWorker} {
		if err := makeRole(ctx, c, role); err != nil {
			return err
		}
	}
	unfinished := name + "_unfinished"
	if _, err := c.Exec(ctx, `DROP DATABASE IF EXISTS `+unfinished+` WITH (FORCE)`); err != nil {
		return err
	}
	if err := createDatabase(ctx, c, unfinished, "template0"); err != nil {
		return err
	}
	if err := migrate(ctx, unfinished); err != nil {
		return err
	}
	if err := makeRole(ctx, c, servers); err != nil {
		return err
	}
	if _, err := c.Exec(ctx, fmt.Sprintf(`GRANT %s, %s TO %s`, store.RoleWeb, store.RoleWorker, servers)); err != nil {
		return err
	}
	_, err := c.Exec(ctx, `ALTER DATABASE `+unfinished+` RENAME TO `+name)
	return err
}

func migrate(ctx context.Context, name string) error {
	config, err := pgxpool.ParseConfig(databaseURL(name))
	if err != nil {
		return err
	}
	config.ConnConfig.RuntimeParams["role"] = string(Owner)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	defer pool.Close()
	return store.Migrate(ctx, pool, migrations.FS)
}

// makeRole makes a role unless it is there; roles are the server's, and outlive its databases.
func makeRole(ctx context.Context, c *pgx.Conn, role store.ServerRole) error {
	name := string(role)
	_, err := c.Exec(ctx, `DO $$ BEGIN
		IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '`+name+`') THEN CREATE ROLE `+name+` NOLOGIN; END IF;
	END $$`)
	return err
}

// createDatabase takes names that this package made; they need no quoting.
func createDatabase(ctx context.Context, c *pgx.Conn, name, from string) error {
	// Copying files takes half the processor's time of writing the copy to the log, which is the server's own choice.
	_, err := c.Exec(ctx, `CREATE DATABASE `+name+` TEMPLATE `+from+` OWNER `+string(Owner)+` STRATEGY file_copy`)
	if err != nil {
		return fmt.Errorf("create test database: %w", err)
	}
	return nil
}

func hashMigrations() (string, error) {
	h := sha256.New()
	h.Write([]byte(templateVersion))
	err := fs.WalkDir(migrations.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(migrations.FS, path)
		fmt.Fprintf(h, "%s %d\n", path, len(b))
		h.Write(b)
		return err
	})
	return hex.EncodeToString(h.Sum(nil)), err
}
