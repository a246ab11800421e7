package webtest

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/coder/websocket"
)

// quietly is a list of lines that two goroutines share.
type quietly struct {
	mu    sync.Mutex
	lines []string
}

func (q *quietly) add(line string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.lines = append(q.lines, line)
}

func (q *quietly) take() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	lines := q.lines
	q.lines = nil
	return lines
}

// handleConsole answers like a node that echoes, with colours that need a style attribute.
func handleConsole(mux *http.ServeMux) {
	path := "/org/clusters/" + id(40).String() + "/nodes/" + id(50).String() + "/console"
	mux.HandleFunc("POST "+path+"/ticket", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"ticket":"once"}`)
	})
	mux.HandleFunc("GET "+path+"/ws", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("ticket") != "once" {
			http.Error(w, "no ticket", http.StatusForbidden)
			return
		}
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer conn.CloseNow()
		ctx := r.Context()
		_ = conn.Write(ctx, websocket.MessageBinary, []byte("\x1b[38;2;120;220;190mhead login:\x1b[0m "))
		for {
			kind, data, err := conn.Read(ctx)
			if err != nil {
				return
			}
			if err := conn.Write(ctx, kind, data); err != nil {
				return
			}
		}
	})
}

// TestConsoleTypes opens the console page under the portal's policy, types, and reads the answer on it.
func TestConsoleTypes(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	server := galleryServer(t)
	ctx := browser(t)
	complaints := listen(t, ctx)
	err := chromedp.Do(ctx,
		chromedp.EmulateViewport(1280, 844),
		chromedp.Navigate(server.URL+"/console"),
		chromedp.WaitVisible(chromedp.CSS("[data-connected]")),
		chromedp.KeyEvent("hostname"),
	)
	if err != nil {
		t.Fatal(err)
	}
	const typed = `document.querySelector(".xterm-rows").textContent.replaceAll("\u00a0", " ").includes("login: hostname ")`
	if _, err := ask(t, ctx, chromedp.Poll[bool](typed)); err != nil {
		t.Fatalf("the console does not show what was typed: %v", err)
	}
	colour, err := ask(t, ctx, chromedp.Evaluate[string](`getComputedStyle(document.querySelector(".xterm-rows span")).color`))
	if err != nil || colour != "rgb(120, 220, 190)" {
		t.Errorf("the text is %s, %v; the guest asked for rgb(120, 220, 190)", colour, err)
	}
	for _, c := range complaints() {
		t.Error(c)
	}
}
