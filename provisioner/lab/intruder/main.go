// Command intruder is what a stranger with root in a guest can do to its network: it puts frames of any kind on eth0, as
// they are, by the thousand. Tests build it for guests of the lab; nothing else does.
//
//	intruder COUNT OFFSETS FRAME
//
// sends FRAME (in hexadecimal) COUNT times. At each of OFFSETS (with commas between them, or "-") four bytes of it are
// the number of the copy, so that each may have its own MAC, address or port. It prints how many were sent.
package main

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "intruder:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 3 {
		return errors.New("want COUNT OFFSETS FRAME")
	}
	count, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	frame, err := hex.DecodeString(args[2])
	if err != nil {
		return err
	}
	var offsets []int
	for word := range strings.SplitSeq(args[1], ",") {
		if word == "-" {
			continue
		}
		at, err := strconv.Atoi(word)
		if err != nil || at < 0 || at+4 > len(frame) {
			return fmt.Errorf("offset %q of a frame of %d bytes: %w", word, len(frame), err)
		}
		offsets = append(offsets, at)
	}
	fd, err := open("eth0")
	if err != nil {
		return err
	}
	if err := send(fd, count, offsets, frame); err != nil {
		return err
	}
	fmt.Println("sent", count)
	return nil
}

func open(device string) (int, error) {
	i, err := net.InterfaceByName(device)
	if err != nil {
		return 0, err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	if err != nil {
		return 0, fmt.Errorf("socket: %w", err)
	}
	return fd, unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: i.Index})
}

// batch is how many frames go to the kernel in one call: a call costs more than a frame.
const batch = 64

// message is the kernel's mmsghdr.
type message struct {
	header unix.Msghdr
	length uint32
	_      uint32
}

func send(fd, count int, offsets []int, frame []byte) error {
	frames := make([][]byte, batch)
	vectors := make([]unix.Iovec, batch)
	messages := make([]message, batch)
	for i := range frames {
		frames[i] = append([]byte(nil), frame...)
		vectors[i].Base = &frames[i][0]
		vectors[i].SetLen(len(frame))
		messages[i].header.Iov = &vectors[i]
		messages[i].header.SetIovlen(1)
	}
	for sent := 0; sent < count; {
		n := min(batch, count-sent)
		for i := range n {
			for _, at := range offsets {
				binary.BigEndian.PutUint32(frames[i][at:], uint32(sent+i))
			}
		}
		done, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&messages[0])), uintptr(n), 0, 0, 0)
		switch errno {
		case 0:
			sent += int(done)
		case syscall.ENOBUFS, syscall.EAGAIN, syscall.EINTR:
		default:
			return fmt.Errorf("send: %w", errno)
		}
	}
	return nil
}
