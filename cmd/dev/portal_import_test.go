package main

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"volary.dev/cmd/internal/demo"
	"volary.dev/provisioner/lab/sample"
	"volary.dev/store/blob/blobtest"
)

// TestImport brings disks to a portal of real processes, by its pages: the line breaks and web is killed, a disk is refused, machines come as one file, one
// is to be deleted of which hosts have copies, and another web process takes over. The hosts are simulated.
func TestImport(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium and an S3 server")
	}
	v := startSimulated(t, "import")
	disk, err := sample.Build(t.Context(), v.sampleCache(), func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	v.sample = v.path("sample.qcow2")
	if err := os.Symlink(disk, v.sample); err != nil {
		t.Fatal(err)
	}
	p := &portal{volary: v, chromium: startChromium(t)} // TestPortal judges these pages
	for _, story := range []struct {
		title string
		tell  func(*testing.T)
	}{
		{"web is killed", func(t *testing.T) { webIsKilled(t, p) }},
		{"a disk is refused", func(t *testing.T) { diskIsRefused(t, p) }},
		{"machines come as one file", func(t *testing.T) { machinesCome(t, p) }},
		{"hosts have an image that is to go", func(t *testing.T) { hostsHaveImage(t, p) }},
		{"a disk is fetched from an address", func(t *testing.T) { diskIsFetched(t, p) }},
		{"another web process takes over", func(t *testing.T) { anotherTakesOver(t, p) }},
	} {
		begun := time.Now()
		if !t.Run(story.title, story.tell) {
			return
		}
		t.Logf("%s: %s", story.title, time.Since(begun).Round(time.Second))
	}
}

// member is one of the demo's people, signed in at an address.
func (p *portal) member(t *testing.T, email, base string) *visitor {
	t.Helper()
	return p.comes(t, email, base, "/org")
}

func (p *portal) comes(t *testing.T, email, base, home string) *visitor {
	t.Helper()
	v := p.visitor(t, "Some Body", true)
	v.email, v.password, v.base = email, demo.Password, base
	v.signsIn()
	v.at(home)
	return v
}

func (v *visitor) choosesFile(path string) {
	v.t.Helper()
	v.do("choose the file", chromedp.SetUploadFiles(chromedp.CSS(`input[type=file]`), []string{path}))
}

// webIsKilled cuts the line when a tenth of a disk was sent, kills web in the middle, and cuts the line again just before the end. The
// page goes on by itself each time.
func webIsKilled(t *testing.T, p *portal) {
	f := newFront(t, p.address())
	ada := p.member(t, "ada@tidal.example", "http://"+f.address)
	ada.visit("/org/images/new")
	size := sizeOf(t, p.sample)
	was := p.web.pid.Load()
	f.befalls(
		fall{size / 10, f.cut},
		fall{size / 2, func() { p.kill(t, p.web); f.cut() }},
		fall{size * 99 / 100, f.cut},
	)
	ada.choosesFile(p.sample)
	ada.at("/org/uploads/:id")
	if f.left() != 0 || p.web.pid.Load() == was {
		t.Fatalf("%d of what was to befall the line did not, and web is the process %d after %d", f.left(), p.web.pid.Load(), was)
	}
	ada.see("What came of it")
	ada.shoot("import-done")
	p.wholeUpload(t, "ada@tidal.example")
}

// kill ends a server as a machine's power does; who keeps it starts it again after a second.
func (p *portal) kill(t *testing.T, d *daemon) {
	if err := syscall.Kill(int(d.pid.Load()), syscall.SIGKILL); err != nil {
		t.Error(err)
	}
}

// wholeUpload makes sure that a person began one upload of the sample, and that it is the sample to its last byte.
func (p *portal) wholeUpload(t *testing.T, email string) {
	t.Helper()
	content, err := os.ReadFile(p.sample)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	var uploads, whole int
	if err := p.pool.QueryRow(t.Context(), `SELECT count(*), count(*) FILTER (WHERE u.state = 'done' AND u.digest = $2)
		FROM uploads u JOIN people p ON p.id = u.person_id WHERE p.email = $1 AND u.filename = 'sample.qcow2'`,
		email, hex.EncodeToString(sum[:])).Scan(&uploads, &whole); err != nil {
		t.Fatal(err)
	}
	if uploads != 1 || whole != 1 {
		t.Errorf("%d uploads were begun, of which %d are the file", uploads, whole)
	}
}

