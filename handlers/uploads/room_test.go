package uploads

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/store/blob"
	"volary.dev/store/models"
)

// Who announces much and sends nothing keeps others from a part of the room, and not for long.
func TestAnnouncementsAreNoRoomForEver(t *testing.T) {
	now := time.Now()
	ada, ben := uuid.New(), uuid.New()
	r := room{here: map[string]blob.Progress{
		"sent": {Received: 10, Written: now.Add(-time.Minute)}, "left": {Received: 10, Written: now.Add(-2 * promisedFor)},
	}}
	announced := []models.Announced{
		{ID: "sent", Size: 100, Person: ada}, {ID: "left", Size: 1000, Person: ada}, {ID: "no byte yet", Size: 5, Person: ada}, {ID: "none", Size: 7, Person: ben},
	}
	r.Free = 50
	if got := r.free(announced); got != 50 {
		t.Errorf("of 50 free bytes %d are", got)
	}
	r.Bound = 100
	if got := r.free(announced); got != 80 {
		t.Errorf("of 100 bytes, 20 of which are here, %d are free", got)
	}
	lacking := r.lacking(announced, now)
	if lacking[ada] != 95 || lacking[ben] != 7 {
		t.Errorf("they lack %v", lacking)
	}
	for _, c := range []struct {
		who        uuid.UUID
		free, want int64
	}{{ada, 100, 102}, {ben, 100, 25 + 7}, {ben, 1000, 95 + 7}, {uuid.New(), 100, 25 + 7}} {
		if got := promised(lacking, c.who, c.free); got != c.want {
			t.Errorf("of %d bytes %d are promised, want %d", c.free, got, c.want)
		}
	}
}

// full is a store of uploads whose room is as it says.
type full struct {
	blob.Uploads
	room blob.Room
	err  error
}

// Room implements blob.Uploads.
func (f full) Room(context.Context) (blob.Room, error) { return f.room, f.err }

// What has no place is said before the first byte, and to who asks whether the process is ready.
func TestWhatUploadsLack(t *testing.T) {
	for says, store := range map[string]full{
		"":                                      {room: blob.Room{Free: 1 << 40}},
		"there is no room for uploads":          {room: blob.Room{Free: 1 << 20}},
		"the folder of uploads does not answer": {err: errors.New("input/output error")},
	} {
		if got := (&Handler{store: store}).Lacks(t.Context()); got != says {
			t.Errorf("%+v: %q, want %q", store, got, says)
		}
	}
	u := &Handler{store: full{err: fmt.Errorf("%w: the scratch folder", blob.ErrFull)}, log: slog.New(slog.DiscardHandler)}
	if got := u.Lacks(t.Context()); got != "there is no room for uploads" {
		t.Errorf("full: %q", got)
	}
	if _, err := u.look(t.Context()); err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("an announcement: %v", err)
	}
}
