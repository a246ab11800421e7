package jobs

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/riverqueue/river"

	"volary.dev/provisioner"
	"volary.dev/provisioner/fetch"
	"volary.dev/provisioner/image/magic"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store/blob"
	"volary.dev/store/models"
	"volary.dev/store/queue"
	"volary.dev/store/sealing"
)

// How long a fetch may take, and wait.
const (
	fetchWhole     = 12 * time.Hour // since its first turn, or the first after a person had it tried again; further turns that it waits for do not count
	fetchTurnPause = 5 * time.Second
	fetchLockPause = 2 * time.Second
	fetchBackoff   = time.Second // after the first cut; twice as long after each that follows without progress
	fetchLongest   = time.Minute
	fetchCuts      = 8 // without progress
	fetchBegins    = 5 // at the first byte
	fetchTold      = 2 * time.Second
	fetchRights    = 2 * time.Second // between two looks whether it may go on
	// fetchTurn is how long an upload keeps its place while others wait for one, and fetchSlowTurn where less than fetchSlow came in a second.
	fetchTurn     = 5 * time.Minute
	fetchSlowTurn = time.Minute
	fetchSlow     = 16 << 10 // bytes per second; with 12 h, 675 MiB
	// fetchStep is how much is set aside at a time of a file whose length is not known.
	fetchStep = 64 << 20
)

// FetchUpload fetches an upload from its address. It comes back after a cut and goes on where it was, holding no place meanwhile; one upload
// of an organization is fetched at a time, and while others wait none longer than its turn.
type FetchUpload struct {
	river.WorkerDefaults[queue.FetchUpload]
	Models   *models.DB
	Blobs    blob.Place
	Fetcher  *fetch.Fetcher // nil: nothing is fetched here
	Identity sealing.Identity
	MaxBytes int64         // of a file
	Whole    time.Duration // 0: 12 h
	Turn     time.Duration // how long a place is kept while others wait for one; 0: 5 min, and 1 min of a slow server
	Log      *slog.Logger
}

// Timeout implements river.Worker. What takes longer than a fetch may is ended before.
func (f *FetchUpload) Timeout(*river.Job[queue.FetchUpload]) time.Duration {
	return fetchWhole + time.Hour
}

// Work implements river.Worker. It may be run again after its worker died at any line: what is here is asked of the store, and of which
// file it is stands in the row.
func (f *FetchUpload) Work(ctx context.Context, job *river.Job[queue.FetchUpload]) error {
	id := models.UploadOf(job.Args.UploadID)
	u, wanted, err := f.wanted(ctx, id)
	if err != nil || !wanted {
		return err
	}
	if f.Fetcher == nil {
		return f.Models.FailFetch(ctx, u.ID, models.FetchFailure{Why: "Nothing is fetched from addresses here.", Advice: "Upload the file itself, or ask the operator to allow it."})
	}
	if taken, err := f.Models.TakeFetchTurn(ctx, u.Organization, u.ID, job.ID); err != nil {
		return err
	} else if !taken {
		return f.wait(ctx, u, "Another upload of your organization is fetched first.", fetchTurnPause)
	}
	held, lock, err := lockUpload(ctx, f.Models, f.Log, u.ID)
	if err != nil {
		return err
	}
	if lock == nil {
		return river.JobSnooze(fetchLockPause)
	}
	defer lock.release(ctx)
	// Read again: what was true before the lock was may not be true under it.
	if u, wanted, err = f.wanted(ctx, id); err != nil || !wanted {
		return err
	}
	one := &fetching{FetchUpload: f, FetchJob: u, lock: lock}
	return one.conclude(ctx, held, job, one.runWhileAllowed(held))
}

// wanted reads an upload, and tells whether it is to be fetched still. Where that may not be any more, it has failed from now on.
func (f *FetchUpload) wanted(ctx context.Context, id string) (u models.FetchJob, wanted bool, err error) {
	u, err = f.Models.FetchForWorker(ctx, id)
	if err == nil && (u.State != provisioner.UploadArriving || u.FetchState != models.FetchWaiting && u.FetchState != models.Fetching) {
		return u, false, nil
	}
	if err == nil {
		err = f.Models.RefuseFetch(ctx, id)
	}
	switch r, refused := refusal.As(err); {
	case refused && r.Code == "not_found":
		return u, false, nil
	case refused:
		return u, false, f.Models.FailFetch(ctx, id, models.FetchFailure{Why: r.Title, Advice: r.Next})
	}
	return u, err == nil, err
}

