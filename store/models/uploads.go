package models

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// How many unfinished uploads an organization may have, and each of its people within that: each keeps space on the image volume,
// and nobody may keep the others from theirs.
const (
	MaxOpenUploads     = 8
	MaxOpenUploadsEach = 3
)

// UploadsShown is how many uploads a list of them has at most.
const UploadsShown = 100

// Upload is bytes on their way in: they arrive in parts, are checked when all are here, and images come of them or they are refused.
// Digests are lower-case hex SHA-256.
type Upload struct {
	ID             string // 32 lower-case hex digits, chosen by the tus handler
	Organization   uuid.UUID
	Person         string // who began it
	Filename       string
	Name           string // what it is called, and its images after it: as it was given, else the file's
	Size           int64  // bytes, as announced
	CreatedAt      time.Time
	Fingerprint    string // of the file it was begun of (handlers/uploads, doc.go); empty where its client gave none
	Sender         string // the random name by which who sends it now knows its file; empty: a plain tus client
	ExpectedDigest string // that its file is said to have; empty: nobody said
	State          provisioner.UploadState
	Reason         string // of a refusal, why it stays unverified, or what it waits for
	Checks         []provisioner.ImageCheck
	Progress       provisioner.UploadProgress // of its verification, while that runs
	Format         string                     // as UploadVerdict
	Digest         string                     // of the bytes as they came; empty until known
	FinishedAt     *time.Time                 // when the last byte came; nil of one that was refused for its first ones
	FinishedBy     string                     // who sent it; empty until then
	VerifiedAt     *time.Time                 // when its verdict was final
	Source         string                     // the address that it is fetched from, without its query; empty: it is sent
	Fetch                                     // of one with a source
}

// FetchState is how far the fetching of an upload is.
type FetchState string

// The states: after the first two a job works or waits, after FetchFailed a person decides, and after FetchEnded nothing is fetched.
const (
	FetchWaiting FetchState = "waiting"
	Fetching     FetchState = "fetching"
	FetchFailed  FetchState = "failed"
	FetchEnded   FetchState = "ended"
)

// Fetch is how the fetching of an upload goes. Why it waits or failed is the upload's Reason.
type Fetch struct {
	FetchState FetchState
	Advice     string // of a failure: what to do
	Leads      string // where its server says that the file is, without its query; empty: nowhere
	Given      string // the address as it was given, where Source is what its server led to; empty: it is Source
	Length     int64  // bytes of the whole file as its server says; 0: not said
	Fetched    int64  // bytes
	Rate       int64  // bytes per second, lately
}

// Arrives tells whether bytes of it are missing.
func (u Upload) Arrives() bool { return u.State == provisioner.UploadArriving }

// Early tells whether it was refused for its first bytes: the rest never came.
func (u Upload) Early() bool { return u.State == provisioner.UploadRefused && u.FinishedAt == nil }

const uploadColumns = `u.id, u.organization_id AS organization, p.name AS person, u.filename, coalesce(nullif(u.name, ''), u.filename) AS name, u.size,
	u.created_at, u.fingerprint, u.sender, u.expected_digest, u.state, u.reason, u.checks, u.progress, u.format, u.digest, u.finished_at,
	coalesce((SELECT f.name FROM people f WHERE f.id = u.finished_by), '') AS finished_by, u.verified_at,
	coalesce(s.address, '') AS source, coalesce(s.state, '') AS fetch_state, coalesce(s.advice, '') AS advice, coalesce(s.leads, '') AS leads, coalesce(s.given, '') AS given,
	coalesce(s.length, 0) AS length, coalesce(s.received, 0) AS fetched, coalesce(s.rate, 0) AS rate
	FROM uploads u JOIN people p ON p.id = u.person_id LEFT JOIN upload_sources s ON s.upload_id = u.id`

// Upload finds an upload of the organization, and refuses with "not_found" where there is none.
func (db *DB) Upload(ctx context.Context, orgID uuid.UUID, id string) (Upload, error) {
	return readUpload(ctx, db.pool, orgID, id)
}

func readUpload(ctx context.Context, q store.Queryer, orgID uuid.UUID, id string) (Upload, error) {
	rows, _ := q.Query(ctx, `SELECT `+uploadColumns+` WHERE u.organization_id = $1 AND u.id = $2`, orgID, id)
	return store.One(rows, "upload", pgx.RowToStructByName[Upload])
}

// UploadForWorker finds an upload of any organization; only jobs may ask.
func (db *DB) UploadForWorker(ctx context.Context, id string) (Upload, error) {
	rows, _ := db.pool.Query(ctx, `SELECT `+uploadColumns+` WHERE u.id = $1`, id)
	return store.One(rows, "upload", pgx.RowToStructByName[Upload])
}

