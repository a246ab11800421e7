package loops_test

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"volary.dev/handlers/loops"
	"volary.dev/handlers/loops/loopstest"
	"volary.dev/provisioner/typed"
	"volary.dev/provisioner/waittest"
	"volary.dev/store/blob"
	"volary.dev/store/models"
	"volary.dev/store/storetest"
)

// Who began an upload is told that it stands still, once of each standstill, and that it is gone, with what had arrived. One of which bytes
// come is told of to nobody, and what somebody discards neither.
func TestStaleUploadsAreToldOf(t *testing.T) {
	u := loopstest.Upload(t, loopstest.BootSectorDisk())
	keeper := loops.UploadKeeper{Models: u.Job.Models, Blobs: u.Blobs, Log: slog.New(slog.DiscardHandler)}
	const still, moving, empty, discarded = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "cccccccccccccccccccccccccccccccc", "dddddddddddddddddddddddddddddddd"
	for id, name := range map[string]string{still: "still.img", moving: "moving.img"} {
		loopstest.NoError(t, u.DB.Models.CreateUpload(t.Context(), u.Org, u.Person, id, name, 4096))
		_, err := u.Blobs.Put(t.Context(), blob.UploadKey(id), strings.NewReader(strings.Repeat("x", 1024)))
		loopstest.NoError(t, err)
	}
	loopstest.NoError(t, u.DB.Models.CreateUpload(t.Context(), u.Org, u.Person, empty, "empty.img", 4096))
	created := time.Now()
	written := func(id string, at time.Time) {
		t.Helper()
		path, release, err := u.Blobs.Local(t.Context(), blob.UploadKey(id))
		loopstest.NoError(t, err)
		defer release()
		loopstest.NoError(t, os.Chtimes(path, time.Time{}, at))
	}
	written(still, created.Add(-time.Minute))
	written(moving, created.Add(10*time.Second))
	told := func(what string, want ...string) {
		t.Helper()
		rows, err := u.Pool.Query(t.Context(), `SELECT kind, data ->> 'upload', data ->> 'received', data ->> 'size' FROM notices WHERE event = 'upload_stale' AND person_id = $1 ORDER BY kind, data ->> 'upload', mark`, u.Person)
		loopstest.NoError(t, err)
		var got []string
		for rows.Next() {
			var kind, name, received, size string
			loopstest.NoError(t, rows.Scan(&kind, &name, &received, &size))
			got = append(got, strings.Join([]string{kind, name, received, size}, ", "))
		}
		loopstest.NoError(t, rows.Err())
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s: told\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	loopstest.NoError(t, keeper.Warn(t.Context(), created.Add(-time.Hour)))
	told("within the time")
	stale := []string{"upload_stale, empty.img, 0 B, 4 KiB", "upload_stale, still.img, 1 KiB, 4 KiB"}
	for range 2 {
		loopstest.NoError(t, keeper.Warn(t.Context(), created.Add(time.Second)))
		told("standing still", stale...)
	}
	written(still, created) // more came, and it stands still again
	loopstest.NoError(t, keeper.Warn(t.Context(), created.Add(time.Second)))
	stale = append(stale, stale[1])
	told("standing still again", stale...)
	for range 2 {
		loopstest.NoError(t, keeper.Discard(t.Context(), created.Add(time.Second)))
		told("discarded", append([]string{"upload_gone, empty.img, 0 B, 4 KiB", "upload_gone, still.img, 1 KiB, 4 KiB"}, stale...)...)
	}
	loopstest.NoError(t, u.DB.Models.CreateUpload(t.Context(), u.Org, u.Person, discarded, "discarded.img", 4096))
	if was, err := u.DB.Models.DiscardUpload(t.Context(), u.Person, discarded); err != nil || !was {
		t.Errorf("discarded by hand: %t, %v", was, err)
	}
	told("discarded by hand", append([]string{"upload_gone, empty.img, 0 B, 4 KiB", "upload_gone, still.img, 1 KiB, 4 KiB"}, stale...)...)
}

// What is fetched, or waits for its turn, does not stand still, however old it is. One whose fetching failed has a day since that began, and who gave
// the address is told what became of it and where to go on: no file is chosen anew.
func TestFetchedUploadsStandStill(t *testing.T) {
	u := loopstest.Upload(t, loopstest.BootSectorDisk())
	db := storetest.Open(t, u.Pool).Models
	keeper := loops.UploadKeeper{Models: u.Job.Models, Blobs: u.Blobs, Log: slog.New(slog.DiscardHandler)}
	const id = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	at := storetest.Must[typed.WebAddress](t)(typed.ParseWebAddress("https://files.example/disk.img?signature=secret"))
	loopstest.NoError(t, db.BeginUpload(t.Context(), models.NewUpload{Organization: u.Org, Person: u.Person, ID: id, Filename: "disk.img", Source: &at}))
	later := time.Now().Add(time.Hour)
	look := func() (there bool, told string) {
		t.Helper()
		loopstest.NoError(t, keeper.Warn(t.Context(), later))
		loopstest.NoError(t, u.Pool.QueryRow(t.Context(), `
			SELECT coalesce(string_agg(concat_ws(' ', kind, data ->> 'address', data ->> 'path'), ', ' ORDER BY kind), '') FROM notices WHERE event = 'upload_stale'`).Scan(&told))
		loopstest.NoError(t, keeper.Discard(t.Context(), later))
		loopstest.NoError(t, u.Pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM uploads WHERE id = $1)`, id).Scan(&there))
		return there, told
	}
	if there, told := look(); !there || told != "" {
		t.Errorf("waiting for its turn: there: %t, told %q", there, told)
	}
	if was, err := u.Job.Models.ExpireUpload(t.Context(), id, 0); err != nil || was {
		t.Errorf("one that somebody has just had tried again is discarded: %v", err)
	}
	loopstest.NoError(t, db.FailFetch(t.Context(), id, models.FetchFailure{Why: "No.", Advice: "Wait."}))
	_, err := u.Pool.Exec(t.Context(), `UPDATE upload_sources SET started_at = now() + interval '2 hours'`)
	loopstest.NoError(t, err)
	if there, told := look(); !there || told != "" {
		t.Errorf("just failed: there: %t, told %q", there, told)
	}
	_, err = u.Pool.Exec(t.Context(), `UPDATE upload_sources SET started_at = now()`)
	loopstest.NoError(t, err)
	want := "upload_stale https://files.example/disk.img /org/uploads/aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"
	if there, told := look(); there || told != want {
		t.Errorf("failed a day ago: there: %t, told %q", there, told)
	}
	if _, told := look(); told != "upload_gone https://files.example/disk.img /org/images/new, "+want {
		t.Errorf("told in the end %q", told)
	}
}

// A fetch that was asked for while the job of the try before it was ending has no job of its own, and is taken up soon.
func TestFetchesWithoutAJobAreTakenUpSoon(t *testing.T) {
	u := loopstest.Upload(t, loopstest.BootSectorDisk())
	keeper := loops.UploadKeeper{Models: u.Job.Models, Blobs: u.Blobs, Log: slog.New(slog.DiscardHandler), ReviveTick: 10 * time.Millisecond}
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- keeper.Run(ctx) }()
	at := storetest.Must[typed.WebAddress](t)(typed.ParseWebAddress("https://files.example/disk.img"))
	loopstest.NoError(t, storetest.Open(t, u.Pool).Models.BeginUpload(t.Context(), models.NewUpload{
		Organization: u.Org, Person: u.Person, ID: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", Filename: "disk.img", Source: &at,
	}))
	jobs := func() (waiting int) {
		loopstest.NoError(t, u.Pool.QueryRow(t.Context(), `SELECT count(*) FROM river_job WHERE kind = 'fetch_upload' AND state = 'available'`).Scan(&waiting))
		return waiting
	}
	for range 2 { // the first may be its first look
		_, err := u.Pool.Exec(t.Context(), `UPDATE river_job SET state = 'completed', finalized_at = now() WHERE kind = 'fetch_upload'`)
		loopstest.NoError(t, err)
		waittest.Until(t, "another job of the fetch", func() bool { return jobs() == 1 })
	}
	end()
	loopstest.NoError(t, <-ended)
}
