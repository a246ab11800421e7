package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha1" //nolint:gosec // as in ova.go
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"volary.dev/provisioner"
)

// tarFile is a file of an archive that is made; kind 0 is a plain one.
type tarFile struct {
	name, link string
	kind       byte
	data       []byte
	records    map[string]string
}

func tarOf(files ...tarFile) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Linkname: f.link, Typeflag: f.kind, Size: int64(len(f.data)), Mode: 0o644, PAXRecords: f.records}
		if f.kind == 0 {
			h.Typeflag = tar.TypeReg
		}
		if err := w.WriteHeader(h); err != nil {
			panic(err)
		}
		if _, err := w.Write(f.data); err != nil {
			panic(err)
		}
	}
	_ = w.Close()
	return b.Bytes()
}

// ovfMachine is a machine of a description: its disks are named by their files.
type ovfMachine struct {
	name  string
	files []string
}

// ovfOf describes machines as VMware does.
func ovfOf(machines ...ovfMachine) string {
	var files, disks, systems strings.Builder
	for n, m := range machines {
		var items strings.Builder
		for k, f := range m.files {
			id := fmt.Sprintf("%d-%d", n, k)
			if f != "" {
				fmt.Fprintf(&files, `<File ovf:href="%s" ovf:id="file%s" ovf:size="1"/>`, f, id)
				fmt.Fprintf(&disks, `<Disk ovf:capacity="8" ovf:capacityAllocationUnits="byte * 2^20" ovf:diskId="disk%s" ovf:fileRef="file%s"/>`, id, id)
			} else {
				fmt.Fprintf(&disks, `<Disk ovf:capacity="8" ovf:diskId="disk%s"/>`, id)
			}
			fmt.Fprintf(&items, `<Item><rasd:HostResource>ovf:/disk/disk%s</rasd:HostResource><rasd:ResourceType>17</rasd:ResourceType></Item>`, id)
		}
		fmt.Fprintf(&systems, `<VirtualSystem ovf:id="vm%d"><Info>A machine</Info><Name>%s</Name><VirtualHardwareSection>
			<Item><rasd:ResourceType>3</rasd:ResourceType><rasd:VirtualQuantity>2</rasd:VirtualQuantity></Item>
			<Item><rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits><rasd:ResourceType>4</rasd:ResourceType><rasd:VirtualQuantity>4096</rasd:VirtualQuantity></Item>
			%s</VirtualHardwareSection></VirtualSystem>`, n, m.name, items.String())
	}
	all := systems.String()
	if len(machines) > 1 {
		all = "<VirtualSystemCollection ovf:id=\"group\">" + all + "</VirtualSystemCollection>"
	}
	return `<?xml version="1.0" encoding="UTF-8"?><Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData">
		<References>` + files.String() + `</References><DiskSection><Info>Disks</Info>` + disks.String() + `</DiskSection>` + all + `</Envelope>`
}

func ovf(text string) tarFile { return tarFile{name: "machine.ovf", data: []byte(text)} }

// TestVerifyTakesOVA makes images of two machines, one of them with a second disk, held against digests of three kinds: SHA2-256 is
// how OpenSSL writes SHA256 since version 3.
func TestVerifyTakesOVA(t *testing.T) {
	dir := t.TempDir()
	raw := bootable(t, dir)
	all := forms(t, dir, raw)
	vmdk, gz := readFile(t, all["ovmdk"]), packWith(t, "gzip", readFile(t, all["ovmdk"]))
	text := []byte(ovfOf(ovfMachine{"head", []string{"head.vmdk", "data.vmdk"}}, ovfMachine{"node\u202e of the group", []string{"node.vmdk.gz"}}))
	manifest := fmt.Sprintf("SHA2-256(machine.ovf)= %x\nSHA1 (head.vmdk) = %x\r\nSHA2-512(node.vmdk.gz)=%x\n", sha256.Sum256(text), sha1.Sum(vmdk), sha512.Sum512(gz)) //nolint:gosec // as above
	path := writeFile(t, filepath.Join(dir, "group.ova"), tarOf(
		tarFile{name: "machine.ovf", data: text}, tarFile{name: "machine.mf", data: []byte(manifest)}, tarFile{name: "machine.cert", data: []byte("x")},
		tarFile{name: "head.vmdk", data: vmdk}, tarFile{name: "data.vmdk", data: []byte("KDMV")}, tarFile{name: "./node.vmdk.gz", data: gz}))
	r, err := verify(t, path)
	if err != nil || r.State != provisioner.UploadDone || r.Format != "ova" || r.Digest != fileDigest(t, path) || len(r.Images) != 2 || len(r.Canonical) != 2 {
		t.Fatalf("%+v, %v", r.UploadVerdict, err)
	}
	for n, want := range []provisioner.VerifiedImage{{Member: "head.vmdk", Name: "head"}, {Member: "node.vmdk.gz", Name: "node\ufffd of the group"}} {
		i := r.Images[n]
		if i.Member != want.Member || i.Name != want.Name || i.VCPUs != 2 || i.MemoryMiB != 4096 || i.GuestDigest != byTheBook(readFile(t, raw)) {
			t.Errorf("%+v, want %+v", i, want)
		}
	}
	said := ""
	for _, c := range r.Checks {
		said += c.Member + ": " + c.Detail + "\n"
	}
	if strings.Contains(said, "\u202e") {
		t.Errorf("a machine's name turns the line around in\n%s", said)
	}
	for _, words := range []string{"describes 2 machines: head, node\ufffd of the group.", "3 files are as its manifest says", "Who signed it is not looked at", "the others are left out: data.vmdk", "head.vmdk: A clean qcow2", "node.vmdk.gz: Unpacked with gzip"} {
		if !strings.Contains(said, words) {
			t.Errorf("%q is not said in\n%s", words, said)
		}
	}
}

