package store

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// LogFilter narrows and orders a log. Zero fields leave nothing out. Sorting keys: at, person, verb, subject.
type LogFilter struct {
	Person  string // part of the name, or of the e-mail address of one of the owner's own people
	Verb    string
	Subject string    // kind of what was done something to: "cluster"
	Of      uuid.UUID // what it was done to
	From    time.Time // half-open
	To      time.Time
	Place   string // part of the name of an organization or provider that it concerns
	Nowhere bool   // what concerns neither an organization nor a provider
	Sorting
	Page
}

// LogRow is one thing that was done.
type LogRow struct {
	ID               uuid.UUID
	At               time.Time
	PersonName       string // empty: the system, or the operator's command
	Verb             string
	Subject          string
	SubjectID        uuid.UUID // Nil where it has none
	SubjectName      string    // empty where it has none, or is no more
	OrganizationName string
	ProviderName     string
	Detail           map[string]any
	Address          *netip.Addr // of the browser; nil: the system's, the operator's command's, another place's person's, or of before addresses were kept
}

// LogCounted is up to how many entries a log's total is counted; above it the total is one more.
const LogCounted = 10_000

var logColumns = Sortable{"at": "a.at", "person": "pe.name", "verb": "a.verb", "subject": "a.subject"}

// OrganizationLog lists what was done in and to an organization, the newest first unless asked otherwise, and how many
// entries the filter leaves.
func (db *DB) OrganizationLog(ctx context.Context, orgID uuid.UUID, f LogFilter) ([]LogRow, int, error) {
	return db.readLog(ctx, LogOwner{Organization: orgID}, f)
}

// ProviderLog is OrganizationLog of a provider.
func (db *DB) ProviderLog(ctx context.Context, providerID uuid.UUID, f LogFilter) ([]LogRow, int, error) {
	return db.readLog(ctx, LogOwner{Provider: providerID}, f)
}

// ProviderMachinesLog is ProviderLog of what is about the provider's machines and what runs on them, with nobody's addresses and not
// to be searched by mail addresses.
func (db *DB) ProviderMachinesLog(ctx context.Context, providerID uuid.UUID, f LogFilter) ([]LogRow, int, error) {
	return db.readLog(ctx, LogOwner{Provider: providerID, Machines: true}, f)
}

// PlatformLog is OrganizationLog of everything, what concerns neither an organization nor a provider among it.
func (db *DB) PlatformLog(ctx context.Context, f LogFilter) ([]LogRow, int, error) {
	return db.readLog(ctx, LogOwner{}, f)
}

// logSubjects finds the names of what a page of the log speaks of.
const logSubjects = `CASE a.subject
	WHEN 'cluster' THEN (SELECT name FROM clusters WHERE id = a.subject_id)
	WHEN 'node' THEN (SELECT n.name || ' of ' || c.name FROM nodes n JOIN clusters c ON c.id = n.cluster_id WHERE n.id = a.subject_id)
	WHEN 'host' THEN (SELECT name FROM hosts WHERE id = a.subject_id)
	WHEN 'pool' THEN (SELECT name FROM pools WHERE id = a.subject_id)
	WHEN 'shape' THEN (SELECT name FROM shapes WHERE id = a.subject_id)
	WHEN 'person' THEN (SELECT name FROM people WHERE id = a.subject_id)
	WHEN 'organization' THEN (SELECT name FROM organizations WHERE id = a.subject_id)
	WHEN 'provider' THEN (SELECT name FROM providers WHERE id = a.subject_id)
	WHEN 'image' THEN (SELECT name FROM images WHERE id = a.subject_id)
	WHEN 'upload' THEN (SELECT coalesce(nullif(name, ''), filename) FROM uploads WHERE id = replace(a.subject_id::text, '-', ''))
	WHEN 'model_cluster' THEN (SELECT name FROM model_clusters WHERE id = a.subject_id)
	WHEN 'version' THEN (SELECT m.name || ' ' || v.version FROM model_versions v JOIN model_clusters m ON m.id = v.model_cluster_id WHERE v.id = a.subject_id)
	WHEN 'acceptance_test' THEN (SELECT m.name || ' ' || v.version FROM acceptance_tests t JOIN model_versions v ON v.id = t.version_id
		JOIN model_clusters m ON m.id = v.model_cluster_id WHERE t.id = a.subject_id)
	WHEN 'order' THEN (SELECT number::text FROM orders WHERE id = a.subject_id)
	WHEN 'credit_note' THEN (SELECT number FROM credit_notes WHERE id = a.subject_id)
	WHEN 'payment' THEN (SELECT coalesce(nullif(reference, ''), 'without a reference') FROM payments WHERE id = a.subject_id)
	WHEN 'request' THEN (SELECT form ->> 'name' FROM launch_requests WHERE id = a.subject_id)
	WHEN 'invitation' THEN (SELECT coalesce(email, 'whoever has the link') FROM invitations WHERE id = a.subject_id)
	WHEN 'certificate_key' THEN (SELECT left(key_id, 12) FROM certificate_keys WHERE id = a.subject_id)
	WHEN 'offer' THEN (SELECT name FROM offers WHERE id = a.subject_id)
	WHEN 'announcement' THEN (SELECT title FROM announcements WHERE id = a.subject_id)
	END`

