package uploads

import (
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