// The disk that a machine starts from is the first at its first controller, wherever it stands in the description, in its files and in the
// archive. Where a disk's place is not said, the order of the description stands.
func TestTheFirstDiskIsThatOfTheFirstController(t *testing.T) {
	const (
		ide  = `<Item><rasd:Address>%s</rasd:Address><rasd:InstanceID>%s</rasd:InstanceID><rasd:ResourceType>5</rasd:ResourceType></Item>`
		scsi = `<Item><rasd:Address>%s</rasd:Address><rasd:InstanceID>%s</rasd:InstanceID><rasd:ResourceType>6</rasd:ResourceType></Item>`
	)
	controllers := fmt.Sprintf(ide, "1", "3") + fmt.Sprintf(scsi, "1", "5") + fmt.Sprintf(scsi, " 0 ", "4") + fmt.Sprintf(scsi, "", "6")
	files := []string{"a.raw", "b.raw", "c.raw"}
	described := func(places ...string) string {
		text := ovfOf(ovfMachine{"head", files})
		for n, place := range places {
			disk := fmt.Sprintf(`<Item><rasd:HostResource>ovf:/disk/disk0-%d</rasd:HostResource>`, n)
			if !strings.Contains(text, disk) {
				t.Fatal(text)
			}
			if parent, at, there := strings.Cut(place, ":"); there {
				text = strings.Replace(text, disk, fmt.Sprintf(`<Item><rasd:Parent>%s</rasd:Parent><rasd:AddressOnParent>%s</rasd:AddressOnParent>`, parent, at)+disk[len("<Item>"):], 1)
			}
		}
		return strings.Replace(text, "<VirtualHardwareSection>", "<VirtualHardwareSection>"+controllers, 1)
	}
	there := map[string]bool{"a.raw": true, "b.raw": true, "c.raw": true}
	for places, want := range map[string]string{
		"4:2 4:10 4:0": "c a b", // by numbers
		"5:0 4:7 4:1":  "c b a", // SCSI 0 is before SCSI 1
		"4:0 3:1 3:0":  "c b a", // IDE comes first in this description
		"5:0 6:0 4:1":  "b c a", // one whose number is not said is the first
		"4:1 - 4:0":    "a b c",
		"4:1 7:0 4:0":  "a b c", // no controller is called 7
		"4:1 4:x 4:0":  "a b c",
		"4:1 4:-1 4:0": "a b c",
	} {
		systems, err := readOVF([]byte(described(strings.Fields(places)...)), there)
		if err != nil {
			t.Fatal(places, err)
		}
		var got []string
		for _, d := range systems[0].Disks {
			got = append(got, strings.TrimSuffix(d.Member, ".raw"))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", places, got, want)
		}
	}

	dir := t.TempDir()
	root := readFile(t, bootable(t, dir))
	data := make([]byte, 2<<20)
	path := writeFile(t, filepath.Join(dir, "file.ova"), tarOf(ovf(described("4:1", "5:0", "4:0")),
		tarFile{name: "a.raw", data: data}, tarFile{name: "b.raw", data: data}, tarFile{name: "c.raw", data: root}))
	r, err := verify(t, path)
	if err != nil || r.State != provisioner.UploadDone || len(r.Images) != 1 || r.Images[0].Member != "c.raw" || r.Images[0].GuestDigest != byTheBook(root) {
		t.Fatalf("%+v, %v", r.UploadVerdict, err)
	}
	if !slices.ContainsFunc(r.Checks, func(c provisioner.ImageCheck) bool {
		return strings.Contains(c.Detail, "made of the first, c.raw; the others are left out: a.raw, b.raw.")
	}) {
		t.Errorf("%+v", r.Checks)
	}
}

