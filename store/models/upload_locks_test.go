package models_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/waittest"
	"volary.dev/store"
	"volary.dev/store/models"
	"volary.dev/store/storetest"
)

func TestUploadLocks(t *testing.T) {
	pool := storetest.Pool(t)
	db, ctx := storetest.OpenAs(t, pool, store.RoleWeb).Models, t.Context()
	id, ada, ben := strings.Repeat("a", 32), uuid.New(), uuid.New()
	take := func(holder uuid.UUID, lapse time.Duration, want bool) {
		t.Helper()
		if got, err := db.TakeUploadLock(ctx, id, holder, lapse); err != nil || got != want {
			t.Errorf("taken: %v, %v, want %v", got, err, want)
		}
	}
	confirmed := func(want ...models.ConfirmedLock) {
		t.Helper()
		got, err := db.ConfirmUploadLocks(ctx, []uuid.UUID{ada, ben})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("confirmed: %v, %v, want %v", got, err, want)
		}
	}
	take(ada, time.Hour, true)
	take(ben, time.Hour, false)
	confirmed(models.ConfirmedLock{Holder: ada})
	storetest.NoError(t, db.AskForUploadLock(ctx, id))
	storetest.NoError(t, db.AskForUploadLock(ctx, strings.Repeat("b", 32))) // nobody has it
	confirmed(models.ConfirmedLock{Holder: ada, Wanted: true})
	storetest.NoError(t, db.LeaveUploadLock(ctx, id, ben)) // who has it not cannot leave it
	take(ben, time.Hour, false)
	take(ben, -time.Second, true) // confirmed longer ago than that
	confirmed(models.ConfirmedLock{Holder: ben})
	storetest.NoError(t, db.LeaveUploadLock(ctx, id, ben))
	confirmed()
	take(ada, time.Hour, true)
	worker := storetest.OpenAs(t, pool, store.RoleWorker).Models
	storetest.NoError(t, worker.ForgetUploadLocks(ctx))
	confirmed(models.ConfirmedLock{Holder: ada})
	_, err := pool.Exec(ctx, `UPDATE upload_locks SET confirmed_at = confirmed_at - interval '2 hours'`)
	storetest.NoError(t, err)
	storetest.NoError(t, worker.ForgetUploadLocks(ctx))
	confirmed()
}

// Who announces is told of all that were told yes, by whichever process: the second one waits until the first has its answer.
func TestRoomIsPromisedOnce(t *testing.T) {
	pool := storetest.Pool(t)
	db := storetest.Open(t, pool)
	var asked, inside atomic.Int32
	waits := func() (waits bool) {
		storetest.NoError(t, pool.QueryRow(context.Background(), `SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`).Scan(&waits))
		return waits
	}
	room := func(announced []models.Announced) error {
		if inside.Add(1); inside.Load() > 1 {
			t.Error("two are asked at once")
		}
		defer inside.Add(-1)
		if turn := asked.Add(1); turn == 1 {
			waittest.Until(t, "the second to wait for the first", func() bool { return waits() || asked.Load() > 1 })
			return nil
		}
		if len(announced) != 1 || announced[0].Size != 10 {
			t.Errorf("the second is told of %v", announced)
		}
		return &refusal.Error{Code: "storage_full", Title: "No room."}
	}
	answers := make(chan error, 2)
	for n := range 2 {
		org, person := uploader(t, db, fmt.Sprintf("Org%d", n))
		process := storetest.OpenAs(t, pool, store.RoleWeb).Models
		go func() {
			answers <- process.BeginUpload(context.Background(), models.NewUpload{
				Organization: org, Person: person, ID: strings.Repeat(fmt.Sprint(n), 32), Filename: "disk", Size: 10, Room: room,
			})
		}()
	}
	refused := 0
	for range 2 {
		err, _ := waittest.Receive(t, "an answer", answers)
		if r, ok := refusal.As(err); ok && r.Code == "storage_full" {
			refused++
		} else if err != nil {
			t.Error(err)
		}
	}
	if refused != 1 {
		t.Errorf("%d of two were refused", refused)
	}
}

func TestNamedDigests(t *testing.T) {
	pool := storetest.Pool(t)
	db, ctx := storetest.Open(t, pool), t.Context()
	org, person := uploader(t, db, "Atlas")
	digest := func(first string) string { return first + strings.Repeat("0", 63) }
	for n, first := range []string{"c", "a", "b", "a"} { // two images have the same bytes
		id := strings.Repeat(fmt.Sprint(n), 32)
		storetest.Arrived(t, db, org, person, id, "disk", 5)
		storetest.Must[bool](t)(db.Models.RecordVerdict(ctx, id, storetest.DoneVerdict(digest(first))))
	}
	for _, c := range []struct {
		after, upTo string
		want        []string
	}{{"", "", []string{"a", "b", "c"}}, {digest("a"), "", []string{"b", "c"}}, {"", digest("b"), []string{"a", "b"}}, {digest("a"), digest("b"), []string{"b"}}, {digest("c"), "", nil}} {
		list, err := db.Models.NamedDigests(ctx, c.after, c.upTo)
		var got []string
		for _, n := range list {
			if got = append(got, n.Digest[:1]); n.Size != 900 || n.Lost != models.BlobWhole {
				t.Errorf("named is %+v", n)
			}
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("after %.1s up to %.1s: %v, %v, want %v", c.after, c.upTo, got, err, c.want)
		}
	}
	storetest.Arrived(t, db, org, person, strings.Repeat("e", 32), "disk", 5)
	// Of one that is judged nothing is needed any more.
	unknown, err := db.Models.UnknownUploads(ctx, []string{strings.Repeat("0", 32), strings.Repeat("e", 32), strings.Repeat("f", 32)})
	if err != nil || !slices.Equal(unknown, []string{strings.Repeat("0", 32), strings.Repeat("f", 32)}) {
		t.Errorf("unknown: %v, %v", unknown, err)
	}
}

// Who waits for a digest waits longer than a session waits for a row: its holder may be sending gigabytes.
func TestHoldDigestOutlastsTheSessionsLimits(t *testing.T) {
	config := storetest.Pool(t).Config()
	for _, limit := range []string{"lock_timeout", "statement_timeout"} {
		config.ConnConfig.RuntimeParams[limit] = "50"
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	storetest.NoError(t, err)
	defer pool.Close()
	db := models.New(store.New(pool, store.Options{}), nil)
	digest := strings.Repeat("a", 64)
	release, err := db.HoldDigest(t.Context(), digest)
	storetest.NoError(t, err)
	release = sync.OnceFunc(release)
	defer release() // before the pool waits for it
	second := make(chan error, 1)
	go func() {
		release, err := db.HoldDigest(t.Context(), digest)
		if err == nil {
			release()
		}
		second <- err
	}()
	began := time.Now()
	waittest.Until(t, "the second to wait for longer than its session's limits", func() bool {
		select {
		case err := <-second:
			t.Fatalf("the second has it, or does not wait: %v", err)
		default:
		}
		return time.Since(began) > 500*time.Millisecond
	})
	release()
	if err, _ := waittest.Receive(t, "the second to have it", second); err != nil {
		t.Error(err)
	}
	if _, err := pool.Exec(t.Context(), `SELECT pg_sleep(60)`); !store.TookTooLong(err) {
		t.Errorf("the limits are not back: %v", err)
	}
}
