package uploads

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	tus "github.com/tus/tusd/v2/pkg/handler"
	"golang.org/x/sync/errgroup"

	"volary.dev/handlers/respond"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/blob"
	"volary.dev/store/models"
	"volary.dev/store/people"
)

const (
	uploadPath   = "/uploads/"
	uploadHeader = "Volary-Upload" // on the answer to the last byte, or a refusal of the first ones: the id of the upload, whose page tells what comes of it
	// On the answer to a creation that is complete, as the file was brought before: an image that came of it, and its name with percents.
	imageHeader, imageNameHeader = "Volary-Image", "Volary-Image-Name"
	// readPause is how long a sender may be silent in the middle of a request before its connection is closed. It
	// loses nothing by that.
	readPause = 60 * time.Second
	// paceBytes have to come in every UploadOptions.Pace: a sender of single bytes would hold its connection for ever. A
	// line that is slower than 8 kbit/s carries no disk.
	paceBytes = 64 << 10
	paceTime  = 60 * time.Second
)

// Handler takes files by the tus protocol (version 1.0 with creation and termination). An upload belongs to the organization
// of the session that created it; every later request is held against that. Its metadata are filename, name (what its images are
// called, where it is another) and sha256 (that of the file); what else a client says of it is in doc.go.
type Handler struct {
	models *models.DB
	people *people.DB
	store  blob.Uploads
	sums   *sums
	log    *slog.Logger
	pace   time.Duration
	most   int64 // bytes of a file; 0: any
	tus    http.Handler
}

// Options of New; all but Locks and Pace are needed.
type Options struct {
	Models   *models.DB
	People   *people.DB
	Store    blob.Uploads
	Locks    *Locks // nil: of this handler alone, which are not asked for but by a look
	MaxBytes int64
	Log      *slog.Logger
	Pace     time.Duration // in which 64 KiB have to come; 0 takes 60 s
}

// New makes the handler. Any number of web processes may have one, over one database and one store: requests of one upload
// may meet any of them.
func New(o Options) (*Handler, error) {
	u := &Handler{models: o.Models, people: o.People, store: o.Store, sums: newSums(o.Store), log: o.Log, pace: cmp.Or(o.Pace, paceTime), most: o.MaxBytes}
	composer := tus.NewStoreComposer()
	worded{o.Store.Tus(), u}.useIn(composer)
	if o.Locks == nil {
		o.Locks = NewLocks(o.Models, o.Log)
	}
	composer.UseLocker(o.Locks)
	h, err := tus.NewHandler(tus.Config{
		StoreComposer: composer, BasePath: uploadPath, MaxSize: o.MaxBytes,
		DisableDownload: true, DisableConcatenation: true,
		Cors: &tus.CorsConfig{Disable: true}, // pages of other sites have no business here
		// Serve sets these headers itself, so that nobody else's are believed.
		RespectForwardedHeaders:    true,
		NetworkTimeout:             readPause,
		Logger:                     tusLog(o.Log),
		PreUploadCreateCallback:    u.create,
		PreFinishResponseCallback:  u.finish,
		PreUploadTerminateCallback: u.terminate,
	})
	if err != nil {
		return nil, fmt.Errorf("upload handler: %w", err)
	}
	u.tus = http.StripPrefix(uploadPath, h)
	return u, nil
}

// Received is how many bytes of an unfinished upload are here.
func (u *Handler) Received(ctx context.Context, id string) int64 {
	p, err := u.store.Progress(ctx, id)
	if err != nil && !errors.Is(err, blob.ErrNotFound) && ctx.Err() == nil {
		u.log.WarnContext(ctx, "how much of an upload is here is not known", "upload", id, "error", err)
	}
	return p.Received
}

// shownTime bounds how long a page waits for what is here of uploads.
const shownTime = 2 * time.Second

// ReceivedOf is Received for a page of several: all are asked for at once, within two seconds. Those of which it is not known, since the store is
// away, are not in it.
func (u *Handler) ReceivedOf(ctx context.Context, ids []string) map[string]int64 {
	ctx, cancel := context.WithTimeout(ctx, shownTime)
	defer cancel()
	var mu sync.Mutex
	here := map[string]int64{}
	var all errgroup.Group
	all.SetLimit(looksAtOnce)
	for _, id := range ids {
		all.Go(func() error {
			if ctx.Err() != nil {
				return nil
			}
			p, err := u.store.Progress(ctx, id)
			if err != nil && !errors.Is(err, blob.ErrNotFound) {
				return nil // it is said where it is used
			}
			mu.Lock()
			defer mu.Unlock()
			here[id] = p.Received
			return nil
		})
	}
	_ = all.Wait()
	return here
}

