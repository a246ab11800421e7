package loops

import (
	"context"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/store/machines"
)

// signInLook bounds one look, for a host that does not answer: nobody waits for what it finds.
const signInLook = 30 * time.Second

// readSignIns looks on the consoles of a host's young heads for whom to sign in as, and for their host keys. Each look goes
// on where the last one found nothing; a block that is half there is read again.
func (o *Observer) readSignIns(ctx context.Context, h machines.HostClaim) error {
	heads, err := o.Machines.SilentHeads(ctx, h.ID)
	if err != nil {
		return err
	}
	after := o.signInMarks(h.ID, nil)
	if len(heads) == 0 {
		return nil
	}
	queries := make([]provisioner.ConsoleQuery, len(heads))
	for i, head := range heads {
		queries[i] = provisioner.ConsoleQuery{Node: head.ID, Find: provisioner.SignInTexts(), After: after[head.ID]}
	}
	var texts []provisioner.ConsoleText
	ctx, cancel := context.WithTimeout(ctx, signInLook)
	defer cancel()
	err = o.Hosts.With(ctx, h.Address, func(d provisioner.Driver) (err error) {
		texts, err = d.Consoles(ctx, queries)
		return err
	})
	if err != nil {
		return err
	}
	marks := map[uuid.UUID]string{}
	for i, head := range heads {
		if len(texts[i].Lines) == 0 {
			marks[head.ID] = texts[i].Next
			continue
		}
		marks[head.ID] = after[head.ID]
		said, whole := provisioner.ReadSignIn(texts[i].Lines)
		if err := o.Machines.RecordSignIn(ctx, head, said, whole); err != nil {
			return err
		}
	}
	o.signInMarks(h.ID, marks)
	return nil
}

// signInMarks gives the marks of a host's last look, and keeps those of the next.
func (o *Observer) signInMarks(hostID uuid.UUID, next map[uuid.UUID]string) map[uuid.UUID]string {
	o.mu.Lock()
	defer o.mu.Unlock()
	last := o.signIns[hostID]
	if delete(o.signIns, hostID); len(next) > 0 {
		o.signIns[hostID] = next
	}
	return last
}
