package main

import (
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
)

// front is the one address that people know: it passes bytes to one of several portals, and things befall it.
type front struct {
	address string // "127.0.0.1:1234"
	mu      sync.Mutex
	to      string // where new connections go
	open    []net.Conn
	taken   map[string]int // bytes that each portal was sent since befalls was told
	passed  int
	falls   []fall
}

// fall happens once so many bytes were passed on.
type fall struct {
	after int
	do    func()
}

func newFront(t *testing.T, to string) *front {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &front{address: l.Addr().String(), to: strings.TrimPrefix(to, "http://"), taken: map[string]int{}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go f.serve(c)
		}
	}()
	t.Cleanup(func() { l.Close(); f.cut() })
	return f
}

// befalls says what happens from now on; bytes are counted anew.
func (f *front) befalls(falls ...fall) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.falls, f.passed, f.taken = falls, 0, map[string]int{}
}

// moves sends what comes from now on to another portal.
func (f *front) moves(to string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.to = strings.TrimPrefix(to, "http://")
}

// cut closes every connection.
func (f *front) cut() {
	f.mu.Lock()
	open := slices.Clone(f.open)
	f.open = nil
	f.mu.Unlock()
	for _, c := range open {
		c.Close()
	}
}

// left is how much of what was told is yet to happen, and sent what a portal was sent meanwhile.
func (f *front) left() int { f.mu.Lock(); defer f.mu.Unlock(); return len(f.falls) }

func (f *front) sent(to string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.taken[strings.TrimPrefix(to, "http://")]
}

func (f *front) serve(in net.Conn) {
	defer in.Close()
	f.mu.Lock()
	to := f.to
	f.mu.Unlock()
	out, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer out.Close()
	f.mu.Lock()
	f.open = append(f.open, in, out)
	f.mu.Unlock()
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		_, _ = io.Copy(in, out)
		in.Close()
	}()
	buf := make([]byte, 32<<10)
	for {
		n, err := in.Read(buf)
		if n > 0 {
			if _, failed := out.Write(buf[:n]); failed != nil {
				break
			}
			if do := f.count(to, n); do != nil {
				do()
			}
		}
		if err != nil {
			break
		}
	}
	out.Close()
	<-answered
}

// count gives what happens now.
func (f *front) count(to string, n int) func() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.passed += n
	f.taken[to] += n
	if len(f.falls) == 0 || f.passed < f.falls[0].after {
		return nil
	}
	do := f.falls[0].do
	f.falls = f.falls[1:]
	return do
}
