package jobs_test

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"

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
	refuse string   // the answer to RCPT; empty: it is taken
	after  string   // the same after a mail's text
	sender string   // the same to MAIL
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
		case strings.HasPrefix(verb, "MAIL"):
			p.mu.Lock()
			said := cmp.Or(p.sender, "250 ok")
			p.mu.Unlock()
			say(said)
		case strings.HasPrefix(verb, "RCPT"):
			say(cmp.Or(p.refuses(line), "250 ok"))
		case verb == "DATA":
			say("354 go on")
			say(cmp.Or(p.take(r), "250 taken"))
		case verb == "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func (p *post) refuses(rcpt string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.to = append(p.to, strings.TrimSpace(rcpt))
	return p.refuse
}

func (p *post) take(r *bufio.Reader) (refusal string) {
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
	if p.after == "" {
		p.took = append(p.took, b.String())
	}
	return p.after
}

func (p *post) set(refuse bool) {
	if refuse {
		p.answer("450 try later", "")
	} else {
		p.answer("", "")
	}
}

func (p *post) answer(rcpt, after string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse, p.after = rcpt, after
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
		store.MailClusterEnded, store.MailClusterPaused, store.MailClusterResumed, store.MailKeyAdded, store.MailRoleGiven, store.MailHostAdded, store.MailCertificateKey, store.MailNewPlace,
		store.MailPassword, store.MailSummary, store.MailClusterReady, store.MailClusterFailed, store.MailScaleFailed, store.MailClusterOver, store.MailNodesLost,
		store.MailLeaseEnds, store.MailDisksEnd, store.MailTestEnded, store.MailHoursLow, store.MailHoursExpire, store.MailOverdue, store.MailHostLost, store.MailUploadStale, store.MailUploadGone, store.MailLedgerHeads, store.MailStatement,
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

// A server's "never" ends a mail: no try follows, its words are kept, bounded and in one line, and the mail can be given again.
func TestAMailRefusedForGoodEnds(t *testing.T) {
	for name, c := range map[string]struct{ rcpt, after, state, words string }{
		"no such user":   {rcpt: "550 no such user", state: "refused", words: "550 no such user"},
		"in two lines":   {rcpt: "550-5.1.1 no such\r\n550 5.1.1 user", state: "refused", words: "550 5.1.1 no such 5.1.1 user"},
		"a content":      {after: "554 we do not want this", state: "refused", words: "554 we do not want this"},
		"hostile":        {rcpt: "550 \x1b[31m<script>\x00\u202etxt\xff, affected message ID: x" + strings.Repeat("y", 500), state: "refused"},
		"later":          {rcpt: "450 try later", state: "waiting"},
		"content, later": {after: "451 busy", state: "waiting"},
	} {
		t.Run(name, func(t *testing.T) {
			m, p := newMailing(t), newPost(t)
			m.smtp(p)
			p.answer(c.rcpt, c.after)
			err := m.work(1)
			o := m.read()
			if (err == nil) != (c.state == "refused") || o.State != c.state || o.Attempts != 1 || o.Error == "" {
				t.Fatalf("%v, %+v", err, o)
			}
			var server, words string
			storetest.NoError(t, m.pool.QueryRow(t.Context(), `SELECT refused_by, refused FROM mails`).Scan(&server, &words))
			if c.state != "refused" {
				if server+words != "" {
					t.Errorf("%s says %q of a mail that it may take", server, words)
				}
				return
			}
			letters := []rune(words)
			if server != "127.0.0.1" || c.words != "" && words != c.words || len(letters) > 200 || strings.ContainsFunc(words, unicode.IsControl) || strings.ContainsRune(words, '\u202e') || !utf8.ValidString(words) {
				t.Errorf("%s says %q", server, words)
			}
			p.answer("", "")
			storetest.NoError(t, m.work(2)) // River may ask again: it is left alone
			if m.read().State != "refused" {
				t.Errorf("%+v", m.read())
			}
			storetest.NoError(t, m.db.Core.SendMailAgain(t.Context(), uuid.Nil, m.id))
			if err := m.work(1); err != nil || m.read().State != "sent" {
				t.Errorf("given again: %v, %+v", err, m.read())
			}
		})
	}
}

// A refusal of who we are says nothing of the address.
func TestARefusedSenderIsTriedAgain(t *testing.T) {
	m, p := newMailing(t), newPost(t)
	m.smtp(p)
	p.mu.Lock()
	p.sender = "553 who are you"
	p.mu.Unlock()
	if err := m.work(1); err == nil || m.read().State != "waiting" {
		t.Errorf("%v, %+v", err, m.read())
	}
}

// Names stand in a subject as they are, in one header, and in a text alone in their direction.
func TestNamesInMails(t *testing.T) {
	m, p := newMailing(t), newPost(t)
	m.smtp(p)
	const name = "Группа שלום"
	_, err := m.pool.Exec(t.Context(), `UPDATE mails SET kind = 'hours_low', sealed = NULL, data = jsonb_build_object('organization', $2::text, 'provider', 'North' || chr(8238) || E'\r\nBcc: all@example.org',
		'percent', '20', 'left', '20.00', 'full', '100.00', 'path', '/org/wallet', 'name', 'Ben', 'of', $2::text, 'role', 'owner', 'own', '', 'many', '20') WHERE id = $1`, m.id, name)
	storetest.NoError(t, err)
	storetest.NoError(t, m.work(1))
	msg, err := mail.ReadMessage(strings.NewReader(p.took[0]))
	storetest.NoError(t, err)
	raw := msg.Header.Get("Subject")
	subject, err := new(mime.WordDecoder).DecodeHeader(raw)
	storetest.NoError(t, err)
	if !strings.HasPrefix(raw, "=?UTF-8?") || !strings.Contains(subject, name) || !strings.Contains(subject, "North Bcc: all@example.org") || msg.Header.Get("Bcc") != "" || strings.ContainsRune(subject, '\u202e') {
		t.Errorf("subject %q, %q", raw, subject)
	}
	b, err := io.ReadAll(quotedprintable.NewReader(msg.Body))
	storetest.NoError(t, err)
	body := strings.ReplaceAll(string(b), "\r\n", "\n")
	for _, want := range []string{
		"\u2068" + name + "\u2069 has 20.00 compute hours left", "You get this mail because you are owner of \u2068" + name + "\u2069. Choose which mails you get: https://volary.example/account/mails",
		"This is the last of 20 mails of this kind within an hour.", "https://volary.example/org/wallet",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is missing of\n%s", want, body)
		}
	}
}

