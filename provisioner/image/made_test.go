package image

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
)

// The disks of other formats, made by hand so that anything in them can be wrong.

func put16le(at int, value uint16) func([]byte) {
	return func(b []byte) { binary.LittleEndian.PutUint16(b[at:], value) }
}

func put32le(at int, value uint32) func([]byte) {
	return func(b []byte) { binary.LittleEndian.PutUint32(b[at:], value) }
}

func put64le(at int, value uint64) func([]byte) {
	return func(b []byte) { binary.LittleEndian.PutUint64(b[at:], value) }
}

// puts writes text at a place.
func puts(at int, text string) func([]byte) {
	return func(b []byte) { copy(b[at:], text) }
}

// changed gives a file with changes; what is nil is none.
func changed(file []byte, change ...func([]byte)) []byte {
	for _, f := range change {
		f(file)
	}
	return file
}

// Where the parts of a made VMDK lie, in sectors. Its disk has 4 MiB, one table of 64 grains and two grains of data.
const (
	vmdkCapacity = 8192
	vmdkSecond   = 21 // the redundant directory, and its table behind it
	vmdkFirst    = 26
	vmdkData     = 128
)

// vmdkText is the description of a disk in one file.
func vmdkText(kind string) string {
	return fmt.Sprintf("# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType=%q\n\n# Extent description\nRW %d SPARSE \"disk.vmdk\"\n\n"+
		"# The Disk Data Base\n#DDB\nddb.adapterType = \"lsilogic\"\n", kind, vmdkCapacity)
}

// vmdkHead is a header of flags, with the directory in a sector, and the description behind it.
func vmdkHead(file []byte, flags uint32, directory uint64, text string) {
	copy(file, "KDMV")
	for at, v := range map[int]uint32{4: 1, 8: flags, 44: 512} {
		put32le(at, v)(file)
	}
	for at, v := range map[int]uint64{12: vmdkCapacity, 20: 128, 28: 1, 36: 20, 56: directory, 64: vmdkData} {
		put64le(at, v)(file)
	}
	copy(file[73:], "\n \r\n")
	copy(file[512:], text)
}

// sparseVMDK is a sound monolithicSparse disk.
func sparseVMDK(change ...func([]byte)) []byte {
	b := make([]byte, (vmdkData+2*128)*512)
	vmdkHead(b, vmdkNewlineTest|vmdkRedundant, vmdkFirst, vmdkText("monolithicSparse"))
	put64le(48, vmdkSecond)(b)
	for _, at := range []int{vmdkSecond, vmdkFirst} {
		put32le(at*512, uint32(at+1))(b) //nolint:gosec // small
		put32le((at+1)*512, vmdkData)(b)
		put32le((at+1)*512+4*63, vmdkData+128)(b)
	}
	return changed(b, change...)
}

// described is a sparse VMDK with another description.
func described(from, to string) []byte {
	text := vmdkText("monolithicSparse")
	return sparseVMDK(func(b []byte) {
		clear(b[512 : 21*512])
		copy(b[512:], strings.Replace(text, from, to, 1))
	})
}

// Where the parts of a made stream lie, in sectors: two grains, the table, the directory and the footer, each behind its marker.
const (
	streamGrain     = 128
	streamTable     = 132
	streamDirectory = 137
	streamFooter    = 138
)

// streamVMDK is a sound streamOptimized disk, whose directory is at the end.
func streamVMDK(change ...func([]byte)) []byte {
	const flags = vmdkNewlineTest | vmdkCompressed | vmdkMarkers
	b := make([]byte, (streamFooter+3)*512)
	vmdkHead(b, flags, vmdkAtEnd, vmdkText("streamOptimized"))
	put16le(77, vmdkDeflate)(b)
	grain := func(at, place, length int) {
		put64le(at*512, uint64(place))(b)    //nolint:gosec // small
		put32le(at*512+8, uint32(length))(b) //nolint:gosec // small
	}
	grain(streamGrain, 0, 500)            // with its 12 bytes one sector
	grain(streamGrain+1, 63*128, 600)     // two
	grain(streamTable-1, 4, 0)            // the marker of the table
	put32le((streamTable-1)*512+12, 1)(b) // which is type 1
	put32le(streamTable*512, streamGrain)(b)
	put32le(streamTable*512+4*63, streamGrain+1)(b)
	put32le((streamDirectory-1)*512+12, 2)(b)
	put32le(streamDirectory*512, streamTable)(b)
	put64le(streamFooter*512, 1)(b)
	put32le(streamFooter*512+12, 3)(b)
	copy(b[(streamFooter+1)*512:], b[:512])
	put64le((streamFooter+1)*512+56, streamDirectory)(b)
	return changed(b, change...)
}

