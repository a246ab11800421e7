package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"volary.dev/migrations"
	"volary.dev/store"
)

const schemaHeader = "-- The schema that the migrations make. Written by `go run ./cmd/dev gen`; never edited.\n"

// checkSchema compares migrations/schema.sql with what the migrations make on the server at url.
func checkSchema(ctx context.Context, root, url string) error {
	got, err := dumpMigrated(ctx, url)
	if err != nil {
		return err
	}
	want, err := os.ReadFile(schemaFile(root))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("migrations/schema.sql differs from what the migrations make: run `go run ./cmd/dev gen`\n%s", firstDifference(string(want), string(got)))
	}
	return nil
}

// writeSchema writes migrations/schema.sql anew.
func writeSchema(ctx context.Context, root, url string) error {
	b, err := dumpMigrated(ctx, url)
	if err != nil {
		return err
	}
	return os.WriteFile(schemaFile(root), b, 0o644)
}

func schemaFile(root string) string { return filepath.Join(root, "migrations", "schema.sql") }

// firstDifference shows the first line that differs.
func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		a, b := "(end of file)", "(end of file)"
		if i < len(w) {
			a = w[i]
		}
		if i < len(g) {
			b = g[i]
		}
		if a != b {
			return fmt.Sprintf("line %d: the file has %q, the migrations make %q", i+1, a, b)
		}
	}
	return ""
}

// dumpMigrated migrates a database of its own on the server and dumps it.
func dumpMigrated(ctx context.Context, server string) ([]byte, error) {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	name := "volary_schema_" + strings.ToLower(rand.Text())
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		return nil, err
	}
	defer conn.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") //nolint:errcheck // the check's answer is what counts
	u, err := url.Parse(server)
	if err != nil {
		return nil, err
	}
	u.Path = "/" + name
	pool, err := pgxpool.New(ctx, u.String())
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	if err := store.Migrate(ctx, pool, migrations.FS); err != nil {
		return nil, err
	}
	return dumpSchema(ctx, pool)
}

// dumpSchema writes what our migrations made in the schema public, in an order and form that do not depend on the
// server's version, and who may do what with it; tables of goose and River are theirs.
func dumpSchema(ctx context.Context, pool *pgxpool.Pool) ([]byte, error) {
	out := bytes.NewBufferString(schemaHeader)
	for _, section := range schemaSections() {
		rows, err := pool.Query(ctx, section)
		if err != nil {
			return nil, err
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return nil, err
		}
		for _, l := range lines {
			fmt.Fprintf(out, "\n%s;\n", strings.TrimRight(strings.TrimSpace(l), ";"))
		}
	}
	return out.Bytes(), nil
}

// ours leaves out the tables of goose and River, and what extensions made.
const ours = ` n.nspname = 'public' AND c.relname NOT LIKE 'river%' AND c.relname NOT LIKE 'goose%' `

// schemaSections are queries of one text column each, in the order in which the dump could be run.
func schemaSections() []string {
	return []string{
		`SELECT 'CREATE EXTENSION ' || quote_ident(extname) FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY extname`,

		`SELECT 'CREATE TYPE ' || t.typname || ' AS ENUM (' ||
			string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) || ')'
		FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace JOIN pg_enum e ON e.enumtypid = t.oid
		WHERE n.nspname = 'public' AND t.typname NOT LIKE 'river%' GROUP BY t.typname ORDER BY t.typname`,

		`SELECT 'CREATE SEQUENCE ' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind = 'S' AND` + ours + `
			AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('a', 'i'))
		ORDER BY c.relname`,

		`SELECT pg_get_functiondef(p.oid) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
		WHERE n.nspname = 'public' AND p.proname NOT LIKE 'river%' AND p.prokind IN ('f', 'p')
			AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
		ORDER BY p.proname, p.oid::regprocedure::text`,

		// A table with its columns in order, then its constraints by name. NOT NULL is a column's here: PostgreSQL 18
		// lists it among the constraints as well.
		`SELECT 'CREATE TABLE ' || c.relname || E' (\n' || string_agg(line, E',\n' ORDER BY part, place, line) || E'\n)'
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		CROSS JOIN LATERAL (
			SELECT 1 AS part, a.attnum AS place, '  ' || quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod) ||
				CASE a.attidentity WHEN 'a' THEN ' GENERATED ALWAYS AS IDENTITY' WHEN 'd' THEN ' GENERATED BY DEFAULT AS IDENTITY' ELSE '' END ||
				CASE WHEN a.attgenerated = 's' THEN ' GENERATED ALWAYS AS (' || pg_get_expr(d.adbin, d.adrelid) || ') STORED'
					WHEN d.adbin IS NOT NULL THEN ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) ELSE '' END ||
				CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END AS line
			FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
			WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
			UNION ALL
			SELECT 2, 0, '  CONSTRAINT ' || quote_ident(k.conname) || ' ' || pg_get_constraintdef(k.oid)
			FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype IN ('p', 'u', 'c', 'x', 'f')
		) parts
		WHERE c.relkind IN ('r', 'p') AND` + ours + `GROUP BY c.relname ORDER BY c.relname`,

		`SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
		JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE` + ours + `AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
		ORDER BY i.indexrelid::regclass::text`,

		`SELECT 'CREATE VIEW ' || c.relname || E' AS\n' || pg_get_viewdef(c.oid, true)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'v' AND` + ours + `ORDER BY c.relname`,

		`SELECT pg_get_triggerdef(t.oid, true) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
		JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT t.tgisinternal AND` + ours + `ORDER BY c.relname, t.tgname`,

		grantsOfTables, grantsOfFunctions,
	}
}

// grantsOfTables are what others than the owner may do with tables, views and sequences, those of goose and River among
// them: first the rights on all of one, then those on some of its columns.
const grantsOfTables = `
	SELECT 'GRANT ' || rights || ' ON ' || CASE relkind WHEN 'S' THEN 'SEQUENCE ' ELSE '' END || relname || ' TO ' || grantee FROM (
		SELECT c.relname, c.relkind, coalesce(r.rolname, 'PUBLIC') AS grantee, 1 AS part, string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type) AS rights
		FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
		WHERE c.relnamespace = 'public'::regnamespace AND a.grantee <> c.relowner GROUP BY c.relname, c.relkind, r.rolname
		UNION ALL
		SELECT relname, relkind, grantee, 2, string_agg(privilege_type || ' (' || columns || ')', ', ' ORDER BY privilege_type) FROM (
			SELECT c.relname, c.relkind, coalesce(r.rolname, 'PUBLIC') AS grantee, a.privilege_type, string_agg(quote_ident(t.attname), ', ' ORDER BY t.attnum) AS columns
			FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid AND NOT t.attisdropped
			CROSS JOIN LATERAL aclexplode(t.attacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
			WHERE c.relnamespace = 'public'::regnamespace AND a.grantee <> c.relowner GROUP BY c.relname, c.relkind, r.rolname, a.privilege_type
		) columns GROUP BY relname, relkind, grantee
	) g ORDER BY relname, grantee, part`

// grantsOfFunctions are who may call what runs as the owner.
const grantsOfFunctions = `
	SELECT 'GRANT EXECUTE ON FUNCTION ' || p.oid::regprocedure || ' TO ' || string_agg(coalesce(r.rolname, 'PUBLIC'), ', ' ORDER BY r.rolname)
	FROM pg_proc p CROSS JOIN LATERAL aclexplode(p.proacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
	WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef AND a.grantee <> p.proowner GROUP BY p.oid ORDER BY p.proname`
