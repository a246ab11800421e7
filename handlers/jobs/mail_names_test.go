package jobs

import (
	"regexp"
	"strings"
	"testing"

	"volary.dev/store"
)

// TestMailsKeepNamesInTheirPlace renders every mail with names from right to left: each stands between marks that keep it from
// turning around what stands beside it.
func TestMailsKeepNamesInTheirPlace(t *testing.T) {
	files, err := mailFiles.ReadDir("mails")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d texts, %v", len(files), err)
	}
	const name = "مختبر"
	field := regexp.MustCompile(`\.([a-z_]+)`)
	for _, file := range files {
		text, err := mailFiles.ReadFile("mails/" + file.Name())
		if err != nil {
			t.Fatal(err)
		}
		data := map[string]string{}
		for _, m := range field.FindAllStringSubmatch(string(text), -1) {
			if m[1] != "text" && m[1] != "reason" && m[1] != "lines" && m[1] != "link" {
				data[m[1]] = name
			}
		}
		mail, err := renderMail(store.Mail{Kind: store.MailKind(strings.TrimSuffix(file.Name(), ".txt")), Data: data}, "https://volary.example/", "https://volary.example")
		if err != nil {
			t.Fatal(err)
		}
		for part, s := range map[string]string{"subject": mail.subject, "body": mail.body} {
			if n, alone := strings.Count(s, name), strings.Count(s, "\u2068"+name+"\u2069"); n != alone {
				t.Errorf("%s: %d of %d names in the %s stand alone:\n%s", file.Name(), alone, n, part, s)
			}
		}
	}
}
