package nethook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"volary.dev/provisioner"
)

// startProbe runs this program again with an order on its standard input, and with the mark whose lock it is to hold.
func startProbe(order []byte, mark *os.File, id string) error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	defer write.Close()
	// A pipe holds 64 KiB: an order has less, so nobody has to stay for it to be read.
	if len(order) > 60<<10 {
		return fmt.Errorf("an order of %d bytes", len(order))
	}
	if _, err := write.Write(order); err != nil {
		return err
	}
	cmd := exec.CommandContext(context.Background(), "/proc/self/exe", "hook", "network", id, probeOperation)
	cmd.SysProcAttr, cmd.Stdin, cmd.ExtraFiles = &syscall.SysProcAttr{Setsid: true}, read, []*os.File{mark}
	return cmd.Start()
}

// runProbe is the life of the process that probes: it leaves what it found, whatever happens, for who asks next.
func runProbe(ctx context.Context, dir, id string, stdin io.Reader) error {
	if !plain(id) {
		return fmt.Errorf("probe %q", id)
	}
	a := ProbeAnswer{Done: true}
	var o probeOrder
	if err := json.NewDecoder(io.LimitReader(stdin, 64<<10)).Decode(&o); err != nil {
		a.Error = "the order of a probe cannot be read"
	} else {
		a = o.run(ctx, filepath.Join(dir, id+".hosts"))
	}
	b, err := json.Marshal(a)
	if err != nil {
		return err
	}
	whole := filepath.Join(dir, id+".new")
	if err := os.WriteFile(whole, b, 0o600); err != nil {
		return err
	}
	return os.Rename(whole, filepath.Join(dir, id+probeResult))
}

func (o probeOrder) run(ctx context.Context, known string) (a ProbeAnswer) {
	ctx, cancel := context.WithTimeout(ctx, o.Within)
	defer cancel()
	a.Done = true
	if err := o.connect(ctx); err != nil {
		a.Why = why(err.Error())
		return a
	}
	a.Answers = true
	if o.User != "" {
		o.signIn(ctx, &a, known)
	}
	return a
}

// connect sees whether somebody takes a connection, by way of the cluster's bridge and no other.
func (o probeOrder) connect(ctx context.Context) error {
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) (err error) {
		if ctlErr := c.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), o.Device) }); ctlErr != nil {
			return ctlErr
		}
		return err
	}}
	c, err := d.DialContext(ctx, "tcp4", o.Guest.String())
	switch {
	case err == nil:
		return c.Close()
	case ctx.Err() != nil:
		return fmt.Errorf("nobody answered within %s", o.Within)
	case errors.Is(err, unix.ECONNREFUSED):
		return errors.New("the connection was refused")
	case errors.Is(err, unix.EHOSTUNREACH):
		return errors.New("there is no machine at the address")
	}
	return err
}

// signIn runs the host's own SSH client. The server is a stranger: nothing of ours is forwarded or offered to it but the one key,
// no file of the host's user is read, what it says is cut, and at the end of the time the client is killed.
func (o probeOrder) signIn(ctx context.Context, a *ProbeAnswer, known string) {
	key, err := inMemory(o.Private)
	if err != nil {
		a.Error = "keep the key: " + err.Error()
		return
	}
	defer key.Close()
	defer os.Remove(known)
	line := ""
	if o.HostKey != "" {
		line = hostAlias + " " + o.HostKey + "\n"
	}
	if err := os.WriteFile(known, []byte(line), 0o600); err != nil {
		a.Error = err.Error()
		return
	}
	said := &cutOutput{most: 4 << 10}
	cmd := exec.CommandContext(ctx, "ssh", o.clientArgs(fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), key.Fd()), known)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/nonexistent", "LC_ALL=C"}
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = said, said, time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	err = cmd.Run()
	if o.HostKey == "" || err == nil {
		a.HostKey = shownKey(known)
	}
	var exit *exec.ExitError
	switch {
	case err == nil:
		a.SignedIn = true
	case ctx.Err() != nil:
		a.Why = why(fmt.Sprintf("signing in was not over within %s", o.Within))
	case errors.Is(err, exec.ErrNotFound):
		a.Error = "the host has no ssh; install openssh-client there"
	case errors.As(err, &exit) && exit.ExitCode() != 255:
		a.Why = why(fmt.Sprintf("it signed in, and `true` ended with status %d", exit.ExitCode()))
	default:
		a.Why = why(said.b.String())
	}
}

