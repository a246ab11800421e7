package hostline

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// socket is one end of a pair.
type socket struct{ *net.UnixConn }

// socketPair is two ends: ours, and the one that the child is to get.
type socketPair struct{ ours, theirs *socket }

// newControlPair is for datagrams that carry sockets: their bounds and order are kept, and a closed end is seen.
func newControlPair() (*socketPair, error) { return newPair(unix.SOCK_SEQPACKET) }

func newCallPair() (*socketPair, error) { return newPair(unix.SOCK_STREAM) }

func newPair(kind int) (*socketPair, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("a pair of sockets: %w", err)
	}
	ours, ourErr := newSocket(fds[0])
	theirs, theirErr := newSocket(fds[1])
	if err := errors.Join(ourErr, theirErr); err != nil {
		return nil, err
	}
	return &socketPair{ours, theirs}, nil
}

// newSocket takes the file descriptor over.
func newSocket(fd int) (*socket, error) {
	f := os.NewFile(uintptr(fd), "socket")
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		c.Close()
		return nil, fmt.Errorf("descriptor %d is no unix socket", fd)
	}
	return &socket{u}, nil
}

func (s *socket) file() (*os.File, error) { return s.File() }

// datagram sends one, with a socket in it where there is one. An end that takes nothing for controlLimit is as good as dead.
func (s *socket) datagram(body []byte, with *socket) error {
	var rights []byte
	if with != nil {
		f, err := with.file()
		if err != nil {
			return err
		}
		defer f.Close()
		rights = unix.UnixRights(int(f.Fd()))
	}
	if err := s.SetWriteDeadline(time.Now().Add(controlLimit)); err != nil {
		return err
	}
	_, _, err := s.WriteMsgUnix(body, rights, nil)
	return err
}

// receive reads one datagram into body, and the socket in it, nil where there is none. At the other end's end it returns
// io.EOF.
func (s *socket) receive(body []byte) ([]byte, *socket, error) {
	rights := make([]byte, unix.CmsgSpace(4))
	n, r, _, _, err := s.ReadMsgUnix(body, rights)
	if err != nil {
		return nil, nil, err
	}
	if n == 0 {
		return nil, nil, io.EOF
	}
	if r == 0 {
		return body[:n], nil, nil
	}
	messages, err := syscall.ParseSocketControlMessage(rights[:r])
	if err != nil {
		return nil, nil, err
	}
	if len(messages) == 0 {
		return body[:n], nil, nil
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return nil, nil, fmt.Errorf("a datagram with %d sockets: %w", len(fds), err)
	}
	got, err := newSocket(fds[0])
	return body[:n], got, err
}