// principal is who sends the request and what it says of its file, for the callbacks that see nothing but its context.
type principal struct {
	organization, person          uuid.UUID
	fingerprint, sender, received string
	digest                        string // SHA-256 that the file is said to have; empty: not said
	hold                          *hold  // of the upload's lock
}

type principalKey struct{}

// Serve is every route below /uploads/: POST creates, HEAD tells how much is here, PATCH appends, DELETE discards.
func (u *Handler) Serve(c echo.Context) error {
	who := sentBy(c)
	who.hold = &hold{}
	ctx := context.WithValue(c.Request().Context(), principalKey{}, who)
	if id := c.Param("id"); id != "" {
		upload, err := u.uploadFor(c, who, id)
		if err != nil {
			return err
		}
		if done, err := u.finished(ctx, c, who, upload); done || err != nil {
			return err
		}
		if done, err := u.hadMeanwhile(c, who, upload); done || err != nil {
			return err
		}
		if c.Request().Method == http.MethodHead && who.proves(upload, u.Received(ctx, upload.ID)) {
			c.Response().Header().Set(proveHeader, "yes")
		}
	} else if answered, err := u.begun(c, who); answered || err != nil {
		return err
	}
	if c.Request().Header.Get("Upload-Defer-Length") != "" {
		return &refusal.Error{Code: "malformed", Title: "The upload does not say how large it is.", Next: "Send its size in Upload-Length."}
	}
	r := c.Request().Clone(ctx)
	for _, name := range []string{"X-HTTP-Method-Override", "Forwarded", "X-Forwarded-Host"} {
		r.Header.Del(name)
	}
	r.Header.Set("X-Forwarded-Proto", c.Scheme())
	answer := &uploadAnswer{ResponseWriter: c.Response().Writer}
	defer answer.end(c.Response())
	r.Body = answer.paced(r.Body, u.pace)
	u.tus.ServeHTTP(answer, r)
	return nil
}

// finished answers for an upload whose last byte is here. A client that missed the answer to it asks by HEAD and is
// told that it is done, even after the bytes were taken away; and where the answer was an error of ours, its check is
// asked for now.
func (u *Handler) finished(ctx context.Context, c echo.Context, who principal, upload models.Upload) (bool, error) {
	if upload.Arrives() {
		if c.Request().Method != http.MethodHead || u.Received(ctx, upload.ID) != upload.Size {
			return false, nil
		}
		if err := u.whole(ctx, upload.ID); err != nil {
			return true, err
		}
		if err := u.complete(ctx, who, upload.ID); err != nil {
			return true, err
		}
	}
	if upload.Early() {
		return true, turnedDown(upload)
	}
	if c.Request().Method != http.MethodHead {
		return true, uploadedAlready(upload.Filename)
	}
	h := c.Response().Header()
	h.Set("Tus-Resumable", "1.0.0")
	h.Set("Cache-Control", "no-store")
	h.Set("Upload-Offset", strconv.FormatInt(upload.Size, 10))
	h.Set("Upload-Length", strconv.FormatInt(upload.Size, 10))
	h.Set(uploadHeader, upload.ID)
	return true, c.NoContent(http.StatusOK)
}

// whole has the store make one blob of an upload that is here to its last byte; done before, it is no work.
func (u *Handler) whole(ctx context.Context, id string) error {
	upload, err := u.store.Tus().GetUpload(ctx, id)
	if err != nil {
		return err
	}
	return upload.FinishUpload(ctx)
}

// begun answers a creation that makes no upload: one whose first answer was lost on its way, since a sender's name stands for one
// upload, and one of a file that was brought before.
func (u *Handler) begun(c echo.Context, who principal) (bool, error) {
	if err := u.hereFor(c); err != nil {
		return true, err
	}
	if err := u.refuseLarge(c.Request()); err != nil {
		return true, err
	}
	if who.sender == "" {
		return u.had(c, who)
	}
	upload, err := u.models.UploadOfSender(c.Request().Context(), who.organization, who.person, who.sender)
	if r, ours := refusal.As(err); ours && r.Code == "not_found" {
		return u.had(c, who)
	}
	if err != nil {
		return true, err
	}
	h := c.Response().Header()
	h.Set("Tus-Resumable", "1.0.0")
	h.Set("Location", uploadPath+upload.ID)
	return true, c.NoContent(http.StatusCreated)
}