// wait gives the place to another job until it looks again, which is none of the time that a fetch may take.
func (f *FetchUpload) wait(ctx context.Context, u models.FetchJob, why string, pause time.Duration) error {
	if err := f.Models.RecordFetchWaits(ctx, u.ID, models.FetchWait{Why: why, Cuts: u.Cuts, Turn: true}); err != nil {
		return err
	}
	return river.JobSnooze(pause)
}

// fetching is one look at one address.
type fetching struct {
	*FetchUpload
	models.FetchJob
	lock     *uploadLock
	reserved int64 // bytes that are set aside
	at       int64 // bytes that came to the store, or are on their way into it
	noted    int64 // of these, when it was last told
	told     time.Time
	until    time.Time
	host     string
	first    int64 // of the bytes that came in this look: where they begin
	begun    time.Time
	waited   func() time.Duration // for its server, in this look; nil: nothing was answered
}

var (
	errNoMore   = errors.New("the upload does not arrive any more")
	errGiveBack = errors.New("others wait for the place")
)

// mean is how many bytes came in a second of those in which the server was waited for.
func (f *fetching) mean() int64 {
	if f.waited == nil {
		return 0
	}
	return int64(float64(f.at-f.first) / max(f.waited(), time.Millisecond).Seconds())
}

// progress tells whether more came than a server gives that only wants to hold a place.
func (f *fetching) progress() bool {
	return f.at-f.first >= fetch.FloorBytes && f.mean() >= fetchSlow
}

// turnOver tells whether its place is another's now.
func (f *fetching) turnOver(ctx context.Context) (bool, error) {
	turn := cmp.Or(f.Turn, fetchTurn)
	if f.mean() < fetchSlow {
		turn = min(turn, fetchSlowTurn)
	}
	if time.Since(f.begun) < turn {
		return false, nil
	}
	return f.Models.FetchesWait(ctx, f.Organization, f.ID)
}

// runWhileAllowed is run, which ends soon after a right that it needs: that of who asked for it, or of the organization.
func (f *fetching) runWhileAllowed(ctx context.Context) error {
	ctx, end := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { end(f.untilRefused(ctx)) })
	err := f.run(ctx)
	end(nil)
	watch.Wait()
	if _, refused := refusal.As(context.Cause(ctx)); refused && err != nil {
		return context.Cause(ctx)
	}
	return err
}

// untilRefused gives why the fetch may not go on; nil where ctx ended before.
func (f *fetching) untilRefused(ctx context.Context) error {
	tick := time.NewTicker(fetchRights)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		// One that cannot be asked is asked again: at the end it is, in any case.
		if err := f.Models.RefuseFetch(ctx, f.ID); err != nil && ctx.Err() == nil {
			if _, refused := refusal.As(err); refused {
				return err
			}
			f.Log.WarnContext(ctx, "whether a fetch may go on", "upload", f.ID, "error", err)
		}
	}
}

// run fetches what is missing, and has the upload checked once all is here.
func (f *fetching) run(ctx context.Context) error {
	address, err := f.address()
	if err != nil {
		return err
	}
	f.host, f.begun = address.Host, time.Now()
	f.until = f.began().Add(cmp.Or(f.Whole, fetchWhole))
	ctx, cancel := context.WithDeadline(ctx, f.until)
	defer cancel()
	here, err := f.Blobs.Uploads().Progress(ctx, f.ID)
	if err != nil && !errors.Is(err, blob.ErrNotFound) {
		return err
	}
	if f.Length == 0 || here.Received != f.Length {
		if err := f.rest(ctx, fetch.Request{Address: address, From: here.Received, Size: f.Length, Mark: f.Mark, Most: f.MaxBytes}); err != nil {
			return err
		}
	}
	arrival, err := blob.Arrive(ctx, f.Blobs.Uploads(), f.ID, f.Filename, f.Length)
	if err != nil {
		return err
	}
	if err := arrival.Finish(ctx); err != nil {
		return err
	}
	if err := f.Models.RaiseUpload(ctx, f.ID, f.Length); err != nil {
		return err
	}
	return f.Models.FinishFetch(ctx, f.ID)
}

