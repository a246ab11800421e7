package manifest_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/manifest"
)

var digest = strings.Repeat("ab", 32)

// small is a right model with everything in it that a document may have.
func small() provisioner.Model {
	group := func(name string, count provisioner.Count) provisioner.Group {
		return provisioner.Group{
			Name: name, Count: count, Image: provisioner.ImageRef{Name: "debian.qcow2", Digest: digest}, Shape: provisioner.Shape{VCPUs: 2, MemoryMiB: 512, DiskGiB: 4},
			Firmware: provisioner.FirmwareBIOS, UserData: "#cloud-config\n", Gate: provisioner.Gate{Kind: provisioner.GateConsole, Text: "login:", TimeoutSeconds: 60},
			DataDisks: []provisioner.DataDisk{{Name: "scratch", SizeGiB: 10, Image: &provisioner.ImageRef{Name: "data", Digest: digest}}},
		}
	}
	return provisioner.Model{
		Format: provisioner.ModelFormat, SignInUser: "debian", Accounts: true, Head: group("", provisioner.Count{}),
		Compute:  []provisioner.Group{group("compute", provisioner.Count{Least: 1, Most: 4}), group("gpu", provisioner.Count{Most: 2})},
		Checks:   []provisioner.Check{{Name: "runs", Node: "gpu", Command: []string{"true"}, Status: 0, Output: "x", TimeoutSeconds: 5}},
		Commands: provisioner.Commands{Drain: []string{"drain"}, Queue: []string{"queue", "-q"}},
	}
}

func TestTheBytesOfADocument(t *testing.T) {
	gate := provisioner.Gate{Kind: provisioner.GateConsole, Text: "\"\\\b\t\n\f\r\x01\x1f\x7f<>&/é\u2028\u2029😀", TimeoutSeconds: 60}
	m := provisioner.Model{
		Format: 1, Head: provisioner.Group{Image: provisioner.ImageRef{Name: "a"}, Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 64, DiskGiB: 1}, Gate: gate},
		Compute: []provisioner.Group{{Name: "compute", Count: provisioner.Count{Most: 3}, Gate: provisioner.Gate{Kind: provisioner.GateAddress, TimeoutSeconds: 10}}},
	}
	const want = `{"compute":[{"count":{"least":0,"most":3},"gate":{"kind":"address","timeout_seconds":10},"image":{"digest":"","name":""},"name":"compute",` +
		`"shape":{"disk_gib":0,"memory_mib":0,"vcpus":0}}],"head":{"gate":{"kind":"console","text":"\"\\\b\t\n\f\r\u0001\u001f` + "\x7f<>&/é\u2028\u2029😀" +
		`","timeout_seconds":60},"image":{"digest":"","name":"a"},"shape":{"disk_gib":1,"memory_mib":64,"vcpus":1}},"volary":1}`
	b := manifest.Canonical(m)
	if string(b) != want {
		t.Errorf("written\n%s, want\n%s", b, want)
	}
	if got := manifest.Digest([]byte("abc")); got != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Errorf("digest %s", got)
	}
}

func TestReadIsStrict(t *testing.T) {
	right := string(manifest.Canonical(small()))
	if m, err := manifest.Read([]byte(right)); err != nil || !reflect.DeepEqual(m, small()) {
		t.Fatalf("%+v, %v", m, err)
	}
	for name, wrong := range map[string]string{
		"nothing":              "",
		"no object":            "[]",
		"an unknown field":     strings.Replace(right, `"volary":1`, `"volary":1,"zone":"x"`, 1),
		"trailing bytes":       right + "{}",
		"a line's end":         right + "\n",
		"a blank":              strings.Replace(right, ":", ": ", 1),
		"another format":       strings.Replace(right, `"volary":1`, `"volary":2`, 1),
		"no format":            strings.Replace(right, `,"volary":1`, ``, 1),
		"another order":        strings.Replace(strings.Replace(right, `"accounts":true,`, "", 1), `"volary":1`, `"volary":1,"accounts":true`, 1),
		"a name in capitals":   strings.Replace(right, `"accounts"`, `"Accounts"`, 1),
		"a name twice":         strings.Replace(right, `"accounts":true`, `"accounts":false,"accounts":true`, 1),
		"what may be left out": strings.Replace(right, `"accounts":true`, `"accounts":false`, 1),
		"another escape":       strings.Replace(right, "login:", `login\u003a`, 1),
		"a number as a text":   strings.Replace(right, `"volary":1`, `"volary":"1"`, 1),
		"a large number":       strings.Replace(right, `"timeout_seconds":5`, `"timeout_seconds":5e0`, 1),
		"too much":             strings.Replace(right, "login:", strings.Repeat("x", 1<<20), 1),
	} {
		if wrong == right {
			t.Errorf("%s: nothing was changed", name)
		}
		if m, err := manifest.Read([]byte(wrong)); err == nil {
			t.Errorf("%s is read as %+v", name, m)
		}
	}
}

