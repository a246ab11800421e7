package handlers_test

import (
	"context"
	"net/http"
	"testing"

	"volary.dev/handlers/handlertest"
	"volary.dev/store/blob"
)

// fullPlace is a store without room for uploads.
type fullPlace struct{ blob.Place }

// Uploads implements blob.Place.
func (f fullPlace) Uploads() blob.Uploads { return fullUploads{f.Place.Uploads()} }

type fullUploads struct{ blob.Uploads }

// Room implements blob.Uploads.
func (fullUploads) Room(context.Context) (blob.Room, error) { return blob.Room{}, blob.ErrFull }

// A portal whose store is full is ready, and says what it lacks.
func TestReadyWithoutRoomForUploads(t *testing.T) {
	d, err := blob.OpenDirectory(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for want, place := range map[string]blob.Place{"ready\n": d, "ready\nbut there is no room for uploads\n": fullPlace{d}} {
		app := handlertest.Start(t, handlertest.Options{Blobs: place})
		if got := app.Browser().Get("/readyz"); got.Status != http.StatusOK || got.Body != want {
			t.Errorf("%d %q, want %q", got.Status, got.Body, want)
		}
	}
}
