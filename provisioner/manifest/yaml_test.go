package manifest_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"volary.dev/provisioner/manifest"
)

func TestAFileThatAPersonWrites(t *testing.T) {
	text := strings.ReplaceAll(`# a comment
volary: 1
sign_in_user: debian
accounts: true
checks:
- name: runs
  node: "gpu"
  command: ["true"]
  output: x
  timeout_seconds: 5
commands: {drain: [drain], queue: [queue, -q]}
head:
GROUP
compute:
-
  name: compute
  count: {least: 1, most: 4}
GROUP
- name: 'gpu'
  count:
    most: 2
GROUP
`, "GROUP", `  image: {name: debian.qcow2, digest: `+digest+`} # the base
  shape:
    vcpus: 2
    memory_mib: 512
    disk_gib: 4
  firmware: bios
  user_data: |
    #cloud-config
  data_disks:
  - name: scratch
    size_gib: 10
    image: {name: data, digest: `+digest+`}
  gate: {kind: console, text: "login:", timeout_seconds: 60}`)
	m, err := manifest.ReadYAML([]byte(text))
	if err != nil || !reflect.DeepEqual(m, small()) {
		t.Fatalf("%+v\n%v", m, err)
	}
	if written := manifest.WriteYAML(m); !bytes.HasPrefix(written, []byte("volary: 1\nsign_in_user: debian\naccounts: true\nhead:\n  image:\n    name: debian.qcow2\n")) ||
		!bytes.Contains(written, []byte("  user_data: |\n    #cloud-config\n")) || !bytes.Contains(written, []byte("    command: [\"true\"]\n    status: 0\n")) {
		t.Errorf("written as\n%s", written)
	}
}

func TestWhatIsWrittenAsYAMLIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := model(t)
		b := manifest.WriteYAML(m)
		f, err := manifest.ParseYAML(b)
		if err != nil || !reflect.DeepEqual(f.Model, m) {
			t.Fatalf("%s\nis read as %+v, %v; want %+v", b, f, err, m)
		}
		if again := manifest.WriteYAML(f.Model); !bytes.Equal(again, b) {
			t.Fatalf("written again: %s", again)
		}
	})
}

// Texts that YAML takes for something else, or changes, when they are written without care.
func TestTextsStayWhatTheyAre(t *testing.T) {
	for _, s := range []string{
		"1", "0x1f", "1e3", "1_000", "true", "Yes", "off", "null", "~", "", " ", "- a", "a: b", "a #b", "#", "&a", "*a", "!a", "%a", "@a", "`a`", "{a", "[a", "a,b", "?", "|", ">", "<<", "=",
		"2026-11-30", "12:30:45", ".inf", ".", "...", "---", "--- a", "'", "\"", "\\", "a\\nb", "\ta", "a\t", "a ", " a", "a\n", "a\n\n", "\na", "a\n b", " a\nb", "a\n\n\nb\n", "a \nb\n", "a\n \nb", "a\n\t\nb",
		"a\r\nb", "a\rb", "a\x00b", "a\x7fb", "\u0085", "a\u2028b\nc", "\ufeff", "a\n\ufeffb", "\u00a0", "a\u200bb\nc", "é", "日本\n語", "😀\n", "\U0010ffff", "\ufffd", "#!/bin/sh\nif true; then\n\techo \"$X\" # {{ x }}\nfi\n",
		strings.Repeat("long words ", 200), strings.Repeat("é", 5000), strings.Repeat("9", 64),
	} {
		m := small()
		m.Head.UserData, m.Compute[0].Name, m.Checks[0].Command = s, s, []string{s}
		b := manifest.WriteYAML(m)
		f, err := manifest.ParseYAML(b)
		if err != nil || manifest.Digest(manifest.Canonical(f.Model)) != manifest.Digest(manifest.Canonical(m)) {
			t.Errorf("%q is written as\n%s\nand read as %+v, %v", s, b, f, err)
		}
	}
}

// What a reader of YAML 1.1 takes for something else than a text stands in quotes.
func TestTextsThatAreQuoted(t *testing.T) {
	for _, s := range []string{"yes", "No", "on", "OFF", "y", "true", "null", "1", "0o7", "07", "1_000", "1e3", ".5", "-", "2026-11-30", strings.Repeat("9", 64), "a b", "login:", "@a"} {
		m := small()
		m.Head.Image.Name = s
		if b := manifest.WriteYAML(m); !bytes.Contains(b, []byte("\n    name: \""+s+"\"\n")) {
			t.Errorf("%q is written as\n%.120s", s, b)
		}
	}
}

