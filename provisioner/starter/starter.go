package starter

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"volary.dev/provisioner"
)

//go:embed common slurm htcondor
var files embed.FS

// Starter is a model that a group can begin with.
type Starter struct {
	Name     string // "slurm": on the command line, and of the image's file
	Title    string
	suite    string   // Debian's
	packages []string // beside those of every starter
	ready    string   // what a node's console says once its scheduler runs
}

var everywhere = []string{
	"systemd-sysv", "systemd-resolved", "libnss-resolve", "udev", "dbus", "kmod", "linux-base", "initramfs-tools", "cloud-init", "cloud-guest-utils",
	"e2fsprogs", "openssh-server", "openssh-client", "sudo", "iproute2", "iputils-ping", "procps", "less", "vim-tiny", "ca-certificates",
	"qemu-guest-agent", "nfs-kernel-server", "nfs-common", "openmpi-bin", "netpipe-openmpi", "login", "netbase",
}

// All are the starters that there are.
func All() []Starter {
	return []Starter{
		{Name: "slurm", Title: "Slurm on Debian 12", suite: "bookworm", packages: []string{"slurm-wlm", "munge"}, ready: "volary: slurm is up"},
		{Name: "htcondor", Title: "HTCondor on Debian 13", suite: "trixie", packages: []string{"htcondor"}, ready: "volary: htcondor is up"},
	}
}

// Find gives the starter of a name, or an error that says which there are.
func Find(name string) (Starter, error) {
	var names []string
	for _, s := range All() {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Starter{}, fmt.Errorf("there is no starter model %q; there are: %s", name, strings.Join(names, ", "))
}

// Image is the name of the starter's image in its document.
func (s Starter) Image() string { return s.Name + "-starter.qcow2" }

// UserData is what every node of the starter's clusters begins with.
func (s Starter) UserData() string {
	return strings.Replace(s.text(s.Name+"/seed.sh"), "HOME_OF_ALL\n", "\n"+s.text("common/home.sh"), 1) + "\necho '" + s.ready + "' >/dev/console\n"
}

// Model is the starter's document for an image with a guest-visible digest (lower-case hex SHA-256).
func (s Starter) Model(digest string) provisioner.Model {
	group := provisioner.Group{
		Image: provisioner.ImageRef{Name: s.Image(), Digest: digest}, Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 1024, DiskGiB: 10}, UserData: s.UserData(),
		Gate: provisioner.Gate{Kind: provisioner.GateConsole, Text: s.ready, TimeoutSeconds: 900},
	}
	compute := group
	compute.Name, compute.Count = string(provisioner.RoleCompute), provisioner.Count{Least: 2, Most: 64}
	check := func(name, program string, output string) provisioner.Check {
		return provisioner.Check{Name: name, Node: provisioner.HeadName, Command: []string{"/usr/lib/volary/" + program}, Output: output, TimeoutSeconds: 300}
	}
	return provisioner.Model{
		Format: provisioner.ModelFormat, SignInUser: "debian", Accounts: true, Head: group, Compute: []provisioner.Group{compute},
		Checks: []provisioner.Check{
			check("every node works", "check-nodes", "nodes "),
			check("ten jobs", "check-jobs", "10 of 10 jobs ended"),
			check("MPI between two nodes", "check-mpi", "bandwidth"),
		},
		Commands: provisioner.Commands{Drain: []string{"/usr/lib/volary/drain"}, Queue: []string{"/usr/lib/volary/queue"}},
	}
}

func (s Starter) text(name string) string {
	text, err := files.ReadFile(name)
	if err != nil {
		panic(err) // it is embedded
	}
	return string(text)
}

// programs are the files of /usr/lib/volary, by name.
func (s Starter) programs() (map[string]string, error) {
	programs := map[string]string{}
	for _, folder := range []string{"common", s.Name} {
		entries, err := fs.ReadDir(files, folder)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if path.Ext(e.Name()) == "" {
				programs[e.Name()] = s.text(folder + "/" + e.Name())
			}
		}
	}
	return programs, nil
}