// model draws any model that can be kept, right or not.
func model(t *rapid.T) provisioner.Model {
	text := rapid.String()
	number := rapid.IntRange(-5, 1<<40)
	image := func(t *rapid.T) provisioner.ImageRef {
		return provisioner.ImageRef{Name: text.Draw(t, "image"), Digest: text.Draw(t, "digest")}
	}
	words := func(t *rapid.T, least int) []string {
		w := rapid.SliceOfN(text, least, 3).Draw(t, "words")
		if len(w) == 0 {
			return nil
		}
		return w
	}
	group := rapid.Custom(func(t *rapid.T) provisioner.Group {
		g := provisioner.Group{
			Name: text.Draw(t, "name"), Count: provisioner.Count{Least: number.Draw(t, "least"), Most: number.Draw(t, "most")}, Image: image(t),
			Shape:    provisioner.Shape{VCPUs: number.Draw(t, "vcpus"), MemoryMiB: number.Draw(t, "memory"), DiskGiB: number.Draw(t, "disk")},
			Firmware: provisioner.Firmware(text.Draw(t, "firmware")), UserData: text.Draw(t, "user-data"),
			Gate: provisioner.Gate{Kind: provisioner.GateKind(text.Draw(t, "kind")), Text: text.Draw(t, "text"), Port: number.Draw(t, "port"), TimeoutSeconds: number.Draw(t, "timeout")},
		}
		for range rapid.IntRange(0, 2).Draw(t, "disks") {
			d := provisioner.DataDisk{Name: text.Draw(t, "disk"), SizeGiB: number.Draw(t, "size")}
			if rapid.Bool().Draw(t, "empty") {
				i := image(t)
				d.Image = &i
			}
			g.DataDisks = append(g.DataDisks, d)
		}
		return g
	})
	m := provisioner.Model{
		Format: provisioner.ModelFormat, SignInUser: text.Draw(t, "user"), Accounts: rapid.Bool().Draw(t, "accounts"), Head: group.Draw(t, "head"),
		Commands: provisioner.Commands{Drain: words(t, 0), Queue: words(t, 0)},
	}
	for range rapid.IntRange(0, 3).Draw(t, "groups") {
		m.Compute = append(m.Compute, group.Draw(t, "group"))
	}
	for range rapid.IntRange(0, 2).Draw(t, "checks") {
		m.Checks = append(m.Checks, provisioner.Check{
			Name: text.Draw(t, "check"), Node: text.Draw(t, "node"), Command: words(t, 1), Status: number.Draw(t, "status"),
			Output: text.Draw(t, "output"), TimeoutSeconds: number.Draw(t, "limit"),
		})
	}
	return m
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := model(t)
		b := manifest.Canonical(m)
		read, err := manifest.Read(b)
		if err != nil || !reflect.DeepEqual(read, m) {
			t.Fatalf("%s\nis read as %+v, %v; want %+v", b, read, err, m)
		}
		if again := manifest.Canonical(read); string(again) != string(b) {
			t.Fatalf("written again: %s", again)
		}
		var anything any
		if err := json.Unmarshal(b, &anything); err != nil {
			t.Fatalf("%s is no JSON: %v", b, err)
		}
	})
}

// Every field of a document is under its digest: one that is forgotten in the encoding would change without anybody seeing it.
func TestTheDigestIsOfEveryField(t *testing.T) {
	seen := map[string]string{manifest.Digest(manifest.Canonical(small())): "nothing"}
	for path := range leaves(reflect.TypeFor[provisioner.Model](), "") {
		if path == ".Format" {
			continue
		}
		m := small()
		changeLeaf(t, reflect.ValueOf(&m).Elem(), strings.TrimPrefix(path, "."))
		d := manifest.Digest(manifest.Canonical(m))
		if before, has := seen[d]; has {
			t.Errorf("%s and %s have one digest", path, before)
		}
		seen[d] = path
	}
	if len(seen) < 40 {
		t.Errorf("only %d fields were found: %v", len(seen), slices.Sorted(maps.Values(seen)))
	}
}

// leaves are the paths of all fields that hold a value; lists and pointers are gone through to their first element.
func leaves(typ reflect.Type, path string) map[string]bool {
	all := map[string]bool{}
	switch typ.Kind() {
	case reflect.Struct:
		for i := range typ.NumField() {
			maps.Copy(all, leaves(typ.Field(i).Type, path+"."+typ.Field(i).Name))
		}
	case reflect.Slice, reflect.Pointer:
		maps.Copy(all, leaves(typ.Elem(), path))
	default:
		all[path] = true
	}
	return all
}

func changeLeaf(t *testing.T, v reflect.Value, path string) {
	t.Helper()
	switch v.Kind() {
	case reflect.Struct:
		name, rest, _ := strings.Cut(path, ".")
		changeLeaf(t, v.FieldByName(name), rest)
	case reflect.Slice:
		changeLeaf(t, v.Index(0), path)
	case reflect.Pointer:
		changeLeaf(t, v.Elem(), path)
	case reflect.String:
		v.SetString(v.String() + "x")
	case reflect.Int:
		v.SetInt(v.Int() + 1)
	case reflect.Bool:
		v.SetBool(!v.Bool())
	default:
		t.Fatalf("a document has no %s", v.Kind())
	}
}

func FuzzRead(f *testing.F) {
	f.Add(manifest.Canonical(small()))
	f.Add([]byte(`{"head":{},"volary":1}`))
	f.Add([]byte(`{"volary":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := manifest.Read(b)
		if err != nil {
			return
		}
		if string(manifest.Canonical(m)) != string(b) {
			t.Errorf("%q is read, and is not what is written of it", b)
		}
		manifest.Check(m) // of whatever was read it says something
	})
}
