package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"volary.dev/cmd/internal/child"
)

// What the tests of a busy machine run beside: a loop on every core, as nice as they are, and so much of the machine's
// memory held by somebody else.
const (
	burdenShare = 60 // per cent of MemTotal
	// shortMemoryMiB is what tests without lab and browser need beside it.
	shortMemoryMiB = 2 << 10
)

// burden is the load of a busy machine: processes of ours that do nothing useful, and end with us however we end.
type burden struct{ parts []*child.Process }

// makeBusy loads this machine until stop. It refuses first, with the numbers, where that would leave too little for tests.
func makeBusy(short bool) (b *burden, what string, err error) {
	total, err := memoryMiB("/proc/meminfo", "MemTotal")
	if err != nil {
		return nil, "", err
	}
	available, err := memoryMiB("/proc/meminfo", "MemAvailable")
	if err != nil {
		return nil, "", err
	}
	hold, err := burdenFor(total, available, short)
	if err != nil {
		return nil, "", err
	}
	if b, err = startBurden(runtime.NumCPU(), hold); err != nil {
		return nil, "", err
	}
	return b, fmt.Sprintf("%d loops, %d MiB held of %d", runtime.NumCPU(), hold, total), nil
}

// burdenFor is how much memory is to be held, or why this machine is too small for that; all in MiB.
func burdenFor(total, available int, short bool) (hold int, err error) {
	hold, need := total*burdenShare/100, testMemoryMiB
	if short {
		need = shortMemoryMiB
	}
	if available < hold+need {
		return 0, fmt.Errorf("%d MiB of memory are available; -load holds %d MiB (%d %% of %d) and the tests need %d beside it: end something, or use a larger machine",
			available, hold, burdenShare, total, need)
	}
	return hold, nil
}

// startBurden starts so many loops, and a process that holds so much memory; it returns when all of that is so.
func startBurden(loops, holdMiB int) (*burden, error) {
	b := &burden{}
	out, err := b.start("hold", strconv.Itoa(holdMiB)) // first: beside the loops it takes minutes
	if err == nil {
		if _, err = bufio.NewReader(out).ReadString('\n'); err != nil {
			err = fmt.Errorf("hold %d MiB of memory: %w", holdMiB, err)
		}
	}
	for n := 0; n < loops && err == nil; n++ {
		_, err = b.start("loop")
	}
	if err != nil {
		b.stop()
		return nil, err
	}
	return b, nil
}

// start starts this program under the burden's name. What it says can be read.
func (b *burden) start(args ...string) (io.Reader, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self) //nolint:noctx // stop ends it, and the kernel with us
	cmd.Args = append([]string{burdenName}, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p, err := child.Start(cmd, syscall.SIGKILL)
	if err != nil {
		return nil, err
	}
	b.parts = append(b.parts, p)
	return out, nil
}

// fault says whether a part of the load ended by itself: then the tests had less of it than they were to have.
func (b *burden) fault() error {
	if b == nil {
		return nil
	}
	for _, p := range b.parts {
		select {
		case <-p.Done():
			return fmt.Errorf("the machine was not busy all the time: a part of the load ended (%w)", p.Err())
		default:
		}
	}
	return nil
}

// stop ends the load, and gives its memory back.
func (b *burden) stop() {
	for _, p := range b.parts {
		p.Stop(syscall.SIGKILL, time.Minute)
	}
}

// burdenName is what the load's processes are called.
const burdenName = "volary-burden"

// burdenMain is main in a process of the load, and does nothing in any other.
func burdenMain() {
	if os.Args[0] != burdenName {
		return
	}
	if len(os.Args) == 3 && os.Args[1] == "hold" {
		if err := hold(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, "hold memory:", err)
			os.Exit(1)
		}
		fmt.Println("held")
		select {}
	}
	for n := 0; ; n++ { //nolint:revive // it is to be busy
	}
}

// hold takes so many MiB for as long as the process lives. Every page is written to, each with other bytes than its
// neighbours: memory that is only asked for, or that the kernel can merge, is not held.
func hold(mib string) error {
	n, err := strconv.Atoi(mib)
	if err != nil {
		return err
	}
	all, err := unix.Mmap(-1, 0, n<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return err
	}
	page := os.Getpagesize()
	for at := 0; at < len(all); at += page {
		for i, b := range strconv.Itoa(at) {
			all[at+i] = byte(b)
		}
	}
	return nil
}
