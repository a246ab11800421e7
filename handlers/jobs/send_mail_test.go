package jobs_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"volary.dev/handlers/jobs"
	"volary.dev/store"
	"volary.dev/store/floors"
	"volary.dev/store/people"
	"volary.dev/store/queue"
	"volary.dev/store/sealing"
	"volary.dev/store/storetest"
)

// post is a mail server on this machine. It keeps what it takes, and refuses as long as refuse is set.
type post struct {
	net.Listener
	mu     sync.Mutex
	refuse bool
	took   []string // what came after DATA
	to     []string
}

func newPost(t *testing.T) *post {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &post{Listener: l}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { p.serve(c) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); open.Wait() })
	return p
}

func (p *post) serve(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	say := func(line string) { fmt.Fprintf(c, "%s\r\n", line) }
	say("220 post.example")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch verb := strings.ToUpper(strings.TrimSpace(line)); {
		case strings.HasPrefix(verb, "EHLO"), strings.HasPrefix(verb, "HELO"):
			say("250 post.example")
		case strings.HasPrefix(verb, "RCPT") && p.refuses(line):
			say("450 try later")
		case verb == "DATA":
			say("354 go on")
			p.take(r)
			say("250 taken")
		case verb == "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func (p *post) refuses(rcpt string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.to = append(p.to, strings.TrimSpace(rcpt))
	return p.refuse
}

func (p *post) take(r *bufio.Reader) {
	var b strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil || line == ".\r\n" {
			break
		}
		b.WriteString(line)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.took = append(p.took, b.String())
}

func (p *post) set(refuse bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = refuse
}

// mailing is one mail, to ben, that waits for the worker.
type mailing struct {
	t    *testing.T
	pool *pgxpool.Pool
	db   *floors.All
	job  *jobs.SendMail
	id   uuid.UUID
}

func newMailing(t *testing.T) *mailing {
	t.Helper()
	pool := storetest.Pool(t)
	m := &mailing{t: t, pool: pool, db: storetest.Open(t, pool)}
	m.job = &jobs.SendMail{Core: storetest.OpenAs(t, pool, store.RoleWorker).Core, Identity: storetest.MailIdentity(), PublicURL: "https://volary.example", Log: slog.New(slog.DiscardHandler)}
	err := m.db.People.SignUp(t.Context(), people.SignUp{Email: "ben@example.org", Name: "Ben", Organization: "Bio", Password: "a volary of birds"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := pool.QueryRow(t.Context(), `SELECT id FROM mails`).Scan(&m.id); err != nil {
		t.Fatal(err)
	}
	var queued int
	if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM river_job WHERE kind = 'send_mail' AND args->>'mail_id' = $1`, m.id.String()).Scan(&queued); err != nil || queued != 1 {
		t.Fatalf("%d jobs are queued for the mail, %v", queued, err)
	}
	return m
}

func (m *mailing) smtp(p *post) {
	m.t.Helper()
	s, err := jobs.NewSMTP("smtp://"+p.Addr().String(), "Volary <volary@volary.example>")
	if err != nil {
		m.t.Fatal(err)
	}
	m.job.SMTP = s
}

func (m *mailing) work(attempt int) error {
	return m.job.Work(m.t.Context(), &river.Job[queue.SendMail]{JobRow: &rivertype.JobRow{Attempt: attempt, MaxAttempts: 12}, Args: queue.SendMail{MailID: m.id}})
}

func (m *mailing) read() store.OutboxMail {
	m.t.Helper()
	o, err := m.db.Core.OutboxMail(m.t.Context(), m.id)
	if err != nil {
		m.t.Fatal(err)
	}
	return o
}

func TestMailIsKeptWithoutSMTP(t *testing.T) {
	m := newMailing(t)
	if err := m.work(1); err != nil {
		t.Fatal(err)
	}
	o := m.read()
	if o.State != "kept" || !o.HasLink || o.Path != "" || strings.Contains(o.Body, "token=") || !strings.Contains(o.Subject, "Confirm") {
		t.Errorf("outbox %+v", o)
	}
	list, total, err := m.db.Core.Outbox(t.Context(), store.MailFilter{State: "kept", Text: "BEN@"})
	if err != nil || total != 1 || list[0].ID != m.id {
		t.Errorf("outbox of kept mails: %d, %+v, %v", total, list, err)
	}
	// With SMTP at last it is sent.
	p := newPost(t)
	m.smtp(p)
	if err := m.db.Core.SendMailAgain(t.Context(), uuid.Nil, m.id); err != nil {
		t.Fatal(err)
	}
	if err := m.work(1); err != nil || m.read().State != "sent" {
		t.Errorf("sent again: %v, %+v", err, m.read())
	}
}

func TestMailIsSentAndForgetsItsLink(t *testing.T) {
	m, p := newMailing(t), newPost(t)
	m.smtp(p)
	p.set(true)
	if err := m.work(1); err == nil {
		t.Error("a refused mail is no error: River would not try again")
	}
	if o := m.read(); o.State != "waiting" || !strings.Contains(o.Error, "450") || o.Attempts != 1 {
		t.Errorf("after a refusal: %+v", o)
	}
	p.set(false)
	for range 2 { // a job that runs twice sends once
		if err := m.work(2); err != nil {
			t.Fatal(err)
		}
	}
	if len(p.took) != 1 {
		t.Fatalf("%d mails were sent", len(p.took))
	}
	msg, err := mail.ReadMessage(strings.NewReader(p.took[0]))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(msg.Body))
	if err != nil {
		t.Fatal(err)
	}
	if msg.Header.Get("To") != "<ben@example.org>" || !strings.Contains(msg.Header.Get("From"), "volary@volary.example") ||
		!strings.Contains(msg.Header.Get("Message-ID"), m.id.String()) || !strings.Contains(string(body), "https://volary.example/confirm?token=") {
		t.Errorf("sent:\n%s", p.took[0])
	}
	o := m.read()
	if o.State != "sent" || o.SentAt == nil || o.HasLink || o.Path != "" || strings.Contains(o.Body, "token=") {
		t.Errorf("the row of a sent mail keeps its secret: %+v", o)
	}
}

func TestMailFailsAtLast(t *testing.T) {
	m, p := newMailing(t), newPost(t)
	m.smtp(p)
	p.set(true)
	if err := m.work(12); err == nil {
		t.Error("the last failure is no error")
	}
	if o := m.read(); o.State != "failed" || !o.HasLink {
		t.Errorf("after the last try: %+v", o)
	}
}

// What people type into names begins no header and adds no recipient.
func TestMailHeadersCannotBeInjected(t *testing.T) {
	m, p := newMailing(t), newPost(t)
	m.smtp(p)
	const evil = "Eve\r\nBcc: all@example.org\r\n\r\nBuy now"
	_, err := m.pool.Exec(t.Context(), `UPDATE mails SET kind = 'invitation', data = jsonb_build_object('by', $2::text, 'place', $2::text, 'role', 'member') WHERE id = $1`, m.id, evil)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.work(1); err != nil {
		t.Fatal(err)
	}
	msg, err := mail.ReadMessage(strings.NewReader(p.took[0]))
	if err != nil {
		t.Fatal(err)
	}
	if msg.Header.Get("Bcc") != "" || len(p.to) != 1 || !strings.Contains(msg.Header.Get("Subject"), "Eve Bcc: all@example.org Buy now invites") {
		t.Errorf("to %v, sent:\n%s", p.to, p.took[0])
	}
	_, err = m.pool.Exec(t.Context(), `UPDATE mails SET state = 'waiting', to_address = $2 WHERE id = $1`, m.id, "ben@example.org>\r\nRCPT TO:<all@example.org")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.work(1); err == nil || len(p.took) != 1 {
		t.Errorf("an address with a line break is sent to: %v, %v", err, p.to)
	}
}

func TestEveryKindOfMailHasItsText(t *testing.T) {
	m := newMailing(t)
	for _, kind := range []store.MailKind{
		store.MailConfirm, store.MailAccountKnown, store.MailNoAccount, store.MailReset, store.MailConfirmEmail, store.MailEmailChanged,
		store.MailInvitation, store.MailSuspended, store.MailOrderWaiting, store.MailOrderDecided, store.MailRequestWaiting,
		store.MailRequestDecided, store.MailProviderDecided, store.MailAnnouncement, store.MailLedgerDiffers, store.MailLinkShown,
		store.MailClusterEnded, store.MailClusterPaused, store.MailClusterResumed, store.MailKeyAdded, store.MailRoleGiven, store.MailHostAdded, store.MailNewPlace,
	} {
		_, err := m.pool.Exec(t.Context(), `UPDATE mails SET state = 'waiting', kind = $2, sealed = NULL, data = '{"path": "/somewhere", "name": "Ben"}' WHERE id = $1`, m.id, string(kind))
		if err != nil {
			t.Fatal(err)
		}
		if err := m.work(1); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if o := m.read(); o.State != "kept" || o.Subject == "" || !strings.Contains(o.Body, "https://volary.example/somewhere") || strings.Contains(o.Body, "no value") {
			t.Errorf("%s: %+v", kind, o)
		}
	}
}

func TestNewSMTPRefuses(t *testing.T) {
	for _, c := range [][2]string{
		{"http://post.example", "volary@volary.example"},
		{"smtp://", "volary@volary.example"},
		{"smtp://user:secret@post.example:587", "nobody"},
		{"post.example:587", "volary@volary.example"},
	} {
		_, err := jobs.NewSMTP(c[0], c[1])
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s from %s: %v", c[0], c[1], err)
		}
	}
	for _, address := range []string{"smtp://user:secret@post.example:587", "smtps://post.example"} {
		if _, err := jobs.NewSMTP(address, "Volary <volary@volary.example>"); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// A worker with another identity sends nothing, and says why where an admin looks.
func TestALinkOfAnotherIdentityIsNotSent(t *testing.T) {
	m, p := newMailing(t), newPost(t)
	m.smtp(p)
	other, err := sealing.NewIdentity()
	storetest.NoError(t, err)
	m.job.Identity = other
	if err := m.work(12); err == nil {
		t.Error("a link that cannot be opened was sent")
	}
	if o := m.read(); o.State != "failed" || !strings.Contains(o.Error, "VOLARY_MAIL_IDENTITY_FILE") || len(p.took) != 0 {
		t.Errorf("%+v, sent %d", o, len(p.took))
	}
	// What lies in the database says nothing.
	var row string
	var sealed []byte
	storetest.NoError(t, m.pool.QueryRow(t.Context(), `SELECT row_to_json(m)::text, sealed FROM mails m`).Scan(&row, &sealed))
	if len(sealed) == 0 {
		t.Error("no sealed link is kept")
	}
	if seen := row + string(sealed); strings.Contains(seen, "token=") || strings.Contains(seen, "/confirm") {
		t.Errorf("the row has the link: %s", row)
	}
}

// A mail whose link is forgotten is not sent without it.
func TestAForgottenLinkIsNotSentAgain(t *testing.T) {
	m := newMailing(t)
	storetest.NoError(t, m.work(1))
	_, err := m.pool.Exec(t.Context(), `UPDATE mails SET sealed = NULL`)
	storetest.NoError(t, err)
	if _, err := m.pool.Exec(t.Context(), `UPDATE mails SET state = 'waiting'`); err != nil {
		t.Fatal(err)
	}
	if err := m.work(12); err == nil || m.read().State != "failed" {
		t.Errorf("a worker that comes late: %v, %+v", err, m.read())
	}
	r := storetest.WantRefusal(t, m.db.Core.SendMailAgain(t.Context(), uuid.Nil, m.id), "state")
	if !strings.Contains(r.Title, "forgotten") {
		t.Errorf("%+v", r)
	}
}
