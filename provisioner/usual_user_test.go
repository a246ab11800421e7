package provisioner_test

import (
	"testing"

	"volary.dev/provisioner"
)

func TestUsualUser(t *testing.T) {
	for name, want := range map[string]string{
		"debian-12-genericcloud-amd64.qcow2":           "debian",
		"Debian 12 with Slurm":                         "debian",
		"bookworm.raw.xz":                              "debian",
		"noble-server-cloudimg-amd64.img":              "ubuntu",
		"ubuntu-24.04-minimal-cloudimg-amd64.img":      "ubuntu",
		"ubuntu2404.qcow2":                             "ubuntu",
		"ubuntu-noble.img":                             "ubuntu",
		"Rocky-9-GenericCloud.latest.x86_64.qcow2":     "rocky",
		"AlmaLinux-9-GenericCloud-latest.x86_64.qcow2": "almalinux",
		"Fedora-Cloud-Base-Generic-41.qcow2":           "fedora",
		"CentOS-Stream-GenericCloud-9.qcow2":           "cloud-user",
		"nocloud_alpine-3.20.qcow2":                    "alpine",
		"Arch-Linux-x86_64-cloudimg.qcow2":             "arch",
		"debian-and-ubuntu.img":                        "",
		"search.raw":                                   "",
		"sample.qcow2":                                 "",
		"":                                             "",
	} {
		user, system := provisioner.UsualUser(name)
		if user != want || (user == "") != (system == "") {
			t.Errorf("%q: %q of %q, want %q", name, user, system, want)
		}
		if _, err := provisioner.ParseUser(user); user != "" && err != nil {
			t.Errorf("%q is no user's name: %v", user, err)
		}
	}
}
