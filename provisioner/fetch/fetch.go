package fetch

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"volary.dev/provisioner/typed"
)

// Resolver is met by *net.Resolver.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Dialer is met by *net.Dialer. It is given a number and a port, never a name.
type Dialer interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

// Times bound how long a server may take; the zero value takes what workers have.
type Times struct {
	Connect time.Duration // for the resolver's answer, and to each address
	Answer  time.Duration // until the answer's headers are here
	Floor   time.Duration // in which FloorBytes have to come
}

// FloorBytes have to come in each Times.Floor: a server that drips would hold a place for ever.
const FloorBytes = 64 << 10

const (
	maxHeaders = 64 << 10
	triedMost  = 4        // addresses of a server
	stride     = 64 << 10 // bytes between two looks at the pace
)

// Fetcher asks servers of the internet for files. Many fetches may run at once.
type Fetcher struct {
	Resolver Resolver
	Dialer   Dialer
	Roots    *x509.CertPool // nil: the system's
	Times    Times
	Pace     *rate.Limiter // bytes per second of all fetches together, with a burst of 64 KiB or more; nil: as fast as they come
	// Ours are addresses of machines of this deployment, which may be public and are refused like private ones; nil: none are known.
	Ours func(ctx context.Context) ([]netip.Addr, error)
}

// Request is a file that is asked for, or the rest of one.
type Request struct {
	Address typed.WebAddress
	From    int64  // bytes that are here
	Size    int64  // of the whole file, as far as it is known; 0: unknown
	Mark    string // of the file they came of, see Answer; empty: it begins anew
	Most    int64  // bytes that the whole file may have
}

// Answer is a file on its way.
type Answer struct {
	From int64  // where Body begins: Request.From, or 0 where it begins anew
	Size int64  // of the whole file; -1: it ends when it ends
	Mark string // by which the rest of this very file can be asked for; empty: it cannot
	Body io.ReadCloser
	// Waited is how long the body's server was waited for until now; to be asked by who reads it.
	Waited func() time.Duration
}

// Open asks a server. An error is a *Problem, or ctx's; so are the errors of the body.
func (f *Fetcher) Open(ctx context.Context, r Request) (*Answer, error) {
	times := Times{Connect: cmp.Or(f.Times.Connect, 10*time.Second), Answer: cmp.Or(f.Times.Answer, 30*time.Second), Floor: cmp.Or(f.Times.Floor, time.Minute)}
	at, err := f.resolve(ctx, r.Address.Host, times.Connect)
	if err != nil {
		return nil, err
	}
	line := &http.Transport{ // nothing of the environment: no proxy
		DialContext:            func(ctx context.Context, _, _ string) (net.Conn, error) { return f.dial(ctx, at, times.Connect) },
		TLSClientConfig:        &tls.Config{ServerName: r.Address.Host, RootCAs: f.Roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    times.Connect,
		ResponseHeaderTimeout:  times.Answer,
		MaxResponseHeaderBytes: maxHeaders,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
	}
	ctx, end := context.WithCancelCause(ctx)
	answer, err := f.ask(ctx, line, r, times.Answer)
	if err != nil {
		err = worded(ctx, err, r.Address.Host)
		end(nil)
		line.CloseIdleConnections()
		return nil, err
	}
	b := &body{
		from: answer.Body, ctx: ctx, end: end, line: line, host: r.Address.Host, pace: f.Pace, floor: times.Floor, left: times.Floor, size: answer.Size, most: r.Most, came: answer.From,
	}
	answer.Body, answer.Waited = b, b.waited
	return answer, nil
}

// resolve asks once, and refuses a name one of whose addresses is not public: which of several is used is nobody's to choose.
func (f *Fetcher) resolve(ctx context.Context, host string, patience time.Duration) ([]netip.Addr, error) {
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	found, err := f.Resolver.LookupNetIP(bounded, "ip", host+".") // as it is: no domain of ours is tried behind it
	var dns *net.DNSError
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.As(err, &dns) && dns.IsNotFound, err == nil && len(found) == 0:
		return nil, &Problem{Kind: Ask, Title: "There is no server " + host + ".", Next: "Look at the address: its name may be misspelt.", cause: err}
	case err != nil:
		return nil, &Problem{Kind: Cut, Title: "The name " + host + " could not be looked up.", Next: "Try again later, or tell the operator.", cause: err}
	}
	var ours []netip.Addr
	if f.Ours != nil {
		if ours, err = f.Ours(ctx); err != nil {
			return nil, err
		}
	}
	for n, a := range found {
		found[n] = a.Unmap()
		is, ok := Public(a)
		if ok && slices.Contains(ours, a.Unmap()) {
			is, ok = "a machine of this Volary", false
		}
		if !ok {
			return nil, &Problem{
				Kind: Never, Title: "The name " + host + " leads to an address that is " + is + ". Files are fetched from public servers alone.",
				Next: "Give the file's address at a public server, or upload the file itself.",
				// Which address that is, a stranger is not told: our resolver may know names that are nobody else's business.
				cause: errors.New(host + " is " + a.String()),
			}
		}
	}
	return found[:min(len(found), triedMost)], nil
}