// Where the parts of a made dynamic VHD lie, in sectors. Its disk has 8 MiB in blocks of 2 MiB, of which two hold data.
const (
	vhdHeader  = 1
	vhdTable   = 3
	vhdBlockAt = 4
	vhdBlockOf = 1 + 4096
	vhdEnd     = vhdBlockAt + 2*vhdBlockOf
)

func vhdFoot(b []byte, kind uint32, size, next uint64) {
	copy(b, vhdCookie)
	for at, v := range map[int]uint32{8: 2, 12: 1 << 16, 60: kind} {
		put32(at, v)(b)
	}
	for at, v := range map[int]uint64{16: next, 40: size, 48: size} {
		put64(at, v)(b)
	}
	copy(b[28:], "win ")
}

// sum sets the checksum of a part of a file.
func sum(from, length, at int) func([]byte) {
	return func(b []byte) { put32(from+at, vhdSum(b[from:from+length], at))(b) }
}

// dynamicVHDFile is a sound dynamic disk. The changes come before the checksums; those of the footer are made in its copy as well.
func dynamicVHDFile(change ...func([]byte)) []byte {
	b := make([]byte, (vhdEnd+1)*512)
	vhdFoot(b, vhdDynamic, 8<<20, vhdHeader*512)
	copy(b[vhdHeader*512:], vhdHeaderMark)
	put64(vhdHeader*512+8, vhdNowhere)(b)
	put64(vhdHeader*512+16, vhdTable*512)(b)
	for at, v := range map[int]uint32{24: 1 << 16, 28: 4, 32: 2 << 20} {
		put32(vhdHeader*512+at, v)(b)
	}
	for n, at := range []uint32{vhdUnused, vhdBlockAt, vhdUnused, vhdBlockAt + vhdBlockOf} {
		put32(vhdTable*512+4*n, at)(b)
	}
	changed(b, change...)
	sum(vhdHeader*512, vhdHeaderSize, 36)(b)
	sum(0, 512, 64)(b)
	copy(b[vhdEnd*512:], b[:512])
	return b
}

// fixedVHDFile is a raw disk of 2 MiB with a footer.
func fixedVHDFile(kind uint32, size uint64, change ...func([]byte)) []byte {
	b := append(rawDisk(2048, 2048), make([]byte, 512)...)
	vhdFoot(b[2<<20:], kind, size, vhdNowhere)
	changed(b, change...)
	sum(2<<20, 512, 64)(b)
	return b
}

// TestMadeDisksAreSound: what is wrong with a file made of one of these is what was changed in it.
func TestMadeDisksAreSound(t *testing.T) {
	for name, c := range map[string]struct {
		file []byte
		size int64
		data int64
	}{
		"qcow2":           {qcow2File(), 1 << 30, 0},
		"VMDK":            {sparseVMDK(), 4 << 20, 128 << 10},
		"VMDK, zeros":     {sparseVMDK(put32le(8, 7), put32le(27*512+4, 1)), 4 << 20, 128 << 10},
		"VMDK, two":       {sparseVMDK(put32le(8, 1)), 4 << 20, 128 << 10},
		"VMDK, no grains": {sparseVMDK(put32le(27*512, 0), put32le(27*512+4*63, 0)), 4 << 20, 0},
		"VMDK, no tables": {sparseVMDK(put32le(26*512, 0)), 4 << 20, 0},
		"VMDK, stream":    {streamVMDK(), 4 << 20, 128 << 10},
		"VMDK, DOS lines": {described("version=1\n", "version=1\r\n"), 4 << 20, 128 << 10},
		"VHD, fixed":      {fixedVHDFile(vhdFixed, 2<<20), 2 << 20, 2 << 20},
		"VHD, dynamic":    {dynamicVHDFile(), 8 << 20, 4 << 20},
	} {
		if i := inspect(t, c.file); !i.Passed() || i.VirtualSize != c.size || i.DataSize != c.data {
			t.Errorf("%s: %d bytes, %d of data, failed %+v", name, i.VirtualSize, i.DataSize, i.Failed())
		}
	}
}
