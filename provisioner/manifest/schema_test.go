package manifest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/manifest"
)

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(manifest.Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("cluster-1.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("cluster-1.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validate(s *jsonschema.Schema, document []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return err
	}
	return s.Validate(v)
}

// likely draws a model at the ends of its bounds: half of them have nothing out of them, and the others may have anything so.
func likely(t *rapid.T) provisioner.Model {
	odd := rapid.Bool().Draw(t, "odd")
	one := func(label string, in []int, out ...int) int {
		return rapid.SampledFrom(withOdd(odd, in, out)).Draw(t, label)
	}
	some := func(label string, in []string, out ...string) string {
		return rapid.SampledFrom(withOdd(odd, in, out)).Draw(t, label)
	}
	m := small()
	m.SignInUser, m.Accounts = some("user", []string{"debian", "_a-1", strings.Repeat("a", 32)}, "", strings.Repeat("a", 33), "1a", "a$", "root"), rapid.Bool().Draw(t, "accounts")
	if rapid.Bool().Draw(t, "alone") {
		m.Compute, m.Checks = nil, nil
	}
	groups := []*provisioner.Group{&m.Head}
	for i := range m.Compute {
		g := &m.Compute[i]
		g.Name = some("name", []string{g.Name}, "a", strings.Repeat("b", 31), strings.Repeat("c", 32), "a-b", "a-")
		g.Apart = rapid.Bool().Draw(t, "apart")
		g.Count = provisioner.Count{Least: one("least", []int{0, 1}, 500), Most: one("most", []int{1, 500}, 1000, 1001, 0)}
		groups = append(groups, g)
	}
	for _, g := range groups {
		g.Shape = provisioner.Shape{
			VCPUs: one("vcpus", []int{1, 256}, 257), MemoryMiB: one("memory", []int{64, 4 << 20}, 63), DiskGiB: one("disk", []int{1, 16384}, 0),
		}
		g.Firmware = provisioner.Firmware(some("firmware", []string{"bios", "uefi"}, "", "efi"))
		g.UserData = some("user-data", []string{"", "#!/bin/sh\n", "#cloud-config\npackages: [é]\n"})
		g.Gate = anyGate(t, odd)
		g.Image = provisioner.ImageRef{Name: some("image", []string{"a", strings.Repeat("é", 255)}), Digest: digest}
		if odd {
			g.DataDisks = rapid.SampledFrom([][]provisioner.DataDisk{nil, {{Name: "a", SizeGiB: 1}}, {{Name: strings.Repeat("z", 20), SizeGiB: 16384, Image: &g.Image}}}).Draw(t, "disks")
		}
	}
	return m
}

// anyGate draws a gate of each kind with what it needs, or where odd with anything.
func anyGate(t *rapid.T, odd bool) provisioner.Gate {
	limit := rapid.SampledFrom(withOdd(odd, []int{10, 3600}, []int{9, 3601})).Draw(t, "limit")
	g := rapid.SampledFrom([]provisioner.Gate{
		{Kind: provisioner.GateAddress},
		{Kind: provisioner.GateConsole, Text: "login:"},
		{Kind: provisioner.GateConsole, Text: strings.Repeat("é", 200)},
		{Kind: provisioner.GateAgent},
		{Kind: provisioner.GatePort, Port: 1},
		{Kind: provisioner.GatePort, Port: 65535},
	}).Draw(t, "gate")
	if odd {
		g.Port = rapid.SampledFrom([]int{0, 1, 65535, 65536}).Draw(t, "port")
		g.Text = rapid.SampledFrom([]string{"", "login:"}).Draw(t, "text")
	}
	g.TimeoutSeconds = limit
	return g
}

func withOdd[T any](odd bool, in, out []T) []T {
	if odd {
		return slices.Concat(in, out)
	}
	return in
}

func TestWhatIsRightPassesTheSchema(t *testing.T) {
	s, right := schema(t), 0
	if err := validate(s, manifest.Canonical(small())); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		m := likely(t)
		wrong, refused := manifest.Check(m), validate(s, manifest.Canonical(m))
		if wrong == nil {
			right++
			if refused != nil {
				t.Fatalf("%s\nis right, and the schema refuses it: %v", manifest.Canonical(m), refused)
			}
		}
		// What only a comparison of two places can tell is left to Check.
		alone := maps.Clone(wrong)
		maps.DeleteFunc(alone, func(path, sentence string) bool {
			for _, words := range []string{"too.", "is less than", "All groups", "no group named"} {
				if strings.Contains(sentence, words) {
					return true
				}
			}
			return false
		})
		if len(alone) > 0 && refused == nil {
			t.Fatalf("%s\npasses the schema, and is not right: %v", manifest.Canonical(m), alone)
		}
	})
	if right < 10 {
		t.Errorf("only %d models were right", right)
	}
}