// Each fault is at its line and column, and all are told at once.
func TestFaultsOfAFile(t *testing.T) {
	right := string(manifest.WriteYAML(small()))
	for _, c := range []struct {
		name, old, change string
		want              []string // "LINE:COLUMN: path", and a piece of the sentence
	}{
		{"an unknown key", "accounts: true", "account: true", []string{"3:1: : The key \"account\" is not known here. Known are volary, sign_in_user, accounts, head"}},
		{"a key twice", "accounts: true", "accounts: true\naccounts: true", []string{"4:1: accounts: The key \"accounts\" stands in line 3 already"}},
		{"a key in capitals", "accounts: true", "Accounts: true", []string{"3:1: : The key"}},
		{"an anchor", "sign_in_user: debian", "sign_in_user: &a debian", []string{"2:15: sign_in_user: Anchors"}},
		{"an alias", "volary: 1\nsign_in_user: debian\naccounts: true", "volary: &a 1\nsign_in_user: *a\naccounts: true", []string{"1:9: volary: Anchors", "2:15: sign_in_user: Anchors"}},
		{"a tag", "accounts: true", "accounts: !!bool true", []string{"3:11: accounts: Tags"}},
		{"a merge", "accounts: true", "<<: {accounts: true}", []string{"3:1: : The key \"<<\""}},
		{"a number in quotes", "volary: 1", "volary: \"1\"", []string{"1:9: volary: Write a whole number"}},
		{"a number in hex", "vcpus: 2", "vcpus: 0x2", []string{"9:12: head.shape.vcpus: Write a whole number"}},
		{"a number that is none", "vcpus: 2", "vcpus: two", []string{"9:12: head.shape.vcpus: Write a whole number"}},
		{"a huge number", "vcpus: 2", "vcpus: 99999999999999999999", []string{"9:12: head.shape.vcpus: The number is too large"}},
		{"a switch as a word", "accounts: true", "accounts: yes", []string{"3:11: accounts: Write true or false"}},
		{"a text that is a number", "sign_in_user: debian", "sign_in_user: 7", []string{"2:15: sign_in_user: Write a text: put it into quotes"}},
		{"nothing", "sign_in_user: debian", "sign_in_user:", []string{"2:14: sign_in_user: Nothing is written here. Write a text"}},
		{"a list for a text", "sign_in_user: debian", "sign_in_user: [debian]", []string{"2:15: sign_in_user: Write a text"}},
		{"a text for a list", "    command: [\"true\"]", "    command: run all", []string{"77:14: checks[0].command: Write a list"}},
		{"a text for a mapping", "volary: 1", "volary: 1\ncommands: x", []string{"2:11: commands: Write keys and values", "82:1: commands: The key"}},
		{"two at once", "volary: 1\nsign_in_user: debian", "volary: x\nsign_in_user: 1", []string{"1:9: volary: Write a whole", "2:15: sign_in_user: Write a text"}},
		{"a value that is refused", "sign_in_user: debian", "sign_in_user: Root", []string{"2:15: sign_in_user: A user's name"}},
		{"what is missing, at what it is missing in", "    vcpus: 2\n", "", []string{"8:3: head.shape.vcpus: Choose 1 to 256 vCPUs; 0 was given."}},
		{"an unknown variable", "    #cloud-config\n", "    #!/bin/sh\n    true\n    echo __VOLARY_HEAD_ADDR__\n", []string{"16:5: head.user_data: Line 3 of the user-data has the variable __VOLARY_HEAD_ADDR__, which is not known"}},
		{"YAML in the user-data that is none", "    #cloud-config\n", "    #cloud-config\n    a: 1\n    b: [\n", []string{": head.user_data: The YAML cannot be read"}},
		{"an unknown variable on one line", "user_data: |\n    #cloud-config\n", "user_data: \"#!/bin/sh\\n\\n__VOLARY_X__\"\n", []string{"13:14: head.user_data: Line 3"}},
		{"a second document", "volary: 1", "volary: 1\n---\nvolary: 1", []string{"2:1: : A second document"}},
		{"a tab", "  image:", "\timage:", []string{"5:2: : This is no YAML: found character that cannot start any token. The line begins with a tab"}},
		{"no colon", "accounts: true", "accounts true", []string{"3:1: : This is no YAML"}},
		{"a quote that is open", "    vcpus: 2", "    vcpus: \"2", []string{"9:5: : This is no YAML"}},
		{"moved in too little", "    memory_mib: 512", "   memory_mib: 512", []string{"10:4: : This is no YAML: did not find expected key"}},
		{"moved in by a tab, further down", "    memory_mib: 512", "\tmemory_mib: 512", []string{"10:2: : This is no YAML: found a tab character that violates indentation. The line begins with a tab"}},
		{"a second document that is none", "volary: 1", "volary: 1\n---\n\tx", []string{": This is no YAML"}},
		{"no mapping", right, "- a\n", []string{"1:1: : Write keys and values"}},
		{"nothing at all", right, "# only this\n", []string{"1:1: : The file is empty"}},
		{"no bytes", right, "", []string{"1:1: : The file is empty"}},
		{"no text", "debian", "d\xffbian", []string{"2:1: : The file is not UTF-8"}},
		{"too much", "volary: 1", "volary: 1 #" + strings.Repeat("x", 2<<20), []string{"1:1: : The file has 2 MiB"}},
		{"too deep", right, strings.Repeat("[", 100_000), []string{"1:1: : This is no YAML"}},
		{"too deep, and closed", right, "volary: " + strings.Repeat("[", 5_000) + strings.Repeat("]", 5_000), []string{"1:9: volary: Write a whole number"}},
		{"a bomb", right, "volary: 1\na: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\ncompute: *b\n", []string{"2:1: : The key", "3:1: : The key", "4:10: compute: Anchors"}},
	} {
		text := strings.Replace(right, c.old, c.change, 1)
		if text == right {
			t.Errorf("%s: nothing was changed", c.name)
		}
		m, err := manifest.ReadYAML([]byte(text))
		var faults manifest.Faults
		if !errors.As(err, &faults) {
			t.Errorf("%s: %+v, %v", c.name, m, err)
			continue
		}
		if len(faults) != len(c.want) {
			t.Errorf("%s: %d faults: %v", c.name, len(faults), err)
		}
		for i, want := range c.want[:min(len(c.want), len(faults))] {
			f := faults[i]
			if got := fmt.Sprintf("%d:%d: %s: %s", f.Line, f.Column, f.Path, f.Says); !strings.Contains(got, want) {
				t.Errorf("%s: %q, want %q", c.name, got, want)
			}
		}
	}
}