// A summary names what happened, each with its page.
func TestASummaryNamesWhatHappened(t *testing.T) {
	m := newMailing(t)
	_, err := m.pool.Exec(t.Context(), `UPDATE mails SET kind = 'summary', sealed = NULL, data = jsonb_build_object('count', '3', 'more', '1', 'path', '/account/mails', 'name', 'Ben', 'items', $2::text) WHERE id = $1`, m.id,
		`[{"kind":"cluster_ready","data":{"cluster":"one","path":"/org/clusters/1"}},{"kind":"nodes_lost","data":{"cluster":"two","count":"2","path":"/org/clusters/2"}}]`)
	storetest.NoError(t, err)
	storetest.NoError(t, m.work(1))
	if o := m.read(); o.Subject != "3 things happened at Volary" || !strings.Contains(o.Body, "- The cluster one is ready\n  https://volary.example/org/clusters/1\n- 2 nodes of two are lost\n  https://volary.example/org/clusters/2\n") || !strings.Contains(o.Body, "and 1 more.") {
		t.Errorf("%s\n%s", o.Subject, o.Body)
	}
}

// Mails about safety say that they are always sent; whoever has no account is told of no choice.
func TestMailsSayWhyTheyCome(t *testing.T) {
	m := newMailing(t)
	for kind, want := range map[store.MailKind]string{
		store.MailKeyAdded: "always sent", store.MailPassword: "always sent", store.MailNewPlace: "always sent", store.MailRoleGiven: "always sent",
		store.MailTestEnded: "because you began this test", store.MailUploadGone: "because you began this upload", store.MailClusterReady: "because you launched or started this cluster",
		store.MailOrderDecided: "because you ordered these hours", store.MailNoAccount: "has no account there",
	} {
		_, err := m.pool.Exec(t.Context(), `UPDATE mails SET state = 'waiting', kind = $2, sealed = NULL, data = '{"path": "/somewhere", "name": "Ben", "own": "yes", "of": "Astro", "role": "member"}' WHERE id = $1`, m.id, string(kind))
		storetest.NoError(t, err)
		storetest.NoError(t, m.work(1))
		if o := m.read(); !strings.Contains(strings.ReplaceAll(o.Body, "\n", " "), want) || strings.Contains(o.Body, "/account/mails") == (kind == store.MailNoAccount) {
			t.Errorf("%s:\n%s", kind, o.Body)
		}
	}
}