func sizeOf(t *testing.T, path string) int {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return int(info.Size())
}

// diskIsRefused uploads a disk that is only what changed against another one. Its page says which check failed and what to type
// instead, and the next try begins with the digest that was typed for this one.
func diskIsRefused(t *testing.T, p *portal) {
	path := p.path("changes.qcow2")
	if out, err := exec.CommandContext(t.Context(), "qemu-img", "create", "-f", "qcow2", "-b", p.sample, "-F", "qcow2", path).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	digest := hex.EncodeToString(sum[:])
	ada := p.member(t, "ada@tidal.example", p.address())
	ada.visit("/org/images/new")
	ada.opens("The source of the file gives its SHA-256")
	ada.fill("digest", strings.ToUpper(digest))
	ada.choosesFile(path)
	ada.at("/org/uploads/:id")
	ada.state("refused")
	ada.says("backing file", "only what changed against another file", "To repair")
	// Whether a page may write to the clipboard is the browser's to decide. The button came with the verdict, after the
	// page, and a press may meet it as it is drawn anew: it is repeated.
	ada.do("watch the clipboard", chromedp.Evaluate[chromedp.Void](`navigator.clipboard.writeText = async (text) => { window.copied = text; }`))
	ada.until("copy the command", `(b => { b.click(); return window.copied === "qemu-img convert -O qcow2 disk.qcow2 whole.qcow2"; })(document.querySelector(".check-failed [data-copy]:not([hidden])"))`)
	ada.shoot("import-refused")
	ada.follow("Upload again")
	ada.at("/org/images/new")
	ada.until("find the digest as it was given", `document.querySelector("[name=digest]").value === `+strconv.Quote(digest)+` && document.querySelector("[data-digest]").open`)
	ada.shoot("import-again")
}

// machinesCome uploads an OVA of two machines, and launches a cluster of the two images that come of it.
func machinesCome(t *testing.T, p *portal) {
	disk := p.path("disk.vmdk")
	if out, err := exec.CommandContext(t.Context(), "qemu-img", "convert", "-f", "qcow2", "-O", "vmdk", "-o", "subformat=streamOptimized", p.sample, disk).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ada := p.member(t, "ada@tidal.example", p.address())
	ada.visit("/org/images/new")
	ada.choosesFile(machinesFile(t, p.path("herd.ova"), disk, "bellwether", "sheep"))
	ada.at("/org/uploads/:id")
	ada.state("done")
	ada.says("bellwether", "sheep", "bellwether.vmdk", "sheep.vmdk")
	ada.shoot("import-machines")
	ada.follow("bellwether")
	ada.says("Its OVA asks for", "1 vCPU, 256 MiB")
	ada.describesGate("herd", func() {
		ada.choose("head_image", "bellwether")
		ada.do("give the compute nodes an image of their own", chromedp.Click(chromedp.CSS(`[name=group_0_same_image]`)))
		ada.choose("group_0_image", "sheep")
		ada.choose("head_gate_kind", "it took its address by DHCP")
	})
	ada.says("bellwether", "sheep")
	ada.visit("/org/clusters/new")
	ada.fill("name", "pasture")
	ada.choose("version", "herd 1")
	ada.choose("pool", "north")
	ada.fillAll("compute_count", "1", "lease_hours", "1")
	ada.says("It fits")
	ada.follow("Launch")
	ada.at("/org/clusters/:id")
	ada.state("ready")
	ada.deletes("pasture")
}

