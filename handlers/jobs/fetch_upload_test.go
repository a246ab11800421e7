package jobs_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"volary.dev/handlers/jobs"
	"volary.dev/handlers/loops/loopstest"
	"volary.dev/provisioner"
	"volary.dev/provisioner/fetch"
	"volary.dev/provisioner/image"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/provisioner/waittest"
	"volary.dev/store"
	"volary.dev/store/blob"
	"volary.dev/store/floors"
	"volary.dev/store/models"
	"volary.dev/store/people"
	"volary.dev/store/queue"
	"volary.dev/store/storetest"
)

// importer is an organization that gives addresses, and the worker that fetches from a server of the test.
type importer struct {
	t      *testing.T
	pool   *pgxpool.Pool
	db     *floors.All // web's
	worker *floors.All
	blobs  *blob.Directory
	root   string // of blobs
	org    uuid.UUID
	person uuid.UUID
	id     string
	job    jobs.FetchUpload
	mux    *http.ServeMux
}

const serverAddress = "93.184.216.34"

// everywhere resolves each name to one public address, and reaches the test's own server there.
type everywhere struct{ at string }

func (everywhere) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr(serverAddress)}, nil
}

func (e everywhere) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if address != serverAddress+":443" {
		return nil, fmt.Errorf("dials %s", address)
	}
	return (&net.Dialer{}).DialContext(ctx, network, e.at)
}

func newImporter(t *testing.T) *importer {
	t.Helper()
	pool := storetest.Pool(t)
	i := &importer{t: t, pool: pool, id: loopstest.UploadID, root: t.TempDir(), mux: http.NewServeMux()}
	i.db, i.worker = storetest.OpenAs(t, pool, store.RoleWeb), storetest.OpenAs(t, pool, store.RoleWorker)
	i.blobs = storetest.Must[*blob.Directory](t)(blob.OpenDirectory(i.root))
	owner := storetest.Open(t, pool)
	i.org = storetest.Must[uuid.UUID](t)(owner.People.CreateOrganization(t.Context(), uuid.Nil, "Atlas"))
	i.person = storetest.Must[uuid.UUID](t)(owner.People.CreatePerson(t.Context(), uuid.Nil, people.NewPerson{Email: "ada@example.org", Name: "Ada", Password: "correct horse battery"}))
	loopstest.NoError(t, owner.People.AddMember(t.Context(), uuid.Nil, i.org, i.person, people.RoleOwner))
	server := httptest.NewTLSServer(i.mux)
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	all := everywhere{server.Listener.Addr().String()}
	i.job = jobs.FetchUpload{
		Models: i.worker.Models, Blobs: i.blobs, Identity: storetest.MailIdentity(), MaxBytes: 64 << 20, Log: slog.New(slog.DiscardHandler),
		Fetcher: &fetch.Fetcher{Resolver: all, Dialer: all, Roots: roots},
	}
	return i
}

// give is an address that somebody gives; the server's certificate is of example.com.
func (i *importer) give(path, digest string) {
	i.t.Helper()
	at := storetest.Must[typed.WebAddress](i.t)(typed.ParseWebAddress("https://example.com" + path))
	loopstest.NoError(i.t, i.db.Models.BeginUpload(i.t.Context(), models.NewUpload{Organization: i.org, Person: i.person, ID: i.id, Filename: "disk.img", Source: &at, ExpectedDigest: digest}))
}

// work works the job once, and gives how it ended: nil, or that it comes back.
func (i *importer) work() error {
	i.t.Helper()
	return i.workIn(i.t.Context())
}

func (i *importer) workIn(ctx context.Context) error {
	subject := storetest.Must[uuid.UUID](i.t)(models.UploadSubject(i.id))
	return i.job.Work(ctx, &river.Job[queue.FetchUpload]{JobRow: &rivertype.JobRow{ID: 7, Attempt: 1, MaxAttempts: 3}, Args: queue.FetchUpload{UploadID: subject}})
}

