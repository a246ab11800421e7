package image

// raw judges a file whose only mark is a boot sector: anything could be a raw disk, so it has to look like one that boots, with partitions that lie
// in the file.
func (i *inspection) raw() {
	sector := i.file.bytes(0, 512)
	if !bootSector(sector) {
		return // the reader failed
	}
	i.Format = FormatRaw
	i.check("format", true, "A raw disk.", "")
	if !i.virtualSize(i.file.size) {
		return
	}
	i.DataSize = min(i.VirtualSize, signed(i.data()))
	i.table(sector)
}

func bootSector(sector []byte) bool {
	return len(sector) == 512 && sector[510] == 0x55 && sector[511] == 0xaa
}