func (db *DB) readLog(ctx context.Context, owner LogOwner, f LogFilter) (list []LogRow, total int, err error) {
	clause, id := owner.where()
	from := ` FROM audit a LEFT JOIN people pe ON pe.id = a.person_id
		WHERE ` + clause + ` AND ($2 = '' OR pe.name ILIKE $3 OR pe.email ILIKE $3 AND ` + owner.own() + `) AND ($4 = '' OR a.verb = $4)
			AND ($5 = '' OR a.subject = $5) AND ($6::timestamptz IS NULL OR a.at >= $6) AND ($7::timestamptz IS NULL OR a.at < $7)
			AND ($8 = '' OR a.organization_id IN (SELECT id FROM organizations WHERE name ILIKE $9) OR a.provider_id IN (SELECT id FROM providers WHERE name ILIKE $9))
			AND (NOT $10 OR a.organization_id IS NULL AND a.provider_id IS NULL) AND ($11::uuid IS NULL OR a.subject_id = $11)`
	args := []any{id, f.Person, Like(f.Person), f.Verb, f.Subject, OrNoTime(f.From), OrNoTime(f.To), f.Place, Like(f.Place), f.Nowhere, OrNull(f.Of)}
	err = db.pool.QueryRow(ctx, fmt.Sprintf(`SELECT count(*) FROM (SELECT`+from+` LIMIT %d) AS x`, LogCounted+1), args...).Scan(&total)
	if err != nil {
		return nil, 0, fmt.Errorf("count log: %w", err)
	}
	rows, _ := db.pool.Query(ctx, `
		SELECT a.id, a.at, coalesce(pe.name, '') AS person_name, a.verb, a.subject, coalesce(a.subject_id, '00000000-0000-0000-0000-000000000000') AS subject_id,
			coalesce(`+logSubjects+`, '') AS subject_name, coalesce(o.name, '') AS organization_name, coalesce(pr.name, '') AS provider_name, a.detail,
			CASE WHEN `+owner.own()+` THEN a.address END AS address
		FROM (SELECT a.*`+from+logColumns.OrderBy(f.Sorting, "a.at DESC, a.id DESC")+` LIMIT $12 OFFSET $13) AS a
		LEFT JOIN people pe ON pe.id = a.person_id
		LEFT JOIN organizations o ON o.id = a.organization_id
		LEFT JOIN providers pr ON pr.id = a.provider_id`+logColumns.OrderBy(f.Sorting, "a.at DESC, a.id DESC"),
		append(args, f.Most(), f.Skip())...)
	list, err = All(rows, "log", pgx.RowToStructByName[LogRow])
	return list, total, err
}
