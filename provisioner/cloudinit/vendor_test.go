package cloudinit

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// machine is a folder that stands for the root of a guest with cloud-init.
type machine struct {
	t    *testing.T
	root string
}

func newMachine(t *testing.T) machine {
	m := machine{t, t.TempDir()}
	for _, dir := range []string{"etc", "run", "bin", "seed", "var/lib/cloud/scripts/per-boot", "root/.ssh", "home/debian/.ssh"} {
		if err := os.MkdirAll(filepath.Join(m.root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	m.write("etc/hosts", "127.0.0.1 localhost\n")
	m.write("etc/passwd", "root:x:0:0:root:"+m.root+"/root:/bin/sh\ndebian:x:1000:1000::"+m.root+"/home/debian:/bin/sh\n")
	m.write("bin/findfs", "#!/bin/sh\necho "+m.root+"/seed\n")
	m.write("bin/mount", "#!/bin/sh\nfor to; do :; done\ncp "+m.root+"/seed/* \"$to\"\n")
	m.write("bin/umount", "#!/bin/sh\nrm \"$1\"/*\n")
	return m
}

func (m machine) write(name, text string) {
	m.t.Helper()
	if err := os.WriteFile(filepath.Join(m.root, name), []byte(text), 0o755); err != nil {
		m.t.Fatal(err)
	}
}

func (m machine) read(name string) string {
	m.t.Helper()
	b, err := os.ReadFile(filepath.Join(m.root, name))
	if err != nil {
		m.t.Fatal(err)
	}
	return string(b)
}

// insert puts a seed into the machine, whose folders are those of its root.
func (m machine) insert(keys ...string) {
	m.t.Helper()
	m.insertFor("", keys...)
}

func (m machine) insertFor(user string, keys ...string) {
	m.t.Helper()
	s := seed()
	s.SSHKeys, s.User = keys, user
	files, err := s.Files()
	if err != nil {
		m.t.Fatal(err)
	}
	inside := strings.NewReplacer("/etc/", m.root+"/etc/", "/run/", m.root+"/run/", "/var/lib/", m.root+"/var/lib/", "/dev/ttyS0", m.root+"/tty")
	for _, f := range files {
		if f.Name == "vendor-data" {
			f.Content = inside.Replace(f.Content)
		}
		m.write("seed/"+f.Name, f.Content)
	}
}

// boot runs a script as cloud-init does.
func (m machine) boot(script string) {
	m.t.Helper()
	c := exec.Command(filepath.Join(m.root, script))
	c.Env = []string{"PATH=" + m.root + "/bin:" + os.Getenv("PATH")}
	if out, err := c.CombinedOutput(); err != nil || len(out) > 0 {
		m.t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// TestAKeyThatIsNotGivenAnyMoreLeavesTheGuest is what cloud-init itself does not do: it reads the keys of an instance once.
func TestAKeyThatIsNotGivenAnyMoreLeavesTheGuest(t *testing.T) {
	const (
		ada, ben, cleo = "ssh-ed25519 AAAAada", "ssh-ed25519 AAAAben", "ssh-ed25519 AAAAcleo"
		fromRoot       = `no-port-forwarding,command="echo 'Please login as the user \"debian\"'" `
		byHand         = "ssh-rsa AAAAhand somebody\n"
	)
	m := newMachine(t)
	m.insert(ada+" ada@laptop", ben+" ben@desk")
	m.write("home/debian/.ssh/authorized_keys", byHand+ada+" ada@laptop\n"+ben+" ben@desk\n")
	m.write("root/.ssh/authorized_keys", fromRoot+ada+" ada@laptop\n"+fromRoot+ben+" ben@desk\n")
	m.write("first", m.read("seed/vendor-data")) // cloud-init keeps it elsewhere
	m.boot("first")
	if got := m.read("home/debian/.ssh/authorized_keys"); !strings.Contains(got, ada) || !strings.Contains(got, ben) {
		t.Fatalf("the first boot left %q", got)
	}

	m.insert(cleo+" cleo@home", ada+" ada@laptop")
	for range 2 { // the second start of the same is no news
		m.boot("var/lib/cloud/scripts/per-boot/volary")
		if got, want := m.read("home/debian/.ssh/authorized_keys"), byHand+ada+" ada@laptop\n"+cleo+"\n"; got != want {
			t.Errorf("the user's keys are\n%swant\n%s", got, want)
		}
		if got, want := m.read("root/.ssh/authorized_keys"), fromRoot+ada+" ada@laptop\n"; got != want {
			t.Errorf("root's keys are\n%swant\n%s", got, want)
		}
	}

	m.insert() // all have left
	m.boot("var/lib/cloud/scripts/per-boot/volary")
	if got := m.read("home/debian/.ssh/authorized_keys") + m.read("root/.ssh/authorized_keys"); got != byHand {
		t.Errorf("with nobody left the keys are %q", got)
	}
	if left, err := filepath.Glob(filepath.Join(m.root, "run", "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestTheScriptOfTheSeedReplacesItsCopy has a later seed say other things than the first.
func TestTheScriptOfTheSeedReplacesItsCopy(t *testing.T) {
	m := newMachine(t)
	m.insert()
	m.write("first", m.read("seed/vendor-data"))
	m.boot("first")
	m.write("seed/vendor-data", strings.ReplaceAll(m.read("seed/vendor-data"), "VOLARY_ROLE=", "VOLARY_ROLE=new-"))
	m.boot("var/lib/cloud/scripts/per-boot/volary")
	if got := m.read("etc/volary/env"); !strings.Contains(got, "VOLARY_ROLE=new-") {
		t.Errorf("the environment is of the first start:\n%s", got)
	}
}

// TestTheVersionsUserGetsTheKeys has a user of user-data or of the image, whom cloud-init gives no key, get those of the seed.
func TestTheVersionsUserGetsTheKeys(t *testing.T) {
	const ada, ben, hand = "ssh-ed25519 AAAAada", "ssh-ed25519 AAAAben", "ssh-rsa AAAAhand somebody"
	m := newMachine(t)
	passwd := m.read("etc/passwd")
	owner := fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid())
	m.write("etc/passwd", passwd+"ada:x:"+owner+"::"+m.root+"/home/ada:/bin/sh\nrocky:x:"+owner+"::"+m.root+"/home/rocky:/bin/sh\n")
	for _, dir := range []string{"home/ada", "home/rocky/.ssh"} {
		if err := os.MkdirAll(filepath.Join(m.root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	start := func(user string, keys ...string) {
		m.insertFor(user, keys...)
		m.write("first", m.read("seed/vendor-data"))
		m.boot("first")
	}
	start("ada", ada+" ada@laptop")
	if got := m.read("home/ada/.ssh/authorized_keys"); got != ada+"\n" {
		t.Errorf("a user without keys has %q", got)
	}
	for path, want := range map[string]os.FileMode{"home/ada/.ssh": 0o700, "home/ada/.ssh/authorized_keys": 0o600} {
		if i, err := os.Stat(filepath.Join(m.root, path)); err != nil || i.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, i, err)
		}
	}
	m.write("home/rocky/.ssh/authorized_keys", hand) // without a line's end
	start("rocky", ada+" ada@laptop")
	if got := m.read("home/rocky/.ssh/authorized_keys"); got != hand+"\n"+ada+"\n" {
		t.Errorf("a user with a key of its own has %q", got)
	}
	m.insertFor("rocky", ben)
	for range 2 {
		m.boot("var/lib/cloud/scripts/per-boot/volary")
		if got := m.read("home/rocky/.ssh/authorized_keys"); got != hand+"\n"+ben+"\n" {
			t.Errorf("after a change of keys it has %q", got)
		}
	}
	start("nobody-here", ada)
	m.write("tty", "")
	// Who has the key, and not who has it behind a command.
	m.write("home/debian/.ssh/authorized_keys", `command="no" `+ada+"\n")
	start("rocky", ada)
	if got := m.read("tty"); got != "\r\nvolary: sign in as ada\r\n\r\nvolary: sign in as rocky\r\n" {
		t.Errorf("the console says %q", got)
	}
	start("root", ada)
	if _, err := os.Stat(filepath.Join(m.root, "root/.ssh/authorized_keys")); err == nil {
		t.Error("root got keys, which is for the image to say")
	}
}
