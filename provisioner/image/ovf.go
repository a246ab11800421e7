package image

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

// ovaSystem is a machine that an OVA describes.
type ovaSystem struct {
	ID, Name  string
	VCPUs     int   // 0: not said
	MemoryMiB int64 // 0: not said
	Disks     []ovaDisk
}

// ovaDisk is a disk of a machine, in the order of its hardware.
type ovaDisk struct {
	Member string // the file that has its data; empty: it is an empty disk
	ID     string
	place  ovfPlace
}

// ovfEnvelope is what is read of a description. Names of whatever name space match.
type ovfEnvelope struct {
	XMLName xml.Name  `xml:"Envelope"`
	Files   []ovfFile `xml:"References>File"`
	Disks   []ovfDisk `xml:"DiskSection>Disk"`
	ovfSystems
}

type ovfSystems struct {
	Systems     []ovfSystem  `xml:"VirtualSystem"`
	Collections []ovfSystems `xml:"VirtualSystemCollection"`
}

type ovfFile struct {
	ID          string `xml:"id,attr"`
	Href        string `xml:"href,attr"`
	Compression string `xml:"compression,attr"`
	ChunkSize   string `xml:"chunkSize,attr"`
}

type ovfDisk struct {
	ID     string `xml:"diskId,attr"`
	File   string `xml:"fileRef,attr"`
	Parent string `xml:"parentRef,attr"`
}

type ovfSystem struct {
	ID       string        `xml:"id,attr"`
	Name     string        `xml:"Name"`
	Hardware []ovfHardware `xml:"VirtualHardwareSection"`
}

type ovfHardware struct {
	Items   []ovfItem `xml:"Item"`
	Storage []ovfItem `xml:"StorageItem"` // OVF 2
}

type ovfItem struct {
	Type     string   `xml:"ResourceType"`
	Quantity string   `xml:"VirtualQuantity"`
	Units    string   `xml:"AllocationUnits"`
	Resource []string `xml:"HostResource"`

	// Of a controller its name and its number among those of its type; of a disk its controller's name and its place there.
	Instance string `xml:"InstanceID"`
	Address  string `xml:"Address"`
	Parent   string `xml:"Parent"`
	OnParent string `xml:"AddressOnParent"`
}

// The types of hardware that are read, by CIM's numbers.
const (
	ovfCPU    = "3"
	ovfMemory = "4"
	ovfHDD    = "17"
)

// reexport is what to do about a description that cannot be used.
const reexport = "Export the machine again (VMware: `ovftool MACHINE machine.ova`; VirtualBox: `VBoxManage export MACHINE -o machine.ova`), or upload its disk alone."

// readOVF reads a description. there are the files that the archive holds.
func readOVF(text []byte, there map[string]bool) ([]ovaSystem, error) {
	if err := plainXML(text); err != nil {
		return nil, err
	}
	var e ovfEnvelope
	if err := xml.Unmarshal(text, &e); err != nil {
		return nil, &fileFault{Detail: "Its description is no OVF: " + bounded(err.Error(), 200) + ".", Repair: reexport}
	}
	files, err := e.files(there)
	if err != nil {
		return nil, err
	}
	disks := map[string]ovfDisk{}
	for _, d := range e.Disks {
		if _, twice := disks[d.ID]; twice {
			return nil, &fileFault{Detail: fmt.Sprintf("Its description has two disks of the name %s.", bounded(d.ID, 100)), Repair: reexport}
		}
		disks[d.ID] = d
	}
	all := e.all(nil)
	if len(all) == 0 {
		return nil, &fileFault{Detail: "Its description has no machine (VirtualSystem).", Repair: reexport}
	}
	if len(all) > ovaSystems {
		return nil, &fileFault{Detail: fmt.Sprintf("Its description has %d machines; %d are read.", len(all), ovaSystems), Repair: "Export them in several OVAs."}
	}
	var systems []ovaSystem
	for _, s := range all {
		system, err := s.read(disks, files)
		if err != nil {
			return nil, err
		}
		systems = append(systems, system)
	}
	return systems, nil
}

