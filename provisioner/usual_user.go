package provisioner

import (
	"strings"
	"unicode"
)

// cloudImages are words in the names of cloud images' files, and whom such an image has its keys for unless its builder chose
// otherwise: the default_user of each system's own build of cloud-init (config/cloud.cfg.tmpl).
var cloudImages = []struct{ word, system, user string }{
	{"debian", "Debian", "debian"},
	{"bookworm", "Debian", "debian"},
	{"trixie", "Debian", "debian"},
	{"bullseye", "Debian", "debian"},
	{"ubuntu", "Ubuntu", "ubuntu"},
	{"noble", "Ubuntu", "ubuntu"},
	{"jammy", "Ubuntu", "ubuntu"},
	{"focal", "Ubuntu", "ubuntu"},
	{"rocky", "Rocky Linux", "rocky"},
	{"almalinux", "AlmaLinux", "almalinux"},
	{"fedora", "Fedora", "fedora"},
	{"rhel", "Red Hat Enterprise Linux", "cloud-user"},
	{"centos", "CentOS Stream", "cloud-user"},
	{"opensuse", "openSUSE", "opensuse"},
	{"alpine", "Alpine Linux", "alpine"},
	{"arch", "Arch Linux", "arch"},
	{"amzn2", "Amazon Linux", "ec2-user"},
	{"al2023", "Amazon Linux", "ec2-user"},
	{"freebsd", "FreeBSD", "freebsd"},
}

// UsualUser guesses by an image's name whom the cloud images of its system have for signing in: "debian" of
// "debian-12-genericcloud-amd64.qcow2". Both are empty where the name says nothing, or names two systems.
func UsualUser(image string) (user, system string) {
	words := strings.FieldsFunc(strings.ToLower(image), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for _, word := range words {
		for _, c := range cloudImages {
			if word != c.word && strings.TrimRight(word, "0123456789") != c.word {
				continue
			}
			if system != "" && system != c.system {
				return "", ""
			}
			user, system = c.user, c.system
		}
	}
	return user, system
}
