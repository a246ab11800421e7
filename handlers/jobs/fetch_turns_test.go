package jobs_test

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/handlers/loops/loopstest"
	"volary.dev/provisioner"
	"volary.dev/store/models"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// trickle serves a file whole to the first who asks, so much every few milliseconds, and after that what is asked for.
func (i *importer) trickle(path string, content []byte, at func(asked int32) (begins, chunk int)) *atomic.Int32 {
	var asked atomic.Int32
	i.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"one"`)
		begins, chunk := at(asked.Add(1))
		if chunk == 0 {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
			return
		}
		from, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(r.Header.Get("Range"), "bytes="), "-"))
		w.Header().Set("Content-Length", strconv.Itoa(len(content)-from))
		if from > 0 {
			w.Header().Set("Content-Range", "bytes "+strconv.Itoa(from)+"-"+strconv.Itoa(len(content)-1)+"/"+strconv.Itoa(len(content)))
			w.WriteHeader(http.StatusPartialContent)
		}
		_, _ = w.Write(content[from : from+begins])
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for n := from + begins; n+chunk <= len(content); n += chunk {
			_ = http.NewResponseController(w).Flush()
			select {
			case <-tick.C:
			case <-r.Context().Done():
				return
			}
			if _, err := w.Write(content[n : n+chunk]); err != nil {
				return
			}
		}
	})
	return &asked
}

// rival is another organization that gives an address; its job waits for a place.
func (i *importer) rival(path string) *importer {
	i.t.Helper()
	other := *i
	owner := storetest.Open(i.t, i.pool)
	other.id = strings.Repeat("de", 16)
	other.org = storetest.Must[uuid.UUID](i.t)(owner.People.CreateOrganization(i.t.Context(), uuid.Nil, "Borealis"))
	other.person = storetest.Must[uuid.UUID](i.t)(owner.People.CreatePerson(i.t.Context(), uuid.Nil, people.NewPerson{Email: "bo@example.org", Name: "Bo", Password: "correct horse battery"}))
	loopstest.NoError(i.t, owner.People.AddMember(i.t.Context(), uuid.Nil, other.org, other.person, people.RoleOwner))
	other.give(path, "")
	return &other
}

// waitsForAPlace has the job of an upload be due, and nobody work it, since some time.
func (i *importer) waitsForAPlace() {
	i.t.Helper()
	_, err := i.pool.Exec(i.t.Context(), `UPDATE river_job SET state = 'available', scheduled_at = now() - interval '1 minute' WHERE kind = 'fetch_upload' AND (args ->> 'upload_id')::uuid = $1::uuid`, i.id)
	loopstest.NoError(i.t, err)
}

// Who has fetched for a turn gives the place to who waits for one, and goes on by Range; while nobody waits it stays.
func TestFetchUploadGivesItsPlaceBack(t *testing.T) {
	i := newImporter(t)
	content := pattern(8 << 20)
	asked := i.trickle("/disk", content, func(n int32) (int, int) { return 1 << 20, map[bool]int{true: 64 << 10}[n == 1] })
	i.job.Turn = time.Millisecond
	i.give("/disk", "")
	other := i.rival("/disk")
	other.waitsForAPlace()
	if err := i.work(); !comesBack(err) {
		t.Fatalf("while others wait: %v", err)
	}
	here := len(i.bytes())
	if u := i.read(); u.FetchState != models.FetchWaiting || !strings.Contains(u.Reason, "Others wait") || here == 0 || here == len(content) {
		t.Errorf("while others wait: %+v, %d bytes", u, here)
	}
	i.job.Turn, other.job.Turn = time.Minute, time.Minute // which a busy machine needs, too
	if u := other.toItsEnd(); u.State != provisioner.UploadChecking {
		t.Errorf("who waited: %+v", u)
	}
	if u := i.toItsEnd(); u.State != provisioner.UploadChecking || !bytes.Equal(i.bytes(), content) || asked.Load() != 3 {
		t.Errorf("its next turn: %+v after %d requests", u, asked.Load())
	}
	// Whoever waits for nothing that this one holds ends no turn: an upload behind another of its own organization.
	i = newImporter(t)
	asked = i.trickle("/disk", content[:2<<20], func(int32) (int, int) { return 1 << 20, 64 << 10 })
	i.job.Turn = time.Millisecond
	i.give("/disk", "")
	other = i.rival("/disk")
	first := other.id
	other.id = strings.Repeat("ef", 16)
	other.give("/disk", "")
	other.waitsForAPlace()
	_, err := i.pool.Exec(t.Context(), `UPDATE river_job SET state = 'running', attempted_at = now() WHERE kind = 'fetch_upload' AND (args ->> 'upload_id')::uuid = $1::uuid`, first)
	loopstest.NoError(t, err)
	_, err = i.pool.Exec(t.Context(), `UPDATE upload_sources SET state = 'fetching', job_id = (SELECT id FROM river_job WHERE state = 'running') WHERE upload_id = $1`, first)
	loopstest.NoError(t, err)
	loopstest.NoError(t, i.work())
	if u := i.read(); u.State != provisioner.UploadChecking || asked.Load() != 1 {
		t.Errorf("while nobody waits for its place: %+v after %d requests", u, asked.Load())
	}
}

// A server that only just sends ends after some turns while others wait, with the numbers; what came stays, and it is fetched while nobody waits.
func TestFetchUploadOfASlowServer(t *testing.T) {
	i := newImporter(t)
	content := pattern(2 << 20)
	slow := true
	i.trickle("/drip", content, func(n int32) (int, int) {
		switch {
		case n == 1:
			return 1 << 20, 8
		case slow:
			return 0, 8
		}
		return 0, 0
	})
	i.job.Turn = 30 * time.Millisecond
	i.give("/drip", "")
	other := i.rival("/drip")
	other.waitsForAPlace()
	turns, kept := 0, 0
	for ; turns < 20; turns++ {
		err := i.work()
		if turns == 0 {
			kept = len(i.bytes()) // as much as a turn of so busy a machine brings
		}
		if !comesBack(err) {
			loopstest.NoError(t, err)
			break
		}
		if u := i.read(); turns > 0 && (!strings.Contains(u.Reason, " in this turn, ") || !strings.Contains(u.Reason, "a second. Others wait and are fetched first")) {
			t.Errorf("after a slow turn: %+v", u)
		}
	}
	if u := i.read(); turns < 7 || turns > 9 || u.FetchState != models.FetchFailed || !strings.Contains(u.Reason, " in this turn, ") || !strings.Contains(u.Reason, "64 KiB in a turn and 16 KiB a second are asked for") || !strings.Contains(u.Advice, "not fetched again") || len(i.bytes()) < kept {
		t.Errorf("after %d turns: %+v, %d bytes of %d", turns, u, len(i.bytes()), kept)
	}
	slow = false
	loopstest.NoError(t, i.db.Models.RetryFetch(t.Context(), i.org, i.person, i.id, ""))
	if u := i.toItsEnd(); u.State != provisioner.UploadChecking || !bytes.Equal(i.bytes(), content) {
		t.Errorf("once it is faster: %+v", u)
	}
}

// A server that gives just enough to hold a place, and cuts the line each time, is given up.
func TestFetchUploadOfAServerThatDripsAndCuts(t *testing.T) {
	i := newImporter(t)
	content := pattern(4 << 20)
	i.mux.HandleFunc("/drip", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"one"`)
		from, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(r.Header.Get("Range"), "bytes="), "-"))
		w.Header().Set("Content-Length", strconv.Itoa(len(content)-from))
		n := 1 << 20
		if from > 0 {
			w.Header().Set("Content-Range", "bytes "+strconv.Itoa(from)+"-"+strconv.Itoa(len(content)-1)+"/"+strconv.Itoa(len(content)))
			w.WriteHeader(http.StatusPartialContent)
			n = 1 << 10
		}
		_, _ = w.Write(content[from : from+n])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	i.give("/drip", "")
	if u := i.toItsEnd(); u.FetchState != models.FetchFailed || !strings.Contains(u.Reason, "is cut") || len(i.bytes()) < 1<<20 || len(i.bytes()) > 1<<20+16<<10 {
		t.Errorf("%+v, %d bytes", u, len(i.bytes()))
	}
}

