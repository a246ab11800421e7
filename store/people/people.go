package people

import (
	"context"
	"fmt"
	"net/mail"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

// NewPerson is what CreatePerson needs.
type NewPerson struct {
	Email         string // any case; kept in lower case
	Name          string
	Password      string // 10 to 200 characters
	PlatformAdmin bool
}

// Person is someone who may sign in.
type Person struct {
	ID            uuid.UUID
	Email         string
	Name          string
	PlatformAdmin bool
	CreatedAt     time.Time
}

// insertPerson writes a person down whose address is known to be theirs.
func insertPerson(ctx context.Context, tx pgx.Tx, id uuid.UUID, p NewPerson, hash string) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO people (id, email, name, password_hash, platform_admin, created_at, confirmed_at)
		VALUES ($1, $2, $3, $4, $5, now(), now())`, id, p.Email, p.Name, hash, p.PlatformAdmin)
	if err != nil {
		return fmt.Errorf("create person: %w", err)
	}
	return nil
}

// check also writes the name as it is kept.
func (p *NewPerson) check() error {
	f := store.Fields{}
	checkEmail(f, "email", p.Email)
	f.Name("name", &p.Name, 1, 120)
	checkPassword(f, "password", p.Password, p.Email, p.Name)
	return f.Refusal()
}

// checkEmail wants an address alone: no name beside it, nothing that begins another header.
func checkEmail(f store.Fields, field, email string) {
	address, err := mail.ParseAddress(email)
	f.Check(err == nil && address.Address == email && len(email) <= 254 && !strings.ContainsFunc(email, store.IsControl), field,
		"Write an e-mail address such as ada@example.org.")
}

func normalEmail(s string) string { return typed.Email(s) }

// PersonByEmail finds a person for the operator's commands.
func (db *DB) PersonByEmail(ctx context.Context, email string) (Person, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT id, email, name, platform_admin, created_at FROM people WHERE email = $1`, normalEmail(email))
	return store.One(rows, "person", pgx.RowToStructByName[Person])
}
