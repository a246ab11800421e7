package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"volary.dev/cmd/internal/child"
	"volary.dev/store/sealing"
)

// daemon is one of our servers, started again where it ends by itself.
type daemon struct {
	name    string
	program string
	env     []string
	log     string // path
	pid     atomic.Int64

	end      chan struct{} // closed to end it
	ended    chan struct{} // closed when it has
	answered chan struct{} // closed when it has answered once
	failed   chan struct{} // closed when it ended before it ever answered: starting it again would change nothing

	restarts restarts
	out      io.Writer // where its ends are told; nil for our own
}

// startDaemon starts the server, and returns once url answers.
func startDaemon(ctx context.Context, d *daemon, url string) error {
	d.end, d.ended, d.answered, d.failed = make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan struct{})
	log, err := os.Create(d.log)
	if err != nil {
		return err
	}
	p, err := d.run(log)
	if err != nil {
		_ = log.Close()
		return err
	}
	go d.keep(p, log)
	if err := d.awaitAnswer(ctx, url); err != nil {
		return err
	}
	close(d.answered)
	return nil
}

func (d *daemon) run(log *os.File) (*child.Process, error) {
	cmd := exec.Command(d.program) //nolint:noctx // child.Start ends it
	cmd.Env = append(os.Environ(), d.env...)
	cmd.Stdout, cmd.Stderr = log, log
	p, err := child.Start(cmd, syscall.SIGKILL)
	if err != nil {
		return nil, err
	}
	d.pid.Store(int64(p.PID()))
	return p, nil
}

// keep starts the server again whenever it ends, as whatever runs it in production does.
func (d *daemon) keep(p *child.Process, log *os.File) {
	defer close(d.ended)
	defer log.Close()
	for p != nil {
		begun, written := time.Now(), size(log)
		select {
		case <-d.end:
			p.Stop(syscall.SIGTERM, 8*time.Second)
			return
		case <-p.Done():
		}
		if !d.hasAnswered() {
			close(d.failed)
			return
		}
		pause := d.restarts.pause(time.Since(begun))
		d.tell("ended", d.why(p.Err(), written), pause)
		p = d.restart(pause, log)
	}
}

// restart starts the server again after a pause, and after longer ones where it does not start; nil where it is to end.
func (d *daemon) restart(pause time.Duration, log *os.File) *child.Process {
	for {
		select {
		case <-d.end:
			return nil
		case <-time.After(pause):
		}
		p, err := d.run(log)
		if err == nil {
			return p
		}
		pause = d.restarts.pause(0)
		d.tell("does not start", err, pause)
	}
}

func (d *daemon) tell(what string, why error, pause time.Duration) {
	out := d.out
	if out == nil {
		out = os.Stdout
	}
	fmt.Fprintln(out, d.restarts.sentence(d.name+" "+what, why, pause, d.log))
}

// why is the process's own end with what it said last, since it had written so much to its log.
func (d *daemon) why(end error, written int64) error {
	log, err := os.ReadFile(d.log)
	if err != nil || int64(len(log)) < written {
		return end
	}
	words := lastWords(log[written:])
	switch {
	case words == "":
		return end
	case end == nil:
		return errors.New(words)
	}
	return fmt.Errorf("%w: %s", end, words)
}

// size is how much was written to a file until now.
func size(f *os.File) int64 {
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}

// hasAnswered is false for a server that never came up: starting it again would change nothing.
func (d *daemon) hasAnswered() bool {
	select {
	case <-d.answered:
		return true
	default:
		return false
	}
}

func (d *daemon) awaitAnswer(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if answers(ctx, url) {
			return nil
		}
		select {
		case <-tick.C:
		case <-d.failed:
			return d.failure()
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer at %s: %w", d.name, url, errors.Join(ctx.Err(), d.failure()))
		}
	}
}

func answers(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode < http.StatusInternalServerError
}

// failure tells the end of the server's log.
func (d *daemon) failure() error {
	out, _ := os.ReadFile(d.log)
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	last := bytes.Join(lines[max(0, len(lines)-3):], []byte("\n"))
	return fmt.Errorf("the end of %s:\n%s", d.log, last)
}

// stop asks the server to end and waits for it; a nil daemon was never started.
func (d *daemon) stop() {
	if d == nil || d.end == nil {
		return
	}
	close(d.end)
	<-d.ended
	d.end = nil
}

