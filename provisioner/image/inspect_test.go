package image

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
)

// qcow2File is a small sound qcow2: header, refcount table, first-level table, one second-level table.
func qcow2File(change ...func(b []byte)) []byte {
	const cluster = 65536
	b := make([]byte, 5*cluster)
	be := binary.BigEndian
	copy(b, qcow2Magic)
	be.PutUint32(b[4:], 3)
	be.PutUint32(b[20:], 16)
	be.PutUint64(b[24:], 1<<30)
	be.PutUint32(b[36:], 2)
	be.PutUint64(b[40:], 3*cluster)
	be.PutUint64(b[48:], cluster)
	be.PutUint32(b[56:], 1)
	be.PutUint32(b[96:], 4)
	be.PutUint32(b[100:], 112)
	be.PutUint64(b[3*cluster:], 1<<63|4*cluster)
	for _, f := range change {
		f(b)
	}
	return b
}

func put32(at int, value uint32) func([]byte) {
	return func(b []byte) { binary.BigEndian.PutUint32(b[at:], value) }
}

func put64(at int, value uint64) func([]byte) {
	return func(b []byte) { binary.BigEndian.PutUint64(b[at:], value) }
}

// rawDisk is a disk of 2 MiB with one partition of the given place, in sectors.
func rawDisk(start, count uint32) []byte {
	b := make([]byte, 2<<20)
	b[446+4] = 0x83
	binary.LittleEndian.PutUint32(b[446+8:], start)
	binary.LittleEndian.PutUint32(b[446+12:], count)
	b[510], b[511] = 0x55, 0xaa
	return b
}

