package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const checkedModel = `volary: 1
head:
  image: {name: debian, digest: "DIGEST"}
  shape: {vcpus: 1, memory_mib: 256, disk_gib: 2}
  gate: {kind: address, timeout_seconds: 60}
`

func TestModelCheck(t *testing.T) {
	right := strings.Replace(checkedModel, "DIGEST", strings.Repeat("7", 64), 1)
	for name, c := range map[string]struct {
		text, want string
		wrong      bool
	}{
		"right":    {right, " is right; the document's digest is ", false},
		"a bound":  {strings.Replace(right, "vcpus: 1", "vcpus: 0", 1), ":4:18: head.shape.vcpus: Choose 1 to 256 vCPUs; 0 was given.\n", true},
		"two":      {strings.Replace(right, "gate: {kind", "gates: {kinds", 1), ":5:3: head: The key \"gates\"", true},
		"no YAML":  {"head: {\n", ":1:1: This is no YAML", true},
		"no image": {checkedModel, ":3:33: head.image.digest: Write the image's guest-visible digest", true},
	} {
		file := filepath.Join(t.TempDir(), "cluster.yaml")
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		err := modelCheck{File: file}.run(nil, &out)
		if errors.Is(err, errModel) != c.wrong || !c.wrong && err != nil || !strings.Contains(out.String(), file+c.want) {
			t.Errorf("%s: %q, %v", name, out.String(), err)
		}
		var in bytes.Buffer
		if again := (modelCheck{File: "-"}).run(strings.NewReader(c.text), &in); !errors.Is(again, err) || strings.ReplaceAll(out.String(), file, "-") != in.String() {
			t.Errorf("%s from standard input: %q, %v", name, in.String(), again)
		}
	}
	if err := (modelCheck{File: filepath.Join(t.TempDir(), "none")}).run(nil, &bytes.Buffer{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}
