package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"volary.dev/cmd/internal/child"
)

// Where the worker is abroad: in a network and mount namespace that has a server at a public address, which nothing leaves. The worker is the
// real one with its own resolver and dialer; only the names (hosts) and who is known (roots) are those of that world.
const (
	abroadStage   = "VOLARY_TEST_ABROAD"        // "leave", then "there"
	abroadFolder  = "VOLARY_TEST_ABROAD_FOLDER" // with the sockets by which that world and ours meet, and the file that is served
	abroadWorker  = "VOLARY_TEST_ABROAD_WORKER" // program
	abroadAddress = "93.184.216.34"
	abroadName    = "files.example"
)

// abroadMain is what this program is where it is started as the worker abroad. It returns everywhere else.
func abroadMain() {
	var err error
	switch os.Getenv(abroadStage) {
	case "":
		return
	case "leave":
		args := []string{"unshare", "--net", "--mount"}
		if os.Geteuid() != 0 {
			args = append(args, "--map-root-user")
		}
		var program, ours string
		if program, err = exec.LookPath("unshare"); err == nil {
			ours, err = os.Executable()
		}
		if err == nil {
			err = os.Setenv(abroadStage, "there") //nolint:usetesting // of no test: this process becomes another
		}
		if err == nil {
			err = syscall.Exec(program, append(args, ours), os.Environ())
		}
	default:
		err = liveAbroad(os.Getenv(abroadFolder))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "abroad:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func liveAbroad(folder string) error {
	if err := os.WriteFile(filepath.Join(folder, "hosts"), []byte("127.0.0.1 localhost\n"+abroadAddress+" "+abroadName+"\n"), 0o644); err != nil {
		return err
	}
	for _, line := range []string{"ip link set lo up", "ip addr add " + abroadAddress + "/32 dev lo", "mount --bind " + filepath.Join(folder, "hosts") + " /etc/hosts"} {
		words := strings.Fields(line)
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil { //nolint:noctx // it ends with its namespace
			return fmt.Errorf("%s: %w: %s", line, err, out)
		}
	}
	certificate, err := makeCertificate(filepath.Join(folder, "roots.pem"))
	if err != nil {
		return err
	}
	if err := serveAbroad(folder, certificate); err != nil {
		return err
	}
	health, err := net.Listen("unix", filepath.Join(folder, "worker"))
	if err != nil {
		return err
	}
	go join(health, "tcp", os.Getenv("VOLARY_LISTEN"))
	cmd := exec.Command(os.Getenv(abroadWorker)) //nolint:noctx // child.Start ends it
	cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+filepath.Join(folder, "roots.pem"), "SSL_CERT_DIR="+folder)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	worker, err := child.Start(cmd, syscall.SIGKILL)
	if err != nil {
		return err
	}
	select {
	case <-asked:
		worker.Stop(syscall.SIGTERM, 8*time.Second)
		return nil
	case <-worker.Done():
		return fmt.Errorf("the worker ended: %w", worker.Err())
	}
}

// join has what comes at one end of the world connected to another.
func join(l net.Listener, network, address string) {
	for {
		one, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer one.Close()
			other, err := (&net.Dialer{}).DialContext(context.Background(), network, address)
			if err != nil {
				return
			}
			defer other.Close()
			go func() {
				_, _ = io.Copy(other, one)
				_ = other.Close()
			}()
			_, _ = io.Copy(one, other)
		}()
	}
}

// serveAbroad serves the folder's file over TLS. Of it half comes at first, and then a byte now and then, until who listens at the socket
// "half" closes that: then the line is cut. Who asks for the rest gets it.
func serveAbroad(folder string, certificate tls.Certificate) error {
	content, err := os.ReadFile(filepath.Join(folder, "file"))
	if err != nil {
		return err
	}
	l, err := tls.Listen("tcp", abroadAddress+":443", &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"one"`)
		if r.Header.Get("Range") != "" {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
			return
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		_, _ = w.Write(content[:len(content)/2])
		cut := make(chan struct{})
		go func() {
			defer close(cut)
			if c, err := (&net.Dialer{}).DialContext(r.Context(), "unix", filepath.Join(folder, "half")); err == nil {
				_, _ = io.Copy(io.Discard, c)
				_ = c.Close()
			}
		}()
		drip := time.NewTicker(50 * time.Millisecond)
		defer drip.Stop()
		for n := len(content) / 2; n < len(content)-1; n++ {
			_ = http.NewResponseController(w).Flush()
			select {
			case <-drip.C:
				_, _ = w.Write(content[n : n+1])
			case <-cut:
				panic(http.ErrAbortHandler)
			}
		}
	})}
	go func() { _ = server.Serve(l) }()
	return nil
}

// makeCertificate makes one of abroadName, and writes who made it to a file.
func makeCertificate(roots string) (none tls.Certificate, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return none, err
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a root of the test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	root, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	if err != nil {
		return none, err
	}
	leaf, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{abroadName}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}, ca, key.Public(), key)
	if err != nil {
		return none, err
	}
	err = os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root}), 0o644)
	return tls.Certificate{Certificate: [][]byte{leaf}, PrivateKey: key}, err
}

// sendsWorkerAbroad has the worker go on there, beside a server of a file. Its database, store and page of health are where they were: by
// sockets in a folder. halfway gives the connection that stands for the first half being sent; back has the worker where it was.
func (p *portal) sendsWorkerAbroad(t *testing.T, file string) (halfway net.Listener, back func()) {
	t.Helper()
	folder, err := os.MkdirTemp("", "abroad") // a socket's path may have some hundred bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	database, err := url.Parse(p.users.Worker)
	if err != nil {
		t.Fatal(err)
	}
	at := func(network, address string) net.Listener {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), network, address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		return l
	}
	go join(at("unix", filepath.Join(folder, ".s.PGSQL.5432")), "tcp", database.Host)
	q := database.Query()
	q.Set("host", folder)
	q.Set("port", "5432")
	database.Host, database.RawQuery = "", q.Encode()
	if err := os.Link(file, filepath.Join(folder, "file")); err != nil {
		if err := os.Symlink(file, filepath.Join(folder, "file")); err != nil {
			t.Fatal(err)
		}
	}
	d := p.worker
	d.stop()
	program, env := d.program, d.env
	ours := at("tcp", strings.TrimPrefix(p.workerURL(), "http://"))
	go join(ours, "unix", filepath.Join(folder, "worker"))
	d.program = "/proc/self/exe"
	d.env = append(append([]string{}, env...), abroadStage+"=leave", abroadFolder+"="+folder, abroadWorker+"="+program, "DATABASE_URL="+database.String())
	if err := startDaemon(t.Context(), d, p.workerURL()+"/healthz"); err != nil {
		t.Fatal(err)
	}
	return at("unix", filepath.Join(folder, "half")), func() {
		d.stop()
		if err := ours.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		d.program, d.env = program, env
		if err := startDaemon(t.Context(), d, p.workerURL()+"/healthz"); err != nil {
			t.Fatal(err)
		}
	}
}
