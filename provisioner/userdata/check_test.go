package userdata_test

import (
	"strings"
	"testing"

	"volary.dev/provisioner/userdata"
)

const script = "#!/bin/sh\necho ran >/dev/ttyS0\n"

func mime(header, kind, body string) string {
	return header + "\n--X\nContent-Type: " + kind + "\n\n" + body + "\n--X--\n"
}

const mixed = "Content-Type: multipart/mixed; boundary=\"X\"\n"

// What cloud-init acts on is taken, with what people leave before it.
func TestTaken(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":                           "",
		"a script":                          script,
		"a script that speaks of MIME":      "#!/bin/sh\n# MIME-Version: 1.0\n",
		"cloud-config":                      "#cloud-config\nhostname: x\n",
		"empty cloud-config":                "#cloud-config\n",
		"cloud-config in capitals":          "#Cloud-Config\nruncmd: [a]\n",
		"cloud-config twice a key":          "#cloud-config\na: 1\na: 2\n",
		"blank lines before cloud-config":   "\n\n  \n#cloud-config\nruncmd:\n  - echo\n",
		"blanks before cloud-config":        "  #cloud-config\n",
		"an archive":                        "#cloud-config-archive\n- type: text/x-shellscript\n  content: |\n    #!/bin/sh\n    echo\n- '#cloud-config'\n",
		"an archive without a type":         "#cloud-config-archive\n- content: |\n    packages: [nfs-common]\n",
		"jinja":                             "## template: jinja\n#cloud-config\nruncmd:\n  - echo {{ v1.local_hostname }}\n",
		"jinja that is no YAML yet":         "## template: jinja\n#cloud-config\n{% if x %}\na: {{ b }}\n{% endif %}\n",
		"jinja that begins with a variable": "## template: jinja\n{% set a = 1 %}\n#cloud-config\n",
		"jinja of a script":                 "## template: jinja\n" + script,
		"a boothook":                        "#cloud-boothook\n" + script,
		"a part-handler":                    "#part-handler\ndef list_types(): return []\n",
		"a patch":                           "#cloud-config-jsonp\n[]\n",
		"MIME":                              mime("MIME-Version: 1.0\n"+mixed, "text/x-shellscript", script),
		"MIME, the version last":            mime(mixed+"MIME-Version: 1.0\n", "text/cloud-config", "#cloud-config\n"),
		"MIME without its last boundary":    strings.TrimSuffix(mime("MIME-Version: 1.0\n"+mixed, "text/x-shellscript", script), "--X--\n"),
		"MIME of one part":                  "MIME-Version: 1.0\nContent-Type: text/x-shellscript\n\n" + script,
		"MIME of plain text":                mime("mime-version: 1.0\n"+mixed, "text/plain", script),
		"a program with an argument":        "#! /bin/sh -e\necho\n",
		"a program that is looked for":      "#!/usr/bin/env bash\n",
		"YAML in JSON":                      "#cloud-config\n{\"runcmd\": [\"ls\"]}\n",
		"a reference to itself":             "#cloud-config\na: &a [*a]\n",
		"a document's end":                  "#cloud-config\n---\na: 1\n...\n",
		"braces in a text":                  "#cloud-config\nwrite_files:\n- path: /x\n  content: \"{{ x }}\"\n- content: |\n    {{ x }}\n",
		"tags that Python knows":            "#cloud-config\na: !!str 1\nb: !!binary aGk=\nc: !!set {x}\nd: 2026-11-30\n",
		"braces of a template":              "## template: jinja\n#cloud-config\nhostname: {{ v1.local_hostname }}\n",
		"MIME in base64":                    encoded("base64", "IyEvYmluL3NoCmVj\naG8K"),
		"MIME of compressed bytes":          encoded("base64", "H4sIAAAAAAAA"),
		"MIME quoted":                       encoded("quoted-printable", "#!/bin/sh\necho =3D=C3=A4\n"),
		"MIME of an own type":               mime("MIME-Version: 1.0\n"+mixed, "text/x-mine", "anything"),
	} {
		if r := userdata.Check(text); r != nil {
			t.Errorf("%s is refused: %s", name, r.Fields[userdata.Field])
		}
	}
}

// encoded gives a message of one part without a type.
func encoded(as, body string) string {
	return "MIME-Version: 1.0\n" + mixed + "\n--X\nContent-Transfer-Encoding: " + as + "\n\n" + body + "\n--X--\n"
}