func TestFaultsAreBounded(t *testing.T) {
	_, err := manifest.ReadYAML([]byte(strings.Repeat("x: 1\n", 50_000)))
	var faults manifest.Faults
	if !errors.As(err, &faults) || len(faults) != 100 {
		t.Errorf("%d faults", len(faults))
	}
	if !slices.IsSortedFunc(faults, func(a, b manifest.Fault) int { return a.Line - b.Line }) || !strings.HasPrefix(err.Error(), "1:1: The key") {
		t.Errorf("in which order? %v", err)
	}
}

func FuzzReadYAML(f *testing.F) {
	f.Add(manifest.WriteYAML(small()))
	f.Add([]byte("volary: 1\nhead: {image: {name: a}}\n"))
	f.Add([]byte("a: &a [*a]\n? [x]\n: !t |2-\n   b\n--- \"\\u0041\"\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := manifest.ParseYAML(b)
		var faults manifest.Faults
		if err != nil {
			if !errors.As(err, &faults) || len(faults) == 0 {
				t.Fatalf("no fault says why: %v", err)
			}
		} else {
			faults = file.Place(manifest.Check(file.Model))
			again, err := manifest.ParseYAML(manifest.WriteYAML(file.Model))
			if err != nil || !bytes.Equal(manifest.Canonical(again.Model), manifest.Canonical(file.Model)) {
				t.Errorf("%q is read, written as %q, and read as something else: %v", b, manifest.WriteYAML(file.Model), err)
			}
		}
		lines := 1 + bytes.Count(b, []byte("\n")) + bytes.Count(b, []byte("\r")) + bytes.Count(b, []byte("\u0085")) + bytes.Count(b, []byte("\u2028")) + bytes.Count(b, []byte("\u2029"))
		for _, one := range faults {
			if one.Line < 1 || one.Line > lines || one.Column < 1 || one.Says == "" {
				t.Errorf("%+v of a file with %d lines", one, lines)
			}
		}
	})
}
