package pagetest

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/uuid"

	"volary.dev/handlers/handlertest"
	"volary.dev/provisioner/waittest"
	"volary.dev/web/webtest"
)

const mib = 1 << 20

// person is somebody of the world in a tab of a browser profile.
type person struct {
	t    *testing.T
	tab  context.Context
	base string
	shut func()
}

// chromium starts a browser; each of its profiles is a browser of its own to the portal.
func chromium(t *testing.T) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	options := append(webtest.ChromiumFolder(t), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.WindowSize(1280, 900), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	allocator, endAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(endAllocator)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Logf("ending Chromium: %v", err)
		}
		end()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// arrive signs a person in at an address of the portal, in a profile of their own.
func arrive(t *testing.T, ctx context.Context, base, email string) *person {
	t.Helper()
	profile, end := chromedp.NewContext(ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(end)
	p := &person{t, profile, base, end}
	if err := chromedp.Do(profile); err != nil { // it lives as long as the context it was opened with
		t.Fatal(err)
	}
	p.do("sign in", chromedp.EmulateViewport(1280, 900), chromedp.Navigate(base+"/sign-in"),
		chromedp.SetValue(chromedp.CSS("#email"), email), chromedp.SetValue(chromedp.CSS("#password"), handlertest.Password),
		chromedp.Click(chromedp.CSS("main form button")))
	p.until("be signed in", `document.readyState === "complete" && !location.pathname.startsWith("/sign-in")`)
	return p
}

// again opens another tab of the same profile.
func (p *person) again() *person {
	p.t.Helper()
	tab, end := chromedp.NewContext(p.tab)
	p.t.Cleanup(end)
	if err := chromedp.Do(tab); err != nil {
		p.t.Fatal(err)
	}
	return &person{p.t, tab, p.base, end}
}

func (p *person) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, done := waittest.Context(p.tab, p.t, what)
	defer done()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatalf("%s: %v\n%s", what, err, p.words())
	}
}

// until waits until the script's expression is true, over reloads of the page too.
func (p *person) until(what, expression string) {
	p.t.Helper()
	const script = `(() => { try { return !!(%s) } catch { return false } })()`
	came := false
	defer func() {
		if !came {
			p.t.Log(p.words())
		}
	}()
	waittest.Until(p.t, what, func() bool {
		ctx, cancel := context.WithTimeout(p.tab, oneLook) //nolint:forbidigo // one of many looks
		defer cancel()
		met, err := chromedp.Run(ctx, chromedp.Evaluate[bool](fmt.Sprintf(script, expression)))
		return err == nil && met
	})
	came = true
}

// oneLook ends a script that Chromium forgot when it loaded the page anew; it is asked again.
const oneLook = 5 * time.Second

func (p *person) words() string {
	text, _ := chromedp.Run(p.tab, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText.slice(0, 3000)`))
	return text
}

// chooses opens the page and gives it a file.
func (p *person) chooses(file string) {
	p.t.Helper()
	p.do("choose "+file, navigate(p.base+"/org/images/new"), files(file))
}

// works switches to an organization, as the button in the frame does.
func (p *person) works(org uuid.UUID) {
	p.t.Helper()
	p.do("open a page", navigate(p.base+"/account"))
	p.until("work there", fmt.Sprintf(`(() => {
		if (document.body.dataset.place === "org:%[1]s") return true;
		if (!window.asked && location.pathname === "/account" && document.readyState === "complete") {
			window.asked = true;
			const button = document.querySelector('button[name=to][value="org:%[1]s"]');
			button ? button.click() : location.assign("/org");
		}
		return false;
	})()`, org))
}

func navigate(address string) chromedp.Action[chromedp.Void] { return chromedp.Navigate(address) }

func files(path string) chromedp.Action[chromedp.Void] {
	return chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{path})
}

// leaves closes the tab as a person would kill it.
func (p *person) leaves() {
	p.t.Helper()
	p.shut()
}

// says waits until what is shown of the upload's card has the text.
func (p *person) says(text string) {
	p.t.Helper()
	p.until("read "+text, fmt.Sprintf(`(document.querySelector("[data-upload]")?.innerText ?? "").replace(/\s+/g, " ").includes(%q)`, text))
}

func (p *person) presses(selector string) {
	p.t.Helper()
	p.do("press "+selector, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// arrives waits until the page has gone on to that of the upload.
func (p *person) arrives() {
	p.t.Helper()
	p.until("go on to the upload's page", `/^\/org\/uploads\/[0-9a-f]{32}$/.test(location.pathname)`)
}

// shoot keeps a picture at both widths, for who looks at them.
func (p *person) shoot(name string) {
	p.t.Helper()
	dir := os.Getenv("VOLARY_SHOTS")
	if dir == "" {
		return
	}
	for _, width := range []int{1280, 390} {
		p.do("narrow the window", chromedp.EmulateViewport(int64(width), 900))
		png, err := chromedp.Run(p.tab, chromedp.FullScreenshot(100))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%d.png", name, width)), png, 0o644)
		}
		if err != nil {
			p.t.Error(err)
		}
	}
	p.do("widen the window", chromedp.EmulateViewport(1280, 900))
}

// twins writes two disks of one name and one size into two folders, and a third that differs from
// the first where no sample is taken.
func twins(t *testing.T, size int) (monday, tuesday, late string) {
	t.Helper()
	write := func(folder string, content []byte) string {
		path := filepath.Join(t.TempDir(), folder, "disk.raw")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	old := disk("OLD-", size)
	other := bytes.Clone(old)
	copy(other[5*mib:], "other")
	return write("monday", old), write("tuesday", disk("NEW-", size)), write("late", other)
}

// disk has a partition table and a mark over and over.
func disk(mark string, size int) []byte {
	b := bytes.Repeat([]byte(mark), size/len(mark))
	clear(b[:512])
	b[446], b[450] = 0x80, 0x83
	binary.LittleEndian.PutUint32(b[454:], 2048)
	binary.LittleEndian.PutUint32(b[458:], uint32(size/512-2048))
	b[510], b[511] = 0x55, 0xaa
	return b
}

// begun counts the organization's uploads, finished ones too, with a name.
func begun(t *testing.T, app *handlertest.App, name string) (n int) {
	t.Helper()
	if err := app.Pool.QueryRow(t.Context(), `SELECT count(*) FROM uploads WHERE filename = $1`, name).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// arrived gives what came of the uploads with a name, the eldest first.
func arrived(t *testing.T, app *handlertest.App, name string) (all [][]byte) {
	t.Helper()
	rows, err := app.Pool.Query(t.Context(), `SELECT id FROM uploads WHERE filename = $1 ORDER BY created_at`, name)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(filepath.Join(app.Uploads(), id))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		all = append(all, content)
	}
	return all
}

func wantSame(t *testing.T, what string, got []byte, file string) {
	t.Helper()
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: %d bytes arrived that differ from the %d of the file", what, len(got), len(want))
	}
}
