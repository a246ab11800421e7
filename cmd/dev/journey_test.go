package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"golang.org/x/crypto/ssh"

	"volary.dev/cmd/internal/demo"
	"volary.dev/provisioner/waittest"
)

// TestJourney is everything Volary is for, by hand in a real browser on real hosts: an image is uploaded, described,
// tested, launched as one head and three compute nodes over three hosts, used, metered, ended and exported; and then deleted where hosts have
// it, and brought again.
func TestJourney(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the lab's hosts and Chromium")
	}
	v := startVolary(t, "journey")
	b := openBrowser(t, v.address(), v.path("shots"))
	key, disk := newSSHKey(t), anotherDisk(t, v)

	bens := newSSHKey(t)
	addKeyOf(t, v, "ben@tidal.example", bens)
	b.signIn("ada@tidal.example")
	b.addSSHKey(key)
	b.upload(disk)
	b.describe()
	b.test()
	b.launch()
	b.useConsole()
	out := overSSH(t, key, b.sshCommand(), "hostname; echo kept > /root/kept; sync; ping -c 1 -W 5 compute-003")
	if !strings.HasPrefix(out, "head\n") || !strings.Contains(out, "1 packets received") {
		t.Errorf("the head says by SSH:\n%s", out)
	}
	b.removeMember(t, bens)
	b.open(b.cluster())
	b.shoot("cluster")
	b.scale(t, v, key)
	b.readUsage()
	b.stopAndStart()
	if out := overSSH(t, key, b.sshCommand(), "hostname; cat /root/kept"); out != "head\nkept\n" {
		t.Errorf("after stop and start the head's disk says:\n%s", out)
	}
	b.delete()
	readExport(t, v)
	v.nothingLeft(t)
	b.imageGoes(v, disk)
	t.Run("worker killed", func(t *testing.T) { workerKilled(t, v) })
	t.Run("host restarted", func(t *testing.T) { hostRestarted(t, v) })
	t.Run("faults at random", func(t *testing.T) { faultsAtRandom(t, v) })
}

func (b *browser) signIn(who string) {
	b.open("/sign-in")
	b.shoot("sign-in")
	b.fill("email", who)
	b.fill("password", demo.Password)
	b.press("Sign in")
	b.until("be signed in", `location.pathname === "/org" && document.readyState === "complete"`)
	b.shoot("home")
}

func (b *browser) addSSHKey(key ssh.Signer) {
	b.open("/account/ssh-keys")
	b.fill("name", "journey")
	b.fill("public_key", strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key.PublicKey()))))
	b.press("Add key")
	b.see(ssh.FingerprintSHA256(key.PublicKey()))
}

func (b *browser) upload(file string) {
	b.open("/org/images/new")
	b.shoot("upload")
	b.do("choose the file", chromedp.SetUploadFiles(chromedp.CSS(`input[type=file]`), []string{file}))
	b.until("go on to the upload's page", `/^\/org\/uploads\/[0-9a-f]{32}$/.test(location.pathname)`)
	b.see("Verdict")
	b.see("What came of it")
	b.shoot("uploaded")
	b.do("go on to the image", chromedp.Click(chromedp.CSS(`main table a[href^="/org/images/"]`), chromedp.NodeVisible))
	b.until("see the image", `/^\/org\/images\/[0-9a-f-]{36}$/.test(location.pathname)`)
	b.see("Canonical qcow2")
	b.shoot("image")
}

func (b *browser) describe() {
	b.open("/org/models/new")
	b.fill("name", "journey")
	b.press("Create and describe it")
	b.see("Readiness gate")
	b.fill("version", "1")
	b.choose("head_image", "variant") // the compute nodes' too: their boxes are ticked
	b.fill("head_vcpus", "1")
	b.fill("head_memory_mib", "256")
	b.fill("head_disk_gib", "1")
	b.fill("group_0_least", "1")
	b.fill("group_0_most", "4")
	b.choose("head_gate_kind", "a text appears on its console")
	b.fill("head_gate_text", "volary: ready")
	b.fill("head_gate_timeout", "240")
	b.shoot("version-form")
	b.press("Save draft")
	b.see("Publish this version")
	b.press("Publish 1")
	b.see("Frozen since")
	b.shoot("version")
}

func (b *browser) test() {
	b.press("Run a free test")
	b.until("follow the test", `location.pathname.startsWith("/org/tests/")`)
	b.state("passed")
	for _, check := range []string{"16 of 16 checks passed", "No two nodes have the same machine id", "Every pair of nodes pings", "Nothing leaves the sealed network"} {
		b.see(check)
	}
	b.shoot("test")
	b.press("Launch journey 1")
}