// Two machines may start from one disk, and from two that are alike: each is an image of its own.
func TestVerifyTakesOVAOfOneDiskTwice(t *testing.T) {
	dir := t.TempDir()
	disk := readFile(t, bootable(t, dir))
	shared := strings.Replace(ovfOf(ovfMachine{"head", []string{"disk.raw"}}, ovfMachine{"node", []string{"disk.raw"}}),
		`<File ovf:href="disk.raw" ovf:id="file1-0" ovf:size="1"/>`, "", 1)
	shared = strings.Replace(shared, `ovf:fileRef="file1-0"`, `ovf:fileRef="file0-0"`, 1)
	for name, files := range map[string][]tarFile{
		"shared": {ovf(shared), {name: "disk.raw", data: disk}},
		"alike":  {ovf(ovfOf(ovfMachine{"head", []string{"disk.raw"}}, ovfMachine{"node", []string{"other.raw"}})), {name: "disk.raw", data: disk}, {name: "other.raw", data: disk}},
	} {
		r, err := verify(t, writeFile(t, filepath.Join(dir, "file.ova"), tarOf(files...)))
		if err != nil || r.State != provisioner.UploadDone || len(r.Images) != 2 {
			t.Errorf("%s: %+v, %v", name, r.UploadVerdict, err)
			continue
		}
		if a, b := r.Images[0], r.Images[1]; a.Member == b.Member || a.Name != "head" || b.Name != "node" || a.CanonicalDigest != b.CanonicalDigest {
			t.Errorf("%s: %+v and %+v", name, a, b)
		}
	}
}

