package postgres

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Users are who uses one database, each as a DATABASE_URL.
type Users struct {
	Owner       string // migrates
	Web, Worker string // hold the one role that is theirs
}

// The servers' roles, by the names that migrations/grants.sql gives them.
const (
	webRole    = "volary_web"
	workerRole = "volary_worker"
)

// MakeUsers makes the users of a database, and the database where it is missing, over the address of somebody who may:
// the server's superuser, or who may make roles and databases. Passwords are new each time, so that two programs do not
// use one database at once. A database that is there keeps its owner, who then has to be the one of the address.
func MakeUsers(ctx context.Context, adminURL, database string) (Users, error) {
	admin, err := pgx.Connect(ctx, adminURL)
	if err != nil {
		return Users{}, err
	}
	defer admin.Close(ctx)
	u := Users{}
	var owner string
	err = admin.QueryRow(ctx, `SELECT coalesce((SELECT r.rolname FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE d.datname = $1), '')`, database).Scan(&owner)
	if err != nil {
		return u, err
	}
	if owner == "" || owner == databaseUser("owner", database) {
		if u.Owner, err = makeUser(ctx, admin, adminURL, "owner", database, ""); err != nil {
			return u, err
		}
	} else if u.Owner, err = withDatabase(adminURL, database); err != nil {
		return u, err
	}
	if owner == "" {
		if _, err := admin.Exec(ctx, `CREATE DATABASE `+quote(database)+` OWNER `+quote(databaseUser("owner", database))); err != nil {
			return u, fmt.Errorf("create database %s: %w", database, err)
		}
	}
	if u.Web, err = makeUser(ctx, admin, adminURL, "web", database, webRole); err != nil {
		return u, err
	}
	u.Worker, err = makeUser(ctx, admin, adminURL, "worker", database, workerRole)
	return u, err
}

// DropUsers removes a database and its users.
func DropUsers(ctx context.Context, adminURL, database string) error {
	admin, err := pgx.Connect(ctx, adminURL)
	if err != nil {
		return err
	}
	defer admin.Close(ctx)
	for _, statement := range []string{
		`DROP DATABASE IF EXISTS ` + quote(database) + ` WITH (FORCE)`,
		`DROP ROLE IF EXISTS ` + quote(databaseUser("owner", database)) + `, ` + quote(databaseUser("web", database)) + `, ` + quote(databaseUser("worker", database)),
	} {
		if _, err := admin.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// makeUser makes or renews the user of a database for one part, with a role where one is named.
func makeUser(ctx context.Context, admin *pgx.Conn, adminURL, part, database, role string) (string, error) {
	name, password := databaseUser(part, database), strings.ToLower(rand.Text())
	verb := "CREATE"
	if there, err := roleExists(ctx, admin, name); err != nil {
		return "", err
	} else if there {
		verb = "ALTER"
	}
	statements := []string{verb + ` ROLE ` + quote(name) + ` LOGIN PASSWORD '` + password + `'`}
	if role != "" {
		there, err := roleExists(ctx, admin, role)
		if err != nil {
			return "", err
		}
		if !there {
			statements = append(statements, `CREATE ROLE `+quote(role))
		}
		statements = append(statements, `GRANT `+quote(role)+` TO `+quote(name))
	}
	for _, s := range statements {
		if _, err := admin.Exec(ctx, s); err != nil {
			return "", fmt.Errorf("make the database's user %s: %w", name, err)
		}
	}
	address, err := withDatabase(adminURL, database)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	u.User = url.UserPassword(name, password)
	return u.String(), nil
}

func roleExists(ctx context.Context, admin *pgx.Conn, name string) (there bool, err error) {
	err = admin.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)`, name).Scan(&there)
	return there, err
}

// databaseUser names a user, who like every user is the whole server's, so that the database is in it: there may be more.
func databaseUser(part, database string) string { return part + "_of_" + database }

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

func withDatabase(serverURL, database string) (string, error) {
	u, err := url.Parse(serverURL)
	if err != nil {
		return "", err
	}
	u.Path = "/" + database
	return u.String(), nil
}
