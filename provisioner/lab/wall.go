package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// wall keeps what comes from the lab's hosts, and from their guests behind them, from whatever else listens on this machine:
// a guest of the lab is a stranger's. It is a table of nftables that belongs to a process of nft, which ends with its input:
// however the caller dies, the kernel removes the table.
type wall struct {
	process *exec.Cmd
	input   io.Closer
	over    sync.Once
}

// wallLimit is how long nft may take.
const wallLimit = 10 * time.Second

func buildWall(ctx context.Context, u underlay) (*wall, error) {
	cmd := exec.Command("nft", "-i")                    //nolint:noctx // it ends with its input, later than ctx
	cmd.Env = append(os.Environ(), "HOME=/nonexistent") // where nft would keep what it was told
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("nft: %w", err)
	}
	w := &wall{process: cmd, input: in}
	if _, err := io.WriteString(in, u.wallRules(nameServers("/etc/resolv.conf"))+"\n"); err != nil {
		w.remove()
		return nil, fmt.Errorf("nft: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, wallLimit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for exec.CommandContext(ctx, "nft", "list", "chain", "inet", u.link(), "input").Run() != nil {
		select {
		case <-ctx.Done():
			w.remove()
			return nil, errors.Join(fmt.Errorf("nft makes no table for the lab: %s", strings.TrimSpace(said.String())), ctx.Err())
		case <-tick.C:
		}
	}
	return w, nil
}

// wallRules is one line for nft. Answers pass, pings, and questions to the resolvers that hosts have from this machine. New
// is let in only what is for an address on the uplink itself other than ours: tests put a world there.
func (u underlay) wallRules(resolvers []netip.Addr) string {
	var words []string
	for _, r := range resolvers {
		words = append(words, r.String())
	}
	ask := ""
	if len(words) > 0 {
		ask = fmt.Sprintf("ip daddr { %s } meta l4proto { tcp, udp } th dport 53 accept; ", strings.Join(words, ", "))
	}
	return fmt.Sprintf(`add table inet %[1]s { flags owner; chain input { type filter hook input priority -10; policy accept; `+
		`iifname != "%[1]s" accept; ct state established,related accept; meta l4proto { icmp, ipv6-icmp } accept; %[2]s`+
		`ip daddr %[3]s drop; fib daddr . iif type != local drop; }; }`, u.link(), ask, u.outside())
}

// nameServers are the IPv4 addresses of a resolv.conf that are not loopback.
func nameServers(file string) []netip.Addr {
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	var all []netip.Addr
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) < 2 || words[0] != "nameserver" {
			continue
		}
		if a, err := netip.ParseAddr(words[1]); err == nil && a.Is4() && !a.IsLoopback() {
			all = append(all, a)
		}
	}
	return all
}

// remove ends nft, and with it the table. It may be called again, and on none.
func (w *wall) remove() {
	if w == nil {
		return
	}
	w.over.Do(func() {
		w.input.Close()
		_ = w.process.Wait()
	})
}
