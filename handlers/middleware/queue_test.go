package middleware

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"volary.dev/provisioner/waittest"
)

// entered asks for a place in the background.
func entered(t *testing.T, q *queue, sender string) <-chan bool {
	t.Helper()
	got := make(chan bool, 1)
	go func() {
		ok, err := q.enter(t.Context(), sender)
		got <- ok && err == nil
	}()
	return got
}

func (q *queue) lengths() (running, waiting int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.taken, len(q.line)
}

// Who asks for everything leaves others half of the places, and room to wait.
func TestQueueLeavesOthersTheirs(t *testing.T) {
	q := newQueue(AtOnce{All: 4, Each: 2, Waiting: 3, Patience: time.Minute})
	var flood []<-chan bool
	for n := range 5 {
		flood = append(flood, entered(t, q, "flood"))
		waittest.Until(t, "the flood to stand", func() bool { r, w := q.lengths(); return r == min(n+1, 2) && r+w == n+1 })
	}
	if ok, err := q.enter(t.Context(), "flood"); ok || err != nil {
		t.Errorf("the sixth of the flood: %t, %v", ok, err)
	}
	for range 2 {
		if ok, _ := waittest.Receive(t, "another's place", entered(t, q, "other")); !ok {
			t.Error("another has no place")
		}
	}
	third := entered(t, q, "third")
	if ok, _ := waittest.Receive(t, "the flood's last, who gives way", flood[4]); ok {
		t.Error("the flood's last has a place")
	}
	// The places of others are given back: what may not be the flood's is the third's, though it came later.
	q.leave("other")
	if ok, _ := waittest.Receive(t, "the third's place", third); !ok {
		t.Error("the third has no place")
	}
	q.leave("other")
	q.leave("third")
	for i := range 4 {
		if ok, _ := waittest.Receive(t, "the flood, one after the other", flood[i]); !ok {
			t.Errorf("the %d. of the flood has no place", i+1)
		}
		q.leave("flood")
	}
	if r, w := q.lengths(); r != 0 || w != 0 || len(q.running) != 0 {
		t.Errorf("%d run and %d wait in the end, %v", r, w, q.running)
	}
}

// Who leaves in the moment of being given a place gives it back.
func TestQueueTakesBackWhatNobodyTook(t *testing.T) {
	q := newQueue(AtOnce{All: 1, Each: 1, Waiting: 1, Patience: time.Minute})
	gone, leave := context.WithCancel(t.Context())
	leave()
	for range 100 {
		ok, err := q.enter(gone, "who left")
		if ok {
			q.leave("who left")
		} else if err == nil {
			t.Fatal("refused though there is a place")
		}
		if r, w := q.lengths(); r != 0 || w != 0 {
			t.Fatalf("%d run and %d wait", r, w)
		}
	}
}

// unread is an answer that nobody takes.
type unread struct {
	*httptest.ResponseRecorder
	begun, taken chan struct{}
}

func (u unread) Write(b []byte) (int, error) {
	close(u.begun)
	<-u.taken
	return u.ResponseRecorder.Write(b)
}

// Who takes an answer slowly holds no place: there is one, and others have it meanwhile.
func TestSlowReadersHoldNoPlace(t *testing.T) {
	e := echo.New()
	pages := Kept(Queue(AtOnce{All: 1, Each: 1, Waiting: 1, Patience: time.Minute}, ByAddress)(func(c echo.Context) error {
		return c.HTML(http.StatusOK, "a page")
	}))
	ask := func(w http.ResponseWriter) error {
		return pages(e.NewContext(httptest.NewRequest(http.MethodGet, "/", nil), w))
	}
	slow := unread{httptest.NewRecorder(), make(chan struct{}), make(chan struct{})}
	ended := make(chan error, 2)
	go func() { ended <- ask(slow) }()
	waittest.Receive(t, "the slow reader's answer", slow.begun)
	quick := httptest.NewRecorder()
	go func() { ended <- ask(quick) }()
	if err, _ := waittest.Receive(t, "another's answer", ended); err != nil || quick.Body.String() != "a page" {
		t.Errorf("another has %q, %v", quick.Body, err)
	}
	close(slow.taken)
	if err, _ := waittest.Receive(t, "the slow reader's end", ended); err != nil || slow.Body.String() != "a page" {
		t.Errorf("the slow reader has %q, %v", slow.Body, err)
	}
}