func comesBack(err error) bool {
	var snooze *river.JobSnoozeError
	return errors.As(err, &snooze)
}

// toItsEnd works the job as often as it comes back.
func (i *importer) toItsEnd() models.Upload {
	i.t.Helper()
	for range 50 {
		if err := i.work(); !comesBack(err) {
			loopstest.NoError(i.t, err)
			return i.read()
		}
	}
	i.t.Fatalf("it comes back again and again: %+v", i.read())
	return models.Upload{}
}

func (i *importer) read() models.Upload {
	i.t.Helper()
	return storetest.Must[models.Upload](i.t)(i.db.Models.Upload(i.t.Context(), i.org, i.id))
}

func (i *importer) bytes() []byte {
	i.t.Helper()
	r, _, err := i.blobs.Open(i.t.Context(), blob.UploadKey(i.id))
	if errors.Is(err, blob.ErrNotFound) {
		return nil
	}
	loopstest.NoError(i.t, err)
	defer r.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(r)
	loopstest.NoError(i.t, err)
	return b.Bytes()
}

// sealed tells whether the whole address is kept still.
func (i *importer) sealed() bool {
	var there bool
	loopstest.NoError(i.t, i.pool.QueryRow(i.t.Context(), `SELECT sealed IS NOT NULL FROM upload_sources WHERE upload_id = $1`, i.id).Scan(&there))
	return there
}

func (i *importer) file(path, tag string, content []byte) {
	i.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	})
}

func pattern(n int) []byte {
	data := make([]byte, n)
	for k := range data {
		data[k] = byte(k * 7 >> 3)
	}
	data[510], data[511] = 0x55, 0xaa
	return data
}

func TestFetchUpload(t *testing.T) {
	i := newImporter(t)
	content := pattern(3 << 20)
	i.file("/images/disk.img", `"one"`, content)
	i.give("/images/disk.img?signature=secret", "")
	if u := i.read(); u.Source != "https://example.com/images/disk.img" || u.FetchState != models.FetchWaiting || !u.Arrives() || u.Size != 0 {
		t.Errorf("as it is given: %+v", u)
	}
	u := i.toItsEnd()
	if u.State != provisioner.UploadChecking || u.Size != int64(len(content)) || u.FetchState != models.FetchEnded || u.FinishedBy != "Ada" || u.Fetched != u.Size || i.sealed() || !bytes.Equal(i.bytes(), content) {
		t.Fatalf("%+v, its address is kept: %t", u, i.sealed())
	}
	loopstest.NoError(t, i.work()) // as after a worker that died when all was done
	var checks, secrets int
	loopstest.NoError(t, i.pool.QueryRow(t.Context(), `SELECT count(*) FROM river_job WHERE kind = 'verify_upload'`).Scan(&checks))
	loopstest.NoError(t, i.pool.QueryRow(t.Context(), `SELECT count(*) FROM audit WHERE detail::text LIKE '%secret%'`).Scan(&secrets))
	if checks != 1 || secrets != 0 {
		t.Errorf("%d verifications are asked for, the log has the query %d times", checks, secrets)
	}
}

// A store that is away is waited for, at the last attempt too, and the fetch goes on once it is back.
func TestFetchUploadWaitsForItsStore(t *testing.T) {
	i := newImporter(t)
	content := pattern(1 << 20)
	i.file("/disk.img", `"one"`, content)
	i.give("/disk.img", "")
	mark := filepath.Join(i.root, blob.Mark)
	loopstest.NoError(t, os.Remove(mark))
	subject := storetest.Must[uuid.UUID](t)(models.UploadSubject(i.id))
	last := &river.Job[queue.FetchUpload]{JobRow: &rivertype.JobRow{ID: 7, Attempt: 3, MaxAttempts: 3}, Args: queue.FetchUpload{UploadID: subject}}
	if err := i.job.Work(t.Context(), last); !comesBack(err) {
		t.Errorf("while the store is away: %v", err)
	}
	if u := i.read(); u.FetchState != models.FetchWaiting || !strings.Contains(u.Reason, "does not answer") {
		t.Errorf("while the store is away: %+v", u)
	}
	loopstest.NoError(t, os.WriteFile(mark, nil, 0o600))
	if u := i.toItsEnd(); u.State != provisioner.UploadChecking || !bytes.Equal(i.bytes(), content) {
		t.Errorf("since it is back: %+v", u)
	}
}