// Uploads lists the organization's uploads that are under way or were refused, the newest first and at most UploadsShown, and counts
// them all. What came of the others are images.
func (db *DB) Uploads(ctx context.Context, orgID uuid.UUID) (list []Upload, total int, err error) {
	const open = ` WHERE u.organization_id = $1 AND u.state <> 'done'`
	b := &pgx.Batch{}
	b.Queue(`SELECT count(*) FROM uploads u`+open, orgID).QueryRow(func(row pgx.Row) error { return row.Scan(&total) })
	store.QueueAll(b, &list, pgx.RowToStructByName[Upload], `SELECT `+uploadColumns+open+` ORDER BY u.created_at DESC, u.id LIMIT $2`, orgID, UploadsShown)
	if err := db.pool.SendBatch(ctx, b).Close(); err != nil {
		return nil, 0, fmt.Errorf("read uploads of %s: %w", orgID, err)
	}
	return list, total, nil
}

// ArrivingUploads lists the organization's unfinished uploads, the newest first.
func (db *DB) ArrivingUploads(ctx context.Context, orgID uuid.UUID) ([]Upload, error) {
	rows, _ := db.pool.Query(ctx, `SELECT `+uploadColumns+`
		WHERE u.organization_id = $1 AND u.state = 'arriving' ORDER BY u.created_at DESC, u.id LIMIT $2`, orgID, MaxOpenUploads)
	return store.All(rows, "arriving uploads", pgx.RowToStructByName[Upload])
}

// Announced is an unfinished upload of whomever.
type Announced struct {
	ID     string
	Size   int64     // bytes
	Person uuid.UUID // who began it
}

// AnnouncedUploads are all that are unfinished: what they lack still needs room.
func (db *DB) AnnouncedUploads(ctx context.Context) ([]Announced, error) {
	return announcedUploads(ctx, db.pool)
}

func announcedUploads(ctx context.Context, q store.Queryer) ([]Announced, error) {
	rows, _ := q.Query(ctx, `SELECT id, size, person_id AS person FROM uploads WHERE state = 'arriving'`)
	return store.All(rows, "announced uploads", pgx.RowToStructByName[Announced])
}

// StaleUploads names unfinished uploads that were begun before a time, for the worker that discards their bytes. One that is fetched, or waits
// for its turn, is none, however long that takes: its time is bounded by who fetches it. One whose fetching failed was begun when that began.
func (db *DB) StaleUploads(ctx context.Context, before time.Time) ([]string, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT u.id FROM uploads u LEFT JOIN upload_sources s ON s.upload_id = u.id
		WHERE u.state = 'arriving' AND greatest(u.created_at, s.started_at) < $1 AND coalesce(s.state, '') NOT IN ('waiting', 'fetching') ORDER BY u.created_at LIMIT 1000`, before)
	return store.All(rows, "stale uploads", pgx.RowTo[string])
}

// UploadOfSender finds the unfinished upload that a person began for the organization under a sender's name: the answer to its
// creation may have been lost. Refuses with "not_found" where there is none.
func (db *DB) UploadOfSender(ctx context.Context, orgID, personID uuid.UUID, sender string) (Upload, error) {
	rows, _ := db.pool.Query(ctx, `SELECT `+uploadColumns+`
		WHERE u.organization_id = $1 AND u.person_id = $2 AND u.sender = $3 AND u.sender <> '' AND u.state = 'arriving' ORDER BY u.created_at LIMIT 1`, orgID, personID, sender)
	return store.One(rows, "upload", pgx.RowToStructByName[Upload])
}

// TakeUpload notes under which sender's name an unfinished upload is sent from now on, and the digest that its file is said to have
// where one is given. It is called under the upload's lock.
func (db *DB) TakeUpload(ctx context.Context, id, sender, expectedDigest string) error {
	if _, err := db.pool.Exec(ctx, `
		UPDATE uploads SET sender = $2, expected_digest = CASE $3::text WHEN '' THEN expected_digest ELSE $3 END WHERE id = $1 AND state = 'arriving'`,
		id, sender, expectedDigest); err != nil {
		return fmt.Errorf("take upload %s: %w", id, err)
	}
	return nil
}

// UploadSubject writes an upload's id as a UUID, which is how jobs, the log and open pages name what they are about; UploadOf is its
// inverse.
func UploadSubject(id string) (uuid.UUID, error) {
	subject, err := uuid.Parse(id)
	if err != nil {
		return uuid.Nil, fmt.Errorf("upload %q: %w", id, err)
	}
	return subject, nil
}

// UploadOf is the id of the upload that a subject names.
func UploadOf(subject uuid.UUID) string { return hex.EncodeToString(subject[:]) }
