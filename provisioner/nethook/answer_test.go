package nethook

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"
)

// probeXML is the probe's network with questions.
func probeXML(asks ...string) string {
	groups := ""
	for _, a := range asks {
		groups += "<portgroup name='" + a + "'/>"
	}
	return `<hookData><network><name>volary-probe</name><metadata><volary:probe xmlns:volary="https://volary.dev/xml/1"/></metadata>` +
		`<bridge name='volprobe'/>` + groups + `</network></hookData>`
}

func setting(t *testing.T, q Question) string {
	t.Helper()
	s, err := AskSetting(q)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asked asks the hook and gives the bytes of its answer.
func (h hook) asked(t *testing.T, q Question) []byte {
	t.Helper()
	if err := h.serve(t.Context(), "updated", strings.NewReader(probeXML(setting(t, q)))); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(h.dir, AnswerName(q.Nonce)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (h hook) answered(t *testing.T, q Question) Answer {
	t.Helper()
	a, err := ParseAnswer(h.asked(t, q))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAnswersComeAndGoWithTheirQuestions(t *testing.T) {
	h := newHook(t, &recorder{})
	one, two := setting(t, Question{Nonce: "0001"}), setting(t, Question{Nonce: "0002"})
	for _, c := range []struct {
		op    string
		asks  []string
		files []string
	}{
		{"started", nil, nil},
		{"updated", []string{one}, []string{"answer-0001.json"}},
		{"updated", []string{one, two}, []string{"answer-0001.json", "answer-0002.json"}},
		{"updated", []string{two}, []string{"answer-0002.json"}},
		{"stopped", []string{two}, nil},
	} {
		if err := h.serve(t.Context(), c.op, strings.NewReader(probeXML(c.asks...))); err != nil {
			t.Fatal(err)
		}
		var files []string
		entries, _ := os.ReadDir(h.dir)
		for _, e := range entries {
			files = append(files, e.Name())
		}
		if !slices.Equal(files, c.files) {
			t.Errorf("%s with %d questions: %v, want %v", c.op, len(c.asks), files, c.files)
		}
	}
}

func TestRefusedQuestions(t *testing.T) {
	h := newHook(t, &recorder{})
	for _, ask := range []string{
		"ask-../x-e30", "ask--e30", "ask-0001-%%%", "ask-0001-eyJ4", setting(t, Question{Nonce: "0001", Consoles: make([]Console, MaxConsoles+1)}),
	} {
		if err := h.serve(t.Context(), "updated", strings.NewReader(probeXML(ask))); err == nil {
			t.Errorf("%.40s was answered", ask)
		}
	}
	if entries, _ := os.ReadDir(h.dir); len(entries) > 0 {
		t.Errorf("left %v", entries)
	}
}

func TestAnswerIsBounded(t *testing.T) {
	h := newHook(t, &recorder{})
	h.consoles = t.TempDir()
	q := Question{Nonce: "0001"}
	for range MaxConsoles {
		c := Console{ID: uuid.Must(uuid.NewV7()), Tail: MaxTail}
		writeFile(t, filepath.Join(h.consoles, consoleName(c.ID)), strings.Repeat("x", MaxTail))
		q.Consoles = append(q.Consoles, c)
	}
	if b := h.asked(t, q); len(b) > 8<<20 {
		t.Errorf("an answer of %d bytes", len(b))
	}
}

func TestForget(t *testing.T) {
	h := newHook(t, &recorder{})
	h.consoles = logFolder(t, "new", "older", "oldest", "and more")
	disks := t.TempDir()
	other := uuid.Must(uuid.NewV7())
	for _, name := range []string{DiskName(someNode), SeedName(someNode), DiskName(other), "base-0"} {
		writeFile(t, filepath.Join(disks, name), "x")
	}
	writeFile(t, filepath.Join(h.consoles, consoleName(other)), "x")
	writeFile(t, filepath.Join(h.vars, VarsName(someNode)), "x")
	writeFile(t, filepath.Join(h.vars, VarsName(other)), "x")
	for nonce := range 2 { // the second time there is nothing
		a := h.answered(t, Question{Nonce: fmt.Sprint(nonce), Forget: []Leavings{{ID: someNode, Dir: disks}}})
		if !a.Vars {
			t.Error("drivers take it for a hook that knows no UEFI variables")
		}
		if len(a.Forgotten) != 1 || !a.Forgotten[0].Done {
			t.Errorf("answer %+v", a)
		}
	}
	for dir, want := range map[string][]string{h.consoles: {consoleName(other)}, disks: {"base-0", DiskName(other)}, h.vars: {VarsName(other)}} {
		var left []string
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			left = append(left, e.Name())
		}
		if !slices.Equal(left, want) {
			t.Errorf("left in %s: %v, want %v", dir, left, want)
		}
	}
}

func TestWipe(t *testing.T) {
	h := newHook(t, &recorder{})
	var begun []string
	h.background = func(args ...string) error {
		begun = append(begun, strings.Join(args, " "))
		return nil
	}
	disk := filepath.Join(t.TempDir(), DiskName(someNode))
	secret := bytes.Repeat([]byte("secret "), 1<<10)
	f, err := os.Create(disk)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, at := range []int64{0, 8 << 20} { // with a hole between
		if _, err := f.WriteAt(secret, at); err != nil {
			t.Fatal(err)
		}
	}
	info, _ := f.Stat()
	if err := overwrite(f, info.Size()); err != nil {
		t.Fatal(err)
	}
	if now, err := os.ReadFile(disk); err != nil || int64(len(now)) != info.Size() || bytes.Contains(now, []byte("secret")) {
		t.Errorf("after it was overwritten the disk has %d bytes, with the secret: %v; %v", len(now), bytes.Contains(now, []byte("secret")), err)
	}
	ask := func(nonce string) Done { return h.answered(t, Question{Nonce: nonce, Wipe: []string{disk}}).Wiped[0] }
	if d := ask("0001"); d.Done || d.Error != "" || !slices.Equal(begun, []string{disk + " wipe"}) {
		t.Errorf("answer %+v, begun %q", d, begun)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if d := ask("0002"); d.Done || d.Error != "" || len(begun) != 1 {
		t.Errorf("while somebody overwrites it: %+v, begun %q", d, begun)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), []string{disk, "wipe"}, nil, h.now); err != nil {
		t.Fatal(err)
	}
	if d := ask("0003"); !d.Done || len(begun) != 1 {
		t.Errorf("after it was overwritten: %+v, begun %q", d, begun)
	}
	vars := filepath.Join(t.TempDir(), VarsName(someNode))
	writeFile(t, vars, "secret")
	if d := h.answered(t, Question{Nonce: "0004", Wipe: []string{disk, vars}}).Wiped; !d[0].Done || d[1].Done || d[1].Error != "" || begun[1] != vars+" wipe" {
		t.Errorf("with UEFI variables: %+v, begun %q", d, begun)
	}
	for _, path := range []string{"/x/volary-" + someNode.String(), "/x/volary-1.fd", "/x/" + someNode.String() + ".fd", VarsName(someNode), "/etc/passwd", "node-" + someNode.String(), "/x/node-1", filepath.Join(filepath.Dir(disk), "base-0")} {
		if _, err := h.wiped(path); err == nil {
			t.Errorf("%s would be overwritten", path)
		}
	}
}

func TestConsoleCap(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "virtlogd.conf")
	if got := consoleCap(conf); got != 8<<20 {
		t.Errorf("virtlogd's default is %d", got)
	}
	for text, want := range map[string]int64{
		"#max_size = 5\nmax_size = 1024 # so much\n": 4096, "max_backups=1\nmax_size=100": 200, "max_size = 0\n": 0, "max_backups = 0\n": 2 << 20, "max_size = -1\n": unknownCap,
	} {
		writeFile(t, conf, text)
		if got := consoleCap(conf); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
	if got := consoleCap(t.TempDir()); got != unknownCap {
		t.Errorf("what cannot be read is %d", got)
	}
}