// Of an organization's uploads the one that waits longest is next, and none is left out.
func TestFetchesOfAnOrganizationTakeTurns(t *testing.T) {
	i := newImporter(t)
	ids := []string{strings.Repeat("a1", 16), strings.Repeat("a2", 16), strings.Repeat("a3", 16)}
	for _, id := range ids {
		i.id = id
		i.give("/disk", "")
	}
	take := func(n int) bool {
		t.Helper()
		return storetest.Must[bool](t)(i.worker.Models.TakeFetchTurn(t.Context(), i.org, ids[n], int64(n+100)))
	}
	waits := func(n int) {
		t.Helper()
		loopstest.NoError(t, i.worker.Models.RecordFetchWaits(t.Context(), ids[n], models.FetchWait{Why: "Others wait.", Turn: true}))
	}
	for round := range 2 {
		waits(1)
		waits(2)
		waits(0)
		for _, next := range []int{1, 2, 0} {
			for n := range ids {
				if n != next && take(n) {
					t.Fatalf("round %d: %d takes the turn of %d", round, n, next)
				}
			}
			if wait := storetest.Must[bool](t)(i.worker.Models.FetchesWait(t.Context(), i.org, ids[next])); wait != (next != 0) {
				t.Errorf("others wait for the place of %d: %t", next, wait)
			}
			if !take(next) {
				t.Fatalf("round %d: %d waits longest and gets no turn", round, next)
			}
		}
	}
	// A cut one that comes back by itself keeps nobody from a turn, and one that failed neither.
	waits(1)
	loopstest.NoError(t, i.worker.Models.RecordFetchWaits(t.Context(), ids[1], models.FetchWait{Why: "Cut.", Cuts: 1}))
	waits(2)
	loopstest.NoError(t, i.worker.Models.FailFetch(t.Context(), ids[2], models.FetchFailure{Why: "No.", Advice: "Wait."}))
	if waits(0); !take(0) {
		t.Error("one that is cut or failed is waited for")
	}
}

