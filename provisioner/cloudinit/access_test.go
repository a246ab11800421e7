package cloudinit

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"volary.dev/provisioner"
)

// tell runs an access script in the machine, under a shell of its choice, and gives what it said. Users are made and looked at by programs of its own.
func (m machine) tell(shell []string, a provisioner.Access) string {
	m.t.Helper()
	script, err := AccessScript(a)
	if err != nil {
		m.t.Fatal(err)
	}
	c := exec.Command(shell[0], shell[1:]...) //nolint:gosec // shells of this test
	c.Stdin = strings.NewReader(m.inside(string(script)))
	c.Env = []string{"PATH=" + m.root + "/bin:" + os.Getenv("PATH")}
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Run(); err != nil {
		m.t.Fatalf("%v: %v\n%s", shell, err, out.String())
	}
	return out.String()
}

// inside has a script work in the machine's root.
func (m machine) inside(script string) string {
	return strings.NewReplacer("/etc/", m.root+"/etc/", "/run/", m.root+"/run/", "/var/lib/", m.root+"/var/lib/", "/dev/ttyS0", m.root+"/tty",
		"/home/$1", m.root+"/home/$1", "/proc/", m.root+"/proc/", " su -s ", " "+m.root+"/bin/su -s ").Replace(script)
}

// withUsers gives the machine programs that know its passwd.
func (m machine) withUsers() machine {
	m.write("bin/su", "#!/bin/sh\necho \"$3\" >>"+m.root+"/su\n[ \"$1\" = -s ] && [ \"$4\" = -c ] || exit 64\ngrep -q \"^$3:\" "+m.root+"/etc/passwd || exit 65\nexec /bin/sh -c \"$5\"\n")
	m.write("bin/groupadd", "#!/bin/sh\nexit 0\n")
	m.write("bin/useradd", `#!/bin/sh
while getopts u:g:d:s:p:mM o; do
	case $o in u) u=$OPTARG ;; d) d=$OPTARG ;; s) s=$OPTARG ;; esac
done
shift $((OPTIND - 1))
mkdir -p "$d" && echo "$1:x:$u:$u::$d:$s" >>`+m.root+`/etc/passwd
`)
	m.write("bin/usermod", `#!/bin/sh
echo "$*" >>`+m.root+`/usermod
sed -i "s|^\($5:.*:\)[^:]*$|\1$2|" `+m.root+`/etc/passwd
`)
	if err := os.MkdirAll(filepath.Join(m.root, "etc/sudoers.d"), 0o755); err != nil {
		m.t.Fatal(err)
	}
	return m
}

func shells(t *testing.T) map[string][]string {
	t.Helper()
	list := map[string][]string{"sh": {"/bin/sh"}}
	if path, err := exec.LookPath("busybox"); err == nil {
		list["busybox"] = []string{path, "sh"}
	}
	return list
}

const (
	keyAda  = "ssh-ed25519 AAAAada"
	keyBen  = "ssh-ed25519 AAAAben"
	keyCleo = "ssh-rsa AAAAcleo"
)

// A key that ended leaves everybody's lists while the machine runs, others stay to the letter, and a boot that writes the seed's keys
// anew takes it out again; of the next start it knows nothing.
func TestAnEndedKeyLeavesARunningGuest(t *testing.T) {
	for name, shell := range shells(t) {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t).withUsers()
			const (
				byHand   = "# mine\nssh-rsa AAAAhand somebody\n"
				fromRoot = `no-port-forwarding,command="echo 'Please login as the user \"debian\"'" `
			)
			seeded := func() {
				m.write("home/debian/.ssh/authorized_keys", byHand+keyAda+" ada@laptop\n"+keyBen+" ben@desk\n")
				m.write("root/.ssh/authorized_keys", fromRoot+keyAda+" ada@laptop\n"+fromRoot+keyBen+" ben@desk\n")
			}
			want := func(ada bool) {
				t.Helper()
				user, root := byHand+keyBen+" ben@desk\n", fromRoot+keyBen+" ben@desk\n"
				if ada {
					user, root = byHand+keyAda+" ada@laptop\n"+keyBen+" ben@desk\n", fromRoot+keyAda+" ada@laptop\n"+root
				}
				if got := m.read("home/debian/.ssh/authorized_keys"); got != user {
					t.Errorf("the user's keys are\n%swant\n%s", got, user)
				}
				if got := m.read("root/.ssh/authorized_keys"); got != root {
					t.Errorf("root's keys are\n%swant\n%s", got, root)
				}
			}
			boot := func(start int) {
				t.Helper()
				s := seed()
				s.Start = start
				script, err := s.bootScript()
				if err != nil {
					t.Fatal(err)
				}
				m.write("boot", "#!/bin/sh\n"+m.inside(script))
				m.boot("boot")
			}
			seeded()
			for range 2 {
				if out := m.tell(shell, provisioner.Access{Start: 3, Ended: []string{keyAda + " ada@laptop"}}); out != "" {
					t.Errorf("it says %q", out)
				}
				want(false)
			}
			if got := m.read("su"); got != "debian\n" {
				t.Errorf("lists were written in the name of %q, want the user's once", got)
			}
			// Another one ends: the first stays out at the next boot.
			m.tell(shell, provisioner.Access{Start: 3, Ended: []string{keyCleo}})
			seeded()
			boot(3)
			want(false)
			// It has a right again.
			m.tell(shell, provisioner.Access{Start: 3, Back: []string{keyAda}})
			seeded()
			boot(3)
			want(true)
			m.tell(shell, provisioner.Access{Start: 3, Ended: []string{keyAda}})
			seeded()
			boot(4)
			want(true)
			m.leavesNothing()
		})
	}
}