// A compressed disk that is fetched becomes an image by the same check as one that is sent, and so does a wrong digest become a refusal.
func TestFetchedDiskBecomesAnImage(t *testing.T) {
	disk := loopstest.BootSectorDisk()
	copy(disk[1<<20:], "something of its own")
	pack := exec.CommandContext(t.Context(), "xz", "--stdout")
	pack.Stdin = bytes.NewReader(disk)
	packed, err := pack.Output()
	loopstest.NoError(t, err)
	for name, digest := range map[string]string{"no digest": "", "the digest": hexOf(packed), "another digest": hexOf(disk)} {
		t.Run(name, func(t *testing.T) {
			i := newImporter(t)
			i.file("/disk.raw.xz", `"one"`, packed)
			i.give("/disk.raw.xz", digest)
			if u := i.toItsEnd(); u.State != provisioner.UploadChecking {
				t.Fatalf("after it was fetched: %+v", u)
			}
			check := jobs.VerifyUpload{
				Models: i.worker.Models, Blobs: i.blobs, Verifier: image.Verifier{Scratch: t.TempDir()}, Limits: image.DefaultLimits(), Log: slog.New(slog.DiscardHandler),
			}
			subject := storetest.Must[uuid.UUID](t)(models.UploadSubject(i.id))
			loopstest.NoError(t, check.Work(t.Context(), &river.Job[queue.VerifyUpload]{JobRow: &rivertype.JobRow{ID: 8, Attempt: 1, MaxAttempts: 3}, Args: queue.VerifyUpload{UploadID: subject}}))
			u := i.read()
			images, err := i.db.Models.ImagesOfUpload(t.Context(), i.org, i.id)
			loopstest.NoError(t, err)
			if name == "another digest" {
				if u.State != provisioner.UploadRefused || !strings.Contains(u.Reason, hexOf(packed)) || !strings.Contains(u.Reason, hexOf(disk)) || len(images) != 0 {
					t.Errorf("%d images of %+v", len(images), u)
				}
				return
			}
			if u.State != provisioner.UploadDone || u.Format != "raw in xz" || u.Digest != hexOf(packed) || len(images) != 1 || images[0].VirtualSize != int64(len(disk)) || images[0].Person != "Ada" {
				t.Errorf("%+v of %+v", images, u)
			}
		})
	}
}

func hexOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// A file whose length nobody says is taken as it ends, and one that does not end is refused.
func TestFetchUploadOfUnknownLength(t *testing.T) {
	i := newImporter(t)
	content := pattern(1 << 20)
	i.mux.HandleFunc("/disk", func(w http.ResponseWriter, _ *http.Request) {
		for n := 0; n < len(content); n += 64 << 10 {
			_, _ = w.Write(content[n : n+64<<10])
			_ = http.NewResponseController(w).Flush()
		}
	})
	i.give("/disk", "")
	if u := i.toItsEnd(); u.State != provisioner.UploadChecking || u.Size != int64(len(content)) || !bytes.Equal(i.bytes(), content) {
		t.Errorf("%+v", u)
	}
	e := newImporter(t)
	e.job.MaxBytes = 2 << 20
	e.mux.HandleFunc("/endless", func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(content[:64<<10]); err != nil {
				return
			}
		}
	})
	e.give("/endless", "")
	if u := e.toItsEnd(); u.State != provisioner.UploadRefused || !strings.Contains(u.Reason, "more than 2 MiB, and did not end") || e.bytes() != nil || e.sealed() || len(u.Checks) != 1 || u.Checks[0].Repair == "" {
		t.Errorf("endless: %+v, %d bytes are kept", u, len(e.bytes()))
	}
}

