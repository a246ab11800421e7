package jobs

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"text/template"
	"unicode"

	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

// mailFiles are the texts of mails, one per kind: the first line is the subject.
//
//go:embed mails/*.txt
var mailFiles embed.FS

// subjectLimit is the longest subject in characters; names of people and groups go into it.
const subjectLimit = 150

// mailText is a rendered mail.
type mailText struct{ subject, body string }

// renderMail renders a mail's text. link stands for its link, so that the text can be made again without the secret; portal is
// the address that links to our pages begin with.
func renderMail(m store.Mail, link, portal string) (mailText, error) {
	t, err := template.New(string(m.Kind)+".txt").Option("missingkey=zero").ParseFS(mailFiles, "mails/"+string(m.Kind)+".txt")
	if err != nil {
		return mailText{}, fmt.Errorf("text of mail %s: %w", m.Kind, err)
	}
	data := maps.Clone(m.Data)
	if data == nil {
		data = map[string]string{}
	}
	for k, v := range data {
		if k == "text" || k == "reason" || k == "lines" {
			data[k] = plainText(v)
		} else {
			data[k] = typed.Isolate(inLine(v))
		}
	}
	if m.Kind == store.MailSummary {
		if data["text"], err = summaryText(m.Data["items"], portal); err != nil {
			return mailText{}, fmt.Errorf("text of mail %s: %w", m.Kind, err)
		}
	}
	data["link"] = link
	var b strings.Builder
	if err := t.Execute(&b, data); err != nil {
		return mailText{}, fmt.Errorf("text of mail %s: %w", m.Kind, err)
	}
	subject, body, _ := strings.Cut(b.String(), "\n")
	return mailText{subject: oneLine(subject), body: body + mailWhy(m, portal)}, nil
}

// summaryText is the subjects of the mails that a summary stands for, each with its page.
func summaryText(items, portal string) (string, error) {
	var list []store.Summed
	if items != "" {
		if err := json.Unmarshal([]byte(items), &list); err != nil {
			return "", err
		}
	}
	var lines []string
	for _, i := range list {
		t, err := renderMail(store.Mail{Kind: i.Kind, Data: i.Data}, "", portal)
		if err != nil {
			return "", err
		}
		lines = append(lines, "- "+t.subject+"\n  "+portal+i.Data["path"])
	}
	return strings.Join(lines, "\n"), nil
}

// errForgotten is of a mail that waited longer than its link is good for.
var errForgotten = errors.New("its link is forgotten: it has ended")

// mailLink is what a mail's link opens, and what stays of it in the outbox: of a secret one words in its place.
func (s *SendMail) mailLink(m store.Mail) (link, stays string, err error) {
	switch {
	case m.Sealed != nil:
	case m.Kind.Secret() && m.Data["path"] == "":
		return "", "", errForgotten
	default:
		return s.PublicURL + m.Data["path"], s.PublicURL + m.Data["path"], nil
	}
	path, err := s.Identity.Open(m.Sealed)
	return s.PublicURL + path, "(the link is in the mail alone)", err
}

// plainText keeps line breaks alone of what controls a terminal, a mail program or the direction of a line.
func plainText(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		if r != '\n' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, s)
}

// inLine makes one line: what people typed into a name begins no header and no paragraph.
func inLine(s string) string {
	words := strings.FieldsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) })
	return plainText(strings.Join(words, " "))
}

// oneLine makes a header's value.
func oneLine(s string) string {
	letters := []rune(strings.Join(strings.Fields(s), " ")) // of values that are clean
	if len(letters) > subjectLimit {
		letters = append(letters[:subjectLimit-1], '…')
	}
	return string(letters)
}
