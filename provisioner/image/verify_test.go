package image

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"volary.dev/provisioner"
)

func TestMain(m *testing.M) {
	testTasks()
	tryTasks()
	Main()
	saySandbox()
	startAndWait()
	if verifyAsked() {
		return
	}
	os.Exit(m.Run())
}

func qemuImg(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("qemu-img", args...).CombinedOutput(); err != nil {
		t.Fatalf("qemu-img %v: %v: %s", args, err, out)
	}
}

// bootable writes a raw disk of 8 MiB that looks as if it booted and carries some data.
func bootable(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "disk.raw")
	disk := append(rawDisk(2048, 2048), make([]byte, 6<<20)...)
	copy(disk[3<<20:], strings.Repeat("some data of a guest ", 5000))
	if err := os.WriteFile(path, disk, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func verify(t *testing.T, path string) (Result, error) {
	t.Helper()
	v := Verifier{Scratch: t.TempDir()}
	r, err := v.Verify(t.Context(), path, DefaultLimits(), Progress{})
	t.Cleanup(r.Discard)
	return r, err
}

// A file is held against the digest that was given with it, before anything else that is wrong with it.
func TestVerifyHoldsAFileAgainstItsDigest(t *testing.T) {
	raw := bootable(t, t.TempDir())
	whole, err := os.ReadFile(raw)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut.raw")
	if err := os.WriteFile(cut, whole[:len(whole)-512], 0o600); err != nil {
		t.Fatal(err)
	}
	right, other := fileDigest(t, raw), strings.Repeat("0f", 32)
	for _, c := range []struct {
		path, digest string
		state        provisioner.UploadState
		says         []string
	}{
		{raw, right, provisioner.UploadDone, []string{right}},
		{raw, other, provisioner.UploadRefused, []string{right, other}},
		{cut, right, provisioner.UploadRefused, []string{right, fileDigest(t, cut)}},
	} {
		limits := DefaultLimits()
		limits.Digest = c.digest
		v := Verifier{Scratch: t.TempDir()}
		r, err := v.Verify(t.Context(), c.path, limits, Progress{})
		if err != nil || r.State != c.state || r.Checks[0].Name != "digest" || (r.Checks[0].Repair == "") != r.Checks[0].Passed {
			t.Errorf("%s held against %s: %+v, %v", c.path, c.digest, r.UploadVerdict, err)
			continue
		}
		for _, says := range c.says {
			if !strings.Contains(r.Checks[0].Detail, says) || c.state == provisioner.UploadRefused && !strings.Contains(r.Reason, says) {
				t.Errorf("%s %s does not name %s", r.Checks[0].Detail, r.Reason, says)
			}
		}
		r.Discard()
		if left, _ := os.ReadDir(v.Scratch); len(left) > 0 {
			t.Errorf("%d folders are left", len(left))
		}
	}
}

func fileDigest(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	sum, err := digest(t.Context(), f, info.Size(), func(int64) {})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func TestVerifyRefuses(t *testing.T) {
	dir := t.TempDir()
	raw := bootable(t, dir)
	at := func(name string) string { return filepath.Join(dir, name) }
	qemuImg(t, "convert", "-f", "raw", "-O", "qcow2", raw, at("base"))
	qemuImg(t, "create", "-q", "-f", "qcow2", "-b", "base", "-F", "qcow2", at("backing"))
	qemuImg(t, "create", "-q", "-f", "qcow2", "-o", "data_file="+at("data"), at("datafile"), "8M")
	qemuImg(t, "create", "-q", "-f", "qcow2", at("blank"), "8M")
	qemuImg(t, "convert", "-f", "raw", "-O", "qcow2", raw, at("snapshot"))
	qemuImg(t, "snapshot", "-c", "one", at("snapshot"))
	qemuImg(t, "convert", "-f", "raw", "-O", "vhdx", raw, at("vhdx"))
	qemuImg(t, "convert", "-f", "raw", "-O", "vdi", raw, at("vdi"))
	qemuImg(t, "convert", "-f", "raw", "-O", "qed", raw, at("qed"))
	whole, err := os.ReadFile(at("base"))
	if err != nil {
		t.Fatal(err)
	}
	damaged := append([]byte(nil), whole...)
	copy(damaged[4<<16:], strings.Repeat("\xff", 64)) // the second-level table
	miscounted := append([]byte(nil), whole...)
	copy(miscounted[2<<16:], make([]byte, 64)) // the first reference counts
	for name, bytes := range map[string][]byte{"miscounted": miscounted, "cut": whole[:len(whole)/2], "damaged": damaged, "text": []byte(strings.Repeat("not a disk\n", 1000))} {
		if err := os.WriteFile(at(name), bytes, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, check := range map[string]string{
		"backing": "backing file", "datafile": "external data file", "blank": "boot sector", "snapshot": "internal snapshots",
		"vhdx": "format", "vdi": "format", "qed": "format", "text": "format", "damaged": "tables", "miscounted": "structure", "cut": "tables structure data",
	} {
		r, err := verify(t, at(name))
		if err != nil || r.State != provisioner.UploadRefused || r.Reason == "" || len(r.Canonical)+len(r.Images) != 0 {
			t.Errorf("%s: %q, %v", name, r.State, err)
			continue
		}
		last := Inspection{Checks: r.Checks}
		if failed := last.Failed(); !strings.Contains(check, failed.Name) || failed.Repair == "" {
			t.Errorf("%s: failed at %+v, want %s", name, *failed, check)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) == 0 {
		t.Error("the uploads themselves are gone")
	}
}

// TestConfinement shows that the child could not open another file even where the inspection had let it through.
func TestConfinement(t *testing.T) {
	dir := t.TempDir()
	raw := bootable(t, dir)
	base, overlay, out := filepath.Join(dir, "base"), filepath.Join(dir, "overlay"), filepath.Join(dir, "out")
	qemuImg(t, "convert", "-f", "raw", "-O", "qcow2", raw, base)
	qemuImg(t, "create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", overlay)
	program, err := findQEMUImg()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{out, out + "2"} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	convert := func(from, to string) confined {
		return confined{Program: program, Args: []string{"convert", "-f", "qcow2", "-O", "raw", from, to}, Read: from, Write: to, FileBytes: 8 << 20, CPUSeconds: 20}
	}
	if o, err := convert(base, out).run(t.Context()); err != nil || o.status != 0 {
		t.Fatalf("an honest disk: %+v, %v", o, err)
	}
	if o, err := convert(overlay, out).run(t.Context()); err != nil || o.status == 0 || !strings.Contains(o.words, "No such file") {
		t.Errorf("a backing file was opened: %+v, %v", o, err)
	}
	other := convert(base, out)
	other.Args[len(other.Args)-1] = out + "2"
	if o, err := other.run(t.Context()); err != nil || o.status == 0 || !strings.Contains(o.words, "Read-only file system") {
		t.Errorf("another file was written: %+v, %v", o, err)
	}
	small := convert(base, out)
	small.FileBytes = 1 << 20
	if o, err := small.run(t.Context()); err != nil || o.limit == "" {
		t.Errorf("more was written than allowed: %+v, %v", o, err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := convert(base, out).run(cancelled); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: %v", err)
	}
}

func TestVerifyWithoutQEMUImg(t *testing.T) {
	raw := bootable(t, t.TempDir())
	t.Setenv("PATH", t.TempDir())
	r, err := verify(t, raw)
	if !errors.Is(err, ErrNoQEMUImg) || r.State != provisioner.UploadUnverified || len(r.Checks) == 0 || r.Digest == "" {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestChildsSurroundings asks a shell in qemu-img's place what it was given. Without the one arena, QEMU's threads run
// into the memory limit, on some machines and on some days.
func TestChildsSurroundings(t *testing.T) {
	if missing := CheckSandbox(); missing != nil {
		t.Fatal(missing)
	}
	c := confined{
		Program: shell(t), Args: []string{"-c", "echo $MALLOC_ARENA_MAX $LC_ALL $PATH $HOME; ulimit -v; ulimit -t; ulimit -n; ulimit -c; ulimit -f"},
		Read: "/dev/null", FileBytes: 8 << 20, CPUSeconds: 20,
	}
	// Address space is given in KiB, file size in blocks of 512 bytes.
	const want = "1 C /nonexistent\n1048576\n20\n64\n0\n16384\n"
	if got, err := c.run(t.Context()); err != nil || got.output != want {
		t.Errorf("the child has %q and says %q, %v; want %q", got.output, got.words, err, want)
	}
}
