package cloudinit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/kdomanski/iso9660"

	"volary.dev/provisioner"
)

// Seed is everything one node is told at boot.
type Seed struct {
	InstanceID string // the node's id; a new one makes cloud-init treat the machine as new
	Hostname   string // one label: "compute-001"
	Domain     string // the cluster's: "trial-1.volary"
	Role       provisioner.Role
	Group      string   // the node's of the model; empty: not said, where the only one is "compute"
	SSHKeys    []string // authorized_keys lines without options, for the image's default user
	User       string   // whom they are also for where the image has that user; empty: nobody else
	// Nodes are all nodes of the cluster with their addresses, the head among them.
	Nodes    []provisioner.NetworkEntry
	UserData string // as userdata.Check takes it
	Secret   string // shared by the cluster's nodes; empty for none
	Check    *Check // set in acceptance tests
	// Start is which of its cluster's it is; 0: nobody is let in or out of it while it runs.
	Start int
	// Accounts tells that Logins are made beside what SSHKeys open; they are the members' of that start.
	Accounts bool
	Logins   []provisioner.Login
}

// Check asks the node to report its identity on the console.
type Check struct {
	Nonce string // 8 to 64 letters and digits, unique to the test
	// Fill asks the node to write so many bytes to its console behind that, and "filled" when it has; 0: none.
	Fill int64
	// Peers asks the node to tell of every other behind that.
	Peers bool
}

// File is one file of a seed.
type File struct {
	Name    string
	Content string
}

// ErrSeed is the sentinel of input that no seed can be made of. User-data is judged by the rule of package userdata, which is
// asked where it is typed.
var ErrSeed = errors.New("seed refused")

// Files gives the seed's files, or ErrSeed.
func (s Seed) Files() ([]File, error) {
	if err := s.validate(); err != nil {
		return nil, err
	}
	userData := s.UserData
	if userData == "" {
		// NoCloud wants the file to be there, and cloud-init warns of one without a known beginning.
		userData = "#cloud-config\n{}\n"
	}
	return []File{{"meta-data", s.metaData()}, {"user-data", userData}, {"vendor-data", s.vendorData()}}, nil
}

// Build gives the seed as an ISO 9660 image.
func (s Seed) Build() ([]byte, error) {
	files, err := s.Files()
	if err != nil {
		return nil, err
	}
	w, err := iso9660.NewWriter()
	if err != nil {
		return nil, fmt.Errorf("write seed of %s: %w", s.Hostname, err)
	}
	defer func() { _ = w.Cleanup() }()
	for _, f := range files {
		if err := w.AddFile(strings.NewReader(f.Content), f.Name); err != nil {
			return nil, fmt.Errorf("write seed of %s: %w", s.Hostname, err)
		}
	}
	var image bytes.Buffer
	if err := w.WriteTo(&image, "cidata"); err != nil {
		return nil, fmt.Errorf("write seed of %s: %w", s.Hostname, err)
	}
	fixDates(image.Bytes())
	return append(image.Bytes(), make([]byte, max(0, minSize-image.Len()))...), nil
}

// minSize is what BusyBox reads of a disk before it looks for a label; it takes a shorter disk for an unreadable one.
const minSize = 128 << 10

// fixDates overwrites the writer's wall clock in the primary volume descriptor (ECMA-119 8.4.26, 8.4.27, 8.4.29):
// a seed is compared by its bytes.
func fixDates(image []byte) {
	const descriptor = 16 * 2048
	for _, at := range []int{813, 830, 864} {
		copy(image[descriptor+at:], "2000010100000000\x00")
	}
}

// metaData is YAML whose strings are written as JSON strings, which YAML reads the same.
func (s Seed) metaData() string {
	var b strings.Builder
	fmt.Fprintf(&b, "instance-id: %s\n", quote(s.InstanceID))
	fmt.Fprintf(&b, "local-hostname: %s\n", quote(s.fqdn()))
	if len(s.SSHKeys) > 0 {
		b.WriteString("public-keys:\n")
		for _, key := range s.SSHKeys {
			plain, _ := plainKey(key) // validate has seen it
			fmt.Fprintf(&b, "  - %s\n", quote(plain))
		}
	}
	return b.String()
}

func (s Seed) fqdn() string {
	if s.Domain == "" {
		return s.Hostname
	}
	return s.Hostname + "." + s.Domain
}

func quote(text string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	// Encoding a string into memory cannot fail.
	_ = e.Encode(text)
	return strings.TrimSpace(b.String())
}

func (s Seed) head() provisioner.NetworkEntry {
	for _, n := range s.Nodes {
		if n.Name == string(provisioner.RoleHead) {
			return n
		}
	}
	return provisioner.NetworkEntry{}
}
