package main

import (
	"bytes"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestPortal begins with an empty portal and one command, which makes the first admin. Everything after that is done in
// browsers: a provider comes and gets ready to sell, a group signs up, buys and launches, and its investigator bounds
// a member and approves what is above the bound. The provider's people sit at desks and the group's have phones. A second
// group does the same on tablets, with JavaScript off.
func TestPortal(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the lab's hosts and Chromium")
	}
	p := &portal{volary: startBare(t, "portal"), chromium: startChromium(t), looked: map[string]bool{}}
	out := p.command(t, visitorPassword+"\n", "user", "create", "root@volary.example", "--name", "Rosa Root", "--platform", "--password-stdin")
	if !strings.Contains(out, "root@volary.example") {
		t.Fatalf("the first admin: %s", out)
	}
	for _, story := range []struct {
		title string
		tell  func(*testing.T)
	}{
		{"a provider comes", func(t *testing.T) { providerComes(t, p) }},
		{"a group comes", func(t *testing.T) { groupComes(t, p, tides()) }},
		{"a group comes without scripts", func(t *testing.T) { groupComes(t, p, genomes()) }},
	} {
		begun := time.Now()
		if !t.Run(story.title, story.tell) {
			return
		}
		t.Logf("%s: %s", story.title, time.Since(begun).Round(time.Second))
	}
	p.nothingLeft(t)
	if out := p.command(t, "", "ledger", "verify"); !strings.Contains(out, "whole") {
		t.Errorf("the ledger: %s", out)
	}
}

// command runs the operator's program.
func (p *portal) command(t *testing.T, input string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), p.program("volary"), args...)
	cmd.Env = append(os.Environ(), "DATABASE_URL="+p.users.Owner, "VOLARY_BLOB_DIR="+p.path("blob"),
		"VOLARY_MAIL_IDENTITY_FILE="+p.mailIdentity(), "VOLARY_PUBLIC_URL="+p.address())
	cmd.Stdin = bytes.NewBufferString(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("volary %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// pasted runs a line that was printed, as it stands, in a shell that knows nothing else.
func (p *portal) pasted(t *testing.T, line string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}

// admin is the platform's, signed in.
func (p *portal) admin(t *testing.T, scripts bool) *visitor {
	t.Helper()
	v := p.visitor(t, "Rosa Root", scripts)
	v.email = "root@volary.example"
	v.signsIn()
	v.at("/platform")
	return v
}

func (v *visitor) signsIn() {
	v.t.Helper()
	v.visit("/sign-in")
	v.fillAll("email", v.email, "password", v.password)
	v.follow("Sign in")
}

// signsUp makes an account and an organization; the admin passes the mail on.
func (v *visitor) signsUp(admin *visitor, organization string) {
	v.t.Helper()
	v.visit("/sign-up")
	v.fillAll("name", v.name, "email", v.email, "organization", organization, "password", visitorPassword)
	v.follow("Sign up")
	v.says("Look into your mail")
	v.visit(admin.mailTo(v.email, "Confirm"))
	v.fill("password", visitorPassword)
	v.follow("Confirm and sign in")
}

// joins accepts an invitation with a new account. Who was written to has shown that the address is theirs.
func (v *visitor) joins(link string) {
	v.t.Helper()
	v.visit(link)
	v.fillAll("name", v.name, "password", visitorPassword)
	v.follow("Accept and make the account")
}

// joinsByLink is joins for an invitation that was for whoever has the link: the address is confirmed by a mail.
func (v *visitor) joinsByLink(admin *visitor, link string) {
	v.t.Helper()
	v.visit(link)
	v.fillAll("name", v.name, "email", v.email, "password", visitorPassword)
	v.follow("Accept and make the account")
	v.visit(admin.mailTo(v.email, "Confirm"))
	v.fill("password", visitorPassword)
	v.follow("Confirm and sign in")
}

// mailTo is the path of the link in the newest mail to an address whose subject contains a text. The outbox has the mail, and
// a link that everyone may know; a secret one is the operator's to open.
func (v *visitor) mailTo(address, subject string) string {
	v.t.Helper()
	list := "/platform/outbox?sort=-created&q=" + url.QueryEscape(address)
	v.wait("the mail to "+address, func() bool {
		v.visit(list)
		return strings.Contains(v.text("main table"), subject)
	})
	v.followIn(subject, "")
	v.at("/platform/outbox/:id")
	if strings.Contains(v.text("main"), "Its link is sealed") {
		link := strings.TrimSpace(v.portal.pasted(v.t, v.portal.mailCommand(address)+" --subject="+shellQuoted(subject)))
		path, ok := strings.CutPrefix(link, v.base)
		if !ok {
			v.t.Fatalf("the mail to %s links to %q", address, link)
		}
		return path
	}
	return v.linkOnPage()
}

// linkOnPage is the path of the link that the page shows to pass on.
func (v *visitor) linkOnPage() string {
	v.t.Helper()
	path, ok := strings.CutPrefix(v.text("main .copy code"), v.base)
	if !ok {
		v.t.Fatalf("the page shows no link to pass on: %s", v.text("main"))
	}
	return path
}

// uploads gives the portal an image and waits for the verdict. Only this needs scripts.
func (v *visitor) uploads(file string) {
	v.t.Helper()
	quiet := v.quiet
	if quiet {
		v.visit("/org/images/new")
		v.says("This page needs JavaScript")
		v.scripts(true)
	}
	v.visit("/org/images/new")
	v.do("choose the file", chromedp.SetUploadFiles(chromedp.CSS(`input[type=file]`), []string{file}))
	v.at("/org/uploads/:id")
	if quiet {
		v.scripts(false)
		v.visit(v.path())
	}
	v.see("What came of it")
	v.followIn("the whole file", strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)))
	v.at("/org/images/:id")
	v.says("Verdict", "Canonical qcow2")
}
