package fetch_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"volary.dev/provisioner/fetch"
	"volary.dev/provisioner/typed"
)

// inside in the environment says that the network namespace is the test's own.
const inside = "VOLARY_TEST_FETCH_INSIDE"

const (
	public  = "93.184.216.34" // of the namespace's own: nothing leaves it
	public2 = "93.184.216.35"
)

// TestFetchInNamespace has the real dialer reach a public address, in a network namespace of the test's own where that address is
// this machine's: there is no exception for tests that could be left on.
func TestFetchInNamespace(t *testing.T) {
	if os.Getenv(inside) != "" {
		within(t)
		return
	}
	if testing.Short() {
		t.Skip("needs a network namespace")
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^TestFetchInNamespace$", "-test.v", "-test.timeout=2m")
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestFetchInNamespace/whole")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// site is a server of files.example at a public address, and counters of the private ones.
type site struct {
	t       *testing.T
	roots   *x509.CertPool
	names   map[string][]string // of the resolver, an answer for each time it is asked
	asked   map[string]int
	touched atomic.Int64 // connections to addresses that nobody may reach
	mux     *http.ServeMux
}

// LookupNetIP implements fetch.Resolver.
func (s *site) LookupNetIP(_ context.Context, _, host string) (found []netip.Addr, err error) {
	host, whole := strings.CutSuffix(host, ".")
	if !whole {
		s.t.Errorf("%s is looked up with the domains of this machine", host)
	}
	answers := s.names[host]
	if len(answers) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	n := s.asked[host]
	s.asked[host]++
	for a := range strings.FieldsSeq(answers[min(n, len(answers)-1)]) {
		found = append(found, netip.MustParseAddr(a))
	}
	return found, nil
}

func within(t *testing.T) {
	s := newSite(t)
	t.Run("whole", s.whole)
	t.Run("resumed", s.resumed)
	t.Run("changed", s.changed)
	t.Run("addresses", s.addresses)
	t.Run("answers", s.answers)
	t.Run("redirects", s.redirects)
	t.Run("bounds", s.bounds)
	t.Run("certificates", s.certificates)
	if n := s.touched.Load(); n != 0 {
		t.Errorf("%d connections to addresses that are not public", n)
	}
}

func newSite(t *testing.T) *site {
	t.Helper()
	for _, line := range []string{"link set lo up", "addr add " + public + "/32 dev lo", "addr add " + public2 + "/32 dev lo", "addr add 169.254.169.254/32 dev lo", "addr add 10.0.0.1/32 dev lo"} {
		if out, err := exec.CommandContext(t.Context(), "ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", line, err, out)
		}
	}
	s := &site{t: t, asked: map[string]int{}, mux: http.NewServeMux(), names: map[string][]string{
		"files.example": {public}, "my_files.example": {public}, "wrong.example": {public}, "old.example": {public2}, "plain.example": {"127.1.1.1"},
	}}
	var files, old tls.Certificate
	s.roots, files, old = certificates(t)
	s.serve(public+":443", &files)
	s.serve(public2+":443", &old)
	for _, at := range []string{"127.0.0.1:443", "169.254.169.254:443", "169.254.169.254:80", "10.0.0.1:443", "[::1]:443"} {
		l := must(net.Listen("tcp", at))(t)
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				s.touched.Add(1)
				c.Close()
			}
		}()
	}
	return s
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (s *site) serve(at string, certificate *tls.Certificate) {
	l := must(net.Listen("tcp", at))(s.t)
	server := &http.Server{
		Handler: s.mux, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12},
	}
	s.t.Cleanup(func() { server.Close() })
	go func() { _ = server.ServeTLS(l, "", "") }()
}

func certificates(t *testing.T) (*x509.CertPool, tls.Certificate, tls.Certificate) {
	t.Helper()
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a root of the test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	root := must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key))(t)))(t)
	roots := x509.NewCertPool()
	roots.AddCert(root)
	leaf := func(name string, until time.Time) tls.Certificate {
		der := must(x509.CreateCertificate(rand.Reader, &x509.Certificate{
			SerialNumber: big.NewInt(2), DNSNames: []string{name, "my_" + name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: until,
		}, root, key.Public(), key))(t)
		return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	}
	return roots, leaf("files.example", time.Now().Add(time.Hour)), leaf("old.example", time.Now().Add(-time.Minute))
}

