package main

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"volary.dev/provisioner/manifest"
	"volary.dev/provisioner/starter"
	"volary.dev/provisioner/waittest"
)

// TestStartersWork makes each starter model, boots it with its least nodes and has its own checks run, where the run is full.
func TestStartersWork(t *testing.T) {
	if os.Getenv("VOLARY_TEST_FULL") == "" {
		t.Skip("makes two Debian images and boots clusters of three, which a full run does")
	}
	for _, s := range starter.All() {
		t.Run(s.Name, func(t *testing.T) {
			dir := t.TempDir()
			noError(t, os.Chmod(filepath.Dir(dir), 0o755))
			built := waittest.Measure(t, "the image of "+s.Name)
			noError(t, buildStarter{Path: dir}.run(t.Context(), t.Output(), s, s.Build))
			built()
			cmd, folder := asNobody(t, "try", filepath.Join(dir, "cluster.yaml"))
			tried := waittest.Measure(t, "a cluster of "+s.Name)
			out, err := cmd.CombinedOutput()
			tried()
			t.Logf("%s", out)
			for _, want := range []string{"2 of 2 nodes", "10 of 10 jobs ended", "Mbit/s between two nodes", "Passed."} {
				if err != nil || !strings.Contains(string(out), want) {
					t.Errorf("%v; it does not say %q", err, want)
				}
			}
			leftNothing(t, folder)
		})
	}
}

// TestAStarterLiesBesideItsDocument has the command write what `volary try` takes.
func TestAStarterLiesBesideItsDocument(t *testing.T) {
	s, err := starter.Find("slurm")
	noError(t, err)
	dir := filepath.Join(t.TempDir(), "mine")
	var out strings.Builder
	disk := make([]byte, 8<<20)
	copy(disk, "code that starts it")
	disk[446], disk[450], disk[510], disk[511] = 0x80, 0x83, 0x55, 0xaa
	binary.LittleEndian.PutUint32(disk[454:], 2048)
	binary.LittleEndian.PutUint32(disk[458:], 8192)
	noError(t, buildStarter{Path: dir}.run(t.Context(), &out, s, func(_ context.Context, to string, log func(string)) error {
		log("make it")
		return os.WriteFile(to, disk, 0o600)
	}))
	file := filepath.Join(dir, "cluster.yaml")
	if !strings.HasPrefix(out.String(), "make it\n") || !strings.Contains(out.String(), "volary try "+file) {
		t.Errorf("it says %q", out.String())
	}
	document, err := os.ReadFile(file)
	noError(t, err)
	m, err := manifest.ReadYAML(document)
	noError(t, err)
	images, err := tryCommand{File: file}.findImages(t.Context(), &out, m)
	noError(t, err)
	if len(images) != 1 || images[m.Head.Image.Digest].path != filepath.Join(dir, "images", s.Image()) {
		t.Errorf("its images are %v", images)
	}
}