func (m machine) leavesNothing() {
	m.t.Helper()
	for _, pattern := range []string{"run/*", "home/*/.ssh/authorized_keys.*", "root/.ssh/authorized_keys.*"} {
		if left, err := filepath.Glob(filepath.Join(m.root, pattern)); err != nil || len(left) > 0 {
			m.t.Errorf("left behind: %v %v", left, err)
		}
	}
}

// A link in a user's folder leads nobody astray: the list is written in the user's name.
func TestALinkIsTheUsersOwnAffair(t *testing.T) {
	m := newMachine(t).withUsers()
	m.write("root/.ssh/authorized_keys", "ssh-rsa AAAAroot\n"+keyAda+"\n")
	if err := os.Symlink(m.root+"/root/.ssh/authorized_keys", m.root+"/home/debian/.ssh/authorized_keys"); err != nil {
		t.Fatal(err)
	}
	m.tell([]string{"/bin/sh"}, provisioner.Access{Start: 1, Ended: []string{keyAda}})
	if got := m.read("root/.ssh/authorized_keys"); got != "ssh-rsa AAAAroot\n" {
		t.Errorf("root's keys are %q", got)
	}
	if got := m.read("su"); got != "debian\n" {
		t.Errorf("written in the name of %q", got)
	}
}

// Logins come, follow their keys, are locked and come back; users of the image are nobody's to touch.
func TestLoginsFollowInARunningGuest(t *testing.T) {
	for name, shell := range shells(t) {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t).withUsers()
			ada := provisioner.Login{Name: "ada", UID: 70001, Sudo: true, Keys: []string{keyAda + " ada@laptop"}}
			ben := provisioner.Login{Name: "ben", UID: 70002, Keys: []string{keyBen, keyCleo}}
			image := provisioner.Login{Name: "debian", UID: 70003, Keys: []string{keyCleo}}
			all := provisioner.Access{Start: 1, Accounts: true, Logins: []provisioner.Login{ada, ben, image}}
			for range 2 {
				if got := m.tell(shell, all); got != "absent debian\n" {
					t.Errorf("it says %q", got)
				}
			}
			if got, want := m.read("home/ada/.ssh/authorized_keys"), "# volary begin\n"+keyAda+"\n# volary end\n"; got != want {
				t.Errorf("ada's keys are %q, want %q", got, want)
			}
			if got := m.read("etc/sudoers.d/volary"); got != "ada ALL=(ALL) NOPASSWD: ALL\n" {
				t.Errorf("sudo %q", got)
			}
			if strings.Count(m.read("etc/passwd"), "\nada:x:70001:70001:") != 1 || strings.Contains(m.read("su"), "debian") {
				t.Errorf("passwd is %s, su %s", m.read("etc/passwd"), m.read("su"))
			}

			m.write("home/ben/.ssh/authorized_keys", "ssh-rsa AAAAhand\n"+m.read("home/ben/.ssh/authorized_keys"))
			ben.Keys = []string{keyCleo}
			all.Logins = []provisioner.Login{ben}
			m.tell(shell, all)
			if got, want := m.read("home/ben/.ssh/authorized_keys"), "ssh-rsa AAAAhand\n# volary begin\n"+keyCleo+"\n# volary end\n"; got != want {
				t.Errorf("ben's keys are %q, want %q", got, want)
			}
			if _, err := os.Stat(m.root + "/home/ada/.ssh/authorized_keys"); !os.IsNotExist(err) {
				t.Errorf("who left has a list still: %v", err)
			}
			if got := m.read("etc/passwd"); !strings.Contains(got, "\nada:x:70001:70001::"+m.root+"/home/ada:/bin/false\n") {
				t.Errorf("the login of who left is %s", got)
			}
			if got := m.read("etc/sudoers.d/volary"); got != "" {
				t.Errorf("sudo %q", got)
			}

			all.Logins = []provisioner.Login{ada, ben}
			m.tell(shell, all)
			if got := m.read("etc/passwd"); strings.Contains(got, "ada:x:70001:70001::"+m.root+"/home/ada:/bin/false") || !strings.Contains(m.read("usermod"), "-e  ada") {
				t.Errorf("who came back has %s", got)
			}
			if got := m.read("home/ada/.ssh/authorized_keys"); !strings.Contains(got, keyAda) {
				t.Errorf("who came back has %q", got)
			}
			m.leavesNothing()
		})
	}
}

