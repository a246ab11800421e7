package handlers_test

import (
	"io"
	"net/http"
	"testing"

	"volary.dev/handlers/handlertest"
)

func TestPagesAnswerHead(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	a.World()
	member := a.SignIn(handlertest.Member)
	for path, want := range map[string]int{
		"/market": http.StatusOK, "/healthz": http.StatusOK, "/org/clusters": http.StatusOK, "/org/nothing": http.StatusNotFound,
		"/provider/hosts": http.StatusForbidden, "/events": http.StatusMethodNotAllowed, "/sign-out": http.StatusSeeOther,
	} {
		got, err := member.Client().Head(a.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(got.Body)
		got.Body.Close()
		if err != nil || got.StatusCode != want || len(body) > 0 {
			t.Errorf("HEAD %s: %d with %d bytes, %v; want %d with none", path, got.StatusCode, len(body), err, want)
		}
		if got.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("HEAD %s lacks the headers of GET", path)
		}
	}
}