func (s *site) fetcher() *fetch.Fetcher {
	return &fetch.Fetcher{Resolver: s, Dialer: &net.Dialer{}, Roots: s.roots, Times: fetch.Times{Connect: 10 * time.Second, Answer: 10 * time.Second, Floor: 10 * time.Second}}
}

func request(t *testing.T, address string) fetch.Request {
	t.Helper()
	return fetch.Request{Address: must(typed.ParseWebAddress(address))(t), Most: 64 << 20}
}

// get fetches, and gives what came before an error.
func get(t *testing.T, f *fetch.Fetcher, r fetch.Request) (*fetch.Answer, []byte, error) {
	t.Helper()
	a, err := f.Open(t.Context(), r)
	if err != nil {
		return nil, nil, err
	}
	defer a.Body.Close()
	data, err := io.ReadAll(a.Body)
	return a, data, err
}

func disk(n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i * 7 >> 3)
	}
	return append([]byte("QFI\xfb"), data...)
}

// problem wants an error of a kind with all of the words.
func problem(t *testing.T, what string, err error, kind fetch.Kind, says ...string) *fetch.Problem {
	t.Helper()
	p, ok := fetch.As(err)
	if !ok || p.Kind != kind {
		t.Errorf("%s: %v, want one that is %s", what, err, kind)
		return &fetch.Problem{}
	}
	for _, word := range says {
		if !strings.Contains(p.Title+" "+p.Next, word) {
			t.Errorf("%s: %s %s; want %q", what, p.Title, p.Next, word)
		}
	}
	return p
}

func (s *site) whole(t *testing.T) {
	content := disk(5 << 20)
	s.mux.HandleFunc("/disk.qcow2", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "identity" || r.Header.Get("Cookie") != "" || r.Host != "files.example" && r.Host != "my_files.example" {
			t.Errorf("asked with %v", r.Header)
		}
		w.Header().Set("Etag", `"one"`)
		http.ServeContent(w, r, "disk.qcow2", time.Now().Add(-time.Hour), bytes.NewReader(content))
	})
	a, got, err := get(t, s.fetcher(), request(t, "https://files.example/disk.qcow2?signature=secret"))
	if err != nil || !bytes.Equal(got, content) || a.Size != int64(len(content)) || a.Mark != `"one"` || a.From != 0 {
		t.Fatalf("%d bytes, %+v, %v", len(got), a, err)
	}
	f := s.fetcher()
	f.Pace = rate.NewLimiter(2<<20, 64<<10)
	began := time.Now()
	a, got, err = get(t, f, request(t, "https://files.example/disk.qcow2"))
	if err != nil || len(got) != len(content) || time.Since(began) < 2*time.Second {
		t.Fatalf("5 MiB at 2 MiB/s: %d bytes in %s, %v", len(got), time.Since(began), err)
	}
	if w := a.Waited(); w <= 0 || w > time.Since(began)-2*time.Second {
		t.Errorf("its server was waited for during %s of %s: our own pace is not the server's", w, time.Since(began))
	}
}

