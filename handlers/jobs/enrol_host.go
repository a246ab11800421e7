package jobs

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/riverqueue/river"

	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/machines"
)

// enrolPause is how soon a machine is asked again that did not report its host's code; a host's code is waited for a day.
const enrolPause = 15 * time.Second

// enrol asks the machine at a host's address who it is, and makes nothing there. It tells whether the host is enrolled now;
// where it is not, err says when it is asked again, or is nil where no code is waited for any more.
func (c *CheckHost) enrol(ctx context.Context, h machines.Host) (enrolled bool, err error) {
	ask, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	address := h.Address
	address.Machine = provisioner.Machine{} // whoever answers
	var e provisioner.Enrolment
	asked := c.Hosts.With(ask, address, func(d provisioner.Driver) (err error) {
		e, err = d.Enrolment(ask)
		return err
	})
	if ctx.Err() != nil {
		return false, ctx.Err() // the worker stops: another one asks
	}
	var step machines.EnrolmentStep
	if asked != nil {
		step, err = c.Machines.EnrolmentUnanswered(ctx, h.ID, unanswered(asked))
	} else {
		step, err = c.Machines.EnrolHost(ctx, h.ID, e)
	}
	if r, ok := refusal.As(err); ok && r.Code == "not_found" {
		return false, nil // it was removed
	}
	if err != nil {
		return false, err
	}
	c.Log.InfoContext(ctx, "host enrolment", "host", h.ID, "step", step, "hook", e.Hook, "error", asked)
	if step == machines.EnrolmentWaits {
		return false, river.JobSnooze(cmp.Or(c.EnrolPause, enrolPause))
	}
	return step == machines.EnrolmentDone, nil
}

func unanswered(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		err = provisioner.ErrHostUnreachable
	}
	return "It could not be asked: " + firstLine(err) + "."
}
