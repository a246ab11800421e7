package public

import (
	"bufio"
	"bytes"
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"volary.dev/provisioner"
	"volary.dev/provisioner/cloudinit"
	"volary.dev/provisioner/waittest"
	web "volary.dev/web/public"
)

// Nodes with Debian 13's own packages, run by `dev test -full`: namespaces of this machine over one tree, in which cloud-init
// boots from a seed as nodes get it. What they have no hardware and no systemd for has stand-ins (testdata/node.sh): the seed's
// disk is a folder, the console a pipe, and systemctl starts what a unit's ExecStart does.

//go:embed testdata/node.sh
var nodeScript string

// packages13 are what the examples ask of an image.
const packages13 = "cloud-init,openssh-server,openssh-client,iproute2,procps,slurm-wlm,munge,htcondor"

// tree13 makes a root of Debian 13, from where this machine has its packages.
func tree13(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("needs root: it makes namespaces")
	}
	out, err := exec.CommandContext(t.Context(), "apt-get", "indextargets", "--format", "$(REPO_URI) $(SUITE) $(CODENAME)", "Created-By: Packages", "Component: main").Output()
	if err != nil {
		t.Fatal(err)
	}
	mirror := ""
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); mirror == "" && len(f) > 1 && !strings.Contains(f[len(f)-1], "-") && !strings.Contains(line, "security") {
			mirror = f[0]
		}
	}
	dir := filepath.Join(t.TempDir(), "tree")
	cmd := exec.CommandContext(t.Context(), "mmdebstrap", "--mode=root", "--variant=apt", "--include="+packages13, "trixie", dir, mirror)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("mmdebstrap from %q: %v\n%s", mirror, err, out[max(0, len(out)-4000):])
	}
	return dir
}

// guest is a node: processes in namespaces of their own, whose root is a layer over the tree.
type guest struct {
	t    *testing.T
	name string
	pid  string // of its first process
}

// newGuest starts a node of nothing but its first process. user is the image's default user.
func newGuest(t *testing.T, tree, name, user string) *guest {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "--uts", "--net", "--ipc", "--pid", "--fork", "--kill-child", "--propagation", "private",
		"sh", "-c", nodeScript, "node", tree, t.TempDir(), user)
	cmd.Stderr = t.Output()
	said, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := make(chan string)
	go func() {
		for s := bufio.NewScanner(said); s.Scan(); {
			lines <- s.Text()
		}
		close(lines)
	}()
	pid, _ := waittest.Receive(t, "a node", lines)
	if _, err := strconv.Atoi(pid); err != nil {
		t.Fatalf("%s does not begin: %q", name, pid)
	}
	return &guest{t, name, pid}
}

// try runs a command inside, fed with input.
func (g *guest) try(input string, command ...string) (string, error) {
	args := append([]string{"-t", g.pid, "-m", "-u", "-n", "-i", "-p", "-r", "-w", "--"}, command...)
	cmd := exec.CommandContext(g.t.Context(), "nsenter", args...)
	cmd.Stdin = strings.NewReader(input)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "HOME=/root"}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

func (g *guest) run(input string, command ...string) string {
	g.t.Helper()
	out, err := g.try(input, command...)
	if err != nil {
		g.t.Fatalf("%s: %v: %v\n%s", g.name, command, err, out)
	}
	return out
}

// boot gives the node its seed and has cloud-init do what it does at a first boot.
func (g *guest) boot(s cloudinit.Seed) {
	g.t.Helper()
	g.insert(s)
	g.run("", "hostname", s.Hostname)
	for _, stage := range [][]string{{"init", "--local"}, {"init"}, {"modules", "--mode=config"}, {"modules", "--mode=final"}} {
		// Into a file: daemons that user-data starts would keep a pipe open.
		if _, err := g.try("", append([]string{"sh", "-c", `exec cloud-init "$@" >>/var/log/boot 2>&1 </dev/null`, "boot"}, stage...)...); err != nil {
			log, _ := g.try("", "tail", "-n", "40", "/var/log/boot", "/var/log/cloud-init.log")
			g.t.Fatalf("%s: cloud-init %v: %v\n%s", g.name, stage, err, log)
		}
	}
}

// insert puts a seed where its disk would be.
func (g *guest) insert(s cloudinit.Seed) {
	g.t.Helper()
	files, err := s.Files()
	if err != nil {
		g.t.Fatal(err)
	}
	for _, f := range files {
		g.run(f.Content, "sh", "-c", "mkdir -p /seed /var/lib/cloud/seed/nocloud; tee /seed/"+f.Name+" >/var/lib/cloud/seed/nocloud/"+f.Name)
	}
}

// pair is a head and a compute node, joined by a cable, that have booted from one user-data.
func pair(t *testing.T, tree, userData string) (head, compute *guest) {
	t.Helper()
	seed := exampleSeed()
	seed.Nodes, seed.UserData = seed.Nodes[:2], userData
	head, compute = newGuest(t, tree, "head", "debian"), newGuest(t, tree, "compute-001", "debian")
	if out, err := exec.CommandContext(t.Context(), "ip", "link", "add", "eth0", "netns", head.pid, "type", "veth", "peer", "name", "eth0", "netns", compute.pid).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for n, g := range []*guest{head, compute} {
		g.run("", "ip", "addr", "add", seed.Nodes[n].IP.String()+"/24", "dev", "eth0")
		g.run("", "ip", "link", "set", "eth0", "up")
		seed.Hostname, seed.Role = g.name, []provisioner.Role{provisioner.RoleHead, provisioner.RoleCompute}[n]
		g.boot(seed)
	}
	return head, compute
}