func (b *browser) launch() {
	b.see("Before you launch")
	b.fill("name", "birds")
	b.choose("version", "journey 1")
	b.choose("pool", "north")
	b.fill("compute_count", "3")
	b.fill("lease_hours", "2")
	b.see("It fits")
	b.see("8.00")
	b.shoot("launch")
	b.press("Launch")
	b.until("go on to the cluster", `/^\/org\/clusters\/[0-9a-f-]{36}$/.test(location.pathname)`)
	b.see("ssh -p")
	hosts, err := chromedp.Run(b.ctx, chromedp.Evaluate[int](`new Set([...document.querySelectorAll('td[data-label="Host"]')].map(c => c.innerText)).size`))
	if err != nil || hosts != 3 {
		b.fail("see three hosts", fmt.Errorf("%d hosts carry the cluster (%w)", hosts, err))
	}
}

func (b *browser) cluster() string {
	b.t.Helper()
	s, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`(location.pathname.match(/^\/org\/clusters\/[0-9a-f-]{36}/) ?? [""])[0]`))
	if err != nil || s == "" {
		b.fail("find the cluster's address", err)
	}
	return s
}

func (b *browser) useConsole() {
	cluster := b.cluster()
	b.do("open a compute node's console", chromedp.Click(`(//a[contains(@href,"/console") and ancestor::*[contains(.,"compute-002")]])[last()]`, chromedp.NodeVisible))
	b.see("Connected")
	b.until("see the console", `document.querySelector(".xterm-helper-textarea") !== null`)
	b.do("log in and ask", chromedp.Focus(chromedp.CSS(".xterm-helper-textarea")), chromedp.KeyEvent("\r"))
	b.console("login:")
	b.do("log in", chromedp.KeyEvent("root\r"))
	b.console("#")
	b.do("ask", chromedp.KeyEvent("hostname; echo asked-$((40+2))\r"))
	b.console("asked-42")
	b.until("read the answer", `/compute-\d{3}\s/.test(document.querySelector(".xterm-rows").innerText)`)
	b.shoot("console")
	b.open(cluster)
}

// console waits until the console shows text.
func (b *browser) console(text string) {
	b.t.Helper()
	b.until("read "+text+" on the console", fmt.Sprintf(`document.querySelector(".xterm-rows").innerText.includes(%q)`, text))
}

func (b *browser) sshCommand() string {
	b.t.Helper()
	command := regexp.MustCompile(`ssh -p \d+ \S+@\S+`).FindString(b.text("main"))
	if command == "" {
		b.fail("find the SSH command", fmt.Errorf("the page has none"))
	}
	return command
}

func (b *browser) readUsage() {
	b.open("/org/usage")
	b.see("birds")
	b.see("Set aside")
	b.shoot("usage")
}

// scale has a fourth compute node join, which the head reaches by its name, and has it go again.
func (b *browser) scale(t *testing.T, v *volary, key ssh.Signer) {
	t.Helper()
	cluster, connect := b.cluster(), b.sshCommand()
	to := func(nodes string) {
		b.open(cluster + "/scale")
		b.see("Compute groups")
		b.fill("count", nodes)
		b.shoot("scale-" + nodes)
		b.press("Scale compute")
		b.until("go on to the cluster", fmt.Sprintf("location.pathname === %q", cluster))
	}
	to("4")
	b.see("5 of 5 nodes ready")
	b.shoot("scaled")
	if out := overSSH(t, key, connect, "ping -c 1 -W 5 compute-004; ping -c 1 -W 5 compute-002"); strings.Count(out, "1 packets received") != 2 {
		t.Errorf("the head says of the node that joined, and of one that was there:\n%s", out)
	}
	v.await(t, "a proof of life of the node that joined", `SELECT EXISTS (SELECT FROM runs r JOIN nodes n ON n.id = r.node_id WHERE n.name = 'compute-004' AND r.ended_at > r.started_at)`)
	to("3")
	b.see("4 of 4 nodes ready")
	if strings.Contains(b.text(`section[aria-labelledby="nodes"] table`), "compute-004") {
		t.Error("the page lists the node that is gone")
	}
}

func (b *browser) stopAndStart() {
	b.open("/org/clusters")
	b.shoot("clusters")
	b.press("birds")
	b.press("Stop")
	b.state("stopped")
	b.fill("lease_hours", "1")
	b.press("Start")
	b.see("ssh -p")
}

func (b *browser) delete() {
	b.press("Delete")
	b.see("Delete birds")
	b.shoot("delete")
	b.do("confirm", chromedp.Click(`//main//form//button`, chromedp.NodeVisible))
	b.until("be answered", `!location.pathname.endsWith("/delete") || document.querySelector("main input[name=password_again]")`)
	b.repeatPassword(demo.Password)
	b.state("gone")
	b.see("asked by a member")
	b.shoot("gone")
}