// What people may type and send never becomes more than a word in a line.
func TestHostileAccessIsRefused(t *testing.T) {
	login := func(change func(*provisioner.Login)) provisioner.Access {
		l := provisioner.Login{Name: "ada", UID: 70001, Keys: []string{keyAda}}
		change(&l)
		return provisioner.Access{Start: 1, Accounts: true, Logins: []provisioner.Login{l}}
	}
	for name, a := range map[string]provisioner.Access{
		"name with a command": login(func(l *provisioner.Login) { l.Name = "ada;reboot" }),
		"name with a line":    login(func(l *provisioner.Login) { l.Name = "ada\nVOLARY\nreboot" }),
		"name that is option": login(func(l *provisioner.Login) { l.Name = "-s" }),
		"name of dots":        login(func(l *provisioner.Login) { l.Name = "a.b" }),
		"root's number":       login(func(l *provisioner.Login) { l.UID = 0 }),
		"container's number":  login(func(l *provisioner.Login) { l.UID = 100000 }),
		"key with options":    login(func(l *provisioner.Login) { l.Keys = []string{`command="reboot" ` + keyAda} }),
		"key with a line":     login(func(l *provisioner.Login) { l.Keys = []string{keyAda + "\nVOLARY\nreboot"} }),
		"key of a command":    login(func(l *provisioner.Login) { l.Keys = []string{"ssh-ed25519 $(reboot)"} }),
		"ended key":           {Start: 1, Ended: []string{"ssh-ed25519 `reboot`"}},
		"ended nothing":       {Start: 1, Ended: []string{""}},
		"back":                {Start: 1, Back: []string{"ssh-ed25519 AAAA*"}},
		"twice":               {Start: 1, Accounts: true, Logins: []provisioner.Login{{Name: "ada", UID: 70001}, {Name: "ada", UID: 70002}}},
		"not asked for":       {Start: 1, Logins: []provisioner.Login{{Name: "ada", UID: 70001}}},
	} {
		if script, err := AccessScript(a); err == nil {
			t.Errorf("%s: %s", name, script)
		}
	}
	// A key's comment is the person's own word, and stays outside.
	script, err := AccessScript(provisioner.Access{Start: 1, Ended: []string{keyAda + " $(reboot) VOLARY"}})
	if err != nil || bytes.Contains(script, []byte("reboot")) {
		t.Errorf("%v\n%s", err, script)
	}
}

func TestAccessScriptFits(t *testing.T) {
	var a provisioner.Access
	a.Start, a.Accounts = 1, true
	long := "ssh-rsa " + strings.Repeat("A", 700)
	for i := range 1000 {
		a.Ended = append(a.Ended, long)
		if i < 200 {
			a.Logins = append(a.Logins, provisioner.Login{Name: "u" + strings.Repeat("a", i%20) + string(rune('a'+i/20)) + "x", UID: provisioner.LeastUID + i, Keys: []string{long, long, long}})
		}
	}
	kept, left := a.Fit()
	script, err := AccessScript(kept)
	if err != nil || len(script) > provisioner.MostCommandInput || len(kept.Ended) == 0 || len(kept.Ended) == 1000 || left == 0 || len(kept.Logins) != 200 {
		t.Errorf("%v: %d bytes, %d keys that ended, %d left out of %d logins", err, len(script), len(kept.Ended), left, len(kept.Logins))
	}
	if _, err := AccessScript(a); err == nil {
		t.Error("more than an agent takes was not refused")
	}
}
