package uploads

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/store/models"
)

// Who announces much and sends nothing keeps others from a part of the room, and not for long.
func TestAnnouncementsAreNoRoomForEver(t *testing.T) {
	u, now := &Handler{folder: t.TempDir()}, time.Now()
	ada, ben := uuid.New(), uuid.New()
	for id, age := range map[string]time.Duration{"sent": time.Minute, "left": 2 * promisedFor} {
		name := filepath.Join(u.folder, id)
		if err := os.WriteFile(name, make([]byte, 10), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	lacking := u.lacking([]models.Announced{
		{ID: "sent", Size: 100, Person: ada}, {ID: "left", Size: 1000, Person: ada}, {ID: "no byte yet", Size: 5, Person: ada}, {ID: "none", Size: 7, Person: ben},
	}, now)
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
