package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"time"

	"volary.dev/cmd/internal/demo"
	"volary.dev/provisioner"
	"volary.dev/provisioner/lab"
	"volary.dev/store/blob"
)

// demo makes what is missing of the demo, over the lab's hosts or simulated ones.
func (v *volary) demo(ctx context.Context) (string, error) {
	o := demo.Options{Now: time.Now(), Enrol: v.enrol}
	o.Hosts, o.Underlay = demo.SimulatedHosts()
	if v.lab != nil {
		o.Hosts, o.Underlay, o.Closed = nil, v.lab.Prefix(), ownAddresses()
		for _, h := range v.lab.Hosts() {
			o.Hosts = append(o.Hosts, demo.Host{Name: h.Name, Address: h.Address, Underlay: h.Underlay})
		}
	}
	if !v.noPast {
		blobs, err := blob.OpenDirectory(v.path("blob"))
		if err != nil {
			return "", err
		}
		o.Images = demo.Images{Sample: v.sample, Blobs: blobs, Scratch: v.path("scratch"), Verify: v.verifyUpload}
	}
	return "", demo.Make(ctx, v.pool, o)
}

// ownAddresses are those of this machine, loopback apart, each as a prefix of its own.
func ownAddresses() []netip.Prefix {
	var all []netip.Prefix
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().IsGlobalUnicast() {
			all = append(all, netip.PrefixFrom(p.Addr(), p.Addr().BitLen()))
		}
	}
	return all
}

// enrol has a host's line pasted on it: in the lab's host itself, or where a simulated one looks.
func (v *volary) enrol(ctx context.Context, h demo.Host, code string) error {
	if v.lab == nil {
		if err := os.MkdirAll(v.path("memory"), 0o755); err != nil {
			return err
		}
		return os.WriteFile(v.path("memory", provisioner.SimulatedCodeFile(h.Address)), []byte(code+"\n"), 0o600)
	}
	i := slices.IndexFunc(v.lab.Hosts(), func(l lab.Host) bool { return l.Name == h.Name })
	_, err := v.lab.Run(ctx, i, v.program("volary"), "hook", "enrol", code)
	return err
}

// verifyUpload has the worker's program judge a file: cmd/dev itself links nothing that opens images.
func (v *volary) verifyUpload(ctx context.Context, path string) (provisioner.UploadVerdict, []string, error) {
	var answer struct {
		Verdict   provisioner.UploadVerdict
		Canonical []string
	}
	if err := os.MkdirAll(v.path("scratch"), 0o755); err != nil {
		return answer.Verdict, nil, err
	}
	out, err := exec.CommandContext(ctx, v.program("worker"), "verify", path, v.path("scratch")).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	if err != nil {
		return answer.Verdict, nil, fmt.Errorf("verify the demo's image: %w", err)
	}
	err = json.Unmarshal(out, &answer)
	return answer.Verdict, answer.Canonical, err
}
