package manifest

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/provisioner/userdata"
)

// What a document may have of each.
const (
	Most        = 256 << 10 // bytes, as Canonical writes it
	MostGroups  = 16        // of compute nodes
	MostCompute = 1000      // nodes of all compute groups together
	mostChecks  = 32
	mostDisks   = 8
	mostWords   = 32   // of a command
	mostWord    = 1024 // characters of one
)

var (
	groupName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`)
	diskName  = regexp.MustCompile(`^[a-z][a-z0-9-]{0,19}$`) // a virtio serial has 20 bytes
	digest    = regexp.MustCompile(`^[0-9a-f]{64}$`)
	nodeName  = regexp.MustCompile(`^(.*)-[0-9]{3,4}$`)
)

// faults are sentences by path; the first one for a path stays.
type faults map[string]string

func (f faults) check(ok bool, path, format string, args ...any) {
	if _, has := f[path]; !ok && !has {
		f[path] = fmt.Sprintf(format, args...)
	}
}

func (f faults) between(path string, n, least, most int, unit string) {
	f.check(n >= least && n <= most, path, "Choose %d to %d%s; %d was given.", least, most, unit, n)
}

// text wants a text of one line.
func (f faults) text(path, s string, most int, what string) {
	n := utf8.RuneCountInString(s)
	f.check(n >= 1 && n <= most && utf8.ValidString(s) && !strings.ContainsFunc(s, isControl), path,
		"Write %s of 1 to %d characters, without line breaks and other control characters.", what, most)
}

func isControl(r rune) bool { return r < 0x20 || r == 0x7f }

// Check gives what is wrong with a model, a sentence for each path of the document: "compute[0].count.most". Of an empty
// model's parts each is wrong. It is nil for a model that can be published.
func Check(m provisioner.Model) map[string]string {
	f := faults{}
	f.check(m.Format == provisioner.ModelFormat, "volary", "Write volary: %d, the format of the document.", provisioner.ModelFormat)
	if _, err := provisioner.ParseUser(m.SignInUser); err != nil && m.SignInUser != "" {
		f.check(false, "sign_in_user", "A user's name %s.", err)
	}
	f.check(m.Head.Name == "", "head.name", "The head is named head: leave its name out.")
	f.check(m.Head.Count == provisioner.Count{}, "head.count", "There is one head: leave its count out.")
	f.check(!m.Head.Apart, "head.apart", "There is one head: leave apart out.")
	f.group("head", m.Head)
	f.compute(m.Compute)
	f.checks(m)
	f.commands(m.Commands)
	if len(f) > 0 {
		return f
	}
	if size := len(Canonical(m)); size > Most {
		return faults{"": fmt.Sprintf("The document has %s, at most %s are kept. Put large files into the images.", refusal.Bytes(int64(size)), refusal.Bytes(int64(Most)))}
	}
	return nil
}

func (f faults) compute(groups []provisioner.Group) {
	f.check(len(groups) <= MostGroups, "compute", "There are %d compute groups; at most %d are taken.", len(groups), MostGroups)
	sum := 0
	for i, g := range groups {
		path := fmt.Sprintf("compute[%d]", i)
		f.name(path+".name", i, groups)
		f.between(path+".count.least", g.Count.Least, 0, MostCompute, " compute nodes")
		f.between(path+".count.most", g.Count.Most, 1, MostCompute, " compute nodes")
		f.check(g.Count.Most >= g.Count.Least, path+".count.most", "The most (%d) is less than the least (%d).", g.Count.Most, g.Count.Least)
		sum += min(g.Count.Most, MostCompute) // each is bounded, so that the sum is no overflow
		f.check(sum <= MostCompute, path+".count.most", "All groups up to this one have up to %s; a cluster has at most %d.", refusal.Plural(sum, "compute node", "compute nodes"), MostCompute)
		f.group(path, g)
	}
}

// name wants a name that no other group has, nor a node of another.
func (f faults) name(path string, i int, groups []provisioner.Group) {
	name := groups[i].Name
	f.check(groupName.MatchString(name) && !strings.HasSuffix(name, "-"), path,
		"Write 1 to 31 lower-case letters, digits and hyphens, a letter first and no hyphen last: the group's nodes are NAME-001, NAME-002, and so on.")
	f.check(name != provisioner.HeadName, path, "The head has this name. Choose another.")
	of := nodeName.FindStringSubmatch(name)
	for j, g := range groups {
		f.check(j >= i || g.Name != name, path, "Group %d has this name, too. Choose another.", j+1)
		f.check(of == nil || of[1] != g.Name, path, "A node of the group \"%s\" has this name. Choose another.", typed.Isolate(g.Name))
	}
	f.check(of == nil || of[1] != provisioner.HeadName, path, "This looks like a node of a group named head. Choose another name.")
}

func (f faults) group(path string, g provisioner.Group) {
	f.image(path+".image", g.Image)
	f.between(path+".shape.vcpus", g.Shape.VCPUs, 1, 256, " vCPUs")
	f.between(path+".shape.memory_mib", g.Shape.MemoryMiB, 64, 4<<20, " MiB")
	f.between(path+".shape.disk_gib", g.Shape.DiskGiB, 1, 16384, " GiB")
	switch g.Firmware {
	case "", provisioner.FirmwareBIOS, provisioner.FirmwareUEFI:
	default:
		f.check(false, path+".firmware", "Choose bios or uefi, or leave it out: then it is what starts the image.")
	}
	if wrong := userdata.Check(g.UserData); wrong != nil {
		f.check(false, path+".user_data", "%s", wrong.Fields[userdata.Field])
	}
	f.disks(path+".data_disks", g.DataDisks)
	f.gate(path+".gate", g.Gate)
}

// image wants a digest; of what the name is, a person reads.
func (f faults) image(path string, i provisioner.ImageRef) {
	f.check(i != provisioner.ImageRef{}, path, "Choose an image.")
	if i == (provisioner.ImageRef{}) {
		return
	}
	n := utf8.RuneCountInString(i.Name)
	f.check(n >= 1 && n <= 255 && utf8.ValidString(i.Name), path+".name", "Write the image's name, 1 to 255 characters.")
	f.check(digest.MatchString(i.Digest), path+".digest", "Write the image's guest-visible digest: 64 digits and small letters a to f.")
}

func (f faults) disks(path string, disks []provisioner.DataDisk) {
	f.check(len(disks) <= mostDisks, path, "There are %d data disks; a node has at most %d.", len(disks), mostDisks)
	seen := map[string]bool{}
	for i, d := range disks {
		at := fmt.Sprintf("%s[%d]", path, i)
		f.check(diskName.MatchString(d.Name), at+".name", "Write 1 to 20 lower-case letters, digits and hyphens, a letter first: in the guest it is /dev/disk/by-id/virtio-NAME.")
		f.check(!seen[d.Name], at+".name", "Another data disk of the group has this name.")
		seen[d.Name] = true
		f.between(at+".size_gib", d.SizeGiB, 1, 16384, " GiB")
		if d.Image != nil {
			f.image(at+".image", *d.Image)
		}
	}
}

func (f faults) gate(path string, g provisioner.Gate) {
	f.between(path+".timeout_seconds", g.TimeoutSeconds, 10, 3600, " seconds")
	f.check(g.Text == "" || g.Kind == provisioner.GateConsole, path+".text", "Only the console gate has a text.")
	f.check(g.Port == 0 || g.Kind == provisioner.GatePort, path+".port", "Only the port gate has a port.")
	switch g.Kind {
	case provisioner.GateAddress, provisioner.GateAgent:
	case provisioner.GateConsole:
		f.check(strings.TrimSpace(g.Text) != "" && utf8.RuneCountInString(g.Text) <= 200 && utf8.ValidString(g.Text) && !strings.ContainsFunc(g.Text, isControl),
			path+".text", "Write the text that appears on the console when the node is ready, 1 to 200 characters.")
	case provisioner.GatePort:
		f.between(path+".port", g.Port, 1, 65535, "")
	default:
		f.check(false, path+".kind", "Choose how readiness is known: address, console, agent or port.")
	}
}

func (f faults) checks(m provisioner.Model) {
	f.check(len(m.Checks) <= mostChecks, "checks", "There are %s; at most %d are taken.", refusal.Plural(len(m.Checks), "check", "checks"), mostChecks)
	seen := map[string]bool{}
	for i, c := range m.Checks {
		at := fmt.Sprintf("checks[%d]", i)
		f.text(at+".name", c.Name, 80, "a name")
		f.check(!seen[c.Name], at+".name", "Another check has this name.")
		seen[c.Name] = true
		_, ok := m.Group(c.Node)
		f.check(ok, at+".node", "There is no group named \"%s\". Name one of the document, or head.", typed.Isolate(c.Node))
		f.check(len(c.Command) > 0, at+".command", "Write the command that is run.")
		f.command(at+".command", c.Command)
		f.between(at+".status", c.Status, 0, 255, "")
		f.check(c.Output == "" || utf8.RuneCountInString(c.Output) <= 1024 && utf8.ValidString(c.Output) && !strings.Contains(c.Output, "\x00"),
			at+".output", "Write at most 1024 characters that the output has in it.")
		f.between(at+".timeout_seconds", c.TimeoutSeconds, 1, 600, " seconds")
	}
}

func (f faults) commands(c provisioner.Commands) {
	f.command("commands.drain", c.Drain)
	f.command("commands.queue", c.Queue)
}

// command wants words that a program can be started with.
func (f faults) command(path string, words []string) {
	f.check(len(words) <= mostWords, path, "The command has %d words; at most %d are taken.", len(words), mostWords)
	for i, w := range words {
		f.check(i > 0 || strings.TrimSpace(w) != "", path, "Name the program to be run first.")
		f.check(utf8.RuneCountInString(w) <= mostWord && utf8.ValidString(w) && !strings.Contains(w, "\x00"), path,
			"Word %d of the command has more than %d characters, or bytes that are no text.", i+1, mostWord)
	}
}