// TestWorkedExamples takes the image guide at its word: each scheduler's text on a head and a compute node, down to a job that
// ends, and the keys of a seed in images that forbid root.
func TestWorkedExamples(t *testing.T) {
	if os.Getenv("VOLARY_TEST_FULL") == "" {
		t.Skip("makes Debian 13 of its packages: dev test -full")
	}
	tree := tree13(t)
	t.Run("HTCondor", func(t *testing.T) { condorWorks(t, tree) })
	t.Run("Slurm", func(t *testing.T) { slurmWorks(t, tree) })
	for _, user := range []string{"debian", "ubuntu", "rocky"} {
		t.Run("sign in as "+user, func(t *testing.T) { signInWorks(t, tree, user) })
	}
}

func condorWorks(t *testing.T, tree string) {
	head, compute := pair(t, tree, web.CondorUserData)
	waittest.Until(t, "the compute node in the pool", func() bool {
		out, _ := head.try("", "condor_status", "-af", "Name")
		log, _ := head.try("", "grep", "DENIED", "/var/log/condor/CollectorLog")
		if log != "" {
			t.Fatalf("the collector denies:\n%s", log)
		}
		return strings.Contains(out, compute.name)
	})
	// Ada has an account on the head alone.
	head.run("executable = /bin/hostname\noutput = out\nerror = err\nlog = log\nshould_transfer_files = YES\nqueue\n", "sh", "-c", "useradd -m ada && cat >/home/ada/job && chown ada /home/ada/job")
	ada := []string{"setpriv", "--reuid", "ada", "--regid", "ada", "--init-groups", "env", "-C", "/home/ada", "HOME=/home/ada"}
	head.run("", append(slices.Clone(ada), "condor_submit", "job")...)
	waittest.Until(t, "a job that ends", func() bool {
		out, _ := head.try("", "cat", "/home/ada/log", "/home/ada/out")
		return strings.Contains(out, "Normal termination (return value 0)") && strings.Contains(out, "\n"+compute.name)
	})
}

func slurmWorks(t *testing.T, tree string) {
	// The guide says: set these to your node's.
	const guides = "CPUs=4 RealMemory=7500"
	if !strings.Contains(web.SlurmUserData, guides) {
		t.Fatal("the guide's numbers are others")
	}
	head, compute := pair(t, tree, strings.Replace(web.SlurmUserData, guides, "CPUs=1 RealMemory=64", 1))
	waittest.Until(t, "the compute node idle", func() bool {
		out, _ := head.try("", "sinfo", "--noheader", "--states=idle", "--Node")
		return strings.Contains(out, compute.name)
	})
	if out := head.run("", "srun", "-N1", "hostname"); !strings.Contains(out, compute.name) {
		t.Errorf("srun says %q", out)
	}
}

// signInWorks has the console say as whom to sign in, and that be right, also for who is only in user-data and for root.
func signInWorks(t *testing.T, tree, user string) {
	seed := exampleSeed()
	seed.Nodes, seed.Hostname, seed.Role = seed.Nodes[:2], provisioner.HeadName, provisioner.RoleHead
	g := newGuest(t, tree, "head", user)
	g.run("", "ip", "link", "set", "lo", "up")
	g.run("", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/key", "-C", "you@laptop")
	seed.SSHKeys = []string{strings.TrimSpace(g.run("", "cat", "/root/key.pub"))}
	// A user with a key of its own is not whom the page names.
	seed.UserData = "#cloud-config\nusers:\n  - default\n  - name: ada\n    shell: /bin/sh\n    ssh_authorized_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExample]\n"
	g.boot(seed)

	said, whole := provisioner.ReadSignIn(found(g.run("", "cat", "/console")))
	if !whole || said.User != user {
		t.Errorf("the console says %+v (%t):\n%s", said, whole, g.run("", "cat", "/console"))
	}
	print := g.run("", "ssh-keygen", "-l", "-f", "/etc/ssh/ssh_host_ed25519_key.pub")
	if !slices.ContainsFunc(said.HostKeys, func(k provisioner.HostKey) bool { return k.Kind == "ED25519" && strings.Contains(print, k.Fingerprint) }) {
		t.Errorf("the key is %s, the console says %+v", print, said.HostKeys)
	}
	g.run("", "sh", "-c", "mkdir -p /run/sshd && /usr/sbin/sshd")
	waittest.Until(t, "SSH", func() bool {
		out, _ := g.try("", "ssh-keyscan", "127.0.0.1")
		return strings.Contains(out, "ssh-ed25519")
	})
	for u, may := range map[string]bool{user: true, "ada": false, "root": false} {
		g.signsIn(u, may)
	}

	// A version that names her has the seed's keys go to her as well, from the next start on.
	seed.User = "ada"
	g.insert(seed)
	g.run("", "/var/lib/cloud/scripts/per-boot/volary")
	g.signsIn("ada", true)
	g.signsIn(user, true)
}

// signsIn has the key of the seed open a user's door, or not.
func (g *guest) signsIn(user string, may bool) {
	g.t.Helper()
	out, err := g.try("", "ssh", "-i", "/root/key", "-o", "StrictHostKeyChecking=no", "-o", "BatchMode=yes", user+"@127.0.0.1", "id -un")
	if in := err == nil && strings.HasSuffix(out, user+"\n"); in != may {
		g.t.Errorf("%s signs in: %t, %v\n%s", user, in, err, out)
	}
}

// found are the lines that a host's search of a console gives.
func found(console string) (lines [][]byte) {
	for line := range bytes.Lines(provisioner.VisibleText([]byte(console))) {
		if slices.ContainsFunc(provisioner.SignInTexts(), func(text string) bool { return bytes.Contains(line, []byte(text)) }) {
			lines = append(lines, line)
		}
	}
	return lines
}