func (v *volary) startWorker(ctx context.Context) (string, error) {
	var err error
	if v.workerPort, err = child.FreePort(ctx); err != nil {
		return "", err
	}
	drivers := "memory"
	if v.kind == hostsLab {
		drivers = "libvirt"
	}
	for _, dir := range []string{"blob", "scratch", "logs", "memory"} {
		if err := os.MkdirAll(v.path(dir), 0o755); err != nil {
			return "", err
		}
	}
	probe, err := v.probeImage()
	if err != nil {
		return "", err
	}
	if err := writeSecret(v.consoleSecret()); err != nil {
		return "", err
	}
	if v.mailsTo, err = mailRecipient(v.mailIdentity()); err != nil {
		return "", err
	}
	v.worker = &daemon{name: "The worker", program: v.program("worker"), log: v.path("logs", "worker.log"), env: []string{
		"DATABASE_URL=" + v.users.Worker,
		"VOLARY_LISTEN=127.0.0.1:" + strconv.Itoa(v.workerPort),
		"VOLARY_BLOB_DIR=" + v.path("blob"),
		"VOLARY_CONSOLE_SECRET_FILE=" + v.consoleSecret(),
		"VOLARY_MAIL_IDENTITY_FILE=" + v.mailIdentity(),
		"VOLARY_SCRATCH_DIR=" + v.path("scratch"),
		"VOLARY_DRIVERS=" + drivers,
		"VOLARY_PUBLIC_URL=" + v.address(),
		"VOLARY_ALLOW_PLAIN_HOSTS=true",
		"VOLARY_PROBE_IMAGE=" + probe,
		"VOLARY_MEMORY_STATE_DIR=" + v.path("memory"),
	}}
	return "", startDaemon(ctx, v.worker, v.workerURL()+"/healthz")
}

// consoleSecret is the file by which portal and worker know each other; each start makes another.
func (v *volary) consoleSecret() string { return v.path("console-secret") }

func writeSecret(path string) error {
	return os.WriteFile(path, []byte(rand.Text()+rand.Text()), 0o600)
}

// mailIdentity is the file by which the worker opens links in mails. It stays as long as the database does.
func (v *volary) mailIdentity() string { return v.path("mail-identity") }

// mailRecipient is that of the identity in a file, which is made where there is none.
func mailRecipient(path string) (sealing.Recipient, error) {
	i, err := sealing.ReadIdentity(path)
	if errors.Is(err, os.ErrNotExist) {
		if i, err = sealing.NewIdentity(); err == nil {
			err = i.Write(path)
		}
	}
	if err != nil {
		return sealing.Recipient{}, err
	}
	return i.Recipient(), nil
}

// probeImage is what the checks of hosts boot. Simulated hosts boot anything.
func (v *volary) probeImage() (string, error) {
	if v.sample != "" || v.kind == hostsLab {
		return v.sample, nil
	}
	path := v.path("scratch", "simulated.img")
	return path, os.WriteFile(path, make([]byte, 1<<20), 0o644)
}

func (v *volary) workerURL() string { return "http://127.0.0.1:" + strconv.Itoa(v.workerPort) }

func (v *volary) startWeb(ctx context.Context) (string, error) {
	v.web = &daemon{name: "The portal", program: v.program("web"), log: v.path("logs", "web.log"), env: []string{
		"DATABASE_URL=" + v.users.Web,
		"VOLARY_LISTEN=" + net.JoinHostPort(v.listen, strconv.Itoa(v.port)),
		"VOLARY_PUBLIC_URL=" + v.address(),
		"VOLARY_BLOB_DIR=" + v.path("blob"),
		"VOLARY_CONSOLE_SECRET_FILE=" + v.consoleSecret(),
		"VOLARY_MAIL_RECIPIENT=" + v.mailsTo.String(),
		"VOLARY_WORKER_URL=" + v.workerURL(),
		"VOLARY_DEMO=" + strconv.FormatBool(!v.bare),
		"VOLARY_SIMULATED_HOSTS=" + strconv.FormatBool(v.kind == hostsMemory),
		"VOLARY_MEMORY_STATE_DIR=" + v.path("memory"),
		"VOLARY_ALLOW_PLAIN_HOSTS=true",
		"VOLARY_UPLOADS_CHECKED=" + strconv.FormatBool(v.unchecked(ctx) == ""),
	}}
	return "", startDaemon(ctx, v.web, v.address()+"/sign-in")
}

func has(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}