func inspect(t *testing.T, file []byte) Inspection {
	t.Helper()
	i, err := Inspect(bytes.NewReader(file), int64(len(file)), Limits{MaxFile: 1 << 24, MaxVirtual: 1 << 40})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestInspectAccepts(t *testing.T) {
	gpt := rawDisk(1, 4095)
	gpt[446+4] = 0xee
	copy(gpt[512:], "EFI PART")
	binary.LittleEndian.PutUint64(gpt[544:], 4095)
	for name, c := range map[string]struct {
		file   []byte
		format Format
		size   int64
	}{
		"qcow2 version 3":    {qcow2File(), FormatQCOW2, 1 << 30},
		"qcow2 version 2":    {qcow2File(put32(4, 2)), FormatQCOW2, 1 << 30},
		"zstd":               {qcow2File(put64(72, featureCompression), func(b []byte) { b[104] = 1 }), FormatQCOW2, 1 << 30},
		"extended L2":        {qcow2File(put64(72, featureExtendedL2), put32(36, 4)), FormatQCOW2, 1 << 30},
		"unknown extension":  {qcow2File(put32(112, 0x6803f857), put32(116, 48)), FormatQCOW2, 1 << 30},
		"unused first level": {qcow2File(put64(3*65536, 0)), FormatQCOW2, 1 << 30},
		"raw":                {rawDisk(2048, 2048), FormatRaw, 2 << 20},
		"raw with GPT":       {gpt, FormatRaw, 2 << 20},
	} {
		i := inspect(t, c.file)
		if !i.Passed() || i.Format != c.format || i.VirtualSize != c.size {
			t.Errorf("%s: format %q, size %d, failed %+v", name, i.Format, i.VirtualSize, i.Failed())
		}
		for _, check := range i.Checks {
			if check.Detail == "" || (check.Repair != "") != check.Warned {
				t.Errorf("%s: check %+v lacks a detail or repairs what is whole", name, check)
			}
		}
	}
}

func TestInspectRefusesQCOW2(t *testing.T) {
	for name, c := range map[string]struct {
		file  []byte
		check string
	}{
		"backing file":              {qcow2File(put64(8, 0x70), put32(16, 11)), "backing file"},
		"backing length alone":      {qcow2File(put32(16, 11)), "backing file"},
		"backing format extension":  {qcow2File(put32(112, 0xe2792aca), put32(116, 3)), "header extensions"},
		"external data file":        {qcow2File(put64(72, featureDataFile)), "external data file"},
		"data file name alone":      {qcow2File(put32(112, 0x44415441), put32(116, 11)), "header extensions"},
		"AES":                       {qcow2File(put32(32, 1)), "encryption"},
		"LUKS":                      {qcow2File(put32(32, 2)), "encryption"},
		"unknown encryption":        {qcow2File(put32(32, 77)), "encryption"},
		"encryption header":         {qcow2File(put32(112, 0x0537be77), put32(116, 16)), "header extensions"},
		"snapshots":                 {qcow2File(put32(60, 3)), "internal snapshots"},
		"dirty":                     {qcow2File(put64(72, featureDirty)), "features"},
		"corrupt":                   {qcow2File(put64(72, featureCorrupt)), "features"},
		"unknown bit":               {qcow2File(put64(72, 1<<5)), "features"},
		"unknown compression":       {qcow2File(put64(72, featureCompression), func(b []byte) { b[104] = 2 }), "features"},
		"compression without bit":   {qcow2File(func(b []byte) { b[104] = 1 }), "features"},
		"version 4":                 {qcow2File(put32(4, 4)), "format"},
		"header cut":                {qcow2File()[:600], "tables"},
		"huge clusters":             {qcow2File(put32(20, 22)), "layout"},
		"tiny clusters":             {qcow2File(put32(20, 8)), "layout"},
		"clusters of 2^64":          {qcow2File(put32(20, 64)), "layout"},
		"header length":             {qcow2File(put32(100, 1<<31)), "layout"},
		"refcount order":            {qcow2File(put32(96, 7)), "layout"},
		"extension leaves header":   {qcow2File(put32(112, 0x6803f857), put32(116, 0xfffffff0)), "header extensions"},
		"16 EiB":                    {qcow2File(put64(24, 1<<64-512)), "disk size"},
		"over the limit":            {qcow2File(put64(24, 1<<41)), "disk size"},
		"no disk":                   {qcow2File(put64(24, 0)), "disk size"},
		"half a sector":             {qcow2File(put64(24, 1<<30+1)), "disk size"},
		"first level too small":     {qcow2File(put32(36, 1)), "tables"},
		"first level absurd":        {qcow2File(put32(36, 1<<31)), "tables"},
		"first level outside":       {qcow2File(put64(40, 1<<40)), "tables"},
		"first level wraps":         {qcow2File(put64(40, 1<<64-65536)), "tables"},
		"first level on the header": {qcow2File(put64(40, 0)), "tables"},
		"refcounts outside":         {qcow2File(put64(48, 5*65536)), "tables"},
		"refcounts absurd":          {qcow2File(put32(56, 1<<31)), "tables"},
		"no refcounts":              {qcow2File(put32(56, 0)), "tables"},
		"tables overlap":            {qcow2File(put64(48, 3*65536)), "tables"},
		"entry outside":             {qcow2File(put64(3*65536, 1<<40)), "tables"},
		"entry unaligned":           {qcow2File(put64(3*65536, 4*65536+512)), "tables"},
		"cut":                       {qcow2File()[:4*65536+100], "tables"},
	} {
		refused(t, name, inspect(t, c.file), c.check)
	}
}

func refused(t *testing.T, name string, i Inspection, check string) {
	t.Helper()
	failed := i.Failed()
	if failed == nil {
		t.Errorf("%s: accepted", name)
		return
	}
	if failed.Name != check || failed.Detail == "" || failed.Repair == "" {
		t.Errorf("%s: failed at %+v, want %q with detail and repair", name, *failed, check)
	}
}

func TestInspectNamesOtherFormats(t *testing.T) {
	at := func(offset int, magic string) []byte {
		b := make([]byte, 1<<20)
		copy(b[offset:], magic)
		return b
	}
	for word, file := range map[string][]byte{
		"VMDK":                  at(0, "KDMV"),
		"description of a VMDK": at(0, "# Disk DescriptorFile\nversion=1"),
		"VHD disk":              at(1<<20-512, "conectix"),
		"VHDX":                  at(0, "vhdxfile"),
		"VDI":                   at(0x40, "\x7f\x10\xda\xbe"),
		"QED":                   at(0, "QED\x00"),
		"LUKS":                  at(0, "LUKS\xba\xbe"),
		"ISO 9660":              at(0x8001, "CD001"),
		"gzip":                  at(0, "\x1f\x8b\x08"),
		"ZIP":                   at(0, "PK\x03\x04"),
		"OVA":                   at(257, "ustar"),
		"version 1":             at(0, "QFI\xfb\x00\x00\x00\x01"),
		"DMG":                   at(1<<20-512, "koly"),
		"file system without":   at(1080, "\x53\xef"),
		"PDF":                   at(0, "%PDF-1.7"),
		"no boot signature":     bytes.Repeat([]byte("hello "), 1<<17),
		"no boot signature (55": make([]byte, 4096),
	} {
		i := inspect(t, file)
		refused(t, word, i, "format")
		if failed := i.Failed(); failed != nil && !strings.Contains(failed.Detail, word) {
			t.Errorf("%s: the sentence is %q", word, failed.Detail)
		}
	}
}

func TestInspectRefusesRaw(t *testing.T) {
	small := make([]byte, 1024)
	small[510], small[511] = 0x55, 0xaa
	gpt := rawDisk(1, 1)
	gpt[446+4] = 0xee
	copy(gpt[512:], "EFI PART")
	binary.LittleEndian.PutUint64(gpt[544:], 1<<63)
	for name, c := range map[string]struct {
		file  []byte
		check string
	}{
		"empty":           {nil, "file size"},
		"too large":       {make([]byte, 1<<24+1), "file size"},
		"tiny":            {small, "disk size"},
		"half a sector":   {append(rawDisk(1, 1), 0), "disk size"},
		"partition cut":   {rawDisk(2048, 4096), "partition table"},
		"partition wraps": {rawDisk(1<<32-1, 1<<32-1), "partition table"},
		"GPT cut":         {gpt, "partition table"},
	} {
		refused(t, name, inspect(t, c.file), c.check)
	}
}

// A file that is too short is told no way to make it shorter.
func TestTheRepairOfASizeIsOfTheSize(t *testing.T) {
	for size, says := range map[int]string{10: "came to an end", 1<<24 + 1: "Make it smaller"} {
		i := inspect(t, make([]byte, size))
		if failed := i.Failed(); failed == nil || failed.Name != "file size" || !strings.Contains(failed.Repair, says) {
			t.Errorf("of %d bytes: %+v", size, failed)
		}
	}
}

type brokenDisk struct{}

func (brokenDisk) ReadAt([]byte, int64) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestInspectReportsReadErrors(t *testing.T) {
	if _, err := Inspect(brokenDisk{}, 1<<20, DefaultLimits()); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("err = %v", err)
	}
}

// counter fails the test when Inspect reads outside the file or too much of it.
type counter struct {
	t    *testing.T
	file []byte
	most int // bytes; 0: what Inspect says
	read int
}

func (c *counter) ReadAt(p []byte, at int64) (int, error) {
	if at < 0 || at+int64(len(p)) > int64(len(c.file)) {
		c.t.Fatalf("read of %d bytes at %d in a file of %d", len(p), at, len(c.file))
	}
	most := c.most
	if most == 0 {
		most = 65<<20 + len(c.file)
	}
	if c.read += len(p); c.read > most {
		c.t.Fatalf("read %d bytes", c.read)
	}
	return copy(p, c.file[at:]), nil
}