// Every field of the types is in the schema, and the other way round.
func TestTheSchemaHasTheTypesFields(t *testing.T) {
	var s map[string]any
	if err := json.Unmarshal(manifest.Schema, &s); err != nil {
		t.Fatal(err)
	}
	defs := s["$defs"].(map[string]any)
	same := func(name string, of map[string]any, typ reflect.Type, without ...string) {
		var want []string
		for i := range typ.NumField() {
			if key, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ","); !slices.Contains(without, key) {
				want = append(want, key)
			}
		}
		got := slices.Sorted(maps.Keys(of["properties"].(map[string]any)))
		if slices.Sort(want); !slices.Equal(got, want) || of["additionalProperties"] != false {
			t.Errorf("%s has %v in the schema, want %v and no others", name, got, want)
		}
	}
	properties := s["properties"].(map[string]any)
	same("model", s, reflect.TypeFor[provisioner.Model]())
	same("head", properties["head"].(map[string]any), reflect.TypeFor[provisioner.Group](), "name", "count", "apart")
	same("commands", properties["commands"].(map[string]any), reflect.TypeFor[provisioner.Commands]())
	group := defs["compute_group"].(map[string]any)
	same("compute group", group, reflect.TypeFor[provisioner.Group]())
	same("count", group["properties"].(map[string]any)["count"].(map[string]any), reflect.TypeFor[provisioner.Count]())
	for name, typ := range map[string]reflect.Type{
		"image": reflect.TypeFor[provisioner.ImageRef](), "shape": reflect.TypeFor[provisioner.Shape](), "data_disk": reflect.TypeFor[provisioner.DataDisk](),
		"gate": reflect.TypeFor[provisioner.Gate](), "check": reflect.TypeFor[provisioner.Check](),
	} {
		same(name, defs[name].(map[string]any), typ)
	}
}

// A value of another kind is refused by the schema and by the reader, wherever it stands.
func TestOtherKindsAreRefusedByBoth(t *testing.T) {
	s, seen := schema(t), 0
	var doc any
	if err := json.Unmarshal(manifest.Canonical(small()), &doc); err != nil {
		t.Fatal(err)
	}
	var each func(path string, v any, put func(any))
	each = func(path string, v any, put func(any)) {
		for _, other := range []any{nil, "x", 1.5, true, []any{"x"}, map[string]any{"x": 1}} {
			if reflect.TypeOf(other) == reflect.TypeOf(v) {
				continue
			}
			put(other)
			seen++
			b, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			// JSON is YAML.
			if _, err := manifest.ReadYAML(b); err == nil {
				t.Errorf("%s: %v is read", path, other)
			}
			if validate(s, b) == nil {
				t.Errorf("%s: %v passes the schema", path, other)
			}
		}
		put(v)
		switch v := v.(type) {
		case map[string]any:
			for key, value := range v {
				each(path+"."+key, value, func(other any) { v[key] = other })
			}
		case []any:
			for i, value := range v {
				each(fmt.Sprintf("%s[%d]", path, i), value, func(other any) { v[i] = other })
			}
		}
	}
	each("", doc, func(other any) {
		if reflect.TypeOf(other) != reflect.TypeFor[map[string]any]() || other.(map[string]any)["x"] == nil {
			doc = other
		}
	})
	if seen < 300 {
		t.Errorf("only %d were tried", seen)
	}
}