// machinesFile is an OVA of machines of 1 vCPU and 256 MiB, which all have a disk like the one at a path.
func machinesFile(t *testing.T, path, disk string, names ...string) string {
	t.Helper()
	var files, disks, systems string
	for _, n := range names {
		files += fmt.Sprintf(`<File ovf:href="%[1]s.vmdk" ovf:id="file-%[1]s"/>`, n)
		disks += fmt.Sprintf(`<Disk ovf:diskId="disk-%[1]s" ovf:fileRef="file-%[1]s"/>`, n)
		systems += fmt.Sprintf(`<VirtualSystem ovf:id=%[1]q><Name>%[1]s</Name><VirtualHardwareSection>
			<Item><rasd:ResourceType>3</rasd:ResourceType><rasd:VirtualQuantity>1</rasd:VirtualQuantity></Item>
			<Item><rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits><rasd:ResourceType>4</rasd:ResourceType><rasd:VirtualQuantity>256</rasd:VirtualQuantity></Item>
			<Item><rasd:HostResource>ovf:/disk/disk-%[1]s</rasd:HostResource><rasd:ResourceType>17</rasd:ResourceType></Item>
			</VirtualHardwareSection></VirtualSystem>`, n)
	}
	text := `<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
		xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"><References>` + files + `</References>
		<DiskSection>` + disks + `</DiskSection><VirtualSystemCollection ovf:id="all">` + systems + `</VirtualSystemCollection></Envelope>`
	content, err := os.ReadFile(disk)
	if err != nil {
		t.Fatal(err)
	}
	ova, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer ova.Close()
	w := tar.NewWriter(ova)
	add := func(name string, data []byte) {
		if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(data)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	add("all.ovf", []byte(text))
	for _, n := range names {
		add(n+".vmdk", content)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// hostsHaveImage runs a cluster of an image and ends it. Its hosts keep copies; what a published version has cannot be deleted, and the
// page says who has it. Another group's image of the same bytes goes, and takes nothing from the first.
func hostsHaveImage(t *testing.T, p *portal) {
	ada := p.member(t, "ada@tidal.example", p.address())
	ada.describesGate("flock", func() { ada.choose("head_gate_kind", "it took its address by DHCP") })
	ada.visit("/org/clusters/new")
	ada.fill("name", "nest")
	ada.choose("version", "flock 1")
	ada.choose("pool", "north")
	ada.fillAll("compute_count", "1", "lease_hours", "1")
	ada.says("It fits")
	ada.follow("Launch")
	ada.at("/org/clusters/:id")
	ada.state("ready")
	ada.deletes("nest")

	ada.visit("/org/images")
	ada.follow("sample.qcow2")
	ada.follow("Delete")
	ada.says("is used by", "flock 1")
	ada.shoot("import-used")
	nora := p.comes(t, "nora@north.example", p.address(), "/provider")
	nora.visit("/provider/hosts")
	nora.follow("host-1")
	nora.says("Base images")
	nora.shoot("import-host")

	gil := p.member(t, "gil@genome.example", p.address())
	gil.visit("/org/images/new")
	gil.choosesFile(p.sample)
	gil.at("/org/uploads/:id")
	gil.see("What came of it")
	gil.visit("/org/images")
	gil.follow("sample.qcow2")
	gil.follow("Delete")
	gil.follow("Delete sample.qcow2")
	gil.says("The image is deleted")
	p.await(t, "the deletion to be done", `SELECT count(*) > 0 AND bool_and(state = 'completed') FROM river_job WHERE kind = 'delete_image'`)
	digests := `SELECT canonical_digest FROM images WHERE name = 'sample.qcow2'`
	var digest string
	if err := p.pool.QueryRow(t.Context(), digests).Scan(&digest); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(p.path("blob", "images", digest+".qcow2")); err != nil {
		t.Error(err)
	}
}

// diskIsFetched has a compressed raw disk fetched from a server with a public address, which the worker finds and reaches by itself. The
// line is cut in the middle; the page shows how far it is and goes on by itself to the image.
func diskIsFetched(t *testing.T, p *portal) {
	raw, packed := p.path("fetched.raw"), p.path("fetched.raw.xz")
	if out, err := exec.CommandContext(t.Context(), "qemu-img", "convert", "-f", "qcow2", "-O", "raw", p.sample, raw).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := exec.CommandContext(t.Context(), "xz", "-0", "-T0", "--keep", raw).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	halfway, back := p.sendsWorkerAbroad(t, packed)
	defer back()
	ada := p.member(t, "ada@tidal.example", p.address())
	ada.visit("/org/images/new")
	ada.fill("address", "https://127.0.0.1/fetched.raw.xz")
	ada.follow("Fetch it")
	ada.says("names a server by a number")
	ada.fillAll("address", "https://"+abroadName+"/disks/fetched.raw.xz?signature=kept-quiet", "name", "fetched")
	ada.follow("Fetch it")
	ada.at("/org/uploads/:id")
	line, err := halfway.Accept()
	if err != nil {
		t.Fatal(err)
	}
	ada.until("see that half is here", `document.querySelector("progress[aria-label=Fetched]")?.value >= 49`)
	ada.shoot("import-fetching")
	if err := line.Close(); err != nil {
		t.Error(err)
	}
	ada.see("What came of it")
	ada.says("https://"+abroadName+"/disks/fetched.raw.xz", "raw in xz")
	ada.shoot("import-fetched")
	ada.followIn("the whole file", "fetched")
	ada.at("/org/images/:id")
	ada.says("Canonical qcow2", "BIOS")
	ada.shoot("import-fetched-image")
	content, err := os.ReadFile(packed)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	var whole bool
	if err := p.pool.QueryRow(t.Context(), `SELECT digest = $1 FROM uploads WHERE name = 'fetched'`, hex.EncodeToString(sum[:])).Scan(&whole); err != nil || !whole {
		t.Errorf("what was fetched is the file: %t, %v", whole, err)
	}
}

// anotherTakesOver has two web processes over a bucket and one address before them. The first is killed in the middle of an
// upload, and its place is the second's.
func anotherTakesOver(t *testing.T, p *portal) {
	s3 := blobtest.Serve(t)
	p.overBucket(t, s3)
	second := &daemon{name: "The second portal", program: p.web.program, log: p.path("logs", "second.log")}
	at := "127.0.0.1:" + strconv.Itoa(freePort(t))
	second.env = append(second.env, append(p.web.env, "VOLARY_LISTEN="+at)...)
	t.Cleanup(second.stop)
	if err := startDaemon(t.Context(), second, "http://"+at+"/sign-in"); err != nil {
		t.Fatal(err)
	}
	f := newFront(t, p.address())
	gil := p.member(t, "gil@genome.example", "http://"+f.address)
	gil.visit("/org/images/new")
	size := sizeOf(t, p.sample)
	f.befalls(fall{size / 10, f.cut}, fall{size * 2 / 3, func() {
		f.moves(at)
		p.kill(t, p.web)
		f.cut()
	}})
	gil.choosesFile(p.sample)
	gil.at("/org/uploads/:id")
	if f.left() != 0 || f.sent(at) < size/10 {
		t.Errorf("the second process was sent %d bytes", f.sent(at))
	}
	gil.see("What came of it")
	p.wholeUpload(t, "gil@genome.example")
}

// overBucket starts web and worker anew, with their blobs in a bucket.
func (p *portal) overBucket(t *testing.T, s *blobtest.Server) {
	t.Helper()
	for _, d := range []*daemon{p.web, p.worker} {
		d.stop()
	}
	s.Place(t) // marked: servers refuse an empty bucket beside a database of images
	o := s.Options
	place := []string{
		"VOLARY_BLOB_BUCKET=" + o.Bucket, "VOLARY_BLOB_ENDPOINT=" + o.Endpoint, "VOLARY_BLOB_REGION=" + o.Region, "VOLARY_BLOB_PATH_STYLE=true",
		"VOLARY_BLOB_CREDENTIALS_FILE=" + o.Credentials, "VOLARY_SCRATCH_DIR=" + p.path("scratch"),
	}
	for d, answers := range map[*daemon]string{p.web: p.address() + "/sign-in", p.worker: p.workerURL() + "/healthz"} {
		d.env = append(d.env, place...)
		if err := startDaemon(t.Context(), d, answers); err != nil {
			t.Fatal(err)
		}
	}
}
