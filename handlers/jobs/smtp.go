package jobs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"volary.dev/store"
)

// smtpTimeout bounds one conversation with the server.
const smtpTimeout = 30 * time.Second

// ErrSMTPConfig says that an SMTP server's address or the sender's is not what NewSMTP takes.
var ErrSMTPConfig = errors.New("smtp configuration")

// SMTP sends mails by one server.
type SMTP struct {
	client *mail.Client
	host   string // the server's name, as configured
	from   string
}

// NewSMTP takes smtp://user:password@host:587 (STARTTLS, without which nothing is sent but to this very machine) or
// smtps://user:password@host:465, and the sender: an address, with a name or without. It dials nothing.
func NewSMTP(address, from string) (*SMTP, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || (u.Scheme != "smtp" && u.Scheme != "smtps") {
		// The address is left out: it may carry a password.
		return nil, fmt.Errorf("%w: the server is not of the form smtp://user:password@host:587 or smtps://…", ErrSMTPConfig)
	}
	if err := mail.NewMsg().From(from); err != nil {
		return nil, fmt.Errorf("%w: sender %q is no address: %w", ErrSMTPConfig, from, err)
	}
	options := []mail.Option{mail.WithTimeout(smtpTimeout)}
	port := 587
	if u.Scheme == "smtps" {
		port = 465
		options = append(options, mail.WithSSL())
	} else {
		options = append(options, mail.WithTLSPolicy(starttls(u.Hostname())))
	}
	if u.Port() != "" {
		if port, err = strconv.Atoi(u.Port()); err != nil {
			return nil, fmt.Errorf("%w: port %q", ErrSMTPConfig, u.Port())
		}
	}
	options = append(options, mail.WithPort(port))
	if u.User != nil {
		password, _ := u.User.Password()
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(u.User.Username()), mail.WithPassword(password))
	}
	client, err := mail.NewClient(u.Hostname(), options...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSMTPConfig, err)
	}
	return &SMTP{client: client, host: u.Hostname(), from: from}, nil
}

func starttls(host string) mail.TLSPolicy {
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return mail.TLSOpportunistic
	}
	return mail.TLSMandatory
}

// send sends one text. Its Message-ID is the mail's, so that a mail sent twice after a crash is shown once.
func (s *SMTP) send(ctx context.Context, m store.Mail, t mailText) error {
	msg := mail.NewMsg()
	if err := msg.From(s.from); err != nil {
		return fmt.Errorf("sender: %w", err)
	}
	if err := msg.To(m.ToAddress); err != nil {
		return fmt.Errorf("recipient: %w", err)
	}
	msg.Subject(t.subject)
	msg.SetMessageIDWithValue(m.ID.String() + "@volary")
	msg.SetDateWithValue(m.CreatedAt)
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(mail.TypeTextPlain, t.body)
	err := s.client.DialAndSendWithContext(ctx, msg)
	if err != nil && msg.IsDelivered() {
		return nil // what failed was the goodbye
	}
	return s.refusedForGood(err)
}

// refusedMail is a mail that the server will not take, however often it is asked: an address without a mailbox, a content
// that it does not want. A refusal of who sends is none, nor one of our password: those are repaired here.
type refusedMail struct {
	server, words string // words: one line, bounded, of letters that a page can show
	err           error
}

// Error implements error, for the outbox.
func (r *refusedMail) Error() string { return r.err.Error() }

func (r *refusedMail) Unwrap() error { return r.err }

func (s *SMTP) refusedForGood(err error) error {
	var said *mail.SendError
	if !errors.As(err, &said) || said.IsTemp() || said.ErrorCode() < 500 || said.ErrorCode() > 599 {
		return err
	}
	if said.Reason != mail.ErrSMTPRcptTo && said.Reason != mail.ErrSMTPData && said.Reason != mail.ErrSMTPDataClose {
		return err
	}
	words := strings.TrimPrefix(said.Error(), said.Reason.String()+":")
	for _, ours := range []string{", affected message ID: ", ", affected recipient(s): "} {
		if i := strings.LastIndex(words, ours); i >= 0 {
			words = words[:i]
		}
	}
	return &refusedMail{server: s.host, words: serverWords(words), err: err}
}

// mostServerWords bounds what is shown of a server's answer, in letters.
const mostServerWords = 200

// serverWords makes one line of what a server says, which may be anything.
func serverWords(said string) string {
	letters := []rune(strings.ToValidUTF8(inLine(said), "?"))
	if len(letters) > mostServerWords {
		letters = append(letters[:mostServerWords-1], '…')
	}
	return strings.TrimSpace(string(letters))
}