func uploadedAlready(filename string) *refusal.Error {
	return &refusal.Error{Code: "conflict", Title: filename + " is uploaded already.", Next: "Look for it on the page of images."}
}

func (u *Handler) create(e tus.HookEvent) (tus.HTTPResponse, tus.FileInfoChanges, error) {
	who, _ := e.Context.Value(principalKey{}).(principal)
	seen, err := u.look(e.Context)
	if err != nil {
		return tus.HTTPResponse{}, tus.FileInfoChanges{}, u.refusal(e.Context, err)
	}
	id := uuid.New() // random: its 122 bits are not the only guard
	name := hex.EncodeToString(id[:])
	filename := path.Base(strings.ReplaceAll(e.Upload.MetaData["filename"], `\`, "/"))
	if filename == "." || filename == "/" {
		filename = "" // refused as such
	}
	if err := u.models.BeginUpload(e.Context, models.NewUpload{
		Organization: who.organization, Person: who.person, ID: name, Filename: filename, Size: e.Upload.Size,
		Name: e.Upload.MetaData["name"], Fingerprint: who.fingerprint, Sender: who.sender, ExpectedDigest: cmp.Or(who.digest, e.Upload.MetaData["sha256"]),
		Room: func(announced []models.Announced) error {
			free, kept := seen.left(who.person, announced, time.Now())
			err := enough(e.Upload.Size, free, kept)
			if err != nil {
				u.log.WarnContext(e.Context, "no room for an upload", "size", e.Upload.Size, "free", free, "promised", kept)
			}
			return err
		},
	}); err != nil {
		return tus.HTTPResponse{}, tus.FileInfoChanges{}, u.refusal(e.Context, err)
	}
	return tus.HTTPResponse{}, tus.FileInfoChanges{
		ID: name, MetaData: tus.MetaData{"filename": filename},
	}, nil
}

// finish may not open the file by the tus handler, which holds its lock.
func (u *Handler) finish(e tus.HookEvent) (tus.HTTPResponse, error) {
	who, _ := e.Context.Value(principalKey{}).(principal)
	if err := u.complete(e.Context, who, e.Upload.ID); err != nil {
		return tus.HTTPResponse{}, u.refusal(e.Context, err)
	}
	return tus.HTTPResponse{Header: tus.HTTPHeader{uploadHeader: e.Upload.ID}}, nil
}

func (u *Handler) terminate(e tus.HookEvent) (tus.HTTPResponse, error) {
	who, _ := e.Context.Value(principalKey{}).(principal)
	was, err := u.models.DiscardUpload(e.Context, who.person, e.Upload.ID)
	if err == nil && !was {
		err = uploadedAlready(e.Upload.MetaData["filename"])
	}
	if err != nil {
		return tus.HTTPResponse{}, u.refusal(e.Context, err)
	}
	return tus.HTTPResponse{}, nil
}

// refusal is the tus handler's form of an error: the words of a refusal. Any other error goes to the log, and the
// sender learns nothing but that it happened; the tus handler would tell all.
func (u *Handler) refusal(ctx context.Context, err error) error {
	var r *refusal.Error
	if !errors.As(err, &r) {
		u.log.ErrorContext(ctx, "upload", "error", err)
		r = &refusal.Error{Code: "internal", Title: "Something went wrong on our side.", Next: "Nothing that was sent is lost. Try again."}
	}
	return told(r, respond.Status(r.Code))
}

func told(r *refusal.Error, status int) tus.Error {
	text := r.Title + " " + r.Next
	if empty, ok := r.Fields["size"]; ok {
		text = empty
	} else if why, ok := r.Fields["file"]; ok {
		text = "The file's name is not taken. " + why + " Rename the file and choose it again."
	} else if why, ok := r.Fields["name"]; ok {
		text = "The name that was given is not taken. " + why + " Give another one, or none."
	} else if why, ok := r.Fields["digest"]; ok {
		text = "The SHA-256 that was given is not taken. " + why + " Nothing was sent. Correct it, or leave it out."
	}
	return tus.Error{ErrorCode: r.Code, Message: text, HTTPResponse: tus.HTTPResponse{
		StatusCode: status, Body: text + "\n", Header: tus.HTTPHeader{"Content-Type": "text/plain; charset=utf-8", respond.RefusalHeader: r.Code},
	}}
}
