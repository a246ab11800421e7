package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// How much a person is mailed of what happened. Beyond MostNotices within an hour what follows comes together, in one mail
// every summaryPause, so that a storm is 25 mails an hour and nothing of it is lost.
const (
	MostNotices  = 20
	summaryPause = 10 * time.Minute
)

// noticesAtOnce bounds one transaction of MailNotices; the rest follows with the next.
const noticesAtOnce = 1000

// mostSummed is how many of a summary's happenings are named.
const mostSummed = 20

// noticesKept is how long what was told is known. Nothing that a clock tells lies longer before its end than the 30 days of
// an expiry.
const noticesKept = "60 days"

// notice is one person's, read together with whom it is for.
type notice struct {
	PersonID  uuid.UUID
	Event     MailEvent
	SubjectID uuid.UUID
	Mark      string
	Kind      MailKind
	GroupID   uuid.UUID
	Data      map[string]string
	Email     string
	Name      string
	Role      *string // at the place now, as Tell has it; nil for who is no longer of it, or suspended
}

// stays tells whether the person may still see what the notice tells.
func (n notice) stays() bool {
	if n.Role == nil {
		return false
	}
	_, may := ruleOf(n.Event).Roles[*n.Role]
	return may
}

// MailNotices makes mails of the notices that are due, and returns how many mails. What one group gathered is one mail; what
// a person gets beyond MostNotices within an hour is summed up; who is no longer of the place, has a role by now that may not see
// it, or is suspended, gets nothing. One
// worker does it at a time: for others there is nothing to do meanwhile.
func (db *DB) MailNotices(ctx context.Context) (mails int, err error) {
	err = db.Tx(ctx, func(tx pgx.Tx) error {
		mails = 0
		// What a person has had is counted, so that no two may count at once.
		var first bool
		if err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock(hashtextextended('mail notices', 0))`).Scan(&first); err != nil || !first {
			return err
		}
		due, err := dueNotices(ctx, tx)
		if err != nil || len(due) == 0 {
			return err
		}
		had, err := hadMails(ctx, tx, due)
		if err != nil {
			return err
		}
		p := plan{now: had.now}
		for _, person := range byPerson(due) {
			p.person(person, had.of[person[0].PersonID])
		}
		if mails = len(p.mails); mails > 0 {
			if err := db.queueMails(ctx, tx, p.mails); err != nil {
				return err
			}
		}
		return p.write(ctx, tx)
	})
	if err != nil {
		return 0, fmt.Errorf("mail notices: %w", err)
	}
	return mails, nil
}

func dueNotices(ctx context.Context, tx pgx.Tx) ([]notice, error) {
	rows, _ := tx.Query(ctx, `
		SELECT n.person_id, n.event, n.subject_id, n.mark, n.kind, n.group_id, n.data, p.email, p.name,
		       CASE WHEN p.suspended_at IS NULL THEN coalesce(
		         (SELECT m.role FROM memberships m WHERE m.organization_id = n.place_id AND m.person_id = n.person_id),
		         (SELECT f.role FROM staff f WHERE f.provider_id = n.place_id AND f.person_id = n.person_id),
		         CASE WHEN n.place_id = $1 AND p.platform_admin THEN 'admin' END) END AS role
		  FROM notices n JOIN people p ON p.id = n.person_id
		 WHERE n.ended_at IS NULL AND n.due_at <= now() ORDER BY n.due_at, n.created_at, n.subject_id, n.mark LIMIT $2`, uuid.Nil, noticesAtOnce)
	return All(rows, "notices", pgx.RowToStructByName[notice])
}

// had is what people were mailed of events within the hour.
type had struct {
	now time.Time
	of  map[uuid.UUID]hadMail
}

type hadMail struct {
	Mails int
	Last  time.Time
}

func hadMails(ctx context.Context, tx pgx.Tx, due []notice) (had, error) {
	h := had{of: map[uuid.UUID]hadMail{}}
	var people []uuid.UUID
	for _, n := range due {
		people = append(people, n.PersonID)
	}
	if err := tx.QueryRow(ctx, `SELECT now()`).Scan(&h.now); err != nil {
		return h, err
	}
	rows, _ := tx.Query(ctx, `
		SELECT person_id, count(DISTINCT mail_id)::int, max(ended_at) FROM notices
		 WHERE person_id = ANY ($1) AND mail_id IS NOT NULL AND ended_at > now() - interval '1 hour' GROUP BY person_id`, people)
	var id uuid.UUID
	var m hadMail
	_, err := pgx.ForEachRow(rows, []any{&id, &m.Mails, &m.Last}, func() error { h.of[id] = m; return nil })
	return h, err
}

func byPerson(due []notice) (list [][]notice) {
	at := map[uuid.UUID]int{}
	for _, n := range due {
		i, there := at[n.PersonID]
		if !there {
			i = len(list)
			at[n.PersonID] = i
			list = append(list, nil)
		}
		list[i] = append(list[i], n)
	}
	return list
}

// plan is what is to become of the notices that are due.
type plan struct {
	now     time.Time
	mails   []Outgoing
	mailed  []notice
	mailIDs []*uuid.UUID // beside mailed; nil: no mail
	later   []notice     // beyond what a person gets now
	due     []time.Time  // beside later
}

func (p *plan) person(list []notice, h hadMail) {
	var stay []notice
	for _, n := range list {
		if n.stays() {
			stay = append(stay, n)
		} else {
			p.end(n, nil)
		}
	}
	for len(stay) > 0 && h.Mails < MostNotices {
		group, rest := nextGroup(stay)
		stay = rest
		h.Mails, h.Last = h.Mails+1, p.now
		m := Outgoing{To: group[0].Email, Kind: group[0].Kind, Data: merged(group)}
		if h.Mails == MostNotices {
			m.Data["many"] = strconv.Itoa(MostNotices)
		}
		p.mail(m, group)
	}
	if len(stay) == 0 {
		return
	}
	if next := h.Last.Add(summaryPause); next.After(p.now) {
		for _, n := range stay {
			p.later, p.due = append(p.later, n), append(p.due, next)
		}
		return
	}
	p.mail(summary(stay), stay)
}

func (p *plan) mail(m Outgoing, of []notice) {
	id := uuid.Must(uuid.NewV7())
	m.ID = id
	p.mails = append(p.mails, m)
	for _, n := range of {
		p.end(n, &id)
	}
}

func (p *plan) end(n notice, mail *uuid.UUID) {
	p.mailed, p.mailIDs = append(p.mailed, n), append(p.mailIDs, mail)
}

// nextGroup takes the first notice, and what is gathered with it.
func nextGroup(list []notice) (group, rest []notice) {
	first, gathers := list[0], ruleOf(list[0].Event).Gather > 0
	for i, n := range list {
		if i == 0 || gathers && n.Event == first.Event && n.GroupID == first.GroupID {
			group = append(group, n)
		} else {
			rest = append(rest, n)
		}
	}
	return group, rest
}

// merged is the data of the mail of a group: that of its first notice, with each one's "line" in "lines".
func merged(group []notice) map[string]string {
	data := maps.Clone(group[0].Data)
	data["name"] = group[0].Name
	var lines []string
	for _, n := range group {
		if l := n.Data["line"]; l != "" {
			lines = append(lines, l)
		}
	}
	if data["count"] = strconv.Itoa(len(group)); len(lines) > 0 {
		data["lines"] = strings.Join(lines, "\n")
	}
	return data
}

// Summed is one happening of a summary, in the data's "items".
type Summed struct {
	Kind MailKind          `json:"kind"`
	Data map[string]string `json:"data"`
}

// summary is one mail of many happenings.
func summary(list []notice) Outgoing {
	var items []Summed
	groups := 0
	first := list[0]
	for rest := list; len(rest) > 0; groups++ {
		var group []notice
		group, rest = nextGroup(rest)
		if len(items) < mostSummed {
			items = append(items, Summed{group[0].Kind, merged(group)})
		}
	}
	b, _ := json.Marshal(items) //nolint:errchkjson // strings alone
	return Outgoing{To: first.Email, Kind: MailSummary, Data: map[string]string{
		"name": first.Name, "count": strconv.Itoa(groups), "items": string(b), "more": strconv.Itoa(groups - len(items)), "path": "/account/mails",
	}}
}

func (p *plan) write(ctx context.Context, tx pgx.Tx) error {
	batch := &pgx.Batch{}
	for i, n := range p.mailed {
		batch.Queue(`UPDATE notices SET ended_at = now(), mail_id = $5 WHERE person_id = $1 AND event = $2 AND subject_id = $3 AND mark = $4`,
			n.PersonID, n.Event, n.SubjectID, n.Mark, p.mailIDs[i])
	}
	for i, n := range p.later {
		batch.Queue(`UPDATE notices SET due_at = $5 WHERE person_id = $1 AND event = $2 AND subject_id = $3 AND mark = $4`,
			n.PersonID, n.Event, n.SubjectID, n.Mark, p.due[i])
	}
	return tx.SendBatch(ctx, batch).Close()
}

// ForgetNotices forgets what was told long ago; most is how many rows of a kind go at once.
func (db *DB) ForgetNotices(ctx context.Context, most int) error {
	for _, s := range []string{
		`DELETE FROM notices WHERE ctid IN (SELECT ctid FROM notices WHERE ended_at < now() - interval '` + noticesKept + `' LIMIT $1)`,
		`DELETE FROM told WHERE ctid IN (SELECT ctid FROM told WHERE at < now() - interval '` + noticesKept + `' LIMIT $1)`,
	} {
		if _, err := db.pool.Exec(ctx, s, most); err != nil {
			return fmt.Errorf("forget notices: %w", err)
		}
	}
	return nil
}
