package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"volary.dev/store"
	"volary.dev/store/queue"
	"volary.dev/store/sealing"
)

// SendMail renders a mail and sends it, or keeps it for the outbox of the platform's admins.
type SendMail struct {
	river.WorkerDefaults[queue.SendMail]
	Core      *store.DB
	SMTP      *SMTP            // nil: mails are kept
	Identity  sealing.Identity // opens secret links
	PublicURL string           // of the portal, without a slash at its end: links in mails begin with it
	Log       *slog.Logger
}

// Timeout implements river.Worker.
func (*SendMail) Timeout(*river.Job[queue.SendMail]) time.Duration { return 2 * smtpTimeout }

// Work implements river.Worker. A mail that is sent, kept or refused for good is left alone; between the server's yes and our note of it
// lies the one moment in which a dying worker makes a second copy, with the same Message-ID.
func (s *SendMail) Work(ctx context.Context, job *river.Job[queue.SendMail]) error {
	m, err := s.Core.MailForWorker(ctx, job.Args.MailID)
	if err != nil || m.State != "waiting" {
		return err
	}
	link, afterwards, err := s.mailLink(m)
	if err != nil {
		return s.failed(ctx, job, fmt.Errorf("open the link of mail %s: %w", m.ID, err))
	}
	stays, err := renderMail(m, afterwards, s.PublicURL)
	if err != nil {
		return s.failed(ctx, job, err)
	}
	if s.SMTP == nil {
		return s.Core.MailKept(ctx, m.ID, stays.subject, stays.body)
	}
	text, err := renderMail(m, link, s.PublicURL)
	if err != nil {
		return s.failed(ctx, job, err)
	}
	if err := s.SMTP.send(ctx, m, text); err != nil {
		var refused *refusedMail
		if errors.As(err, &refused) {
			s.Log.WarnContext(ctx, "mail refused for good", "mail", m.ID, "kind", m.Kind, "error", err)
			return s.Core.MailRefused(context.WithoutCancel(ctx), m.ID, refused.server, refused.words, plainText(err.Error()))
		}
		return s.failed(ctx, job, fmt.Errorf("send mail %s: %w", m.ID, err))
	}
	s.Log.InfoContext(ctx, "mail sent", "mail", m.ID, "kind", m.Kind)
	return s.Core.MailSent(context.WithoutCancel(ctx), m.ID, stays.subject, stays.body)
}

// failed notes why for the outbox; the error makes River try again later.
func (s *SendMail) failed(ctx context.Context, job *river.Job[queue.SendMail], err error) error {
	last := job.Attempt >= job.MaxAttempts
	return errors.Join(err, s.Core.MailFailed(context.WithoutCancel(ctx), job.Args.MailID, err.Error(), last))
}
