package postgres

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"volary.dev/cmd/internal/child"
)

// Options say where the server lives and how careful it is.
type Options struct {
	Dir       string // everything of the server: data, log, password, unpacked binaries
	Throwaway bool   // does not wait for the disk: for tests
	InMemory  bool   // keeps its data in memory alone, where we are root: gone with the process, and never to be restarted
}

// Server is a running server.
type Server struct {
	dir       string
	bin       string // folder of its binaries
	who       account
	port      int
	throwaway bool
	inMemory  bool
	log       string

	process *child.Process
	url     string
}

const (
	superuser = "volary"
	// A server that says that it is recovering what a crash left is given longer than one that says nothing.
	startLimit, recoveryLimit = 30 * time.Second, 10 * time.Minute
)

// Start makes the data where it is missing and starts the server; it returns when the server answers. The server
// ends by itself when this process does.
func Start(ctx context.Context, o Options) (*Server, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	bin := DebianBinaries()
	if bin == "" {
		if bin, err = npmBinaries(ctx, dir); err != nil {
			return nil, err
		}
	}
	who, err := chooseAccount(filepath.Join(dir, "data"))
	if err != nil {
		return nil, err
	}
	if err := who.give(dir); err != nil {
		return nil, fmt.Errorf("hand %s to %s: %w", dir, who.name, err)
	}
	s := &Server{dir: dir, bin: bin, who: who, throwaway: o.Throwaway, inMemory: o.InMemory && who.change, log: filepath.Join(dir, "log")}
	if err := s.initialise(ctx, dir, bin, who); err != nil {
		return nil, err
	}
	if s.port, err = child.FreePort(ctx); err != nil {
		return nil, err
	}
	if err := os.Remove(s.log); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Restart starts a server again that has ended by itself, on the same data, at the same address and with the same
// password: whoever used it finds it again. Its log goes on. After an error it may be tried again.
func (s *Server) Restart(ctx context.Context) error { return s.start(ctx) }

// start returns when the server answers.
func (s *Server) start(ctx context.Context) error {
	if err := s.clearData(); err != nil {
		return err
	}
	if err := s.run(); err != nil {
		return err
	}
	if err := s.awaitAnswer(ctx); err != nil {
		s.Stop()
		return err
	}
	return nil
}

// initialise runs initdb once, in a folder beside the final one, so that one cut short is no database.
func (s *Server) initialise(ctx context.Context, dir, bin string, who account) error {
	data, fresh := filepath.Join(dir, "data"), filepath.Join(dir, "data.new")
	if _, err := os.Stat(filepath.Join(data, "PG_VERSION")); err == nil {
		return s.checkVersion(ctx, data, bin)
	}
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte(rand.Text()), 0o600); err != nil {
		return err
	}
	if err := who.give(dir); err != nil {
		return err
	}
	auth := "scram-sha-256"
	if s.throwaway {
		auth = "md5" // SCRAM takes both sides thousands of hashes for each of the many connections
	}
	cmd, err := who.command(dir, "", who.path(dir, filepath.Join(bin, "initdb")), "-D", who.path(dir, fresh),
		"-U", superuser, "-A", auth, "--pwfile", who.path(dir, password),
		"-E", "UTF8", "--locale", "C.UTF-8", "--no-sync")
	if err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make the database: %w: %s", err, lastLines(out, 4))
	}
	return os.Rename(fresh, data)
}

// checkVersion refuses data of another major version in words, before the server does so in its log.
func (s *Server) checkVersion(ctx context.Context, data, bin string) error {
	b, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, filepath.Join(bin, "postgres"), "--version").Output()
	if err != nil {
		return fmt.Errorf("%s/postgres does not run: %w", bin, err)
	}
	fields := strings.Fields(string(out)) // postgres (PostgreSQL) 15.18 (Debian …)
	if len(fields) < 3 {
		return fmt.Errorf("%s/postgres --version says %q", bin, out)
	}
	major, _, _ := strings.Cut(fields[2], ".")
	if have := strings.TrimSpace(string(b)); have != major {
		return fmt.Errorf("the data in %s is of PostgreSQL %s and the server here is %s: begin anew with --reset", data, have, major)
	}
	return nil
}

func (s *Server) run() error {
	password, err := os.ReadFile(filepath.Join(s.dir, "password"))
	if err != nil {
		return err
	}
	data, prepare := s.who.path(s.dir, s.data()), ""
	if s.inMemory {
		if err := os.MkdirAll(filepath.Join(s.dir, memory), 0o700); err != nil {
			return err
		}
		data = s.who.path(s.dir, filepath.Join(s.dir, memory))
		prepare = "mount -t tmpfs -o size=50% volary " + memory + " && cp -a data/. " + memory + " && "
	}
	args := []string{
		"-D", data, "-p", strconv.Itoa(s.port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=600",
		"-c", "timezone=UTC", "-c", "log_timezone=UTC", "-c", "shared_buffers=128MB",
	}
	if s.throwaway {
		for _, setting := range []string{
			"fsync=off", "full_page_writes=off", "synchronous_commit=off",
			"wal_level=minimal", "max_wal_senders=0", "wal_init_zero=off", "jit=off",
		} {
			args = append(args, "-c", setting)
		}
	}
	cmd, err := s.who.command(s.dir, prepare, s.who.path(s.dir, filepath.Join(s.bin, "postgres")), args...)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(s.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	// SIGINT is PostgreSQL's fast shutdown: even where we are killed it ends in order.
	process, err := child.Start(cmd, syscall.SIGINT)
	if err != nil {
		return err
	}
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(superuser, string(password)),
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)), Path: "/postgres", RawQuery: "sslmode=disable",
	}
	s.process, s.url = process, u.String()
	return nil
}

// memory is the folder that data kept in memory is copied to, as the server alone sees it.
const memory = "memory"

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) awaitAnswer(ctx context.Context) error {
	begun := time.Now()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := s.tryAnswer(ctx)
		if err == nil {
			return nil
		}
		limit := startLimit
		if recovers(err) {
			limit = recoveryLimit
		}
		if time.Since(begun) > limit {
			return fmt.Errorf("PostgreSQL does not answer within %s, see %s: %w", limit, s.log, err)
		}
		select {
		case <-s.process.Done():
			out, _ := os.ReadFile(s.log)
			return fmt.Errorf("PostgreSQL ended at once: %w: %s", s.process.Err(), lastLines(out, 4))
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (s *Server) tryAnswer(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.url)
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// recovers tells the answer of a server that starts: cannot_connect_now.
func recovers(err error) bool {
	var answer *pgconn.PgError
	return errors.As(err, &answer) && answer.Code == "57P03"
}

// URL reaches the database "postgres" of the server as its superuser.
func (s *Server) URL() string { return s.url }

// Done is closed when the server has ended.
func (s *Server) Done() <-chan struct{} { return s.process.Done() }

// Err says how the server ended, where by itself with the last line of its log; only after Done.
func (s *Server) Err() error {
	err := s.process.Err()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		out, _ := os.ReadFile(s.log)
		return fmt.Errorf("%w: %s", err, lastLines(out, 1))
	}
	return err
}

// Stop ends the server in order, by force after ten seconds.
func (s *Server) Stop() { s.process.Stop(syscall.SIGINT, 10*time.Second) }

func lastLines(out []byte, n int) string {
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-n):], []byte("; ")))
}
