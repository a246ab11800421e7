package image

// raw judges a file that has no magic of its own: anything could be a raw disk, so it has to look like one that
// boots, with a boot sector and partitions that lie in the file.
func (i *inspection) raw() {
	sector := i.file.bytes(0, 512)
	if !bootSector(sector) {
		kind := "neither a qcow2 nor a raw disk that boots: its first sector has no boot signature (55 AA)"
		repair := "Upload a qcow2 file, or a raw disk with a partition table and a boot loader."
		if string(i.file.bytes(1080, 2)) == "\x53\xef" {
			kind, repair = bare.name, bare.repair
		}
		i.check("format", false, "This is "+kind+".", repair)
		return
	}
	i.Format = FormatRaw
	i.check("format", true, "A raw disk.", "")
	if !i.virtualSize(i.file.size) {
		return
	}
	i.DataSize = i.VirtualSize
	i.table(sector)
}

func bootSector(sector []byte) bool {
	return len(sector) == 512 && sector[510] == 0x55 && sector[511] == 0xaa
}