// A line that is cut anywhere goes on, on another worker too, and bytes of two files are never mixed.
func TestFetchUploadGoesOn(t *testing.T) {
	content := pattern(2 << 20)
	i := newImporter(t)
	for _, percent := range []int{10, 50, 99} {
		i.id = strings.Repeat(strconv.Itoa(percent), 16)
		var asked, ranged atomic.Int32
		i.mux.HandleFunc("/"+i.id, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Etag", `"one"`)
			if asked.Add(1) == 1 {
				w.Header().Set("Content-Length", strconv.Itoa(len(content)))
				_, _ = w.Write(content[:len(content)*percent/100])
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			}
			if r.Header.Get("Range") != "" {
				ranged.Add(1)
			}
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
		})
		i.give("/"+i.id, "")
		if err := i.work(); !comesBack(err) {
			t.Fatalf("after a cut at %d %%: %v", percent, err)
		}
		if u := i.read(); !u.Arrives() || u.FetchState != models.FetchWaiting || !strings.Contains(u.Reason, "is cut. It goes on by itself") || len(i.bytes()) == 0 || u.Length != int64(len(content)) {
			t.Errorf("after a cut at %d %%: %+v, %d bytes", percent, u, len(i.bytes()))
		}
		i.job.Models = storetest.OpenAs(t, i.pool, store.RoleWorker).Models // another worker
		if u := i.toItsEnd(); u.State != provisioner.UploadChecking || !bytes.Equal(i.bytes(), content) || ranged.Load() != 1 || asked.Load() != 2 {
			t.Errorf("cut at %d %%: %+v, %d requests", percent, u, asked.Load())
		}
	}
}

