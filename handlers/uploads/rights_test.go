package uploads_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"volary.dev/handlers/handlertest"
	"volary.dev/provisioner/waittest"
	"volary.dev/store/people"
)

// TestRunningUploadEndsWithTheRight has half of a file sent, and then the right to send end in every way there is: the request
// is answered although its sender keeps still, and a colleague goes on where it was.
func TestRunningUploadEndsWithTheRight(t *testing.T) {
	app, world, _ := start(t)
	app.Listen()
	ctx, member := t.Context(), world.Person(handlertest.Member)
	root := world.Person(handlertest.PlatformAdmin)
	for name, c := range map[string]struct {
		end, again func() error
		status     int
		says       string
	}{
		"the role": {
			func() error {
				return app.Store.People.ChangeMember(ctx, world.Organization, world.Person(handlertest.Owner), member, people.RoleBilling)
			},
			func() error {
				return app.Store.People.ChangeMember(ctx, world.Organization, world.Person(handlertest.Owner), member, people.RoleMember)
			}, http.StatusForbidden, "change your role",
		},
		"the session": {
			func() error {
				_, err := app.Pool.Exec(ctx, `DELETE FROM sessions WHERE person_id = $1`, member)
				return err
			}, nil, http.StatusUnauthorized, "Sign in",
		},
		"the organization": {
			func() error {
				return app.Store.People.SuspendOrganization(ctx, root, world.Organization, "unpaid since May")
			},
			func() error { return app.Store.People.LiftOrganization(ctx, root, world.Organization) }, http.StatusUnprocessableEntity, "unpaid since May",
		},
	} {
		sender := tusClient{t, app, app.SignIn(handlertest.Member)}
		url := sender.create(20)
		body, send := io.Pipe()
		type answer struct {
			status int
			text   string
		}
		answered := make(chan answer, 1)
		go func() {
			res, text, err := sender.patch(url, 0, body)
			if err != nil {
				text = err.Error()
				answered <- answer{0, text}
				return
			}
			answered <- answer{res.StatusCode, text}
		}()
		if _, err := send.Write([]byte("0123456789")); err != nil {
			t.Fatal(err)
		}
		id := url[strings.LastIndex(url, "/")+1:]
		waittest.Until(t, "half to be here", func() bool { return app.Received(id) == 10 })
		if err := c.end(); err != nil {
			t.Fatal(err)
		}
		got, _ := waittest.Receive(t, "an answer after "+name+" ended", answered)
		if got.status != c.status || !strings.Contains(got.text, c.says) || !strings.Contains(got.text, "What was sent is kept") {
			t.Errorf("%s: %d %s", name, got.status, got.text)
		}
		_ = send.Close()
		if c.status == http.StatusUnprocessableEntity {
			if res, text, err := sender.patch(url, 10, strings.NewReader("0123456789")); err != nil || res.StatusCode != c.status {
				t.Errorf("%s: another part: %v %v %s", name, err, res, text)
			}
		}
		if c.again != nil {
			if err := c.again(); err != nil {
				t.Fatal(err)
			}
		}
		colleague := tusClient{t, app, app.SignIn(handlertest.Manager)}
		if at := colleague.offset(url); at != 10 {
			t.Errorf("%s: %d bytes are kept of 10", name, at)
		}
		res, text, err := colleague.patch(url, 10, bytes.NewReader([]byte("0123456789")))
		if err != nil || res.StatusCode != http.StatusNoContent {
			t.Fatalf("%s: a colleague goes on: %v %s", name, err, text)
		}
		whose(t, app, res.Header.Get("Volary-Upload"), world.Person(handlertest.Manager))
	}
}

func whose(t *testing.T, app *handlertest.App, upload string, want uuid.UUID) {
	t.Helper()
	var got uuid.UUID
	if err := app.Pool.QueryRow(context.Background(), `SELECT finished_by FROM uploads WHERE id = $1`, upload).Scan(&got); err != nil || got != want {
		t.Errorf("the images are of %s, %v; want who sent the last byte", got, err)
	}
}
