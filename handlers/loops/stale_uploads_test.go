package loops_test

import (
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"volary.dev/handlers/loops"
	"volary.dev/handlers/loops/loopstest"
	"volary.dev/store/blob"
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