func (f *fetching) began() time.Time {
	if f.StartedAt == nil {
		return time.Now()
	}
	return *f.StartedAt
}

func (f *fetching) address() (typed.WebAddress, error) {
	text, err := f.Identity.Open(f.Sealed)
	if err != nil {
		return typed.WebAddress{}, &fetch.Problem{Kind: fetch.Never, Title: "The address cannot be read any more: it was given for another worker.", Next: "Give it again."}
	}
	return typed.ParseWebAddress(text)
}

// rest fetches from where the server begins, and sets Length.
func (f *fetching) rest(ctx context.Context, r fetch.Request) error {
	answer, err := f.Fetcher.Open(ctx, r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.From == 0 {
		if f.Begun >= fetchBegins {
			return &fetch.Problem{Kind: fetch.Ask, Title: fmt.Sprintf("The line was cut, or the file changed, %d times, and its server does not go on where it was.", f.Begun), Next: "Try again later, or fetch the file yourself and upload it."}
		}
		if err := f.Blobs.Uploads().Discard(ctx, f.ID); err != nil {
			return err
		}
	}
	f.Length, f.at, f.first, f.noted, f.told, f.waited = max(answer.Size, 0), answer.From, answer.From, answer.From, time.Now(), answer.Waited
	if err := f.setAside(ctx, cmp.Or(f.Length, answer.From+fetchStep)); err != nil {
		return err
	}
	body := bufio.NewReaderSize(answer.Body, magic.Enough)
	if answer.From == 0 {
		if err := recognise(body, f.Length); err != nil {
			return err
		}
	}
	arrival, err := blob.Arrive(ctx, f.Blobs.Uploads(), f.ID, f.Filename, cmp.Or(f.Length, f.MaxBytes))
	if err != nil {
		return err
	}
	if arrival.Offset() != answer.From {
		return fmt.Errorf("upload %s: %d bytes are here, and %d were before", f.ID, arrival.Offset(), answer.From)
	}
	if err := f.Models.StartFetch(ctx, f.ID, answer.From, answer.Mark, f.Length); err != nil {
		return err
	}
	if _, err := arrival.Append(ctx, guarded{f.lock, &counted{f, ctx, body}}); err != nil {
		return err
	}
	switch {
	case arrival.Offset() == 0:
		return &fetch.Problem{Kind: fetch.Ask, Title: "The file at this address is empty.", Next: "Look at the address: it may lead to another file than you think."}
	case f.Length == 0:
		// From now on it is known that this is all.
		f.Length = arrival.Offset()
		return f.Models.StartFetch(ctx, f.ID, f.Length, answer.Mark, f.Length)
	case arrival.Offset() != f.Length:
		return &fetch.Problem{Kind: fetch.Cut, Title: fmt.Sprintf("Of %d bytes %d came.", f.Length, arrival.Offset()), Next: "Try again later."}
	}
	return nil
}

// recognise looks at the first bytes, before any are kept. That they look right says nothing of the rest.
func recognise(body *bufio.Reader, size int64) error {
	first, err := body.Peek(magic.Enough)
	if err != nil && !errors.Is(err, io.EOF) || len(first) == 0 {
		return nil //nolint:nilerr // who reads on is told
	}
	if p := document(first); p != nil {
		return p
	}
	if _, r := magic.Take(first, nil, size); r != nil {
		return &fetch.Problem{Kind: fetch.Never, Title: r.Title, Next: r.Next}
	}
	return nil
}

// document is what an address has that is a page, or what a store of files answers instead of a file; nil: it is neither.
func document(first []byte) *fetch.Problem {
	kind := http.DetectContentType(first)
	isXML := strings.HasPrefix(kind, "text/xml")
	x := fetch.ReadXML(first)
	switch {
	case strings.HasPrefix(kind, "text/html"), isXML && strings.EqualFold(x.Root, "html"):
		return &fetch.Problem{
			Kind: fetch.Never, Title: "At this address is a web page (HTML), and no disk.", Next: "Open it in a browser, and give the address of the file that the page leads to.",
		}
	case x.Code != "":
		return &fetch.Problem{
			Kind: fetch.Ask, Title: "At this address a store of files says " + x.Code + ", and gives no disk.", Next: "Look at the address, and whether it was signed and is still valid; or upload the file itself.",
		}
	case isXML && x.Root != "":
		return &fetch.Problem{Kind: fetch.Never, Title: "At this address is an XML document (" + x.Root + "), and no disk.", Next: "Give the address of the disk itself."}
	case isXML:
		return &fetch.Problem{Kind: fetch.Never, Title: "At this address is an XML document, and no disk.", Next: "Give the address of the disk itself."}
	}
	return nil
}

// setAside reserves bytes of the organization's quota, and looks whether the store has room for them.
func (f *fetching) setAside(ctx context.Context, size int64) error {
	room, err := f.Blobs.Uploads().Room(ctx)
	if err != nil {
		return err
	}
	if free := max(room.Free, room.Bound); size-f.at > free {
		f.Log.WarnContext(ctx, "no room for a fetch", "upload", f.ID, "size", size-f.at, "free", free)
		return &fetch.Problem{Kind: fetch.Ask, Title: fmt.Sprintf("The store of this platform has no room for %s now.", refusal.Bytes(size-f.at)), Next: "Tell the operator, and try again later."}
	}
	err = f.Models.RaiseUpload(ctx, f.ID, size)
	if r, ok := refusal.As(err); ok && r.Code == "not_found" {
		return errNoMore
	}
	f.reserved = size
	return err
}

// counted tells what comes, and sets aside what a file of unknown length needs.
type counted struct {
	*fetching
	ctx  context.Context //nolint:containedctx // of the one reading
	from io.Reader
}

// Read implements io.Reader.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.at += int64(n)
	if c.Length == 0 && c.at > c.reserved {
		if err := c.setAside(c.ctx, min(c.at+fetchStep, c.MaxBytes)); err != nil {
			return 0, err
		}
	}
	if since := time.Since(c.told); since >= cmp.Or(min(c.Turn, fetchTold), fetchTold) {
		rate := int64(float64(c.at-c.noted) / since.Seconds())
		if told := c.Models.RecordFetched(c.ctx, c.ID, c.at, rate); told != nil && c.ctx.Err() == nil {
			c.Log.WarnContext(c.ctx, "record progress of a fetch", "upload", c.ID, "error", told) // a page that lags is no reason to stop
		}
		c.told, c.noted = time.Now(), c.at
		if err == nil {
			if over, asked := c.turnOver(c.ctx); asked != nil && c.ctx.Err() == nil {
				c.Log.WarnContext(c.ctx, "whether others wait for the place of a fetch", "upload", c.ID, "error", asked)
			} else if over {
				return n, errGiveBack
			}
		}
	}
	return n, err
}

