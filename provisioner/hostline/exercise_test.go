package hostline

import (
	"bytes"
	"context"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"volary.dev/provisioner"
	"volary.dev/provisioner/drivertest"
	"volary.dev/provisioner/memory"
)

// TestLineMeetsTheContract runs it over a simulated host that both ends of the line share: children of their own would each
// have another.
func TestLineMeetsTheContract(t *testing.T) {
	world := memory.NewWorld(memory.Options{BootTime: 20 * time.Millisecond, StopTime: 5 * time.Millisecond})
	open := func(ctx context.Context, _ json.RawMessage, a provisioner.HostAddress) (provisioner.Driver, error) {
		return world.Dial(ctx, a)
	}
	start := func(pair *socketPair) (*process, error) {
		f, err := pair.theirs.file()
		if err != nil {
			return nil, err
		}
		defer f.Close()
		other, err := net.FileConn(f)
		if err != nil {
			return nil, err
		}
		theirs := &socket{other.(*net.UnixConn)}
		p := &process{done: make(chan struct{}), said: func() string { return "" }, kill: func() { theirs.Close() }}
		go func() {
			p.failed = serve(theirs, open)
			p.ended = time.Now()
			close(p.done)
		}()
		return p, nil
	}
	dial := Dial(Options{start: start})
	drivertest.Exercise(t, drivertest.Bench{
		Dial: func(t *testing.T) provisioner.Driver {
			d, err := dial(t.Context(), provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: "host-1"})
			if err != nil {
				t.Fatal(err)
			}
			return d
		},
		ReadyText: "volary: ready",
	})
}

// TestEveryMethodIsServed finds a method of the driver that the child does not know.
func TestEveryMethodIsServed(t *testing.T) {
	own := map[string]bool{"EnsureImage": true, "Console": true, "Close": true}
	driver := reflect.TypeFor[provisioner.Driver]()
	for i := range driver.NumMethod() {
		name := driver.Method(i).Name
		if _, served := methods()[name]; served == own[name] {
			t.Errorf("%s: served as a plain method %v, has a way of its own %v", name, served, own[name])
		}
	}
}

// TestEverySentinelTravels finds an error of the driver's contract that would be told as mere words.
func TestEverySentinelTravels(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../driver.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(v.Names[0].Name, "Err") {
			found++
			if sentinels()[v.Names[0].Name] == nil {
				t.Errorf("provisioner.%s has no name here", v.Names[0].Name)
			}
		}
		return true
	})
	if found < 4 {
		t.Errorf("found %d sentinels in driver.go", found)
	}
}

func TestFrames(t *testing.T) {
	var b bytes.Buffer
	if err := writeFrame(&b, kindData, []byte("seven b")); err != nil {
		t.Fatal(err)
	}
	whole := bytes.Clone(b.Bytes())
	k, body, err := readFrame(&b)
	if k != kindData || string(body) != "seven b" || err != nil {
		t.Errorf("%d %q %v", k, body, err)
	}
	for cut := range len(whole) {
		if _, _, err := readFrame(bytes.NewReader(whole[:cut])); err == nil {
			t.Errorf("a frame cut after %d bytes was read", cut)
		}
	}
	if _, _, err := readFrame(bytes.NewReader([]byte{byte(kindData), 0xff, 0xff, 0xff, 0xff})); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("a frame of 4 GiB: %v", err)
	}
}