// An organization with many uploads that wait has one turn before each other's.
func TestFetchesOfManyAndOfOne(t *testing.T) {
	i := newImporter(t)
	for _, id := range []string{"a1", "a2", "a3"} {
		i.id = strings.Repeat(id, 16)
		i.give("/disk", "")
		i.waitsForAPlace()
	}
	other := i.rival("/disk")
	_, err := i.pool.Exec(t.Context(), `UPDATE river_job SET scheduled_at = now() - interval '3 seconds' WHERE kind = 'fetch_upload' AND (args ->> 'upload_id')::uuid = $1::uuid`, other.id)
	loopstest.NoError(t, err)
	first := strings.Repeat("a1", 16)
	if taken, err := i.worker.Models.TakeFetchTurn(t.Context(), i.org, first, 100); err != nil || !taken {
		t.Fatalf("the first turn: %t, %v", taken, err)
	}
	var next string
	loopstest.NoError(t, i.pool.QueryRow(t.Context(), `SELECT args ->> 'upload_id' FROM river_job WHERE kind = 'fetch_upload' AND (args ->> 'upload_id')::uuid <> $1::uuid ORDER BY scheduled_at, id LIMIT 1`, first).Scan(&next))
	if want := uuid.MustParse(other.id).String(); next != want {
		t.Errorf("after the first turn %s is next, want %s", next, want)
	}
}