// conclude says what comes of a look that ended with err.
func (f *fetching) conclude(ctx, held context.Context, job *river.Job[queue.FetchUpload], err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err() // this worker ends, and another one goes on
	}
	cause := context.Cause(held)
	r, refused := refusal.As(err)
	p, problem := fetch.As(err)
	switch {
	case errors.Is(cause, errLockWanted), errors.Is(cause, errLockLost):
		return river.JobSnooze(fetchLockPause) // where it is discarded, it is gone by then
	case errors.Is(err, errNoMore), refused && r.Code == "not_found":
		return orLater(f.Blobs.Uploads().Discard(ctx, f.ID))
	case !f.until.IsZero() && !time.Now().Before(f.until):
		return f.fail(ctx, "The file was not here within "+refusal.Lasting(cmp.Or(f.Whole, fetchWhole))+".", "Try again: it goes on where it is, if its server can. Or give a server that is nearer.")
	case refused:
		return f.fail(ctx, r.Title, r.Next)
	case errors.Is(err, errGiveBack):
		return f.giveBack(ctx)
	case errors.Is(err, blob.ErrAway):
		f.Log.WarnContext(ctx, "a fetch waits for the store", "upload", f.ID, "error", err)
		return f.wait(ctx, f.FetchJob, "The store of uploads does not answer. It goes on by itself once it does.", awayPause)
	case errors.Is(err, blob.ErrFull):
		f.Log.ErrorContext(ctx, "fetch upload", "upload", f.ID, "error", err)
		return f.fail(ctx, "The store of this platform has no room left.", "Tell the operator, and try again later.")
	case problem:
		f.Log.InfoContext(ctx, "an upload is not fetched", "upload", f.ID, "kind", p.Kind, "why", p.Title)
		return f.answer(ctx, p)
	case job.Attempt >= job.MaxAttempts:
		f.Log.ErrorContext(ctx, "fetch upload", "upload", f.ID, "error", err)
		return f.fail(ctx, "The fetch failed on our side, and is not the file's fault.", "Try again, or tell the operator.")
	}
	return err
}

