package machines_test

import (
	"testing"

	"volary.dev/store"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

// A quote says what has to be copied before nodes start: of each image and host once, and nothing that a host has whole.
func TestQuoteSaysWhatIsCopiedFirst(t *testing.T) {
	w := storetest.NewWorld(t)
	quote := func() machines.Copies {
		t.Helper()
		q := storetest.Must[machines.Quote](t)(storetest.OpenAs(t, w.Pool, store.RoleWeb).Machines.Quote(t.Context(), w.Organization, storetest.OneHour(w, "trial-1", 3)))
		if q.Refusal != nil {
			t.Fatal(q.Refusal)
		}
		return q.Copies
	}
	var bytes int64
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), `SELECT canonical_size FROM images`).Scan(&bytes))
	before := quote()
	if before.Hosts < 2 || before.Bytes != int64(before.Hosts)*bytes {
		t.Errorf("%+v of an image of %d bytes", before, bytes)
	}
	w.Exec(t, `
		INSERT INTO base_images (host_id, digest, bytes, whole, used_at)
		SELECT h.id, i.canonical_digest, i.canonical_size, h.id <> $1, now() FROM hosts h, images i`, w.Hosts[0])
	if n := quote(); n.Hosts != 1 || n.Bytes != bytes {
		t.Errorf("%+v, where all hosts but one have the image whole", n)
	}
	w.Exec(t, `UPDATE base_images SET whole = true`)
	if n := quote(); n != (machines.Copies{}) {
		t.Errorf("%+v, where all hosts have it", n)
	}
}