// plainXML refuses what could unfold, and what is encrypted.
func plainXML(text []byte) error {
	d := xml.NewDecoder(bytes.NewReader(text))
	for {
		token, err := d.RawToken()
		switch t := token.(type) {
		case xml.Directive:
			return &fileFault{Detail: "Its description declares entities or a document type, which no OVF does: <!" + bounded(string(bytes.ToValidUTF8(t, nil)), 60) + ">.", Repair: reexport}
		case xml.StartElement:
			switch t.Name.Local {
			case "EncryptionSection", "EncryptedData", "EncryptedKey":
				return &fileFault{Detail: "It is encrypted: its description has a section " + t.Name.Local + ".", Repair: "Export it without a password: a host must be able to boot it."}
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return &fileFault{Detail: "Its description is no XML: " + bounded(err.Error(), 200) + ".", Repair: reexport}
		}
	}
}

// files are the names of members by the ids under which disks name them.
func (e ovfEnvelope) files(there map[string]bool) (map[string]string, error) {
	files, named := map[string]string{}, map[string]bool{}
	for _, f := range e.Files {
		name := path.Clean(f.Href)
		if plain, err := url.PathUnescape(f.Href); err == nil && !there[name] {
			name = path.Clean(plain) // it is a URI, in which some write a blank as %20
		}
		shown := bounded(f.Href, 200)
		switch {
		case f.Href == "":
			return nil, &fileFault{Detail: fmt.Sprintf("Its description has a file %s without a name.", bounded(f.ID, 100)), Repair: reexport}
		case strings.Contains(f.Href, "://"):
			return nil, &fileFault{Detail: "Its description names a file that lies elsewhere: " + shown + ".", Repair: "Fetch it, name it in the description by its name alone, and pack both: `tar cf machine.ova machine.ovf machine-disk1.vmdk`."}
		case path.IsAbs(name) || name == ".." || strings.HasPrefix(name, "../"):
			return nil, &fileFault{Detail: "Its description names a file outside of the archive: " + shown + ".", Repair: reexport}
		case f.ChunkSize != "":
			return nil, &fileFault{Detail: fmt.Sprintf("Its description says that %s is split into chunks of %s bytes.", shown, bounded(f.ChunkSize, 40)), Repair: "Put them together, in the folder where they lie: `cat FILE.0* > FILE`, take chunkSize out of the description, and pack it again without the chunks."}
		case f.Compression != "" && f.Compression != "identity" && f.Compression != "gzip":
			return nil, &fileFault{Detail: fmt.Sprintf("Its description says that %s is compressed with %s.", shown, bounded(f.Compression, 40)), Repair: "OVF knows gzip alone. Unpack the disk and pack the OVA again."}
		case !there[name]:
			return nil, &fileFault{Detail: "Its description names " + shown + ", which is not in the archive.", Repair: "Pack it with all its files: `tar cf machine.ova machine.ovf machine-disk1.vmdk`."}
		case named[name]:
			return nil, &fileFault{Detail: "Its description names " + shown + " twice.", Repair: reexport}
		case files[f.ID] != "":
			return nil, &fileFault{Detail: fmt.Sprintf("Its description has two files of the name %s.", bounded(f.ID, 100)), Repair: reexport}
		}
		files[f.ID], named[name] = name, true
	}
	return files, nil
}

// all are the machines, of collections as well.
func (s ovfSystems) all(list []ovfSystem) []ovfSystem {
	list = append(list, s.Systems...)
	for _, c := range s.Collections {
		list = c.all(list)
	}
	return list
}

func (s ovfSystem) read(disks map[string]ovfDisk, files map[string]string) (ovaSystem, error) {
	system := ovaSystem{ID: bounded(keepable(s.ID), 100), Name: bounded(keepable(strings.TrimSpace(s.Name)), 200)}
	if system.Name == "" {
		system.Name = system.ID
	}
	if len(s.Hardware) == 0 {
		return system, nil
	}
	items := append(s.Hardware[0].Items, s.Hardware[0].Storage...)
	for _, item := range items {
		switch strings.TrimSpace(item.Type) {
		case ovfCPU:
			if n, err := strconv.Atoi(strings.TrimSpace(item.Quantity)); err == nil && n > 0 && n <= ovaVCPUs {
				system.VCPUs = n
			}
		case ovfMemory:
			system.MemoryMiB = item.mebibytes()
		case ovfHDD:
			for _, r := range item.Resource {
				d, err := ovfDiskOf(strings.TrimSpace(r), disks, files)
				if err != nil {
					return system, err
				}
				d.place = item.place(items)
				system.Disks = append(system.Disks, d)
			}
		}
	}
	if !slices.ContainsFunc(system.Disks, func(d ovaDisk) bool { return d.place == ovfPlace{} }) {
		slices.SortStableFunc(system.Disks, func(a, b ovaDisk) int { return a.place.compare(b.place) })
	}
	return system, nil
}

// ovfPlace is where a disk is in its machine, all counted from 1; empty where the description does not say so.
type ovfPlace struct {
	kind       int // of controllers of one type, by the first of them in the description
	controller int // its number among these
	at         int // the disk's at the controller
}

func (p ovfPlace) compare(q ovfPlace) int {
	return cmp.Or(cmp.Compare(p.kind, q.kind), cmp.Compare(p.controller, q.controller), cmp.Compare(p.at, q.at))
}

// place finds the place of a disk among the machine's hardware.
func (i ovfItem) place(items []ovfItem) ovfPlace {
	n := slices.IndexFunc(items, func(c ovfItem) bool { return c.Instance != "" && c.is(c.Instance, i.Parent) })
	at, err := strconv.ParseUint(strings.TrimSpace(i.OnParent), 10, 31)
	if n < 0 || err != nil {
		return ovfPlace{}
	}
	controller := items[n]
	number, err := strconv.ParseUint(strings.TrimSpace(controller.Address), 10, 31)
	if err != nil {
		number = 0 // there is one of its type, or they are not told apart
	}
	kind := slices.IndexFunc(items, func(c ovfItem) bool { return c.is(c.Type, controller.Type) })
	return ovfPlace{kind + 1, int(number) + 1, int(at) + 1} //nolint:gosec // of 31 bits
}

// is compares two words of a description.
func (ovfItem) is(a, b string) bool { return strings.TrimSpace(a) == strings.TrimSpace(b) }

// ovfDiskOf finds what a machine's hardware names: "ovf:/disk/ID" or "ovf:/file/ID".
func ovfDiskOf(resource string, disks map[string]ovfDisk, files map[string]string) (ovaDisk, error) {
	place := strings.TrimPrefix(resource, "ovf:")
	if id, is := strings.CutPrefix(place, "/file/"); is && files[id] != "" {
		return ovaDisk{Member: files[id], ID: id}, nil
	}
	id, _ := strings.CutPrefix(place, "/disk/")
	d, there := disks[id]
	switch {
	case !there:
		return ovaDisk{}, &fileFault{Detail: "A machine in its description has a disk that is not described: " + bounded(resource, 100) + ".", Repair: reexport}
	case d.Parent != "":
		return ovaDisk{}, &fileFault{Detail: fmt.Sprintf("The disk %s holds only what changed against another one.", bounded(d.ID, 100)), Repair: "Delete the machine's snapshots where it runs, and export it again."}
	case d.File == "":
		return ovaDisk{ID: bounded(d.ID, 100)}, nil
	case files[d.File] == "":
		return ovaDisk{}, &fileFault{Detail: fmt.Sprintf("The disk %s in its description is in a file %s, which it does not list.", bounded(d.ID, 100), bounded(d.File, 100)), Repair: reexport}
	}
	return ovaDisk{Member: files[d.File], ID: bounded(d.ID, 100)}, nil
}

// mebibytes is an amount of memory; 0 where it makes no sense.
func (i ovfItem) mebibytes() int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(i.Quantity), 10, 64)
	if err != nil || n <= 0 || n > 1<<50 {
		return 0
	}
	shift := 20
	switch units := strings.ToLower(strings.Join(strings.Fields(i.Units), "")); {
	case units == "byte" || units == "bytes":
		shift = 0
	case strings.HasPrefix(units, "byte*2^"):
		if shift, err = strconv.Atoi(units[len("byte*2^"):]); err != nil || shift < 0 || shift > 40 {
			return 0
		}
	case strings.HasPrefix(units, "kilo") || units == "kb":
		shift = 10
	case strings.HasPrefix(units, "giga") || units == "gb":
		shift = 30
	}
	if shift >= 20 {
		if n > ovaMemoryMiB>>(shift-20) {
			return 0
		}
		return n << (shift - 20)
	}
	return min(n>>(20-shift), ovaMemoryMiB)
}
