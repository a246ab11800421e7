package image

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"volary.dev/provisioner"
)

// compressed packs bytes with a format.
func packWith(t *testing.T, format string, data []byte, args ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	switch format {
	case "gzip":
		w := gzip.NewWriter(&b)
		_, _ = w.Write(data)
		_ = w.Close()
	case "zstd":
		w, err := zstd.NewWriter(&b, zstd.WithEncoderCRC(true), zstd.WithEncoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = w.Write(data)
		_ = w.Close()
	default:
		cmd := exec.Command("xz", append([]string{"-c", "-0"}, args...)...)
		cmd.Stdin, cmd.Stdout = bytes.NewReader(data), &b
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func writeFile(t *testing.T, path string, data []byte) string {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// forms are files of one disk in every format that is taken.
func forms(t *testing.T, dir, raw string) map[string]string {
	t.Helper()
	all := map[string]string{"raw": raw}
	for name, args := range map[string][]string{
		"qcow2": {"-c", "-O", "qcow2", "-o", "compression_type=zstd"},
		"zlib":  {"-c", "-O", "qcow2", "-o", "compression_type=zlib"},
		"v2":    {"-O", "qcow2", "-o", "compat=0.10"},
		"ext":   {"-O", "qcow2", "-o", "extended_l2=on,cluster_size=128k"},
		"small": {"-O", "qcow2", "-o", "cluster_size=512"},
		"vmdk":  {"-O", "vmdk"},
		"ovmdk": {"-O", "vmdk", "-o", "subformat=streamOptimized"},
		"vpc":   {"-O", "vpc", "-o", "force_size=on"},
		"fixed": {"-O", "vpc", "-o", "subformat=fixed,force_size=on"},
	} {
		all[name] = filepath.Join(dir, name)
		qemuImg(t, append(append([]string{"convert", "-f", "raw"}, args...), raw, all[name])...)
	}
	return all
}

// wrappings are files of the forms in compressions: each form in one of them, and the raw one in all; or all in all.
func wrappings(t *testing.T, dir string, forms map[string]string) map[string]string {
	t.Helper()
	formats := []string{"gzip", "xz", "zstd"}
	all := map[string]string{}
	for n, form := range []string{"raw", "qcow2", "ovmdk", "vpc", "fixed"} {
		in := formats
		if form != "raw" && os.Getenv("VOLARY_TEST_FULL") == "" {
			in = formats[n%3 : n%3+1]
		}
		for _, format := range in {
			all[form+" in "+format] = writeFile(t, filepath.Join(dir, form+"."+format), packWith(t, format, readFile(t, forms[form])))
		}
	}
	raw := readFile(t, forms["raw"])
	for _, format := range formats {
		all["two streams of "+format] = writeFile(t, filepath.Join(dir, "two."+format), slicesOf(packWith(t, format, raw[:5<<20]), packWith(t, format, raw[5<<20:])))
	}
	all["padded xz"] = writeFile(t, filepath.Join(dir, "padded.xz"), slicesOf(packWith(t, "xz", raw[:1<<20]), make([]byte, 8), packWith(t, "xz", raw[1<<20:]), make([]byte, 4)))
	all["padded gzip"] = writeFile(t, filepath.Join(dir, "padded.gz"), slicesOf(packWith(t, "gzip", raw), make([]byte, 3000)))
	return all
}

// verifyAlike verifies files of one disk: all come to one image, which is what a guest reads of it. It gives the result of one of them.
func verifyAlike(t *testing.T, raw string, files map[string]string) (first Result) {
	t.Helper()
	want := byTheBook(readFile(t, raw))
	for name, path := range files {
		r, err := verify(t, path)
		if err != nil || r.State != provisioner.UploadDone || len(r.Images) != 1 {
			t.Errorf("%s: %s %s, %v", name, r.State, r.Reason, err)
			continue
		}
		if len(first.Images) == 0 {
			first = r
		}
		if r.Images[0] != first.Images[0] || sumOf(t, r.Canonical[0]) != r.Images[0].CanonicalDigest {
			t.Errorf("%s: another image, %+v and %+v", name, r.Images[0], first.Images[0])
		}
		if r.Images[0].GuestDigest != want || r.Digest != fileDigest(t, path) || strings.Contains(name, " in ") != strings.Contains(r.Format, " in ") && !strings.Contains(name, "two") && !strings.Contains(name, "padded") {
			t.Errorf("%s (%s): %+v, want %s", name, r.Format, r.Images[0], want)
		}
	}
	return first
}

// One disk in whatever form has one digest, and one canonical form, which QEMU reads as the disk.
func TestVerifyGivesOneDigestInEveryWrapper(t *testing.T) {
	dir := t.TempDir()
	raw := bootable(t, dir)
	all := forms(t, dir, raw)
	maps.Copy(all, wrappings(t, dir, all))
	if r := verifyAlike(t, raw, all); len(r.Canonical) == 1 {
		back := filepath.Join(dir, "back.raw")
		qemuImg(t, "convert", "-f", "qcow2", "-O", "raw", r.Canonical[0], back)
		if got, want := fileDigest(t, back), fileDigest(t, raw); got != want {
			t.Errorf("the canonical image holds %s, not %s", got, want)
		}
	}
}

// Every program and task of a verification works, for whoever runs this.
func TestVerifyByEachProgramAndTask(t *testing.T) {
	dir := t.TempDir()
	raw := bootable(t, dir)
	files := map[string]string{"raw": raw, "qcow2": filepath.Join(dir, "qcow2"), "ova": writeFile(t, filepath.Join(dir, "ova"), tarOf(ovf(ovfOf(ovfMachine{"", []string{"disk.raw"}})), tarFile{name: "disk.raw", data: readFile(t, raw)}))}
	qemuImg(t, "convert", "-f", "raw", "-O", "qcow2", raw, files["qcow2"])
	for _, format := range []string{"gzip", "xz"} {
		files["raw in "+format] = writeFile(t, filepath.Join(dir, format), packWith(t, format, readFile(t, raw)))
	}
	ova := files["ova"]
	delete(files, "ova")
	verifyAlike(t, raw, files)
	if r, err := verify(t, ova); err != nil || r.State != provisioner.UploadDone {
		t.Errorf("an OVA: %s %s, %v", r.State, r.Reason, err)
	}
}

func slicesOf(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// hostileWrapper is a file that is refused, and a part of what is said of it.
type hostileWrapper struct {
	file []byte
	says string
}

func hostileWrappers(t *testing.T, disk []byte) map[string]hostileWrapper {
	t.Helper()
	pack := func(format string, data []byte, args ...string) []byte { return packWith(t, format, data, args...) }
	flipped := func(b []byte, at int) []byte {
		b = bytes.Clone(b)
		b[at] ^= 0xff
		return b
	}
	gz, xz, zst := pack("gzip", disk), pack("xz", disk), pack("zstd", disk)
	letters := bytes.Repeat(append([]byte(strings.Repeat("x", 511)), '\n'), 192<<11) // a hundred times its gzip, and what is free, are less
	copy(letters, disk[:512])
	box := tarOf(tarFile{name: "metadata.json", data: []byte(`{"provider":"libvirt"}`)}, tarFile{name: "box.img", data: disk})
	ova := tarOf(tarFile{name: "machine.ovf", data: []byte("<Envelope/>")})
	wide := exec.Command("zstd", "-q", "--long=28", "-c")
	wide.Stdin = bytes.NewReader(disk) // the window is that of a stream whose end is not known
	wideZst, err := wide.Output()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]hostileWrapper{
		"gz cut":               {gz[:len(gz)/2], "The gzip file ends in the middle"},
		"gz without its end":   {gz[:len(gz)-4], "The gzip file ends in the middle"},
		"gz checksum":          {flipped(gz, len(gz)-8), "checksum in the gzip file"},
		"gz garbage behind":    {append(bytes.Clone(gz), "garbage"...), "Behind the end of what gzip wrote"},
		"gz damaged":           {flipped(gz, len(gz)/2), ""},
		"gz of nothing":        {pack("gzip", nil), "It holds nothing"},
		"gz bomb":              {pack("gzip", letters), "no zeros, over 100 times"},
		"gz of text":           {pack("gzip", []byte("not a disk")), "in it none of the formats"},
		"gz of an ISO":         {pack("gzip", with(make([]byte, 64<<10), 0x8001, "CD001")), "in it an optical disc"},
		"gz of a zip":          {pack("gzip", []byte("PK\x03\x04 and so on")), "in it a ZIP archive"},
		"gz of a box":          {pack("gzip", box), "in it a box of Vagrant"},
		"gz of an OVA":         {pack("gzip", ova), "in it an OVA"},
		"xz cut":               {xz[:len(xz)/2], "The xz file ends in the middle"},
		"xz garbage behind":    {append(bytes.Clone(xz), "garbage that is longer than the header of a stream"...), "Behind the end of what xz wrote"},
		"xz little behind":     {append(bytes.Clone(xz), "abc"...), "Behind the end of what xz wrote"},
		"xz damaged":           {flipped(xz, len(xz)/2), "The xz file is damaged"},
		"xz dictionary":        {pack("xz", disk, "--lzma2=dict=256MiB"), "more than 128 MiB of memory: it was compressed with a larger dictionary"},
		"xz in xz":             {pack("xz", xz), "This is a file compressed with xz, in it a file compressed with xz, in it a raw disk"},
		"zst cut":              {zst[:len(zst)/2], "The zstd file ends in the middle"},
		"zst checksum":         {flipped(zst, len(zst)-1), "checksum in the zstd file"},
		"zst garbage behind":   {append(bytes.Clone(zst), "garbage"...), "Behind the end of what zstd wrote"},
		"zst window":           {wideZst, "more than 128 MiB of memory: it was compressed with a larger window"},
		"disk.vmdk.gz.xz":      {pack("xz", pack("gzip", with(make([]byte, 64<<10), 0, "KDMV"))), "in it a file compressed with gzip, in it "},
		"seven wrappers":       {pack("gzip", pack("gzip", pack("gzip", pack("gzip", pack("gzip", pack("gzip", gz)))))), "in it a file compressed with gzip"},
		"gz of empty members":  {append(bytes.Repeat(pack("gzip", nil), 6<<20/len(pack("gzip", nil))), gz...), "made of empty parts"},
		"zst of empty frames":  {append(bytes.Repeat([]byte("\x28\xb5\x2f\xfd\x20\x00\x01\x00\x00"), 6<<20/9), zst...), "made of empty parts"},
		"a disk of odd size":   {pack("xz", append(bytes.Clone(disk), "xyz"...)), "bytes"},
		"a disk without boots": {pack("zstd", append(make([]byte, 510), 0x55, 0xaa)), "bytes"},
	}
}

// Each is refused for its own cause, and with what to do about it.
func TestVerifyRefusesHostileWrappers(t *testing.T) {
	dir := t.TempDir()
	disk := readFile(t, bootable(t, dir))
	copy(disk[4<<20:], incompressible(1<<20))
	for name, h := range hostileWrappers(t, disk) {
		r, err := verify(t, writeFile(t, filepath.Join(dir, "file"), h.file))
		if err != nil || r.State != provisioner.UploadRefused || !strings.Contains(r.Reason, h.says) || len(r.Canonical) > 0 {
			t.Errorf("%s: %q %q, %v", name, r.State, r.Reason, err)
			continue
		}
		if c := (&Inspection{Checks: r.Checks}).Failed(); c.Repair == "" {
			t.Errorf("%s: no repair beside %s", name, c.Detail)
		}
	}
}

func incompressible(n int) []byte {
	b, x := make([]byte, n), uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

// The way to the disk is told whole, in commands that lead there.
func TestWayOutOfWrappers(t *testing.T) {
	dir := t.TempDir()
	vmdk := filepath.Join(dir, "disk.vmdk")
	qemuImg(t, "convert", "-f", "raw", "-O", "vmdk", bootable(t, dir), vmdk)
	path := writeFile(t, filepath.Join(dir, "disk.vmdk.gz.xz"), packWith(t, "xz", packWith(t, "gzip", readFile(t, vmdk))))
	r, err := verify(t, path)
	if err != nil {
		t.Fatal(err)
	}
	repair := (&Inspection{Checks: r.Checks}).Failed().Repair
	_, after, _ := strings.Cut(repair, "`")
	command, _, _ := strings.Cut(after, "`")
	cmd := exec.Command("sh", "-c", strings.ReplaceAll(command, "FILE", path))
	cmd.Dir = t.TempDir()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", command, err, out)
	}
	if r, err := verify(t, filepath.Join(cmd.Dir, "disk.vmdk")); err != nil || r.State != provisioner.UploadDone {
		t.Errorf("after %s: %s %s, %v", command, r.State, r.Reason, err)
	}
}

// What is unpacked needs room before it is written, and where there is none the upload waits.
func TestUnwrappingAsksForRoom(t *testing.T) {
	dir := t.TempDir()
	path := writeFile(t, filepath.Join(dir, "disk.xz"), packWith(t, "xz", readFile(t, bootable(t, dir))))
	v := Verifier{Scratch: t.TempDir()}
	var full *NoRoomError
	if _, err := v.rooms.take(claim{v.Scratch, "all", 1 << 60}); !errors.As(err, &full) {
		t.Fatal(err)
	}
	release, err := v.rooms.take(claim{v.Scratch, "all", full.Free - full.Total/keepFree - 32<<20})
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if _, err := v.Verify(t.Context(), path, DefaultLimits(), Progress{}); !errors.As(err, &full) || !full.Ever() {
		t.Errorf("without room: %v", err)
	}
	if left, _ := os.ReadDir(v.Scratch); len(left) > 0 {
		t.Errorf("%d folders are left", len(left))
	}
}

func TestVerifyWithoutXZ(t *testing.T) {
	dir := t.TempDir()
	path := writeFile(t, filepath.Join(dir, "disk.xz"), packWith(t, "xz", readFile(t, bootable(t, dir))))
	program, err := exec.LookPath("qemu-img")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(program, filepath.Join(bin, "qemu-img")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	if r, err := verify(t, path); !errors.Is(err, ErrNoXZ) || r.State != provisioner.UploadUnverified || r.Digest == "" || !strings.Contains(r.Reason, "the operator must install xz on it (Debian: xz-utils)") {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestVerifyTellsHowFarItIs reads what a page shows.
func TestVerifyTellsHowFarItIs(t *testing.T) {
	dir := t.TempDir()
	path := writeFile(t, filepath.Join(dir, "disk.gz"), packWith(t, "gzip", readFile(t, bootable(t, dir))))
	steps := map[string]provisioner.UploadProgress{}
	v := Verifier{Scratch: t.TempDir()}
	r, err := v.Verify(t.Context(), path, DefaultLimits(), Progress{Step: func(p provisioner.UploadProgress) { steps[p.Step] = p }})
	if err != nil || r.State != provisioner.UploadDone {
		t.Fatalf("%+v, %v", r, err)
	}
	r.Discard()
	for _, step := range []string{"Unpacking gzip", "Hashing the image"} {
		if p := steps[step]; p.Total == 0 || p.Done > p.Total || p.Done == 0 {
			t.Errorf("%s: %+v of %v", step, p, steps)
		}
	}
}
