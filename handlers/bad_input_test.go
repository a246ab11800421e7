package handlers_test

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"volary.dev/handlers/handlertest"
)

// badInput is one form that must be refused: with a sentence, what was typed, and nothing written.
type badInput struct {
	name   string
	path   string
	form   url.Values
	status int
	says   string // in the page
	typed  string // shown again
}

// form copies a good one and changes some fields.
func form(good url.Values, change ...string) url.Values {
	f := url.Values{}
	for k, v := range good {
		f[k] = v
	}
	for i := 0; i < len(change); i += 2 {
		f.Set(change[i], change[i+1])
	}
	return f
}

func badInputs(w *handlertest.World, running, stopped string) []badInput {
	launch := url.Values{
		"name": {"second"}, "version": {w.Version.String()}, "pool": {w.Pool.String()}, "compute_count": {"1"}, "lease_hours": {"2"},
	}
	version := url.Values{
		"version": {"3"}, "group_0_name": {"compute"}, "group_0_same_gate": {"1"}, "group_0_least": {"0"}, "group_0_most": {"4"}, "head_gate_kind": {"address"}, "head_gate_timeout": {"60"},
		"head_image": {w.Image.String()}, "head_vcpus": {"1"}, "head_memory_mib": {"256"}, "head_disk_gib": {"2"},
		"group_0_image": {w.Image.String()}, "group_0_vcpus": {"1"}, "group_0_memory_mib": {"256"}, "group_0_disk_gib": {"2"},
	}
	versions := "/org/models/" + w.Model.String() + "/versions"
	const no = http.StatusUnprocessableEntity
	enormous := strings.Repeat("9", 40)
	return []badInput{
		{"launch nothing", "/org/clusters", url.Values{}, no, "Choose a version.", ""},
		{"launch -1 nodes", "/org/clusters", form(launch, "compute_count", "-1"), no, "between 0 and 1000", `value="-1"`},
		{"launch enormous", "/org/clusters", form(launch, "compute_count", enormous), no, "between 0 and 1000", `value="` + enormous + `"`},
		{"launch garbage", "/org/clusters", form(launch, "compute_count", "<b>"), no, "whole number", "&lt;b&gt;"},
		{"launch above the range", "/org/clusters", form(launch, "compute_count", "9"), no, "8", `value="9"`},
		{"launch for 0 h", "/org/clusters", form(launch, "lease_hours", "0"), no, "1 min to ", `value="0"`},
		{"launch for -2 h", "/org/clusters", form(launch, "lease_hours", "-2"), no, "Choose a lease of 1 min to ", `value="-2"`},
		{"launch for ever", "/org/clusters", form(launch, "lease_hours", "8760"), no, "720", `value="8760"`},
		{"launch enormously long", "/org/clusters", form(launch, "lease_hours", enormous), no, "Choose a lease of 1 min to ", `value="` + enormous + `"`},
		{"launch a bad name", "/org/clusters", form(launch, "name", "Not A Name"), no, "", `value="Not A Name"`},
		{"launch a taken name", "/org/clusters", form(launch, "name", "first"), no, "first", `value="first"`},
		{"launch without hours", "/org/clusters", form(launch, "lease_hours", "719", "compute_count", "8"), no, "hours are", `value="719"`},
		{"launch a draft", "/org/clusters", form(launch, "version", w.Draft.String()), no, "draft", ""},
		{"launch nowhere", "/org/clusters", form(launch, "pool", w.Image.String()), http.StatusNotFound, "no such pool", ""},

		{"start for 0 h", "/org/clusters/" + stopped + "/start", url.Values{"lease_hours": {"0"}}, no, "1 min to ", `value="0"`},
		{"start for ever", "/org/clusters/" + stopped + "/start", url.Values{"lease_hours": {"8000"}}, no, "720", `value="8000"`},
		{"extend by nothing", "/org/clusters/" + running + "/extend", url.Values{"extend_hours": {"0"}}, no, "1 min to ", `value="0"`},
		{"extend for ever", "/org/clusters/" + running + "/extend", url.Values{"extend_hours": {"8000"}}, no, "720", `value="8000"`},
		{"extend beyond the balance", "/org/clusters/" + running + "/extend", url.Values{"extend_hours": {"700"}}, no, "", `value="700"`},
		{"extend what is stopped", "/org/clusters/" + stopped + "/extend", url.Values{"extend_hours": {"1"}}, no, "", ""},
		{"scale below zero", "/org/clusters/" + running + "/scale", url.Values{"group": {"compute"}, "count": {"-1"}}, no, "between 0 and 10000", `value="-1"`},
		{"scale to nothing typed", "/org/clusters/" + running + "/scale", url.Values{"group": {"compute"}}, no, "", ""},
		{"scale a group of none", "/org/clusters/" + running + "/scale", url.Values{"group": {"gpu"}, "count": {"1"}}, no, "", ""},
		{"scale what is stopped", "/org/clusters/" + stopped + "/scale", url.Values{"group": {"compute"}, "count": {"1"}}, no, "cannot be scaled", ""},
		{"answer what nobody asked", "/org/clusters/" + running + "/drain", url.Values{"drain": {w.Image.String()}, "answer": {"keep"}}, no, "not on their way out", ""},
		{"start what runs", "/org/clusters/" + running + "/start", url.Values{"lease_hours": {"1"}}, no, "", ""},
		{"stop what is stopped", "/org/clusters/" + stopped + "/stop", url.Values{}, no, "", ""},

		{"a model cluster without a name", "/org/models", url.Values{"name": {"  "}}, no, "Fill in a name", ""},
		{"a model cluster with a long name", "/org/models", url.Values{"name": {strings.Repeat("x", 81)}}, no, "81 characters", strings.Repeat("x", 81)},
		{"a taken name", "/org/models", url.Values{"name": {"trial"}}, no, "trial", `value="trial"`},

		{"a version of nothing", versions, url.Values{}, no, "Choose an image", ""},
		{"a taken version", versions, form(version, "version", "1"), no, "", `value="1"`},
		{"0 vCPUs", versions, form(version, "head_vcpus", "0"), no, "between 1 and 256", `value="0"`},
		{"enormous memory", versions, form(version, "group_0_memory_mib", enormous), no, "between 64 and", `value="` + enormous + `"`},
		{"a range upside down", versions, form(version, "group_0_least", "5", "group_0_most", "2"), no, "below the least", `value="5"`},
		{"a group named as a node", versions, form(version, "group_0_name", "head"), no, "The head has this name", `value="head"`},
		{"a group without nodes", versions, form(version, "group_0_most", "0"), no, "between 1 and 1000", `value="0"`},
		{"a console gate without text", versions, form(version, "head_gate_kind", "console"), no, "Fill in the text", ""},
		{"a gate that never ends", versions, form(version, "head_gate_timeout", "1000000"), no, "between 10 and 3600", `value="1000000"`},
		{"user-data above 64 KiB", versions, form(version, "head_user_data", strings.Repeat("#", 65537)), no, "65536", strings.Repeat("#", 65537)},
		{"an indented script", versions, form(version, "head_user_data", "  #!/bin/sh\n"), no, "first column", "  #!/bin/sh"},
		{"an address for user-data", versions, form(version, "group_0_user_data", "#include\nhttp://head/a"), no, "Paste the text itself", "http://head/a"},
		{"MIME without its version", versions, form(version, "head_user_data", "Content-Type: multipart/mixed; boundary=\"X\"\n\n--X\n"), no, "MIME-Version: 1.0", "boundary="},
		{"someone else's image", versions, form(version, "head_image", w.Model.String()), no, "", ""},
		{
			"a stale form", "/org/versions/" + w.Draft.String(), form(version, "version", "typed", "token", "77"),
			http.StatusConflict, "", `value="typed"`,
		},
		{"publish a stale form", "/org/versions/" + w.Draft.String() + "/publish", url.Values{"token": {"77"}}, http.StatusConflict, "", ""},
		{"publish twice", "/org/versions/" + w.Version.String() + "/publish", url.Values{"token": {"1"}}, no, "", ""},
		{"edit what is published", "/org/versions/" + w.Version.String(), form(version, "token", "1"), no, "", ""},
		{"test a draft", "/org/versions/" + w.Draft.String() + "/test", url.Values{"pool": {w.Pool.String()}}, no, "", ""},
		{"test nowhere", "/org/versions/" + w.Version.String() + "/test", url.Values{"pool": {"x"}}, no, "Choose a pool", ""},

		{"no key", "/account/ssh-keys", url.Values{"name": {"desk"}}, no, "Paste the public key", `value="desk"`},
		{"garbage for a key", "/account/ssh-keys", url.Values{"name": {"desk"}, "public_key": {"ssh-rsa garbage"}}, no, "", "ssh-rsa garbage"},
		{
			"a private key", "/account/ssh-keys",
			url.Values{"name": {"desk"}, "public_key": {"-----BEGIN OPENSSH PRIVATE KEY-----"}},
			no, "private", "BEGIN OPENSSH",
		},
		{"a form of 2 MiB", "/org/models", url.Values{"name": {strings.Repeat("x", 2<<20)}}, http.StatusRequestEntityTooLarge, "1024 KiB", ""},
	}
}

