package setup

import (
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"volary.dev/store/sender"
)

// Bounds say how many connections a listener holds at once.
type Bounds struct {
	Total int
	// Each is how many one sender may have (an IPv6 /64 is one); 0 bounds nobody.
	Each int
	// Exempt are senders whom Each does not bound: proxies, behind which everybody is.
	Exempt []netip.Prefix
}

// refusalsEach is how often the log says that connections were refused: an attack must not fill it.
const refusalsEach = time.Minute

// Bound lets no more connections than b through; a further one is closed at once. Every connection that is let through has
// deadlines (ServeListener), so that places come free by themselves.
func Bound(l net.Listener, b Bounds, log *slog.Logger) net.Listener {
	return &boundListener{Listener: l, bounds: b, log: log, open: map[netip.Prefix]int{}}
}

type boundListener struct {
	net.Listener
	bounds Bounds
	log    *slog.Logger

	mu      sync.Mutex
	total   int
	open    map[netip.Prefix]int
	refused int // since the log's last line
	said    time.Time
}

// Accept implements net.Listener.
func (l *boundListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := sender.Parse(c.RemoteAddr().String())
		if l.enter(from) {
			return &boundConn{Conn: c, leave: sync.OnceFunc(func() { l.leave(from) })}, nil
		}
		_ = c.Close()
	}
}

func (l *boundListener) enter(from netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := sender.One(from)
	if l.total >= l.bounds.Total || l.bounded(from) && l.open[one] >= l.bounds.Each {
		l.refuse(one)
		return false
	}
	l.total++
	l.open[one]++
	return true
}

func (l *boundListener) bounded(from netip.Addr) bool {
	for _, p := range l.bounds.Exempt {
		if p.Contains(from) {
			return false
		}
	}
	return l.bounds.Each > 0
}

func (l *boundListener) refuse(one netip.Prefix) {
	l.refused++
	if now := time.Now(); now.Sub(l.said) >= refusalsEach {
		l.log.Warn("refused connections", "connections", l.refused, "last", one.String(), "open", l.total, "of_last", l.open[one])
		l.said, l.refused = now, 0
	}
}

func (l *boundListener) leave(from netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := sender.One(from)
	l.total--
	if l.open[one]--; l.open[one] <= 0 {
		delete(l.open, one)
	}
}

type boundConn struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *boundConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
