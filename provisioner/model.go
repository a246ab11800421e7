package provisioner

// Model is one version of a model cluster as a document: what a group describes, what a test boots, what a certificate is bound to.
// cluster.yaml is its file form. Its canonical JSON (RFC 8785) has a SHA-256; package manifest checks, writes and reads it.
// A document names nothing of a deployment: no ids, no hosts, no prices.
type Model struct {
	Format     int      `json:"volary"`                 // of the document; ModelFormat
	SignInUser string   `json:"sign_in_user,omitempty"` // as ParseUser takes it; empty: whom the image makes
	Accounts   bool     `json:"accounts,omitempty"`     // each member has a login on every node
	Head       Group    `json:"head"`                   // exactly one node, "head"
	Compute    []Group  `json:"compute,omitempty"`      // in the order of the document, each with a name of its own
	Checks     []Check  `json:"checks,omitempty"`       // run once the cluster is ready
	Commands   Commands `json:"commands,omitzero"`
}

// Groups are all groups of a model, the head first, which has its name here.
func (m Model) Groups() []Group {
	head := m.Head
	head.Name = HeadName
	return append([]Group{head}, m.Compute...)
}

// Group finds a group by its name, the head by HeadName.
func (m Model) Group(name string) (Group, bool) {
	for _, g := range m.Groups() {
		if g.Name == name {
			return g, true
		}
	}
	return Group{}, false
}

// ComputeNodes is how many compute nodes a cluster of the model may have, in all groups together.
func (m Model) ComputeNodes() Count {
	var c Count
	for _, g := range m.Compute {
		c.Least += g.Count.Least
		c.Most += g.Count.Most
	}
	return c
}

// ModelFormat is the format of a document that is written today.
const ModelFormat = 1

// Group describes nodes that are alike.
type Group struct {
	Name      string     `json:"name,omitempty"`     // of a compute group: "compute"; its nodes are compute-001, …; empty for the head
	Count     Count      `json:"count,omitzero"`     // of a compute group
	Image     ImageRef   `json:"image"`              // one image may serve several groups
	Shape     Shape      `json:"shape"`              // the least that a node needs
	Firmware  Firmware   `json:"firmware,omitempty"` // FirmwareBIOS or FirmwareUEFI; empty: what starts its image
	UserData  string     `json:"user_data,omitempty"`
	DataDisks []DataDisk `json:"data_disks,omitempty"`
	Apart     bool       `json:"apart,omitempty"` // of a compute group: each of its nodes has a host on which no other one of it is
	Gate      Gate       `json:"gate"`
}

// Role is what the group's nodes are in their cluster. Only a head that has its name (Model.Groups) is known.
func (g Group) Role() Role {
	if g.Name == HeadName {
		return RoleHead
	}
	return RoleCompute
}

// Count is how many nodes a group may have, both ends included.
type Count struct {
	Least int `json:"least"`
	Most  int `json:"most"`
}

// ImageRef names an image by what a guest sees of it, which is the same wherever the image lies.
type ImageRef struct {
	Name   string `json:"name"`   // for people
	Digest string `json:"digest"` // guest-visible, lower-case hex SHA-256: see package image
}

// DataDisk is a disk of each node of a group, beside its root disk.
type DataDisk struct {
	Name    string    `json:"name"` // its serial in the guest: /dev/disk/by-id/virtio-NAME
	SizeGiB int       `json:"size_gib"`
	Image   *ImageRef `json:"image,omitempty"` // what is on it at first; nil: nothing
}

// Check is a command of the group's own that shows on a ready cluster that it works.
type Check struct {
	Name           string   `json:"name"`
	Node           string   `json:"node"` // "head", or a group's name for each of its nodes
	Command        []string `json:"command"`
	Status         int      `json:"status"`           // the exit status that passes
	Output         string   `json:"output,omitempty"` // what its output has in it
	TimeoutSeconds int      `json:"timeout_seconds"`
}

// Commands are run on the head for a cluster that grows and shrinks.
type Commands struct {
	Drain []string `json:"drain,omitempty"` // takes the names of nodes that are to go
	Queue []string `json:"queue,omitempty"` // prints how many jobs wait and run
}