func TestBadInputKeepsWhatWasTypedAndLeavesNothing(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	running, _ := a.Launch(w, "first", 1)
	stopped, _ := a.Launch(w, "stopped", 0)
	a.Stopped(stopped)
	b := a.SignIn(handlertest.Owner)
	for _, c := range badInputs(w, running.String(), stopped.String()) {
		t.Run(c.name, func(t *testing.T) {
			before := countRows(t, a)
			got := b.Post(c.path, c.form)
			body := html.UnescapeString(got.Body)
			if got.Status != c.status {
				t.Errorf("%d, want %d\n%.3000s", got.Status, c.status, got.Body)
			}
			if !strings.Contains(body, c.says) {
				t.Errorf("the page does not say %q", c.says)
			}
			if !strings.Contains(body, html.UnescapeString(c.typed)) {
				t.Errorf("the page does not show %.80q again", c.typed)
			}
			if after := countRows(t, a); after != before {
				t.Errorf("rows before:\n%s\nand after:\n%s", before, after)
			}
		})
	}
}

// countRows counts every table's rows.
func countRows(t *testing.T, a *handlertest.App) string {
	t.Helper()
	ctx := context.Background()
	rows, err := a.Pool.Query(ctx, `SELECT relname, (xpath('/row/n/text()', query_to_xml('SELECT count(*) AS n FROM ' || quote_ident(relname), true, true, '')))[1]::text
		FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname NOT LIKE 'river%leader' ORDER BY relname`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all strings.Builder
	for rows.Next() {
		var table, n string
		if err := rows.Scan(&table, &n); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&all, table, n)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all.String()
}
