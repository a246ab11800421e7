package live

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/provisioner/waittest"
)

// TestOneLateLookIsNotTold streams over looks at the session of which one is not answered, then two in a row: only the second of
// those is told, and what came meanwhile is told afterwards.
func TestOneLateLookIsNotTold(t *testing.T) {
	over, whose := errors.New("over"), Whose{Organization: uuid.New()}
	late := context.DeadlineExceeded
	looks := []error{nil, nil, late, nil, late, late, late, nil, over} // the first is the stream's beginning
	e := echo.New()
	e.GET("/", func(c echo.Context) error {
		return Stream{
			Changes: NewChanges(), Person: uuid.New(), Stopping: t.Context(), Heartbeat: time.Millisecond,
			Look: func(context.Context) (Whose, error) {
				err := looks[0]
				looks = looks[1:]
				return whose, err
			},
			Ended: func(err error) bool { return errors.Is(err, over) },
		}.Serve(c)
	})
	server := httptest.NewServer(e)
	defer server.Close()
	ctx, done := waittest.Context(t.Context(), t, "the stream's end")
	defer done()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var events []string
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		if event, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			events = append(events, event)
		}
	}
	if want := []string{"place", "away", "back", "ended"}; !slices.Equal(events, want) {
		t.Errorf("told %v, want %v", events, want)
	}
}
