package handlers_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"volary.dev/handlers/handlertest"
)

// Each log is a stream of lines of JSON for who may read it; it goes on after the last line.
func TestLogStreams(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	for range 3 {
		_, err := a.Pool.Exec(t.Context(), `INSERT INTO audit (id, at, organization_id, provider_id, verb, subject)
			VALUES (gen_random_uuid(), now() - interval '1 hour', $1, NULL, 'launch cluster', 'cluster'), (gen_random_uuid(), now() - interval '1 hour', NULL, $2, 'add host', 'host')`,
			w.Organization, w.North)
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		who, path string
		lines     int
	}{{handlertest.Owner, "/org/log.jsonl", 3}, {handlertest.Admin, "/provider/log.jsonl", 3}, {handlertest.PlatformAdmin, "/platform/log.jsonl", 6}} {
		b := a.SignIn(c.who)
		got := b.Get(c.path)
		says(t, c.path, got, http.StatusOK, `"verb":"`)
		if kind := got.Header.Get("Content-Type"); kind != "application/x-ndjson" {
			t.Errorf("%s is %s", c.path, kind)
		}
		var ids []string
		for lines := bufio.NewScanner(strings.NewReader(got.Body)); lines.Scan(); {
			var line struct{ ID, At, Verb string }
			if err := json.Unmarshal(lines.Bytes(), &line); err != nil || line.At == "" || line.Verb == "" {
				t.Errorf("%s: %s: %v", c.path, lines.Text(), err)
			}
			ids = append(ids, line.ID)
		}
		if len(ids) != c.lines {
			t.Fatalf("%s has %d lines, want %d", c.path, len(ids), c.lines)
		}
		if rest := b.Get(c.path + "?after=" + ids[0]); strings.Count(rest.Body, "\n") != c.lines-1 || strings.Contains(rest.Body, ids[0]) {
			t.Errorf("%s after its first line: %s", c.path, rest.Body)
		}
		says(t, "no id", b.Get(c.path+"?after=7"), http.StatusUnprocessableEntity, "not")
		says(t, "no time", b.Get(c.path+"?from_at=yesterday"), http.StatusUnprocessableEntity, "not")
	}
	says(t, "the page", a.SignIn(handlertest.PlatformAdmin).Get("/platform/log?of=nobody&place=x"), http.StatusOK, "/platform/log.jsonl", "no place")
}
