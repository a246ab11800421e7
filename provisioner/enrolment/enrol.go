package enrolment

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"

	"volary.dev/provisioner/domainxml"
	"volary.dev/provisioner/nethook"
)

var code = regexp.MustCompile(`^[A-Za-z2-7]{26}$`)

// Enrol writes the code of a host to where this machine's hook reads it, and makes what the hook is asked by. It may be
// repeated; the code that was written last counts.
func Enrol(ctx context.Context, given string) error {
	if !code.MatchString(given) {
		return errors.New("this is no code: it has 26 letters and digits, as the host's page shows it")
	}
	if err := nethook.KeepIdentity("/", given); err != nil {
		return err
	}
	pool, err := domainxml.Pool(domainxml.ReportPool, domainxml.ReportDir)
	if err != nil {
		return err
	}
	if _, err := virsh(ctx, "", "pool-info", domainxml.ReportPool); err != nil {
		if _, err := virsh(ctx, pool, "pool-define", "/dev/stdin"); err != nil {
			return err
		}
	}
	if state, err := virsh(ctx, "", "pool-info", domainxml.ReportPool); err != nil || !strings.Contains(state, "running") {
		if _, err := virsh(ctx, "", "pool-build", domainxml.ReportPool); err != nil {
			return err
		}
		if _, err := virsh(ctx, "", "pool-start", domainxml.ReportPool); err != nil {
			return err
		}
	}
	if _, err := virsh(ctx, "", "net-info", nethook.ProbeName); err == nil {
		return nil
	}
	_, err = virsh(ctx, domainxml.Probe(), "net-create", "/dev/stdin")
	return err
}

// virsh runs one command on this machine's libvirt. Its words are English whatever the machine speaks.
func virsh(ctx context.Context, input string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "virsh", append([]string{"-q", "-c", "qemu:///system"}, args...)...)
	cmd.Env = append(cmd.Environ(), "LC_ALL=C")
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("virsh %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return string(out), nil
}