// dial connects to one of the addresses that were looked at.
func (f *Fetcher) dial(ctx context.Context, at []netip.Addr, patience time.Duration) (net.Conn, error) {
	var errs []error
	for _, a := range at {
		bounded, cancel := context.WithTimeout(ctx, patience)
		conn, err := f.Dialer.DialContext(bounded, "tcp", netip.AddrPortFrom(a, 443).String())
		cancel()
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

func (f *Fetcher) ask(ctx context.Context, line http.RoundTripper, r Request, patience time.Duration) (*Answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.Address.Full, http.NoBody)
	if err != nil {
		return nil, &Problem{Kind: Never, Title: "The address cannot be asked for.", Next: "Copy it once more from where it is given."}
	}
	request.Header.Set("User-Agent", "Volary")
	request.Header.Set("Accept", "*/*")
	request.Header.Set("Accept-Encoding", "identity")
	rest := r.From > 0 && r.Mark != ""
	if rest {
		request.Header.Set("Range", "bytes="+strconv.FormatInt(r.From, 10)+"-")
		request.Header.Set("If-Range", r.Mark)
	}
	// RoundTrip and no client: nothing follows a redirect, and no cookie is kept.
	answer, err := line.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	a, err := read(answer, r, rest)
	if err != nil {
		addStoreCode(err, answer, patience)
		_ = answer.Body.Close()
		return nil, err
	}
	return a, nil
}

// read takes an answer for the file, or for its rest.
func read(answer *http.Response, r Request, rest bool) (*Answer, error) {
	if answer.StatusCode != http.StatusOK && (answer.StatusCode != http.StatusPartialContent || !rest) {
		return nil, refusedBy(answer, r.Address, rest)
	}
	if e := answer.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return nil, &Problem{
			Kind: Ask, Title: "The server packs the file on its way, though it was asked not to.", Next: "Give the address of another server, or upload the file itself.",
		}
	}
	a := &Answer{Size: answer.ContentLength, Mark: mark(answer.Header), Body: answer.Body}
	if answer.StatusCode == http.StatusPartialContent {
		from, size, ok := contentRange(answer.Header.Get("Content-Range"))
		if !ok || from != r.From || size <= from || r.Size > 0 && size != r.Size || a.Mark != "" && a.Mark != r.Mark || a.Size >= 0 && a.Size != size-from {
			return nil, changed()
		}
		a.From, a.Size, a.Mark = from, size, r.Mark
	}
	switch {
	case a.Size > r.Most:
		return nil, tooLarge(a.Size, r.Most)
	case a.Size == 0:
		return nil, &Problem{Kind: Ask, Title: "The file at this address is empty.", Next: "Look at the address: it may lead to another file than you think."}
	}
	return a, nil
}

func changed() *Problem {
	return &Problem{Kind: Changed, Title: "The file changed at its server while it was fetched.", Next: "Try again once it is whole there."}
}

// mark is what If-Range may carry: a strong ETag, else a time that is surely of one file.
func mark(h http.Header) string {
	if tag := h.Get("Etag"); strings.HasPrefix(tag, `"`) && strings.HasSuffix(tag, `"`) && len(tag) > 2 && len(tag) <= 300 {
		return tag
	}
	made, err := http.ParseTime(h.Get("Last-Modified"))
	now, err2 := http.ParseTime(h.Get("Date"))
	if err != nil || err2 != nil || now.Sub(made) < time.Minute {
		return ""
	}
	return h.Get("Last-Modified")
}

// contentRange reads "bytes 5-9/10".
func contentRange(s string) (from, size int64, ok bool) {
	s, isBytes := strings.CutPrefix(s, "bytes ")
	part, whole, both := strings.Cut(s, "/")
	first, last, two := strings.Cut(part, "-")
	from, err := strconv.ParseInt(first, 10, 64)
	to, err2 := strconv.ParseInt(last, 10, 64)
	size, err3 := strconv.ParseInt(whole, 10, 64)
	return from, size, isBytes && both && two && errors.Join(err, err2, err3) == nil && to == size-1
}
