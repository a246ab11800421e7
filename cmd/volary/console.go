package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

type consoleCommand struct {
	Socket string `arg:"" help:"The socket that try --keep printed."`
}

// leave is typed to leave a console: Ctrl-].
const leave = 0x1d

// Run implements kong's command.
func (c consoleCommand) Run(ctx context.Context) error {
	restore, err := rawTerminal(int(os.Stdin.Fd()))
	if err != nil {
		return err
	}
	defer restore()
	return c.run(ctx, os.Stdin, os.Stdout)
}

// run carries bytes both ways until the console or ctx ends, or Ctrl-] is typed.
func (c consoleCommand) run(ctx context.Context, in io.Reader, out io.Writer) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", c.Socket)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	fmt.Fprint(out, "Ctrl-] leaves the console.\r\n")
	go func() {
		defer conn.Close()
		buf := make([]byte, 1024)
		for {
			n, err := in.Read(buf)
			for i, b := range buf[:n] {
				if b == leave {
					_, _ = conn.Write(buf[:i]) // the rest is for nobody
					return
				}
			}
			if _, wrong := conn.Write(buf[:n]); wrong != nil || err != nil {
				return
			}
		}
	}()
	_, _ = io.Copy(out, conn) // it ends when either side does
	return nil
}

// rawTerminal hands keys on as they are typed; where there is no terminal it changes nothing.
func rawTerminal(fd int) (restore func(), err error) {
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return func() {}, nil //nolint:nilerr // a file, or a pipe
	}
	raw := *before
	raw.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	raw.Oflag &^= unix.OPOST
	raw.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	raw.Cflag = raw.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &raw); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	return func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, before) }, nil
}