func hostileOVAs(t *testing.T, disk []byte) map[string]hostileWrapper {
	t.Helper()
	one := ovfOf(ovfMachine{"head", []string{"disk.raw"}})
	d := tarFile{name: "disk.raw", data: disk}
	edit := func(old, new string) tarFile { return ovf(strings.Replace(one, old, new, 1)) }
	mf := func(text string) []byte { return tarOf(ovf(one), tarFile{name: "machine.mf", data: []byte(text)}, d) }
	sum := sha256.Sum256(disk)
	many := []tarFile{ovf(one), d}
	for n := range ovaMembers {
		many = append(many, tarFile{name: fmt.Sprint("note", n)})
	}
	// The image of the second machine, which has the first one's disk, would be called as the disk of the third.
	taken := strings.Replace(ovfOf(ovfMachine{"a", []string{"disk.raw"}}, ovfMachine{"b", []string{"disk.raw"}}, ovfMachine{"c", []string{"disk.raw (machine 2)"}}),
		`<File ovf:href="disk.raw" ovf:id="file1-0" ovf:size="1"/>`, "", 1)
	taken = strings.Replace(taken, `ovf:fileRef="file1-0"`, `ovf:fileRef="file0-0"`, 1)
	two := tarFile{name: "other.ovf", data: []byte(one)}
	const file = `<File ovf:href="disk.raw"`
	tail := tarOf(ovf(one), d)
	return map[string]hostileWrapper{
		"member missing":         {tarOf(ovf(one)), "names disk.raw, which is not in the archive"},
		"member twice":           {tarOf(ovf(one), d, d), "holds disk.raw twice"},
		"member twice by dot":    {tarOf(ovf(one), d, tarFile{name: "./disk.raw", data: disk}), "twice"},
		"symbolic link":          {tarOf(ovf(one), tarFile{name: "disk.raw", kind: tar.TypeSymlink, link: "/etc/shadow"}), "a link to /etc/shadow"},
		"hard link":              {tarOf(ovf(one), tarFile{name: "disk.raw", kind: tar.TypeLink, link: "machine.ovf"}), "a link to machine.ovf"},
		"device":                 {tarOf(ovf(one), tarFile{name: "disk.raw", kind: tar.TypeBlock}), "a device"},
		"fifo":                   {tarOf(ovf(one), tarFile{name: "disk.raw", kind: tar.TypeFifo}), "a device or something else"},
		"absolute":               {tarOf(ovf(one), tarFile{name: "/disk.raw", data: disk}), "outside of the archive: /disk.raw"},
		"above":                  {tarOf(ovf(one), tarFile{name: "a/../../disk.raw", data: disk}), "outside of the archive: a/../../disk.raw"},
		"name that turns":        {tarOf(ovf(one), tarFile{name: "war.ksid\u202e", data: disk}), `\u202e`},
		"name for a terminal":    {tarOf(ovf(one), tarFile{name: "\x1b[2Jdisk.raw", data: disk}), "has a name that no description gives"},
		"name with a line":       {tarOf(ovf(one), tarFile{name: "disk\n.raw", data: disk}), "has a name that no description gives"},
		"two descriptions":       {tarOf(ovf(one), two, d), "two files .ovf: machine.ovf and other.ovf"},
		"two manifests":          {tarOf(ovf(one), tarFile{name: "a.mf"}, tarFile{name: "b.mf"}, d), "two files .mf"},
		"too many":               {tarOf(many...), "more than 200 files"},
		"cut":                    {tail[:len(tail)-len(disk)], "and 1024 are left in the archive"},
		"description too large":  {tarOf(ovf(one+strings.Repeat(" ", ovaText)), d), "1 MiB are read"},
		"entities":               {tarOf(edit("<Envelope", `<!DOCTYPE x [<!ENTITY a "aa">]><Envelope`), d), "declares entities"},
		"no XML":                 {tarOf(ovf("<Envelope"), d), "is no XML"},
		"no OVF":                 {tarOf(ovf("<html></html>"), d), "is no OVF"},
		"no machine":             {tarOf(ovf(strings.Split(one, "<VirtualSystem")[0]+"</Envelope>"), d), "has no machine"},
		"chunks":                 {tarOf(edit(file, file+` ovf:chunkSize="1000"`), d), "split into chunks of 1000 bytes"},
		"bzip2":                  {tarOf(edit(file, file+` ovf:compression="bzip2"`), d), "compressed with bzip2"},
		"encrypted":              {tarOf(edit("<DiskSection>", "<EncryptionSection/><DiskSection>"), d), "It is encrypted"},
		"elsewhere":              {tarOf(edit(`"disk.raw"`, `"https://example.org/disk.raw"`), d), "lies elsewhere: https://example.org/disk.raw"},
		"described outside":      {tarOf(edit(`"disk.raw"`, `"../disk.raw"`), d), "a file outside of the archive: ../disk.raw"},
		"described twice":        {tarOf(ovf(ovfOf(ovfMachine{"a", []string{"disk.raw"}}, ovfMachine{"b", []string{"disk.raw"}})), d), "names disk.raw twice"},
		"disk not listed":        {tarOf(edit(`ovf:fileRef="file0-0"`, `ovf:fileRef="nothing"`), d), "in a file nothing, which it does not list"},
		"disk not described":     {tarOf(edit("ovf:/disk/disk0-0", "ovf:/disk/other"), d), "a disk that is not described: ovf:/disk/other"},
		"what changed":           {tarOf(edit(`ovf:diskId="disk0-0"`, `ovf:parentRef="base" ovf:diskId="disk0-0"`), d), "only what changed against another one"},
		"no disk":                {tarOf(ovf(ovfOf(ovfMachine{"head", nil})), d), "head has no disk"},
		"empty disk":             {tarOf(ovf(ovfOf(ovfMachine{"head", []string{""}})), d), "is an empty one"},
		"wrong digest":           {mf(fmt.Sprintf("SHA256(disk.raw)= %064x\n", 15)), fmt.Sprintf("of disk.raw is %x, and its manifest says %064x", sum, 15)},
		"manifest of a stray":    {mf(fmt.Sprintf("SHA256(other.raw)= %x\n", sum)), "manifest names other.raw, which is not in the archive"},
		"manifest twice":         {mf(fmt.Sprintf("SHA256(disk.raw)= %x\nSHA256(disk.raw)= %x\n", sum, sum)), "manifest names disk.raw twice"},
		"MD5":                    {mf("MD5(disk.raw)= 0f\n"), "Line 1 of its manifest is no digest that is known"},
		"short digest":           {mf("SHA256(disk.raw)= 0f\n"), "no SHA256 of 64 hex digits"},
		"member in two":          {tarOf(ovf(one), tarFile{name: "disk.raw", data: packWith(t, "gzip", packWith(t, "gzip", disk))}), "disk.raw: This is a file compressed with gzip, in it a file compressed with gzip, in it a raw disk"},
		"member no disk":         {tarOf(ovf(one), tarFile{name: "disk.raw", data: []byte(strings.Repeat("no disk\n", 1000))}), "disk.raw: "},
		"backing file":           {tarOf(ovf(one), tarFile{name: "disk.raw", data: backed(t)}), "disk.raw: "},
		"name of an image taken": {tarOf(ovf(taken), d, tarFile{name: "disk.raw (machine 2)", data: disk}), "would be called disk.raw (machine 2)"},
		"zero in a digest":       {mf("MD5(\x00)= 0f\n"), "no digest that is known: MD5(\ufffd)"},
		"zero in a name":         {mf(fmt.Sprintf("SHA256(disk\x00.raw)= %x\n", sum)), "manifest names disk\ufffd.raw, which is not"},
		"sparse":                 {sparseTar(one, disk), "with its holes left out"},
		"tar without ovf":        {tarOf(d), "tar archive"},
	}
}

