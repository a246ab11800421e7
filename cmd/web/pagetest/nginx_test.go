package pagetest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"volary.dev/cmd/internal/child"
	"volary.dev/handlers/handlertest"
	"volary.dev/provisioner/waittest"
)

// nobody is whom nginx runs as where the test is root.
const nobody = 65534

// behindNginx starts a real nginx before the portal and gives its address. lines go into its http block, PORT and what a
// proxy_pass names being filled in. Its temporary files, which Debian's builds keep where only root may write, are put
// beside its configuration; nothing else is changed.
func behindNginx(t *testing.T, app *handlertest.App, lines string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "volary-nginx-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := free.Addr().String()
	free.Close()
	var temp strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&temp, "%s_temp_path %s/%[1]s;\n", kind, dir)
	}
	lines = regexp.MustCompile(`proxy_pass \S+;`).ReplaceAllString(lines, "proxy_pass "+app.URL+";")
	conf := "worker_processes 1; daemon off; error_log stderr; pid nginx.pid;\nevents { worker_connections 256; }\nhttp {\naccess_log off;\n" +
		temp.String() + strings.ReplaceAll(lines, "127.0.0.1:PORT", at) + "\n}\n"
	name := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(name, []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/usr/sbin/nginx", "-e", "stderr", "-p", dir, "-c", name)
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		if err := os.Chown(dir, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	p, err := child.Start(cmd, syscall.SIGTERM)
	if err != nil {
		t.Fatalf("nginx is in Debian's package nginx: %v", err)
	}
	t.Cleanup(func() {
		p.Stop(syscall.SIGTERM, 5*time.Second)
		if t.Failed() {
			t.Logf("nginx says:\n%s", said.String())
		}
	})
	waittest.Until(t, "nginx to listen", func() bool {
		c, err := net.Dial("tcp", at)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return "http://" + at
}

// plainNginx is what an operator writes first: everything else is nginx's default.
const plainNginx = `server { listen 127.0.0.1:PORT; location / { proxy_pass http://127.0.0.1:8080; proxy_set_header Host $http_host; } }`

// chapterNginx is what the operator's chapter says, taken from it.
func chapterNginx(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", ".readme", "operate.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(text), "For nginx, once in its `http` block:\n")
	once, after, second := strings.Cut(after, "and in the `server` block of the portal's address:\n")
	var location strings.Builder
	for line := range strings.Lines(strings.TrimLeft(after, "\n")) {
		if !strings.HasPrefix(line, "    ") {
			break
		}
		location.WriteString(line)
	}
	if !found || !second || !strings.Contains(once, "map ") || !strings.Contains(location.String(), "location / {") {
		t.Fatal("the operator's chapter has no lines for nginx")
	}
	return once + "server { listen 127.0.0.1:PORT;\n" + location.String() + "}"
}

// TestWhatNginxPasses sends pieces through a real nginx, with its defaults and with the chapter's lines, follows changes and opens a
// console.
func TestWhatNginxPasses(t *testing.T) {
	if testing.Short() {
		t.Skip("needs nginx")
	}
	for name, lines := range map[string]string{"with nginx's defaults": plainNginx, "by the chapter": chapterNginx(t)} {
		t.Run(name, func(t *testing.T) {
			tuned := lines != plainNginx
			app, world := portal(t, handlertest.Options{Worker: true})
			app.Listen()
			base := behindNginx(t, app, lines)
			b := app.SignIn(handlertest.Member)
			send := func(method, url string, body []byte, header map[string]string) *http.Response {
				t.Helper()
				asking, done := waittest.Context(t.Context(), t, method)
				defer done()
				r, err := http.NewRequestWithContext(asking, method, url, bytes.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Tus-Resumable", "1.0.0")
				r.Header.Set("Sec-Fetch-Site", "same-origin")
				for k, v := range header {
					r.Header.Set(k, v)
				}
				res, err := b.Client().Do(r)
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				return res
			}
			content := disk("NGX-", 64*mib)
			made := send("POST", base+"/uploads/", nil, map[string]string{"Upload-Length": fmt.Sprint(len(content)), "Upload-Metadata": "filename ZGlzay5yYXc="})
			at := base + "/uploads/" + filepath.Base(made.Header.Get("Location"))
			piece := func(from, to int) *http.Response {
				return send("PATCH", at, content[from:to], map[string]string{"Upload-Offset": fmt.Sprint(from), "Content-Type": "application/offset+octet-stream"})
			}
			size, from := 64*mib, 0
			if !tuned {
				size = mib
				// Whose 413 it is, is told by what only we say.
				if res := piece(0, 2*mib); res.StatusCode != http.StatusRequestEntityTooLarge || res.Header.Get("Tus-Resumable") != "" || res.Header.Get("Volary-Refusal") != "" {
					t.Errorf("2 MiB: %s %v", res.Status, res.Header)
				}
			}
			for ; from < len(content); from += size {
				if res := piece(from, from+size); res.StatusCode != http.StatusNoContent {
					t.Fatalf("%d bytes at %d: %s", size, from, res.Status)
				}
			}
			if got := arrived(t, app, "disk.raw")[0]; !bytes.Equal(got, content) {
				t.Errorf("%d bytes arrived that differ", len(got))
			}
			consoleBehind(t, app, world, base, tuned)
			streams(t, app, base)
		})
	}
}

// TestBehindNginx uploads 64 MB by the page through a real nginx, with its defaults and with the chapter's lines.
func TestBehindNginx(t *testing.T) {
	ctx := chromium(t)
	for name, c := range map[string]struct {
		lines  string
		pieces string // the largest that the page has learned to pass; empty: none was refused
	}{
		"with nginx's defaults": {plainNginx, "1048576"},
		"by the chapter":        {chapterNginx(t), ""},
	} {
		t.Run(name, func(t *testing.T) {
			app, _ := portal(t, handlertest.Options{})
			base := behindNginx(t, app, c.lines)
			file := filepath.Join(t.TempDir(), "disk.raw")
			if err := os.WriteFile(file, disk("NGX-", 64*mib), 0o600); err != nil {
				t.Fatal(err)
			}
			ada := arrive(t, ctx, base, handlertest.Member)
			ada.chooses(file)
			ada.arrives()
			if n := begun(t, app, "disk.raw"); n != 1 {
				t.Errorf("%d uploads were begun", n)
			}
			wantSame(t, name, arrived(t, app, "disk.raw")[0], file)
			ada.until("know what passes", fmt.Sprintf(`(sessionStorage.getItem("volary-upload-piece") ?? "") === %q`, c.pieces))
		})
	}
}

// TestAProxyThatTakesNothing is nginx with less than the page's smallest piece.
func TestAProxyThatTakesNothing(t *testing.T) {
	ctx := chromium(t)
	app, _ := portal(t, handlertest.Options{})
	base := behindNginx(t, app, "client_max_body_size 40k;\n"+plainNginx)
	file := filepath.Join(t.TempDir(), "disk.raw")
	if err := os.WriteFile(file, disk("NGX-", 3*mib), 0o600); err != nil {
		t.Fatal(err)
	}
	ada := arrive(t, ctx, base, handlertest.Member)
	ada.chooses(file)
	ada.says("A proxy before Volary refuses even 64.0 KiB at a time (413)")
	ada.says("client_max_body_size")
	ada.shoot("upload-proxy")
	if n := begun(t, app, "disk.raw"); n != 1 {
		t.Errorf("%d uploads were begun", n)
	}
}

// consoleBehind opens a console's socket through a proxy: a WebSocket, or an answer that a page can show.
func consoleBehind(t *testing.T, app *handlertest.App, world *handlertest.World, base string, upgrades bool) {
	t.Helper()
	cluster, head := app.Launch(world, "behind", 0)
	waittest.Until(t, "the cluster to be ready", func() bool {
		d, err := app.Store.Machines.Cluster(t.Context(), world.Organization, cluster)
		return err == nil && d.State == "ready"
	})
	console := fmt.Sprintf("/org/clusters/%s/nodes/%s/console", cluster, head)
	owner := app.SignIn(handlertest.Owner)
	var ticket struct{ Ticket string }
	if got := owner.Post(console+"/ticket", nil); json.Unmarshal([]byte(got.Body), &ticket) != nil {
		t.Fatalf("a ticket: %d %s", got.Status, got.Body)
	}
	dialling, done := waittest.Context(context.Background(), t, "a console's socket")
	defer done()
	conn, res, err := websocket.Dial(dialling, base+console+"/ws?ticket="+url.QueryEscape(ticket.Ticket), &websocket.DialOptions{
		HTTPClient: &http.Client{Jar: owner.Client().Jar}, HTTPHeader: http.Header{"Origin": {base}, "Sec-Fetch-Site": {"same-origin"}},
	})
	if (err == nil) != upgrades {
		t.Errorf("a console through the proxy: %v", err)
	}
	if err == nil {
		_ = conn.CloseNow()
	} else if res == nil || res.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("without the upgrade's headers the answer is %+v", res)
	}
}

// streams reads what is said of a change, while the stream stays open.
func streams(t *testing.T, app *handlertest.App, base string) {
	t.Helper()
	reading, done := waittest.Context(context.Background(), t, "an event")
	defer done()
	r, err := http.NewRequestWithContext(reading, http.MethodGet, base+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := app.SignIn(handlertest.Owner).Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	line, err := bufio.NewReader(res.Body).ReadString('\n')
	if err != nil || res.StatusCode != http.StatusOK || line == "" {
		t.Errorf("a stream through the proxy: %s %q %v", res.Status, line, err)
	}
}
