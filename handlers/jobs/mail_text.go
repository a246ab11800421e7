package jobs

import (
	"embed"
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

// renderMail renders a mail's text. What people typed keeps to its place: it begins no header and turns nothing around. link stands for its link, so that the text can be made again without the secret.
func renderMail(m store.Mail, link string) (mailText, error) {
	t, err := template.New(string(m.Kind)+".txt").Option("missingkey=zero").ParseFS(mailFiles, "mails/"+string(m.Kind)+".txt")
	if err != nil {
		return mailText{}, fmt.Errorf("text of mail %s: %w", m.Kind, err)
	}
	data := maps.Clone(m.Data)
	if data == nil {
		data = map[string]string{}
	}
	for k, v := range data {
		if k == "text" || k == "reason" {
			data[k] = plainText(v) // paragraphs of their own
		} else {
			data[k] = typed.Isolate(inLine(v))
		}
	}
	data["link"] = link
	var b strings.Builder
	if err := t.Execute(&b, data); err != nil {
		return mailText{}, fmt.Errorf("text of mail %s: %w", m.Kind, err)
	}
	subject, body, _ := strings.Cut(b.String(), "\n")
	return mailText{subject: oneLine(subject), body: body}, nil
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

// plainText keeps line breaks alone of what controls a terminal or a mail program.
func plainText(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		if r != '\n' && unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
}

// inLine makes one line: what people typed into a name begins no header and no paragraph.
func inLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }), " ")
}

// oneLine makes a header's value.
func oneLine(s string) string {
	letters := []rune(inLine(s))
	if len(letters) > subjectLimit {
		letters = append(letters[:subjectLimit-1], '…')
	}
	return string(letters)
}