// backed is a qcow2 that names another file.
func backed(t *testing.T) []byte {
	t.Helper()
	dir := t.TempDir()
	qemuImg(t, "create", "-q", "-f", "qcow2", "-u", "-b", "/etc/shadow", "-F", "raw", filepath.Join(dir, "disk"), "8M")
	return readFile(t, filepath.Join(dir, "disk"))
}

// sparseTar has a member in GNU's old form for holes, which Go does not write.
func sparseTar(text string, disk []byte) []byte {
	b := tarOf(ovf(text), tarFile{name: "disk.raw", data: disk[:1024]})
	at := bytes.Index(b, []byte("disk.raw\x00"))
	h := b[at : at+512]
	h[156] = 'S'
	copy(h[257:], "ustar  \x00")
	copy(h[386:], "00000000000\x0000000002000\x00")
	copy(h[483:], "00000040000\x00")
	copy(h[148:156], "        ")
	sum := 0
	for _, c := range h {
		sum += int(c)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return b
}

func TestVerifyRefusesHostileOVAs(t *testing.T) {
	const ownName = "> disk.raw`, and upload disk.raw, as it is or compressed once: `gzip disk.raw`." // what we call a raw disk ourselves
	dir := t.TempDir()
	disk := rawDisk(2048, 2048)
	causes := map[string]string{}
	for name, h := range hostileOVAs(t, disk) {
		r, err := verify(t, writeFile(t, filepath.Join(dir, "file"), h.file))
		if err != nil || r.State != provisioner.UploadRefused || !strings.Contains(r.Reason, h.says) || len(r.Canonical) > 0 {
			t.Errorf("%s: %q %q, %v", name, r.State, r.Reason, err)
			continue
		}
		if c := (&Inspection{Checks: r.Checks}).Failed(); c.Repair == "" {
			t.Errorf("%s: no repair beside %s", name, c.Detail)
		} else if strings.Contains(strings.TrimSuffix(c.Repair, ownName), "disk.raw") {
			t.Errorf("%s: a command to copy has a name that a stranger gave: %s", name, c.Repair)
		}
		if other, same := causes[r.Reason]; same {
			t.Errorf("%s and %s have the same cause: %s", name, other, r.Reason)
		}
		causes[r.Reason] = name
	}
	if left, _ := os.ReadDir(dir); len(left) > 2 {
		t.Errorf("%d files are left", len(left))
	}
}

// A file is named as it is, or as a URI.
func TestReadOVFOfNamesWithBlanks(t *testing.T) {
	for _, c := range []struct{ href, file string }{
		{"my disk.vmdk", "my disk.vmdk"},
		{"my%20disk.vmdk", "my disk.vmdk"},
		{"100%25.vmdk", "100%25.vmdk"},
		{"100%.vmdk", "100%.vmdk"},
		{"%2e%2e/disk.vmdk", ""},
		{"%2Fdisk.vmdk", ""},
	} {
		systems, err := readOVF([]byte(ovfOf(ovfMachine{"head", []string{c.href}})), map[string]bool{c.file: true, "/disk.vmdk": true, "../disk.vmdk": true})
		if c.file == "" && (err == nil || !strings.Contains(err.Error(), "outside of the archive")) || c.file != "" && (err != nil || systems[0].Disks[0].Member != c.file) {
			t.Errorf("%s: %+v, %v", c.href, systems, err)
		}
	}
}

func FuzzReadOVF(f *testing.F) {
	f.Add([]byte(ovfOf(ovfMachine{"head", []string{"disk.raw"}})))
	f.Fuzz(func(t *testing.T, text []byte) {
		systems, err := readOVF(text, map[string]bool{"disk.raw": true})
		if err == nil && len(systems) == 0 {
			t.Error("no machine and no word")
		}
	})
}

func FuzzReadManifest(f *testing.F) {
	f.Add([]byte("SHA256(disk.raw)= 0f\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		sums, err := readManifest(text, map[string]bool{"disk.raw": true})
		for _, s := range sums {
			if err == nil && (s.Name != "disk.raw" || newHash(s.Algorithm) == nil) {
				t.Errorf("%+v", s)
			}
		}
	})
}
