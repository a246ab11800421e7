package acceptance

import (
	"bytes"
	"errors"
	"fmt"

	"volary.dev/provisioner"
)

// ownShown bounds what a report shows of a check's output.
const ownShown = 300

// JudgeOwn compares what one of the version's own checks gave with what it has to give. err is nil, or one of the guest's errors of
// Driver.Exec.
func JudgeOwn(c provisioner.Check, node string, r provisioner.CommandResult, err error) provisioner.NodeCheck {
	nc := provisioner.NodeCheck{Node: node, Result: provisioner.ResultFailed, Channel: provisioner.ChannelAgent}
	switch {
	case errors.Is(err, provisioner.ErrNoAgent):
		nc.Result, nc.Channel = provisioner.NotObserved, ""
		nc.Evidence = "No guest agent answers: install qemu-guest-agent in the image, and the check is run."
	case errors.Is(err, provisioner.ErrGuestTime):
		nc.Evidence = fmt.Sprintf("It did not end within %d s.", c.TimeoutSeconds)
	case err != nil:
		nc.Result, nc.Channel = provisioner.NotObserved, ""
		nc.Evidence = "The guest's agent did not run it: let it have guest-exec."
	case r.Status != c.Status:
		nc.Evidence = fmt.Sprintf("It ended with status %d, and %d was expected. %s", r.Status, c.Status, said(r))
	case !bytes.Contains(r.Stdout, []byte(c.Output)):
		nc.Evidence = fmt.Sprintf("Its output does not have %q. %s", c.Output, said(r))
	default:
		nc.Result, nc.Evidence = provisioner.ResultPassed, said(r)
	}
	return nc
}

// said is the end of what a command wrote, fit to be read.
func said(r provisioner.CommandResult) string {
	out := r.Stdout
	if len(bytes.TrimSpace(r.Stderr)) > 0 && len(bytes.TrimSpace(out)) == 0 {
		out = r.Stderr
	}
	text := bytes.Join(bytes.Fields([]byte(Excerpt(out))), []byte(" "))
	if len(text) == 0 {
		return "It wrote nothing."
	}
	if len(text) > ownShown {
		text = append([]byte("…"), bytes.ToValidUTF8(text[len(text)-ownShown:], nil)...)
	}
	return "It wrote: " + string(text)
}