// hostAlias stands for every guest: their addresses are used again and again.
const hostAlias = "guest"

func (o probeOrder) clientArgs(key, known string) []string {
	trust := "accept-new"
	if o.HostKey != "" {
		trust = "yes"
	}
	args := []string{"-F", "none", "-T", "-n", "-x", "-a", "-l", o.User, "-p", strconv.Itoa(int(o.Guest.Port())), "-i", key}
	for _, option := range []string{
		"BatchMode=yes", "ConnectionAttempts=1", "ConnectTimeout=" + strconv.Itoa(int(max(time.Second, o.Within)/time.Second)), "ServerAliveInterval=5",
		"BindInterface=" + o.Device, "AddressFamily=inet",
		"HostKeyAlias=" + hostAlias, "UserKnownHostsFile=" + known, "GlobalKnownHostsFile=/dev/null", "StrictHostKeyChecking=" + trust,
		"UpdateHostKeys=no", "HashKnownHosts=no", "VerifyHostKeyDNS=no", "CheckHostIP=no", "CanonicalizeHostname=no",
		"PreferredAuthentications=publickey", "IdentitiesOnly=yes", "IdentityAgent=none", "AddKeysToAgent=no", "PKCS11Provider=none",
		"PasswordAuthentication=no", "KbdInteractiveAuthentication=no", "GSSAPIAuthentication=no", "HostbasedAuthentication=no",
		"ForwardAgent=no", "ForwardX11=no", "ClearAllForwardings=yes", "Tunnel=no", "PermitLocalCommand=no", "PermitRemoteOpen=none",
		"ControlMaster=no", "ControlPath=none", "ProxyCommand=none", "RequestTTY=no", "EscapeChar=none", "LogLevel=ERROR",
	} {
		args = append(args, "-o", option)
	}
	return append(args, "--", o.Guest.Addr().String(), "true")
}

// inMemory keeps a key where no file system has it: it goes with this process.
func inMemory(key []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate("key", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "key")
	_, writeErr := f.Write(key)
	// The client refuses a key that others may read.
	if err := errors.Join(writeErr, f.Chmod(0o600)); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// shownKey is the key that the client took the server by.
func shownKey(known string) guestBytes {
	f, _, err := openRegular(known, os.O_RDONLY)
	if err != nil {
		return nil
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 8<<10))
	if err != nil {
		return nil
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	words := strings.Fields(string(line))
	if len(words) != 3 {
		return nil
	}
	return guestBytes(words[1] + " " + words[2])
}

// why makes words fit to be read that a guest may have chosen.
func why(words string) guestBytes {
	seen := strings.TrimSpace(string(provisioner.VisibleText([]byte(words))))
	return guestBytes(strings.ToValidUTF8(seen[max(0, len(seen)-mostWhy):], ""))
}

// cutOutput keeps the beginning of what is written and takes all of it, so that nobody is held up.
type cutOutput struct {
	b    bytes.Buffer
	most int
}

func (c *cutOutput) Write(p []byte) (int, error) {
	c.b.Write(p[:min(len(p), max(0, c.most-c.b.Len()))])
	return len(p), nil
}

// subnetsOf are the host's own addresses at a device, with their subnets.
func subnetsOf(device string) ([]netip.Prefix, error) {
	i, err := net.InterfaceByName(device)
	if err != nil {
		return nil, err
	}
	addresses, err := i.Addrs()
	if err != nil {
		return nil, err
	}
	var all []netip.Prefix
	for _, a := range addresses {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			all = append(all, p)
		}
	}
	return all, nil
}
