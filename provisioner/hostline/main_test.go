package hostline

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/memory"
)

// TestMain lets this binary be the children as well.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "host-line" {
		if err := Serve(openFragile); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// dial starts real children.
func dial(t *testing.T, o Options) *Line {
	t.Helper()
	o.Command = func() *exec.Cmd { return exec.Command("/proc/self/exe", "host-line") }
	d, err := Dial(o)(t.Context(), provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: "host-1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d.(*Line)
}

// fragile is a simulated host whose driver dies, hangs or tells about its process when asked for a network of that number.
type fragile struct{ provisioner.Driver }

const (
	vniCrash  = 1 // dies as C code does
	vniHang   = 2 // never comes back, whatever its context says
	vniLate   = 3 // comes back a second after its context ended
	vniFamily = 4 // starts a process of its own, as libvirt does for ssh
)

func openFragile(ctx context.Context, _ json.RawMessage, a provisioner.HostAddress) (provisioner.Driver, error) {
	d, err := memory.NewWorld(memory.Options{}).Dial(ctx, a)
	return fragile{d}, err
}

// Addresses implements provisioner.Driver.
func (f fragile) Addresses(ctx context.Context, vni uint32) (map[string]netip.Addr, error) {
	switch vni {
	case vniCrash:
		_ = syscall.Kill(os.Getpid(), syscall.SIGSEGV)
		select {}
	case vniHang:
		select {}
	case vniLate:
		<-ctx.Done()
		<-time.After(time.Second) //nolint:forbidigo // it is late, not waiting
	case vniFamily:
		cmd := exec.Command("sleep", "3600")
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		// Its number travels as an address: that is what this method gives.
		n := uint32(cmd.Process.Pid)
		return map[string]netip.Addr{"sleep": netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})}, nil
	}
	return f.Driver.Addresses(ctx, vni)
}

// Console implements provisioner.Driver: what is typed comes back.
func (f fragile) Console(context.Context, uuid.UUID) (io.ReadWriteCloser, error) {
	r, w := io.Pipe()
	return echo{r, w}, nil
}

type echo struct {
	io.Reader
	io.WriteCloser
}

// EnsureImage implements provisioner.Driver: it reads the image in two goes, as a driver does that begins anew.
func (f fragile) EnsureImage(ctx context.Context, digest string, size int64, open func(context.Context) (io.ReadCloser, error)) error {
	for range 2 {
		r, err := open(ctx)
		if err != nil {
			return err
		}
		if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
			return err
		}
		r.Close()
	}
	return f.Driver.EnsureImage(ctx, digest, size, open)
}
