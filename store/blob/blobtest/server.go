package blobtest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"volary.dev/provisioner/waittest"
	"volary.dev/store/blob/bucket"
)

const (
	bucketName = "volary"
	keyID      = "tests"
	secret     = "a secret of tests"
)

// Server is an S3 server at a loopback port, with one bucket, that ends with its test and leaves nothing.
type Server struct {
	Options bucket.Options // of its bucket
	Folder  string         // where the bucket lies
	process *exec.Cmd
	ended   chan struct{} // closed with the process's end
	start   func() error
}

// Serve starts one, as nobody where the test is root.
func Serve(t testing.TB) *Server {
	t.Helper()
	program := os.Getenv("VOLARY_TEST_S3_SERVER")
	if program == "" {
		t.Fatal("VOLARY_TEST_S3_SERVER is not set: name versitygw, or use go run ./cmd/dev test")
	}
	// Not t.TempDir, which lies in a folder that is the test's user's alone.
	home, err := os.MkdirTemp("", "volary-s3-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	s := &Server{Folder: filepath.Join(home, "data", bucketName)}
	credentials := filepath.Join(t.TempDir(), "credentials")
	who := unprivileged(t)
	for _, err := range []error{
		os.MkdirAll(s.Folder, 0o755), os.WriteFile(credentials, []byte(keyID+"\n"+strings.ReplaceAll(secret, " ", "-")+"\n"), 0o600), give(home, who),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	address := freePort(t)
	s.start = func() error { return s.run(program, home, address, who) }
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	s.Options = bucket.Options{
		Bucket: bucketName, Region: "us-east-1", Endpoint: "http://" + address, PathStyle: true, Credentials: credentials, Scratch: t.TempDir(), Bound: 1 << 40,
	}
	s.await(t, address)
	return s
}

func (s *Server) run(program, home, address string, who *syscall.Credential) error {
	// By its open file: the folder that it lies in may be root's alone.
	binary, err := os.Open(program)
	if err != nil {
		return err
	}
	defer binary.Close()
	cmd := exec.Command("/proc/self/fd/3", "--port", address, "--quiet", "posix", filepath.Join(home, "data")) //nolint:noctx // Stop ends it
	cmd.Env = []string{"ROOT_ACCESS_KEY=" + keyID, "ROOT_SECRET_KEY=" + strings.ReplaceAll(secret, " ", "-"), "HOME=" + home, "TMPDIR=" + home}
	cmd.Dir, cmd.ExtraFiles = home, []*os.File{binary}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	started, ended := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread() // the death signal comes with the end of the starting thread
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
			close(ended)
		}
	}()
	s.process, s.ended = cmd, ended
	return <-started
}

func (s *Server) await(t testing.TB, address string) {
	t.Helper()
	waittest.Until(t, "the S3 server", func() bool {
		select {
		case <-s.ended:
			t.Fatalf("the S3 server ended: %v", s.process.ProcessState)
		default:
		}
		c, err := (&net.Dialer{Timeout: time.Second}).DialContext(context.Background(), "tcp", address)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
}

// Stop kills it, as a machine's power does.
func (s *Server) Stop() {
	_ = s.process.Process.Kill()
	<-s.ended
}

// Again starts it over what is there, at the same port.
func (s *Server) Again(t testing.TB) {
	t.Helper()
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	s.await(t, strings.TrimPrefix(s.Options.Endpoint, "http://"))
}

// Place opens the server's bucket.
func (s *Server) Place(t testing.TB) *bucket.Bucket {
	t.Helper()
	b, err := bucket.Open(t.Context(), s.Options)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// unprivileged is nobody where we are root, and nil where we are nobody special already.
func unprivileged(t testing.TB) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
	gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
	if errUID != nil || errGID != nil {
		t.Fatal(fmt.Errorf("the account nobody has the ids %s and %s", u.Uid, u.Gid))
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func give(folder string, who *syscall.Credential) error {
	if who == nil {
		return nil
	}
	return filepath.WalkDir(folder, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(who.Uid), int(who.Gid))
	})
}
