package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// restarts decides how long to wait before something is started again that ended by itself. It is never given up: what
// ends it may go away, and whoever watches sees that it goes on. The zero value is ready for use.
type restarts struct {
	first time.Duration // the pause after a first short life; 0 takes a second
	row   int           // short lives until now
}

const (
	longLife  = time.Minute // after which an end counts as the first
	lastPause = 30 * time.Second
)

// pause is how long to wait after a life of that length.
func (r *restarts) pause(lived time.Duration) time.Duration {
	if lived > longLife {
		r.row = 0
	}
	first := r.first
	if first == 0 {
		first = time.Second
	}
	r.row++
	return min(first<<min(r.row-1, 20), lastPause)
}

// sentence tells in one line what happened, for which reason, and when it is tried again.
func (r *restarts) sentence(what string, reason any, pause time.Duration, log string) string {
	often := ""
	if r.row > 1 {
		often = fmt.Sprintf(", %d times in a row", r.row)
	}
	return fmt.Sprintf("%s (%s)%s: it is started again in %s; see %s", what, oneLine(reason), often, pause, log)
}

// mostReason is how much of a reason one line shows, in bytes.
const mostReason = 300

func oneLine(reason any) string {
	line := strings.Join(strings.Fields(fmt.Sprint(reason)), " ")
	if len(line) > mostReason {
		line = strings.ToValidUTF8(line[:mostReason], "") + "…"
	}
	return line
}

// lastWords finds in what a server logged why it ended: the error that it said last, or what the Go runtime says. Empty
// where it said nothing of the kind, as one that was killed.
func lastWords(log []byte) (words string) {
	for line := range bytes.Lines(log) {
		var said struct{ Msg, Error string }
		switch {
		case bytes.HasPrefix(line, []byte("panic: ")), bytes.HasPrefix(line, []byte("fatal error: ")), bytes.HasPrefix(line, []byte("SIG")):
			return string(line) // what follows is the stack
		case json.Unmarshal(line, &said) == nil && said.Msg == "ended":
			words = said.Error
		}
	}
	return words
}