// What cloud-init passes by, or what cannot run, is refused with a sentence of its own.
func TestRefused(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"a command":                       {"echo hello\n", `begins with "echo hello"`},
		"a byte order mark":               {"\ufeff#cloud-config\n", "byte order mark"},
		"blanks before a script":          {"  " + script, "first column"},
		"a tab before a script":           {"\t" + script, "first column"},
		"a blank line before a script":    {"\n" + script, "first line"},
		"a script of no program":          {"#!\necho\n", "no program"},
		"a blank line before a handler":   {"\n#part-handler\n", "first line"},
		"an address":                      {"#include\nhttp://head/a\n", "#include"},
		"an address in the line":          {"#include http://head/a\n", "#include"},
		"an address fetched once":         {"#include-once\nhttp://head/a\n", "#include"},
		"an address in MIME":              {mime("MIME-Version: 1.0\n"+mixed, "text/x-include-url", "http://a\n"), "Part 1"},
		"an address in an archive":        {"#cloud-config-archive\n- type: text/x-include-url\n  content: http://a\n", "Part 1"},
		"an address in a template":        {"## template: jinja\n#include http://a\n", "#include"},
		"MIME without a version":          {mime(mixed, "text/x-shellscript", script), "MIME-Version: 1.0"},
		"MIME with the version too far":   {mixed + "X-Long: " + strings.Repeat("a", 4096) + "\nMIME-Version: 1.0\n\n--X\n\n" + script + "--X--\n", "MIME-Version: 1.0"},
		"a blank line before MIME":        {"\n" + mime("MIME-Version: 1.0\n"+mixed, "text/x-shellscript", script), "MIME header"},
		"MIME without a boundary":         {"MIME-Version: 1.0\nContent-Type: multipart/mixed\n\n--X\n", "boundary"},
		"MIME without a part":             {"MIME-Version: 1.0\n" + mixed + "\nnothing\n", "no part"},
		"MIME with an indented script":    {mime("MIME-Version: 1.0\n"+mixed, "text/x-shellscript", "  "+script), "Part 1"},
		"MIME with a script of no kind":   {mime("MIME-Version: 1.0\n"+mixed, "text/x-shellscript", "echo\n"), "#!"},
		"MIME with plain text of no kind": {mime("MIME-Version: 1.0\n"+mixed, "text/plain", "echo\n"), "Part 1"},
		"YAML with a tab":                 {"#cloud-config\nruncmd:\n\t- echo\n", "line"},
		"YAML that is a list":             {"#cloud-config\n- echo\n", "no mapping"},
		"an archive that is a mapping":    {"#cloud-config-archive\na: b\n", "list of parts"},
		"an empty archive":                {"#cloud-config-archive\n", "list of parts"},
		"a blank line before jinja":       {"\n## template: jinja\n#cloud-config\n", "first line"},
		"jinja of nothing":                {"## template: jinja\necho\n", "begins with"},
		"bytes":                           {"\x1f\x8b\x08", "UTF-8"},
		"braces of no template":           {"#cloud-config\nhostname: {{ v1.local_hostname }}\n", "template: jinja"},
		"a list for a name":               {"#cloud-config\n? [a]\n: b\n", "In line 2"},
		"two documents":                   {"#cloud-config\na: 1\n---\nb: 2\n", "In line 3 another"},
		"a tag of a program":              {"#cloud-config\na: !vault x\n", `"!vault" in line 2`},
		"a tag that makes objects":        {"#cloud-config\na: !!python/object/apply:os.system [ls]\n", "tag"},
		"a program of no path":            {"#!bash\necho\n", "/usr/bin/env bash"},
		"a no-break space after it":       {"#!/bin/sh\u00a0\necho\n", `after "#!/bin/sh"`},
		"a no-break space before it":      {"#!\u00a0/bin/sh\necho\n", "U+00A0"},
		"an unseen character in it":       {"#!/bin/\u200bsh\necho\n", "U+200B"},
		"a return in it":                  {"#!/bin/sh\recho\r\n", "U+000D"},
		"an address in base64":            {encoded("base64", "I2luY2x1ZGUgaHR0cDovL2EK"), "#include"},
		"a script in base64 of no kind":   {encoded("base64", "ZWNobwo="), "Part 1"},
		"no base64":                       {encoded("base64", "!!!"), "is not"},
		"an encoding of its own":          {encoded("rot13", script), `"rot13"`},
		"a zero":                          {"#!/bin/sh\x00", "UTF-8"},
		"much":                            {"#!" + strings.Repeat("x", userdata.Most), "65538 bytes"},
	} {
		r := userdata.Check(c.text)
		if r == nil || r.Code != "invalid" || !strings.Contains(r.Fields[userdata.Field], c.says) {
			t.Errorf("%s: %v, want a sentence with %q", name, r, c.says)
		}
	}
}

// A template in a template is none to cloud-init, and no text costs more than its length.
func TestATemplateIsFilledInOnce(t *testing.T) {
	for _, text := range []string{"## template: jinja\n## template: jinja\n#!/bin/sh\n", strings.Repeat("## Template: jinja\n\n", 3200)} {
		if r := userdata.Check(text); r == nil || !strings.Contains(r.Fields[userdata.Field], "stands again") {
			t.Errorf("%.40q…: %v", text, r)
		}
	}
}

func TestCleanTakesAwayWhatNobodySees(t *testing.T) {
	for _, text := range []string{"\ufeff#!/bin/sh\r\necho\r\n", "#!/bin/sh\recho\r"} {
		if got := userdata.Clean(text); got != "#!/bin/sh\necho\n" {
			t.Errorf("%q", got)
		}
	}
}

func TestWarnings(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, script: 0, "#cloud-config\n": 0, "echo": 0,
		"#cloud-config\nusers:\n  - default\n  - name: ada\n":                               0,
		"#cloud-config\nusers: default, ada\n":                                              0,
		"#cloud-config\nusers:\n  - name: ada\n":                                            1,
		"#cloud-config\nusers: []\n":                                                        1,
		"#cloud-config\nvendor_data: {enabled: false}\n":                                    1,
		"#cloud-config\nvendor_data: {enabled: true}\ndisable_root: false\n":                0,
		"#cloud-config\ndisable_root: true\nusers: [{name: a}]\nvendor_data: {enabled: no}": 3,
		"#cloud-config-archive\n- content: |\n    #cloud-config\n    users: [{name: a}]\n":  1,
	} {
		if got := userdata.Warnings(text); len(got) != want {
			t.Errorf("%q: %q, want %d", text, got, want)
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add(script)
	f.Add(mime("MIME-Version: 1.0\n"+mixed, "text/x-shellscript", script))
	f.Add("#cloud-config-archive\n- a\n")
	f.Fuzz(func(t *testing.T, text string) {
		if r := userdata.Check(text); r != nil && r.Fields[userdata.Field] == "" {
			t.Errorf("%q is refused without a sentence", text)
		}
		userdata.Warnings(text)
	})
}