// cutAt serves a file of which only so much comes at a time that nobody asks for the rest of.
func cutAt(content []byte, at int, tag func() string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", tag())
		if r.Header.Get("Range") != "" && r.Header.Get("If-Range") == tag() {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
			return
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		_, _ = w.Write(content[:at])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

func (s *site) resumed(t *testing.T) {
	content := disk(3 << 20)
	for _, percent := range []int{10, 50, 99} {
		path := fmt.Sprintf("/cut-%d", percent)
		s.mux.HandleFunc(path, cutAt(content, len(content)*percent/100, func() string { return `"one"` }))
		r := request(t, "https://files.example"+path)
		a, got, err := get(t, s.fetcher(), r)
		problem(t, path, err, fetch.Cut, "is cut")
		r.From, r.Size, r.Mark = int64(len(got)), a.Size, a.Mark
		a, rest, err := get(t, s.fetcher(), r)
		if err != nil || a.From != r.From || a.Size != int64(len(content)) || len(got) == 0 || !bytes.Equal(append(got, rest...), content) {
			t.Errorf("%s: %d bytes and %d more, %+v, %v", path, len(got), len(rest), a, err)
		}
	}
}

func (s *site) changed(t *testing.T) {
	content, tag := disk(1<<20), `"one"`
	s.mux.HandleFunc("/changed", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"two"`)
		if r.URL.RawQuery == "lies" { // a server that does not look at If-Range
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 100-%d/%d", len(content)-1, len(content)))
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(content[100:])
			return
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	})
	s.mux.HandleFunc("/ranges", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Range", r.URL.Query().Get("range"))
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write(content[100:])
	})
	r := request(t, "https://files.example/changed")
	r.From, r.Size, r.Mark = 100, int64(len(content)), tag
	a, got, err := get(t, s.fetcher(), r)
	if err != nil || a.From != 0 || !bytes.Equal(got, content) {
		t.Errorf("another file begins anew: %+v, %d bytes, %v", a, len(got), err)
	}
	r.Address = request(t, "https://files.example/changed?lies").Address
	_, _, err = get(t, s.fetcher(), r)
	problem(t, "a part of another file", err, fetch.Changed, "changed")
	for _, wrong := range []string{"", "bytes 0-9/10", "bytes 101-1048579/1048580", "bytes 100-1048579/*", "bytes 100-200/1048580", "bytes 100-1048580/1048581", "lines 100-1048579/1048580"} {
		r.Address = request(t, "https://files.example/ranges?range="+strings.ReplaceAll(wrong, " ", "%20")).Address
		_, _, err = get(t, s.fetcher(), r)
		problem(t, "range "+wrong, err, fetch.Changed)
	}
	s.mux.HandleFunc("/short", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes 100-%d/%d", len(content)-1, len(content)))
		w.Header().Set("Content-Length", "50")
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write(content[100:150])
	})
	r.Address = request(t, "https://files.example/short").Address
	_, _, err = get(t, s.fetcher(), r)
	problem(t, "a part that is shorter than it says", err, fetch.Changed)
	for header, mark := range map[string]string{
		`Etag: "one"`: `"one"`, `Etag: W/"one"`: "", `Etag: "` + strings.Repeat("x", 299) + `"`: "", `Etag: ""`: "", `Etag: one`: "",
		"Last-Modified: " + time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat):      time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat),
		"Last-Modified: " + time.Now().Add(-30*time.Second).UTC().Format(http.TimeFormat): "",
	} {
		name, value, _ := strings.Cut(header, ": ")
		s.mux.HandleFunc("/mark/"+hex.EncodeToString([]byte(header)), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(name, value)
			_, _ = w.Write(content[:100])
		})
		if a, _, err := get(t, s.fetcher(), request(t, "https://files.example/mark/"+hex.EncodeToString([]byte(header)))); err != nil || a.Mark != mark && (mark == "" || name == "Etag") || mark != "" && a.Mark == "" {
			t.Errorf("%s: marked %q, want %q (%v)", header, a.Mark, mark, err)
		}
	}
	// Nothing can be shown of a file without a mark: it begins anew.
	r = request(t, "https://files.example/changed")
	r.From = 100
	if a, _, err := get(t, s.fetcher(), r); err != nil || a.From != 0 {
		t.Errorf("without a mark: %+v, %v", a, err)
	}
}

func (s *site) addresses(t *testing.T) {
	for answer, says := range map[string]string{
		"127.0.0.1": "the machine itself", "10.0.0.1": "private", "169.254.169.254": "link-local", "::1": "the machine itself", "::ffff:127.0.0.1": "the machine itself",
		"64:ff9b::7f00:1": "the machine itself", "2002:7f00:1::": "a tunnel", public + " 10.0.0.1": "private", "10.0.0.1 " + public: "private", "fe80::1%lo": "no address",
	} {
		s.names["inside.example"] = []string{answer}
		_, _, err := get(t, s.fetcher(), request(t, "https://inside.example/disk.qcow2"))
		if p := problem(t, answer, err, fetch.Never, "inside.example leads to", says, "public servers alone"); strings.ContainsAny(p.Title, "0123456789") {
			t.Errorf("%s: a stranger is told what our resolver knows: %s", answer, p.Title)
		}
	}
	// A resolver that changes its mind is asked once.
	s.names["files.example"], s.asked["files.example"] = []string{public, "127.0.0.1"}, 0
	if _, got, err := get(t, s.fetcher(), request(t, "https://files.example/disk.qcow2")); err != nil || len(got) == 0 || s.asked["files.example"] != 1 {
		t.Errorf("rebinding: %d bytes after %d questions, %v", len(got), s.asked["files.example"], err)
	}
	_, _, err := get(t, s.fetcher(), request(t, "https://files.example/disk.qcow2"))
	problem(t, "the second time", err, fetch.Never, "the machine itself")
	s.names["files.example"] = []string{public}
	// The first one does not answer.
	s.names["files.example"] = []string{"93.184.216.99 " + public}
	if _, got, err := get(t, s.fetcher(), request(t, "https://files.example/disk.qcow2")); err != nil || len(got) == 0 {
		t.Errorf("two addresses: %d bytes, %v", len(got), err)
	}
	s.names["files.example"] = []string{strings.Repeat("93.184.216.99 ", 4) + public}
	_, _, err = get(t, s.fetcher(), request(t, "https://files.example/disk.qcow2"))
	problem(t, "behind four that do not answer", err, fetch.Cut)
	s.names["files.example"] = []string{public}
	if _, got, err := get(t, s.fetcher(), request(t, "https://my_files.example/disk.qcow2")); err != nil || len(got) == 0 {
		t.Errorf("a name with an underscore: %d bytes, %v", len(got), err)
	}
	_, _, err = get(t, s.fetcher(), request(t, "https://nobody.example/disk"))
	problem(t, "no name", err, fetch.Ask, "There is no server nobody.example")
	s.names["away.example"] = []string{"93.184.216.99"}
	_, _, err = get(t, s.fetcher(), request(t, "https://away.example/disk"))
	problem(t, "nothing there", err, fetch.Cut, "away.example")
	f := s.fetcher()
	f.Ours = func(context.Context) ([]netip.Addr, error) { return []netip.Addr{netip.MustParseAddr(public)}, nil }
	_, _, err = get(t, f, request(t, "https://files.example/disk.qcow2"))
	problem(t, "a host of ours", err, fetch.Never, "a machine of this Volary")
}

func (s *site) answers(t *testing.T) {
	s.mux.HandleFunc("/status", func(w http.ResponseWriter, r *http.Request) {
		status, _ := strconv.Atoi(r.URL.Query().Get("is"))
		w.WriteHeader(status)
	})
	for status, kind := range map[int]fetch.Kind{401: fetch.Ask, 403: fetch.Ask, 404: fetch.Ask, 410: fetch.Ask, 416: fetch.Ask, 418: fetch.Ask, 204: fetch.Ask, 206: fetch.Ask, 300: fetch.Ask, 304: fetch.Ask, 429: fetch.Cut, 500: fetch.Cut, 503: fetch.Cut, 501: fetch.Ask} {
		_, _, err := get(t, s.fetcher(), request(t, fmt.Sprintf("https://files.example/status?is=%d", status)))
		if p := problem(t, strconv.Itoa(status), err, kind, strconv.Itoa(status)); strings.Contains(p.Title+p.Next, "is=") {
			t.Errorf("%d shows the query: %s", status, p.Title)
		}
	}
	s.mux.HandleFunc("/packed", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write([]byte("\x1f\x8b"))
	})
	_, _, err := get(t, s.fetcher(), request(t, "https://files.example/packed"))
	problem(t, "packed", err, fetch.Ask, "packs the file")
	s.mux.HandleFunc("/empty", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "0") })
	_, _, err = get(t, s.fetcher(), request(t, "https://files.example/empty"))
	problem(t, "empty", err, fetch.Ask, "is empty")
}

func (s *site) redirects(t *testing.T) {
	s.mux.HandleFunc("/to", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", r.URL.Query().Get("at"))
		w.WriteHeader(http.StatusFound)
	})
	for at, says := range map[string]string{
		"http://169.254.169.254/latest/meta-data": "http://169.254.169.254/latest/meta-data", "https://169.254.169.254/": "by a number", "http://files.example/disk.qcow2": "https://",
		"https://localhost/": "own network", "file:///etc/passwd": "file:", "https://[::1]/": "by a number", "https://files.example:8443/": "port 8443", "https://ada:pw@files.example/": "before the @", "//10.0.0.1/": "by a number",
	} {
		_, _, err := get(t, s.fetcher(), request(t, "https://files.example/to?at="+strings.ReplaceAll(at, "+", "%2B")))
		if p := problem(t, at, err, fetch.Never, "nothing is fetched from", says); p.Leads != nil || strings.Contains(p.Title, "pw@") {
			t.Errorf("%s leads somewhere: %+v", at, p)
		}
	}
	for at, want := range map[string]string{"https://mirror.example/disk.qcow2": "https://mirror.example/disk.qcow2", "/disk.qcow2": "https://files.example/disk.qcow2", "https://mirror.example/d?signature=secret": "https://mirror.example/d"} {
		_, _, err := get(t, s.fetcher(), request(t, "https://files.example/to?at="+at))
		if p := problem(t, at, err, fetch.Ask, "leads to "+want+".", "not followed", "if you trust"); p.Leads == nil || p.Leads.Shown != want || strings.Contains(p.Title, "secret") {
			t.Errorf("%s leads to %+v", at, p.Leads)
		}
	}
	_, _, err := get(t, s.fetcher(), request(t, "https://files.example/to"))
	problem(t, "nowhere", err, fetch.Ask, "not where")
}

func (s *site) bounds(t *testing.T) {
	endless := func(chunk []byte, pause time.Duration) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(chunk); err != nil {
					return
				}
				_ = http.NewResponseController(w).Flush()
				if pause > 0 {
					select {
					case <-time.NewTimer(pause).C:
					case <-r.Context().Done():
					}
				}
			}
		}
	}
	s.mux.HandleFunc("/endless", endless(make([]byte, 64<<10), 0))
	s.mux.HandleFunc("/drip", endless([]byte{0}, 5*time.Millisecond))
	s.mux.HandleFunc("/silent", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	s.mux.HandleFunc("/denied.xml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>`))
	})
	s.mux.HandleFunc("/denied-and-waits.xml", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusForbidden)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	_, _, err := get(t, s.fetcher(), request(t, "https://files.example/denied.xml"))
	problem(t, "a store's error", err, fetch.Ask, "403 Forbidden", "It calls that AccessDenied.")
	s.mux.HandleFunc("/headers", func(w http.ResponseWriter, _ *http.Request) {
		for n := range 200 {
			w.Header().Set(fmt.Sprintf("X-%d", n), strings.Repeat("x", 1000))
		}
	})
	s.mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", strconv.Itoa(1<<40)) })
	f, r := s.fetcher(), request(t, "https://files.example/endless")
	r.Most = 1 << 20
	var got []byte
	_, got, err = get(t, f, r)
	if problem(t, "endless", err, fetch.Never, "more than 1 MiB, and did not end"); len(got) > 1<<20 {
		t.Errorf("endless: %d bytes", len(got))
	}
	_, _, err = get(t, f, request(t, "https://files.example/large"))
	problem(t, "large", err, fetch.Never, "The file has 1 TiB, at most 64 MiB")
	_, _, err = get(t, f, request(t, "https://files.example/headers"))
	problem(t, "headers", err, fetch.Cut)
	f.Times.Floor, f.Times.Answer = time.Second, time.Second
	_, _, err = get(t, f, request(t, "https://files.example/drip"))
	problem(t, "drip", err, fetch.Cut, "less than 64 KiB in 1 second", "not fetched again")
	_, _, err = get(t, f, request(t, "https://files.example/silent"))
	problem(t, "silent", err, fetch.Cut, "does not answer in time")
	_, _, err = get(t, f, request(t, "https://files.example/denied-and-waits.xml"))
	problem(t, "an error that does not end", err, fetch.Ask, "403 Forbidden).")
	ctx, cancel := context.WithCancel(t.Context())
	a := must(s.fetcher().Open(ctx, request(t, "https://files.example/endless")))(t)
	defer a.Body.Close()
	cancel()
	if _, err := io.Copy(io.Discard, a.Body); !errors.Is(err, context.Canceled) {
		t.Errorf("who asked has left: %v", err)
	}
}

func (s *site) certificates(t *testing.T) {
	_, _, err := get(t, s.fetcher(), request(t, "https://wrong.example/disk.qcow2"))
	problem(t, "another name's", err, fetch.Ask, "not of wrong.example")
	_, _, err = get(t, s.fetcher(), request(t, "https://old.example/disk.qcow2"))
	problem(t, "an old one", err, fetch.Ask, "over, or not valid")
	f := s.fetcher()
	f.Roots = x509.NewCertPool()
	_, _, err = get(t, f, request(t, "https://files.example/disk.qcow2"))
	problem(t, "an unknown root's", err, fetch.Ask, "nobody who is known")
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:443")
	if _, got, err := get(t, s.fetcher(), request(t, "https://files.example/disk.qcow2")); err != nil || len(got) == 0 {
		t.Errorf("with a proxy in the environment: %v", err)
	}
}
