package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"volary.dev/cmd/internal/demo"
	"volary.dev/provisioner"
	"volary.dev/store/blob"
)

// demo makes what is missing of the demo, over the lab's hosts or simulated ones.
func (v *volary) demo(ctx context.Context) (string, error) {
	o := demo.Options{Now: time.Now()}
	o.Hosts, o.Underlay = demo.SimulatedHosts()
	if v.lab != nil {
		o.Hosts, o.Underlay = nil, v.lab.Prefix()
		for _, h := range v.lab.Hosts() {
			o.Hosts = append(o.Hosts, demo.Host{Name: h.Name, Address: h.Address, Underlay: h.Underlay})
		}
	}
	if !v.noPast {
		blobs, err := blob.OpenDirectory(v.path("blob"))
		if err != nil {
			return "", err
		}
		o.Images = demo.Images{Sample: v.sample, Blobs: blobs, Scratch: v.path("scratch"), Verify: v.verifyImage}
	}
	return "", demo.Make(ctx, v.pool, o)
}

// verifyImage has the worker's program judge a file: cmd/dev itself links nothing that opens images.
func (v *volary) verifyImage(ctx context.Context, path string) (provisioner.ImageVerdict, string, error) {
	var answer struct {
		Verdict   provisioner.ImageVerdict
		Canonical string
	}
	if err := os.MkdirAll(v.path("scratch"), 0o755); err != nil {
		return answer.Verdict, "", err
	}
	out, err := exec.CommandContext(ctx, v.program("worker"), "verify", path, v.path("scratch")).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	if err != nil {
		return answer.Verdict, "", fmt.Errorf("verify the demo's image: %w", err)
	}
	err = json.Unmarshal(out, &answer)
	return answer.Verdict, answer.Canonical, err
}