// A worker that ends in the middle leaves what came, and the next one goes on.
func TestFetchUploadSurvivesItsWorker(t *testing.T) {
	i := newImporter(t)
	content := pattern(3 << 20)
	sent, end := make(chan struct{}), make(chan struct{})
	var asked atomic.Int32
	i.mux.HandleFunc("/disk", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"one"`)
		if asked.Add(1) == 1 {
			w.Header().Set("Content-Length", strconv.Itoa(len(content)))
			_, _ = w.Write(content[:1<<20])
			_ = http.NewResponseController(w).Flush()
			close(sent)
			select {
			case <-r.Context().Done():
			case <-end:
			}
			return
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	})
	t.Cleanup(func() { close(end) })
	i.give("/disk", "")
	ctx, die := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- i.workIn(ctx) }()
	waittest.Receive(t, "a third of the file", sent)
	waittest.Until(t, "bytes in the store", func() bool { return len(i.bytes()) > 0 })
	die()
	if err, _ := waittest.Receive(t, "the end of the worker", ended); !errors.Is(err, context.Canceled) {
		t.Errorf("a worker that ends: %v", err)
	}
	here := len(i.bytes())
	if u := i.toItsEnd(); u.State != provisioner.UploadChecking || !bytes.Equal(i.bytes(), content) || here == 0 || here == len(content) || asked.Load() != 2 {
		t.Errorf("%d bytes were here: %+v", here, u)
	}
}

func TestFetchUploadOfAFileThatChanges(t *testing.T) {
	one, two := pattern(1<<20), bytes.Repeat([]byte("another file "), 100_000)
	two[510], two[511] = 0x55, 0xaa
	i := newImporter(t)
	var asked atomic.Int32
	i.mux.HandleFunc("/disk", func(w http.ResponseWriter, r *http.Request) {
		switch asked.Add(1) {
		case 1:
			w.Header().Set("Etag", `"one"`)
			w.Header().Set("Content-Length", strconv.Itoa(len(one)))
			_, _ = w.Write(one[:len(one)/2])
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case 2: // looks at no If-Range
			w.Header().Set("Etag", `"two"`)
			from, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(r.Header.Get("Range"), "bytes="), "-"))
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(one)-1, len(one)))
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(two[from:len(one)])
		default:
			w.Header().Set("Etag", `"two"`)
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(two))
		}
	})
	i.give("/disk", "")
	if u := i.toItsEnd(); u.State != provisioner.UploadChecking || u.Size != int64(len(two)) || !bytes.Equal(i.bytes(), two) {
		t.Errorf("%+v, %d bytes", u, len(i.bytes()))
	}
	// A server that never goes on is given up.
	i = newImporter(t)
	i.mux.HandleFunc("/disk", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(one)))
		_, _ = w.Write(one[:len(one)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	i.give("/disk", "")
	if u := i.toItsEnd(); !u.Arrives() || u.FetchState != models.FetchFailed || !strings.Contains(u.Reason, "does not go on where it was") || u.Advice == "" || !i.sealed() {
		t.Errorf("%+v", u)
	}
}

// What a person may mend is asked, and may be tried again; what nobody can is refused.
func TestFetchUploadFails(t *testing.T) {
	content := pattern(1 << 20)
	i := newImporter(t)
	i.mux.HandleFunc("/denied", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	i.mux.HandleFunc("/down", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	i.mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://mirror.example.com/disk?signature=secret", http.StatusFound)
	})
	i.mux.HandleFunc("/inside", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
	})
	i.mux.HandleFunc("/page", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("<!DOCTYPE html>\n<html><body>Choose a mirror</body></html>"))
	})
	i.mux.HandleFunc("/page2", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("<?xml version=\"1.0\"?><html/>"))
	})
	i.mux.HandleFunc("/listing", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("<?xml version=\"1.0\"?><ListBucketResult><Code>None</Code></ListBucketResult>"))
	})
	i.mux.HandleFunc("/bucket", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code><Message>secret</Message></Error>"))
	})
	i.mux.HandleFunc("/strange", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("<?xml version=\"1.0\"?><Error><Code>come to evil.example</Code></Error>"))
	})
	i.file("/pdf", `"one"`, append([]byte("%PDF-1.7 a paper about disks"), make([]byte, 100<<10)...))
	i.mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", strconv.Itoa(1<<40)) })
	i.mux.HandleFunc("/empty", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "0") })
	i.file("/disk", `"one"`, content)
	n := 10
	for path, says := range map[string]string{"/missing": "404", "/denied": "401", "/down": "503", "/moved": "leads to https://mirror.example.com/disk. Redirects are not followed.", "/inside": "!169.254.169.254", "/page": "!web page (HTML)", "/page2": "!web page", "/listing": "!an XML document (ListBucketResult), and no disk", "/bucket": "a store of files says AccessDenied", "/strange": "!an XML document (Error), and no disk", "/pdf": "!This is ", "/large": "!The file has 1 TiB", "/empty": "is empty"} {
		n++
		i.id = strings.Repeat(strconv.Itoa(n), 16)
		i.give(path, "")
		u := i.toItsEnd()
		says, final := strings.CutPrefix(says, "!")
		advice := u.Advice
		if !strings.Contains(u.Reason, says) || advice == "" || strings.Contains(u.Reason+advice+u.Leads, "secret") || final != (u.State == provisioner.UploadRefused) || final == i.sealed() || i.bytes() != nil {
			t.Errorf("%s: %+v, its address is kept: %t", path, u, i.sealed())
		}
		if final {
			storetest.WantCode(t, i.db.Models.RetryFetch(t.Context(), i.org, i.person, i.id, ""), "conflict")
			loopstest.NoError(t, i.db.Models.RemoveUpload(t.Context(), i.org, i.person, i.id))
			continue
		}
		loopstest.NoError(t, i.db.Models.RetryFetch(t.Context(), i.org, i.person, i.id, u.Leads))
		storetest.WantCode(t, i.db.Models.RetryFetch(t.Context(), i.org, i.person, i.id, ""), "conflict")
		if u := i.read(); u.FetchState != models.FetchWaiting || u.Reason != "" || path == "/moved" && (u.Source != "https://mirror.example.com/disk" || u.Given != "https://example.com/moved") {
			t.Errorf("%s, tried again: %+v", path, u)
		}
		if u := i.toItsEnd(); path == "/moved" {
			if u.State != provisioner.UploadChecking || !bytes.Equal(i.bytes(), content) || i.sealed() {
				t.Errorf("what it leads to: %+v", u)
			}
		} else {
			storetest.Must[bool](t)(i.db.Models.DiscardUpload(t.Context(), i.person, i.id))
		}
	}
}

// Who discards an upload ends its fetch, and nothing is left.
func TestFetchUploadIsDiscarded(t *testing.T) {
	i := newImporter(t)
	started, end := make(chan struct{}), make(chan struct{})
	var once sync.Once
	i.mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(32<<20))
		_, _ = w.Write(pattern(1 << 20))
		_ = http.NewResponseController(w).Flush()
		once.Do(func() { close(started) })
		select {
		case <-r.Context().Done():
		case <-end:
		}
	})
	t.Cleanup(func() { close(end) })
	i.give("/slow", "")
	ended := make(chan error, 1)
	go func() { ended <- i.workIn(context.WithoutCancel(t.Context())) }()
	waittest.Receive(t, "the fetch", started)
	taken, err := i.db.Models.TakeUploadLock(t.Context(), i.id, uuid.New(), 10*time.Second)
	if err != nil || taken {
		t.Fatalf("the lock of an upload that is fetched is taken: %t, %v", taken, err)
	}
	loopstest.NoError(t, i.db.Models.AskForUploadLock(t.Context(), i.id))
	if err, _ := waittest.Receive(t, "the end of the fetch", ended); !comesBack(err) {
		t.Errorf("who is asked for the lock: %v", err)
	}
	if _, err := i.db.Models.DiscardUpload(t.Context(), i.person, i.id); err != nil {
		t.Fatal(err)
	}
	loopstest.NoError(t, i.work())
	if _, err := i.db.Models.Upload(t.Context(), i.org, i.id); err == nil {
		t.Error("the upload is there still")
	}
}

// One of an organization is fetched at a time, and who may bring no images any more gets none.
func TestFetchUploadTurnsAndRights(t *testing.T) {
	i := newImporter(t)
	content := pattern(1 << 20)
	i.file("/disk", `"one"`, content)
	i.give("/disk", "")
	first := i.id
	_, err := i.pool.Exec(t.Context(), `UPDATE river_job SET state = 'running', attempted_at = now() WHERE kind = 'fetch_upload'`)
	loopstest.NoError(t, err)
	_, err = i.pool.Exec(t.Context(), `UPDATE upload_sources SET state = 'fetching', job_id = (SELECT id FROM river_job WHERE kind = 'fetch_upload')`)
	loopstest.NoError(t, err)
	i.id = strings.Repeat("ab", 16)
	i.give("/disk", "")
	if err := i.work(); !comesBack(err) || !strings.Contains(i.read().Reason, "is fetched first") {
		t.Errorf("while another one is fetched: %v, %s", err, i.read().Reason)
	}
	// The time in which it waits for its turn is none of its fetching: of twelve hours and a half it waited for one.
	_, err = i.pool.Exec(t.Context(), `UPDATE upload_sources SET started_at = now() - interval '12 hours 30 minutes', waits_since = now() - interval '1 hour' WHERE upload_id = $1`, i.id)
	loopstest.NoError(t, err)
	if err := i.work(); !comesBack(err) {
		t.Errorf("while another one is fetched: %v", err)
	}
	_, err = i.pool.Exec(t.Context(), `UPDATE river_job SET state = 'completed', finalized_at = now() WHERE kind = 'fetch_upload'`)
	loopstest.NoError(t, err)
	if n := storetest.Must[int](t)(i.worker.Models.ReviveFetches(t.Context())); n != 2 {
		t.Errorf("%d fetches that nobody works are taken up, want 2", n)
	}
	if u := i.toItsEnd(); u.State != provisioner.UploadChecking {
		t.Errorf("its turn: %+v", u)
	}
	i.id = first
	_, err = i.pool.Exec(t.Context(), `UPDATE organizations SET suspended_at = now(), suspended_reason = 'For a test.'`)
	loopstest.NoError(t, err)
	if u := i.toItsEnd(); !u.Arrives() || u.FetchState != models.FetchFailed || !strings.Contains(u.Reason, "suspended") {
		t.Errorf("of a suspended organization: %+v", u)
	}
	_, err = i.pool.Exec(t.Context(), `UPDATE organizations SET suspended_at = NULL, suspended_reason = ''`)
	loopstest.NoError(t, err)
	_, err = i.pool.Exec(t.Context(), `UPDATE memberships SET role = 'billing' WHERE person_id = $1`, i.person)
	loopstest.NoError(t, err)
	loopstest.NoError(t, i.db.Models.RetryFetch(t.Context(), i.org, i.person, i.id, ""))
	if u := i.toItsEnd(); u.FetchState != models.FetchFailed || !strings.Contains(u.Reason, "asked for it, and may bring no images") {
		t.Errorf("of who may not any more: %+v", u)
	}
	owner := storetest.Open(t, i.pool)
	colleague := storetest.Must[uuid.UUID](t)(owner.People.CreatePerson(t.Context(), uuid.Nil, people.NewPerson{Email: "ben@example.org", Name: "Ben", Password: "correct horse battery"}))
	loopstest.NoError(t, owner.People.AddMember(t.Context(), uuid.Nil, i.org, colleague, people.RoleMember))
	loopstest.NoError(t, i.db.Models.RetryFetch(t.Context(), i.org, colleague, i.id, ""))
	if u := i.toItsEnd(); u.State != provisioner.UploadChecking || u.FinishedBy != "Ben" || u.Person != "Ada" {
		t.Errorf("a colleague goes on: %+v", u)
	}
	i.id, i.person = strings.Repeat("cd", 16), colleague
	i.give("/missing", "")
	i.toItsEnd()
	i.job.Fetcher = nil
	loopstest.NoError(t, i.db.Models.RetryFetch(t.Context(), i.org, i.person, i.id, ""))
	if u := i.toItsEnd(); u.FetchState != models.FetchFailed || !strings.Contains(u.Reason, "Nothing is fetched") {
		t.Errorf("where nothing is fetched: %+v", u)
	}
}

// The quota is asked once the length is known.
func TestFetchUploadWithinTheQuota(t *testing.T) {
	i := newImporter(t)
	i.file("/disk", `"one"`, pattern(3<<20))
	allowed := int64(1 << 20)
	loopstest.NoError(t, storetest.Open(t, i.pool).People.SetQuota(t.Context(), uuid.Nil, i.org, &allowed))
	i.give("/disk", "")
	if u := i.toItsEnd(); u.FetchState != models.FetchFailed || !strings.Contains(u.Reason, "needs 3 MiB") || i.bytes() != nil {
		t.Errorf("%+v", u)
	}
	allowed = 4 << 20
	loopstest.NoError(t, storetest.Open(t, i.pool).People.SetQuota(t.Context(), uuid.Nil, i.org, &allowed))
	loopstest.NoError(t, i.db.Models.RetryFetch(t.Context(), i.org, i.person, i.id, ""))
	if u := i.toItsEnd(); u.State != provisioner.UploadChecking {
		t.Errorf("with room: %+v", u)
	}
	var r *refusal.Error
	if err := i.db.Models.RetryFetch(t.Context(), uuid.New(), i.person, i.id, ""); !errors.As(err, &r) || r.Code != "not_found" {
		t.Errorf("another organization's: %v", err)
	}
}