func (f *fetching) fail(ctx context.Context, why, advice string) error {
	return f.Models.FailFetch(ctx, f.ID, models.FetchFailure{Why: why, Advice: advice})
}

// answer does what a problem's kind asks for.
func (f *fetching) answer(ctx context.Context, p *fetch.Problem) error {
	switch p.Kind {
	case fetch.Never:
		if err := f.Models.FailFetch(ctx, f.ID, models.FetchFailure{Why: p.Title, Advice: p.Next, Final: true}); err != nil {
			return err
		}
		return orLater(f.Blobs.Uploads().Discard(ctx, f.ID))
	case fetch.Changed:
		if err := f.Blobs.Uploads().Discard(ctx, f.ID); err != nil {
			return orLater(err)
		}
		return f.again(ctx, p)
	case fetch.Cut:
		return f.again(ctx, p)
	case fetch.Ask:
	}
	return f.Models.FailFetch(ctx, f.ID, models.FetchFailure{Why: p.Title, Advice: p.Next, Leads: p.Leads})
}

// again comes back by itself, some times.
func (f *fetching) again(ctx context.Context, p *fetch.Problem) error {
	cuts, pause := f.Cuts+1, fetchBackoff<<min(f.Cuts, fetchCuts)
	if f.progress() {
		cuts, pause = 1, fetchBackoff
	}
	if cuts >= fetchCuts {
		return f.fail(ctx, p.Title, p.Next)
	}
	if err := f.Models.RecordFetchWaits(ctx, f.ID, models.FetchWait{Why: p.Title + " It goes on by itself.", Cuts: cuts}); err != nil {
		return err
	}
	return river.JobSnooze(min(pause, fetchLongest))
}

// giveBack ends a turn: who waits is fetched first. Slow turns are counted as cuts are, so that what nobody would wait for ends.
func (f *fetching) giveBack(ctx context.Context) error {
	mean := f.mean()
	f.Log.InfoContext(ctx, "a fetch gives its place to another", "upload", f.ID, "bytes", f.at, "per_second", mean)
	why := "Others wait, and its turn is over. It goes on where it is, by itself."
	// Both that a turn is judged by: a few bytes may have come fast.
	slow := fmt.Sprintf("%s sent %s in this turn, %s a second", f.host, refusal.Bytes(f.at-f.first), refusal.Bytes(mean))
	f.Cuts++
	switch {
	case f.progress():
		f.Cuts = 0
	case f.Cuts >= fetchCuts:
		return f.fail(ctx, fmt.Sprintf("%s, and others wait: %s in a turn and %s a second are asked for then.", slow, refusal.Bytes(fetch.FloorBytes), refusal.Bytes(fetchSlow)),
			"Try again when there is less to do here: what is here is not fetched again. Or give a server that is nearer.")
	default:
		why = slow + ". Others wait and are fetched first; it goes on where it is, by itself."
	}
	return f.wait(ctx, f.FetchJob, why, fetchTurnPause)
}