// removeMember removes Ben, whose key opens the cluster until then, and no more within a minute: neither the head nor another node,
// which the page says, too.
func (b *browser) removeMember(t *testing.T, key ssh.Signer) {
	t.Helper()
	cluster := b.cluster()
	connect := b.sshCommand()
	if out := overSSH(t, key, connect, "hostname"); out != "head\n" {
		t.Errorf("to a member's key the head says %q", out)
	}
	b.open("/org/members")
	b.do("remove Ben", chromedp.Click(`//main//tr[contains(., "Ben Marsh")]//button[starts-with(normalize-space(), "Remove")]`, chromedp.NodeVisible))
	asked := time.Now()
	b.see("The member is removed")
	b.open(cluster)
	b.see("all 4 nodes")
	if took := time.Since(asked); took > time.Minute {
		t.Errorf("it took %s to take a key out of four nodes", took.Round(time.Second))
	}
	b.shoot("member-removed")
	m := sshAddress.FindStringSubmatch(connect)
	_, err := ssh.Dial("tcp", m[3]+":"+m[1], &ssh.ClientConfig{
		User: m[2], Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, Timeout: 30 * time.Second,
		HostKeyAlgorithms: []string{ssh.KeyAlgoED25519}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), //nolint:gosec // as above
	})
	if err == nil || !strings.Contains(err.Error(), "unable to authenticate") {
		t.Errorf("the key of who was removed: %v", err)
	}
}

// addKeyOf gives a person an SSH key, without a browser.
func addKeyOf(t *testing.T, v *volary, email string, key ssh.Signer) {
	t.Helper()
	client := v.client(t, email)
	line := string(ssh.MarshalAuthorizedKey(key.PublicKey()))
	res, err := client.PostForm(v.address()+"/account/ssh-keys", url.Values{"name": {"laptop"}, "public_key": {line}})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || !strings.Contains(string(body), ssh.FingerprintSHA256(key.PublicKey())) {
		t.Fatalf("add a key: %s %v\n%s", res.Status, err, body)
	}
}

// client is signed in.
func (v *volary) client(t *testing.T, email string) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, Timeout: 20 * time.Second}
	res, err := client.PostForm(v.address()+"/sign-in", url.Values{"email": {email}, "password": {demo.Password}})
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return client
}

func newSSHKey(t *testing.T) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

var sshAddress = regexp.MustCompile(`^ssh -p (\d+) (\S+)@(\S+)$`)

// overSSH runs the pasted command's connection from outside the lab, and a command on the head.
func overSSH(t *testing.T, key ssh.Signer, connect, command string) string {
	t.Helper()
	var port, user, host string
	if m := sshAddress.FindStringSubmatch(connect); m != nil {
		port, user, host = m[1], m[2], m[3]
	}
	var client *ssh.Client
	// The port is published once the cluster is ready: a busy host takes a moment.
	waittest.Until(t, "an answer to "+connect, func() bool {
		var err error
		client, err = ssh.Dial("tcp", host+":"+port, &ssh.ClientConfig{
			User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, Timeout: 30 * time.Second,
			HostKeyAlgorithms: []string{ssh.KeyAlgoED25519}, // the others are made when first asked for, which takes long
			HostKeyCallback:   ssh.InsecureIgnoreHostKey(),  //nolint:gosec // a guest made a minute ago: its key is known to nobody
		})
		if err != nil && !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("%s: %v", connect, err)
		}
		return err == nil
	})
	defer client.Close()
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	out, err := session.CombinedOutput(command)
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

// readExport signs in as the provider's accountant, without a browser, and adds the month up.
func readExport(t *testing.T, v *volary) {
	t.Helper()
	client := v.client(t, "abe@north.example")
	berlin, err := time.LoadLocation("Europe/Berlin") // North's
	if err != nil {
		t.Fatal(err)
	}
	// A month may have begun since the test did.
	now, header, lines := time.Now().In(berlin), "", ""
	for _, month := range slices.Compact([]string{now.Add(-time.Hour).Format("2006-01"), now.Format("2006-01")}) {
		res, err := client.Get(v.address() + "/provider/usage.csv?month=" + month)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("export: %s %v\n%s", res.Status, err, body)
		}
		var rest string
		header, rest, _ = strings.Cut(string(body), "\n")
		lines += rest
	}
	checkExport(t, v, header+"\n"+lines)
}

// checkExport adds the lines up: they must make what the ledger booked as used.
func checkExport(t *testing.T, v *volary, export string) {
	t.Helper()
	reader := csv.NewReader(strings.NewReader(export))
	rows, err := reader.ReadAll()
	if err != nil || len(rows) == 0 {
		t.Fatalf("export is no CSV: %v\n%s", err, export)
	}
	nodes := map[string]bool{}
	for _, row := range rows[1:] {
		nodes[row[slices.Index(rows[0], "node")]] = true
	}
	lines := sumOfExport(t, export)
	var booked int64
	if err := v.pool.QueryRow(t.Context(), `SELECT coalesce(sum(hours), 0) FROM ledger_postings WHERE account = 'used'`).Scan(&booked); err != nil {
		t.Fatal(err)
	}
	if lines == 0 || lines != booked || len(nodes) != 5 {
		t.Errorf("%d nodes; runs add up to %d mcs, the ledger says %d\n%s", len(nodes), lines, booked, export)
	}
}
