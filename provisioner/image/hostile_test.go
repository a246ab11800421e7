package image

import (
	"bytes"
	"maps"
	"strings"
	"testing"
)

// hostileCase is a file that must not be taken: which check says so, and words that its sentence alone has.
type hostileCase struct {
	file  []byte
	check string
	says  string
}

func hostileQCOW2() map[string]hostileCase {
	one := made{l2: [][]uint64{{}}, data: 1}
	half := made{l2: [][]uint64{{}, {}}, data: 1}
	full := func(b []byte) { // a list of extensions that reaches the cluster's end
		put32(112, 0x6803f857)(b)
		put32(116, 65536-120)(b)
	}
	return map[string]hostileCase{
		"backing file":             {qcow2File(put64(8, 0x70), put32(16, 11)), "backing file", "only what changed against another file, which is not part"},
		"external data file":       {qcow2File(put64(72, featureDataFile)), "external data file", "keeps its data in another file"},
		"AES":                      {qcow2File(put32(32, 1)), "encryption", "(AES)"},
		"LUKS inside":              {qcow2File(put32(32, 2)), "encryption", "encrypted (LUKS)"},
		"unknown encryption":       {qcow2File(put32(32, 77)), "encryption", "Encryption method 77"},
		"snapshots":                {qcow2File(put32(60, 3)), "internal snapshots", "3 internal snapshots"},
		"dirty":                    {qcow2File(put64(72, featureDirty)), "features", "The disk was not closed cleanly."},
		"corrupt":                  {qcow2File(put64(72, featureCorrupt)), "features", "marked as corrupt"},
		"unknown bit":              {qcow2File(put64(72, 1<<5)), "features", "Feature bits 0x20"},
		"unknown high bit":         {qcow2File(put64(72, 1<<63)), "features", "Feature bits 0x8000000000000000"},
		"unknown compression":      {qcow2File(put64(72, featureCompression), func(b []byte) { b[104] = 2 }), "features", "Compression type 2 is"},
		"compression without bit":  {qcow2File(func(b []byte) { b[104] = 1 }), "features", "Compression type 1 is"},
		"version 4":                {qcow2File(put32(4, 4)), "format", "a version that is not known"},
		"cut in the header":        {append(qcow2File()[:100], make([]byte, 412)...), "layout", "a header of 0 bytes"},
		"huge clusters":            {qcow2File(put32(20, 22)), "layout", "Clusters of 2^22"},
		"tiny clusters":            {qcow2File(put32(20, 8)), "layout", "Clusters of 2^8 "},
		"clusters of 2^64":         {qcow2File(put32(20, 64)), "layout", "Clusters of 2^64"},
		"header of 2 GiB":          {qcow2File(put32(100, 1<<31)), "layout", "a header of 2147483648"},
		"header of 105 bytes":      {qcow2File(put32(100, 105)), "layout", "a header of 105"},
		"counts of 2^7 bits":       {qcow2File(put32(96, 7)), "layout", "counts of 2^7"},
		"subclusters too small":    {qcow2File(put64(72, featureExtendedL2), put32(20, 13)), "layout", "Clusters of 2^13"},
		"extensions without end":   {qcow2File(full), "header extensions", "has no end within its 64 KiB"},
		"extensions, version 2":    {qcow2File(put32(4, 2), put32(72, 1), put32(76, 65536-80)), "header extensions", "has no end within its 64 KiB"},
		"extension leaves cluster": {qcow2File(put32(112, 0x6803f857), put32(116, 0xfffffff0)), "header extensions", "4294967280 bytes and leaves"},
		"names a backing format":   {qcow2File(put32(112, 0xe2792aca), put32(116, 3)), "header extensions", "0xe2792aca names"},
		"names a data file":        {qcow2File(put32(112, 0x44415441), put32(116, 11)), "header extensions", "0x44415441 names"},
		"names it second":          {qcow2File(put32(112, 1), put32(116, 8), put32(128, 0x44415441), put32(132, 11)), "header extensions", "0x44415441 names"},
		"encryption header":        {qcow2File(put32(112, 0x0537be77), put32(116, 16)), "header extensions", "points at an encryption header"},
		"16 EiB":                   {qcow2File(put64(24, 1<<64-512)), "disk size", "18446744073709551104"},
		"over the limit":           {qcow2File(put64(24, 1<<42)), "disk size", "4398046511104"},
		"no disk":                  {qcow2File(put64(24, 0)), "disk size", "The disk has 0 bytes"},
		"half a sector":            {qcow2File(put64(24, 1<<30+1)), "disk size", "1073741825"},
		"first level too small":    {qcow2File(put32(36, 1)), "tables", "The first-level table has 1 entry"},
		"first level absurd":       {qcow2File(put32(36, 1<<31)), "tables", "The first-level table has 2"},
		"first level outside":      {qcow2File(put64(40, 1<<40)), "tables", "The first-level table lies at byte 1099511627776 with"},
		"first level wraps":        {qcow2File(put64(40, 1<<64-65536)), "tables", "The first-level table lies at byte 18446744073709486080 with"},
		"first level on header":    {qcow2File(put64(40, 0)), "tables", "The first-level table lies at byte 0 with"},
		"counts outside":           {qcow2File(put64(48, 5*65536)), "tables", "The reference count table lies at byte 327680 with 65536"},
		"counts absurd":            {qcow2File(put32(56, 1<<31)), "tables", "with 140737488355328 bytes"},
		"no counts":                {qcow2File(put32(56, 0)), "tables", "The reference count table lies at byte 65536 with 0 bytes"},
		"counts on first level":    {qcow2File(put64(48, 3*65536)), "tables", "The reference count table lies at byte 196608, which"},
		"counts that point out":    {qcow2File(put64(65536, 1<<40)), "tables", "Entry 0 of the reference count table points"},
		"entry outside":            {qcow2File(put64(3*65536, 1<<40)), "tables", "Entry 0 of the first-level table points at byte 1099511627776"},
		"entry unaligned":          {qcow2File(put64(3*65536, 4*65536+512)), "tables", "Entry 0 of the first-level table points at byte 262656"},
		"cut":                      {qcow2File()[:4*65536+100], "tables", "Entry 0 of the first-level table points at byte 262144"},
		"table behind the disk":    {qcow2File(put32(36, 3), put64(3*65536+16, 4*65536)), "tables", "Entry 2 of the first-level table lies behind"},
		"bomb":                     {bomb().file(), "tables", "Entry 1 of second-level table 0 names the cluster at byte 327680"},
		"compressed bomb":          {made{l2: [][]uint64{fill(packedEntry(one.at(0), 1))}, data: 1}.file(), "compression", "unfolds to 512 MiB"},
		"one cluster twice":        {made{l2: [][]uint64{{half.at(0)}, {half.at(0)}}, data: 1}.file(), "tables", "Entry 0 of second-level table 1 names the cluster"},
		"table as data":            {made{l2: [][]uint64{{one.table(0)}}, data: 1}.file(), "tables", "names byte 262144 as data"},
		"counts as data":           {made{l2: [][]uint64{{2 * madeCluster}}, data: 1}.file(), "tables", "names byte 131072 as data"},
		"header as data":           {made{l2: [][]uint64{{madeCopied | 512}}, data: 1}.file(), "tables", "Entry 0 of second-level table 0 names byte 512,"},
		"data behind the file":     {made{l2: [][]uint64{{1 << 40}}, data: 1}.file(), "tables", "Entry 0 of second-level table 0 names byte 1099511627776,"},
		"compressed leaves":        {made{l2: [][]uint64{{packedEntry(one.at(0), 256)}}, data: 1}.file(), "tables", "compressed data from byte 327680 to 458752"},
		"compressed in header":     {made{l2: [][]uint64{{packedEntry(1024, 1)}}, data: 1}.file(), "tables", "compressed data from byte 1024"},
		"compressed in table":      {made{l2: [][]uint64{{packedEntry(one.table(0), 1)}}, data: 1}.file(), "tables", "names byte 262144 as compressed"},
	}
}

func hostileVMDK() map[string]hostileCase {
	extents := func(lines string) []byte {
		return described("RW 8192 SPARSE \"disk.vmdk\"\n", lines)
	}
	const directory, table = vmdkFirst * 512, (vmdkFirst + 1) * 512
	return map[string]hostileCase{
		"VMDK: version 4":            {sparseVMDK(put32le(4, 4)), "format", "A VMDK disk of version 4"},
		"VMDK: version 0":            {sparseVMDK(put32le(4, 0)), "format", "A VMDK disk of version 0"},
		"VMDK: as text":              {sparseVMDK(puts(73, "\n \n\n")), "features", "transferred as text"},
		"VMDK: unclean":              {sparseVMDK(puts(72, "\x01")), "features", "did not close it"},
		"VMDK: unknown flag":         {sparseVMDK(put32le(8, 1<<20|1)), "features", "Flags 0x100000 are"},
		"VMDK: markers alone":        {sparseVMDK(put32le(8, vmdkMarkers|1)), "features", "Flags 0x20001 say"},
		"VMDK: compression unmarked": {sparseVMDK(put16le(77, 1)), "features", "Compression type 1 of its grains"},
		"VMDK: compression 7":        {streamVMDK(put16le(77, 7)), "features", "Compression type 7"},
		"VMDK: grain of 0":           {sparseVMDK(put64le(20, 0)), "layout", "grains have 0 sectors"},
		"VMDK: grain of 100":         {sparseVMDK(put64le(20, 100)), "layout", "grains have 100 sectors"},
		"VMDK: grain of 2^63":        {sparseVMDK(put64le(20, 1<<63)), "layout", "grains have 9223372036854775808 sectors"},
		"VMDK: tables of 2^32":       {sparseVMDK(put32le(44, 1<<32-1)), "layout", "its grain tables: 4294967295."},
		"VMDK: no table entries":     {sparseVMDK(put32le(44, 0)), "layout", "its grain tables: 0."},
		"VMDK: description far":      {sparseVMDK(put64le(28, 100)), "layout", "description lies at sector 100"},
		"VMDK: description of 2^64":  {sparseVMDK(put64le(36, 1<<64-1)), "layout", "sector 1 with 18446744073709551615"},
		"VMDK: description cut":      {sparseVMDK()[:12*512], "layout", "ends before its description"},
		"VMDK: data far":             {sparseVMDK(put64le(64, 1<<40)), "layout", "data begins at sector 1099511627776"},
		"VMDK: no size":              {sparseVMDK(put64le(12, 0)), "external data file", "8192\" sectors, its header 0."},
		"VMDK: 8 ZiB":                {sparseVMDK(put64le(12, 1<<64-1)), "external data file", "its header 18446744073709551615"},
		"VMDK: 8 TiB":                {changed(described("RW 8192", "RW 17179869184"), put64le(12, 1<<34)), "disk size", "8796093022208"},
		"VMDK: text without end":     {sparseVMDK(func(b []byte) { copy(b[512:], bytes.Repeat([]byte("# \n"), 20*512/3+2)) }), "description", "has no end"},
		"VMDK: end behind the text":  {sparseVMDK(put64le(36, 1), puts(512, strings.Repeat("#\n", 256)+"parentFileNameHint=\"/etc/passwd\"\n\x00")), "description", "has no end"},
		"VMDK: parent by name":       {described("version=1\n", "version=1\nparentFileNameHint=\"/etc/passwd\"\n"), "backing file", "which its description names"},
		"VMDK: parent in a comment":  {described("version=1\n", "version=1\n# PARENTFILENAMEHINT=\"base.vmdk\"\n"), "backing file", "which its description names"},
		"VMDK: parent by number":     {described("parentCID=ffffffff", "parentCID=0badcafe"), "backing file", "CID \"0badcafe\""},
		"VMDK: two parents":          {described("version=1\n", "version=1\nparentCID=ffffffff\n"), "backing file", "2 times which parent"},
		"VMDK: no word of a parent":  {described("parentCID=ffffffff", "cid=ffffffff"), "backing file", "does not say whether there is a parent"},
		"VMDK: split, sparse":        {described("monolithicSparse", "twoGbMaxExtentSparse"), "description", "\"twoGbMaxExtentSparse\""},
		"VMDK: split, flat":          {described("monolithicSparse", "twoGbMaxExtentFlat"), "description", "\"twoGbMaxExtentFlat\""},
		"VMDK: flat":                 {described("monolithicSparse", "monolithicFlat"), "description", "\"monolithicFlat\""},
		"VMDK: vmfs":                 {described("monolithicSparse", "vmfs"), "description", "\"vmfs\""},
		"VMDK: a whole device":       {described("monolithicSparse", "fullDevice"), "description", "\"fullDevice\""},
		"VMDK: two types":            {described("version=1\n", "createType=\"vmfs\"\n"), "description", "2 types of disk"},
		"VMDK: no type":              {described("createType=", "otherType="), "description", "0 types of disk"},
		"VMDK: other type":           {described("monolithicSparse", "streamOptimized"), "description", "says streamOptimized, its header monolithicSparse"},
		"VMDK: no extent":            {extents(""), "external data file", "names 0 files"},
		"VMDK: two extents":          {extents("RW 4096 SPARSE \"disk.vmdk\"\nRW 4096 SPARSE \"other.vmdk\"\n"), "external data file", "names 2 files"},
		"VMDK: extent hidden":        {extents("RW 8192 SPARSE \"disk.vmdk\"\n  rdonly 8 FLAT \"/etc/passwd\" 0\n"), "external data file", "names 2 files"},
		"VMDK: extent is a path":     {extents("RW 8192 SPARSE \"/etc/passwd\"\n"), "external data file", "elsewhere than in the file itself: \"/etc/passwd\""},
		"VMDK: extent climbs":        {extents("RW 8192 SPARSE \"../disk.vmdk\"\n"), "external data file", "elsewhere than in the file itself: \"../disk.vmdk\""},
		"VMDK: extent of a drive":    {extents("RW 8192 SPARSE \"C:disk.vmdk\"\n"), "external data file", "elsewhere than in the file itself: \"C:disk.vmdk\""},
		"VMDK: extent of a protocol": {extents("RW 8192 SPARSE \"nbd:127.0.0.1\"\n"), "external data file", "elsewhere than in the file itself: \"nbd:127.0.0.1\""},
		"VMDK: extent without name":  {extents("RW 8192 SPARSE \"\"\n"), "external data file", "elsewhere than in the file itself: \"\""},
		"VMDK: extent flat":          {extents("RW 8192 FLAT \"disk-flat.vmdk\" 0\n"), "external data file", "said to be \"FLAT\""},
		"VMDK: extent of zeros":      {extents("RW 8192 ZERO\n"), "external data file", "said to be \"ZERO\""},
		"VMDK: extent unreadable":    {extents("RW many SPARSE \"disk.vmdk\"\n"), "external data file", "cannot be read: \"RW many"},
		"VMDK: extent of a size":     {extents("RW 4096 SPARSE \"disk.vmdk\"\n"), "external data file", "\"4096\" sectors"},
		"VMDK: extent too large":     {extents("RW 99999999999999999999 SPARSE \"disk.vmdk\"\n"), "external data file", "\"99999999999999999999\" sectors"},
		"VMDK: encrypted":            {described("version=1\n", "version=1\nencryptionKeys=\"vmware:key/list/(pair/...\"\n"), "encryption", "encrypted by VMware"},
		"VMDK: directory outside":    {sparseVMDK(put64le(56, 1<<40)), "tables", "The grain directory lies in sectors 1099511627776"},
		"VMDK: directory wraps":      {sparseVMDK(put64le(56, 1<<55-1)), "tables", "The grain directory lies in sectors 36028797018963967"},
		"VMDK: directory on header":  {sparseVMDK(put64le(56, 0)), "tables", "The grain directory lies in sector 0,"},
		"VMDK: directory in text":    {sparseVMDK(put64le(56, 5)), "tables", "The grain directory lies in sector 5,"},
		"VMDK: second directory":     {sparseVMDK(put64le(48, vmdkFirst)), "tables", "The grain second directory lies in sector 26,"},
		"VMDK: second outside":       {sparseVMDK(put64le(48, 1<<62)), "tables", "The grain second directory lies in sectors 4611686018427387904"},
		"VMDK: second table in data": {sparseVMDK(put32le(vmdkSecond*512, vmdkData)), "tables", "Grain table 0 of the second directory lies in sector 128,"},
		"VMDK: table outside":        {sparseVMDK(put32le(directory, 1<<31)), "tables", "Grain table 0 of the directory lies in sectors 2147483648"},
		"VMDK: table is directory":   {sparseVMDK(put32le(directory, vmdkFirst)), "tables", "Grain table 0 of the directory lies in sector 26,"},
		"VMDK: grain outside":        {sparseVMDK(put32le(table, 1<<31)), "tables", "The grain of entry 0 of table 0 lies in sectors 2147483648"},
		"VMDK: grain is table":       {sparseVMDK(put32le(table, vmdkFirst+1)), "tables", "The grain of entry 0 of table 0 lies in sector 27,"},
		"VMDK: grain twice":          {sparseVMDK(put32le(table+4, vmdkData)), "tables", "The grain of entry 1 of table 0 lies in sector 128,"},
		"VMDK: grains overlap":       {sparseVMDK(put32le(table+4, vmdkData+127)), "tables", "The grain of entry 1 of table 0 lies in sector 255,"},
		"VMDK: zeros not allowed":    {sparseVMDK(put32le(table+4, 1)), "tables", "The grain of entry 1 of table 0 lies in sector 1,"},
		"VMDK: grain behind disk":    {sparseVMDK(put32le(table+4*64, vmdkData)), "tables", "Entry 64 of grain table 0 lies behind"},
		"VMDK: cut":                  {sparseVMDK()[:(vmdkData+200)*512], "tables", "The grain of entry 63 of table 0 lies in sectors 256 to 383"},
		"VMDK: part of a split one":  {sparseVMDK(put64le(28, 0)), "format", "one part of a VMDK disk that is split"},
	}
}

func hostileStreams() map[string]hostileCase {
	const footer, table = streamFooter * 512, streamTable * 512
	return map[string]hostileCase{
		"stream: no footer":          {streamVMDK(put32le(footer+12, 0)), "footer", "where no footer is"},
		"stream: goes on":            {streamVMDK(put32le(footer+1024+12, 1)), "footer", "not at its end"},
		"stream: another's footer":   {streamVMDK(put64le(footer+512+12, 1<<40)), "footer", "for another disk"},
		"stream: footer of a parent": {streamVMDK(put64le(footer+512+28, 0)), "footer", "for another disk"},
		"stream: no directory":       {streamVMDK(put64le(footer+512+56, vmdkAtEnd)), "footer", "does not say where"},
		"stream: cut in a sector":    {streamVMDK()[:(streamFooter+3)*512-100], "footer", "ends inside a sector: it has 72092 bytes"},
		"stream: cut":                {streamVMDK()[:(streamFooter+2)*512], "footer", "where no footer is"},
		"stream: directory outside":  {streamVMDK(put64le(footer+512+56, 1<<41)), "tables", "The grain directory lies in sectors 2199023255552"},
		"stream: other place":        {streamVMDK(put64le(streamGrain*512, 128)), "tables", "says it is for sector 128"},
		"stream: empty grain":        {streamVMDK(put32le(streamGrain*512+8, 0)), "tables", "says that it has 0 bytes"},
		"stream: grain of 4 GiB":     {streamVMDK(put32le(streamGrain*512+8, 1<<32-1)), "tables", "says that it has 4294967295 bytes"},
		"stream: grain leaves":       {streamVMDK(put32le((streamGrain+1)*512+8, 100000)), "tables", "The compressed grain of entry 63 of table 0 lies in sectors"},
		"stream: grains overlap":     {streamVMDK(put32le(streamGrain*512+8, 501)), "tables", "The compressed grain of entry 63 of table 0 lies in sector 129,"},
		"stream: grain outside":      {streamVMDK(put32le(table, 1<<30)), "tables", "Entry 0 of grain table 0 names a grain at byte 549755813888"},
		"stream: type of sparse":     {streamVMDK(puts(512, vmdkText("monolithicSparse")+"\x00")), "description", "says monolithicSparse, its header streamOptimized"},
		"stream: bomb":               {streamBomb(), "compression", "unfolds to 32 MiB"},
	}
}

// streamBomb has 512 grains of 64 KiB in a sector each.
func streamBomb() []byte {
	b := streamVMDK()
	const at = streamFooter + 3
	b = append(b, make([]byte, 512*512)...)
	// The footer moves to the end, and the disk grows to 32 MiB.
	copy(b[len(b)-3*512:], b[streamFooter*512:(streamFooter+3)*512])
	clear(b[streamFooter*512 : at*512])
	for _, head := range []int{0, len(b) - 2*512} {
		put64le(head+12, 65536)(b)
	}
	copy(b[512:], strings.Replace(vmdkText("streamOptimized"), "8192", "65536", 1))
	for n := range 512 {
		sector := streamFooter + n
		put32le(streamTable*512+4*n, uint32(sector))(b) //nolint:gosec // small
		put64le(sector*512, uint64(n*128))(b)           //nolint:gosec // small
		put32le(sector*512+8, 100)(b)
	}
	return b
}

func hostileVHD() map[string]hostileCase {
	const header, table = vhdHeader * 512, vhdTable * 512
	after := func(file []byte, change ...func([]byte)) []byte { return changed(file, change...) }
	footer := vhdEnd * 512
	return map[string]hostileCase{
		"VHD: no footer":           {dynamicVHDFile()[:footer], "format", "last sector is not the footer"},
		"VHD: version 2":           {dynamicVHDFile(put32(12, 2<<16)), "format", "A VHD disk of version 2.0"},
		"VHD: checksum":            {after(fixedVHDFile(vhdFixed, 2<<20), puts(2<<20+40, "x")), "footer", "The footer's checksum is"},
		"VHD: suspended":           {fixedVHDFile(vhdFixed, 2<<20, puts(2<<20+84, "\x01")), "footer", "suspended"},
		"VHD: differencing":        {dynamicVHDFile(put32(60, vhdDifferencing)), "backing file", "The disk is a differencing one"},
		"VHD: parent by id":        {dynamicVHDFile(puts(header+40, "a parent's UUID.")), "backing file", "header names a parent"},
		"VHD: parent by name":      {dynamicVHDFile(puts(header+64, "\x00/\x00e\x00t\x00c")), "backing file", "header names a parent"},
		"VHD: parent by locator":   {dynamicVHDFile(puts(header+576, "W2ku")), "backing file", "header names a parent"},
		"VHD: type 77":             {dynamicVHDFile(put32(60, 77)), "layout", "Type 77"},
		"VHD: type 0":              {dynamicVHDFile(put32(60, 0)), "layout", "Type 0"},
		"VHD: 16 EiB":              {dynamicVHDFile(put64(48, 1<<64-1024)), "disk size", "18446744073709550592"},
		"VHD: no disk":             {dynamicVHDFile(put64(48, 0)), "disk size", "The disk has 0 bytes"},
		"VHD: fixed, begins so":    {fixedVHDFile(vhdFixed, 2<<20, puts(0, "conectix"), puts(510, "\x00\x00")), "layout", "the file begins as a dynamic one"},
		"VHD: fixed, other size":   {fixedVHDFile(vhdFixed, 4<<20, puts(510, "\x00\x00")), "layout", "a fixed disk of 4194304 bytes, and 2097152"},
		"VHD: fixed, wraps":        {fixedVHDFile(vhdFixed, 1<<64-512, puts(510, "\x00\x00")), "disk size", "18446744073709551104"},
		"VHD: ends in a sector":    {append(append(dynamicVHDFile()[:footer], make([]byte, 100)...), dynamicVHDFile()[footer:]...), "layout", "The file ends inside a sector: it has 4197988"},
		"VHD: copies differ":       {after(dynamicVHDFile(), puts(28, "vpc ")), "layout", "its copy at the begin differ"},
		"VHD: no header":           {dynamicVHDFile(puts(header, "nonsense")), "layout", "At byte 512 is no header"},
		"VHD: header outside":      {dynamicVHDFile(put64(16, 1<<50)), "layout", "said to lie at byte 1125899906842624"},
		"VHD: header wraps":        {dynamicVHDFile(put64(16, 1<<64-512)), "layout", "said to lie at byte 18446744073709551104"},
		"VHD: header on footer":    {dynamicVHDFile(put64(16, 0)), "layout", "said to lie at byte 0."},
		"VHD: header unaligned":    {dynamicVHDFile(put64(16, 513)), "layout", "said to lie at byte 513"},
		"VHD: header's checksum":   {after(dynamicVHDFile(), puts(header+20, "x")), "layout", "checksum of the dynamic disk's header is"},
		"VHD: header of version 3": {dynamicVHDFile(put32(header+24, 3<<16)), "layout", "header is of version 3"},
		"VHD: header leads on":     {dynamicVHDFile(put64(header+8, 512)), "layout", "another lies at byte 512."},
		"VHD: blocks of 3 MiB":     {dynamicVHDFile(put32(header+32, 3<<20)), "layout", "Its blocks have 3145728"},
		"VHD: blocks of 0":         {dynamicVHDFile(put32(header+32, 0)), "layout", "Its blocks have 0 bytes"},
		"VHD: blocks of 2 GiB":     {dynamicVHDFile(put32(header+32, 1<<31)), "layout", "Its blocks have 2147483648"},
		"VHD: table of 2^32":       {dynamicVHDFile(put32(header+28, 1<<32-1)), "layout", "number 4294967295, and"},
		"VHD: table too small":     {dynamicVHDFile(put32(header+28, 3)), "layout", "block table: 3. The disk needs 4"},
		"VHD: table outside":       {dynamicVHDFile(put64(header+16, 1<<50)), "tables", "The block table lies in sectors 2199023255552"},
		"VHD: table unaligned":     {dynamicVHDFile(put64(header+16, 1537)), "tables", "byte 1537, inside a sector"},
		"VHD: table on header":     {dynamicVHDFile(put64(header+16, 1024)), "tables", "The block table lies in sector 2,"},
		"VHD: block outside":       {dynamicVHDFile(put32(table, 1<<31)), "tables", "Block 0 lies in sectors 2147483648"},
		"VHD: block twice":         {dynamicVHDFile(put32(table, vhdBlockAt)), "tables", "Block 1 lies in sector 4,"},
		"VHD: blocks overlap":      {dynamicVHDFile(put32(table+4, vhdBlockAt+1)), "tables", "Block 3 lies in sector 4101,"},
		"VHD: block on the table":  {dynamicVHDFile(put32(table, vhdTable)), "tables", "Block 0 lies in sector 3,"},
		"VHD: block on the footer": {dynamicVHDFile(put32(table, vhdEnd-4096)), "tables", "Block 0 lies in sector 8198,"},
		"VHD: block behind disk":   {dynamicVHDFile(put32(header+28, 5), put32(table+16, vhdBlockAt)), "tables", "Entry 4 of the block table"},
	}
}

func hostileRaw() map[string]hostileCase {
	gpt := rawDisk(1, 1)
	gpt[446+4] = 0xee
	changed(gpt, puts(512, "EFI PART"), put64le(544, 1<<63))
	past := gptDisk(512, grubCode, gptPart{biosType, 34, 2047, 0}, gptPart{linuxType, 8192, 1<<64 - 1, 0})
	return map[string]hostileCase{
		"empty":                    {nil, "file size", "0 bytes"},
		"too large":                {make([]byte, 1<<24+1), "file size", "16.0 MiB"},
		"raw: tiny":                {changed(make([]byte, 1024), puts(510, "\x55\xaa")), "disk size", "The disk has 1024 bytes"},
		"raw: half a sector":       {append(rawDisk(1, 1), 0), "disk size", "The disk has 2097153 bytes"},
		"raw: partition cut":       {rawDisk(2048, 4096), "partition table", "ends at byte 3145728"},
		"raw: partition wraps":     {rawDisk(1<<32-1, 1<<32-1), "partition table", "ends at byte 4398046510080"},
		"raw: GPT's copy far":      {gpt, "partition table", "ends at byte 9223372036854776320"},
		"raw: partition of 2^64":   {past, "partition table", "ends at byte 9223372036854776320"},
		"raw: sectors of 4096":     {gptDisk(4096, grubCode, gptPart{espType, 256, 1000, 0}), "sector size", "sectors of 4096 bytes"},
		"raw: no signature":        {changed(rawDisk(2048, 1024), puts(510, "\x00\x00")), "format", "no boot signature (55 AA) as a raw"},
		"raw: nothing but zeros":   {make([]byte, 2<<20), "format", "nothing but zeros"},
		"raw: a file system":       {changed(make([]byte, 2<<20), puts(1080, "\x53\xef")), "format", "(ext4)"},
		"text":                     {bytes.Repeat([]byte("hello "), 1<<17), "format", "no boot signature (55 AA) as a raw"},
		"raw: footer of another":   {changed(rawDisk(2048, 1024), func(b []byte) { vhdFoot(b[2<<20-512:], vhdFixed, 4<<20, vhdNowhere) }), "format", "a VHD disk (Virtual PC, Azure) and a raw disk"},
		"raw: footer of a dynamic": {changed(rawDisk(2048, 1024), func(b []byte) { vhdFoot(b[2<<20-512:], vhdDynamic, 2<<20-512, 512) }), "format", "a VHD disk (Virtual PC, Azure) and a raw disk"},
		"tar that starts":          {changed(rawDisk(2048, 1024), puts(257, "ustar")), "format", "first file is no OVF description and a raw disk"},
		"qcow2 that starts":        {qcow2File(puts(510, "\x55\xaa")), "format", "at once: a qcow2 disk and a raw disk"},
		"qcow2 and disc":           {qcow2File(puts(0x8001, "CD001")), "format", "at once: a qcow2 disk and an optical disc"},
		"qcow2 and UDF":            {qcow2File(puts(0x8001, "BEA01")), "format", "at once: a qcow2 disk and an optical disc"},
		"qcow2 and VHD":            {qcow2File(func(b []byte) { vhdFoot(b[len(b)-512:], vhdFixed, uint64(len(b)-512), vhdNowhere) }), "format", "a qcow2 disk and a VHD disk"},
		"qcow2 and DMG":            {qcow2File(puts(5*65536-512, "koly")), "format", "a qcow2 disk and a DMG disk"},
		"qcow2 and tar":            {qcow2File(puts(257, "ustar")), "format", "a qcow2 disk and a tar archive"},
		"qcow2 and VDI":            {qcow2File(puts(0x40, "\x7f\x10\xda\xbe")), "format", "a qcow2 disk and a VDI disk"},
		"VMDK that starts":         {sparseVMDK(puts(510, "\x55\xaa")), "format", "at once: a VMDK disk (VMware) and a raw disk"},
		"VMDK and disc":            {sparseVMDK(puts(0x8001, "CD001")), "format", "at once: a VMDK disk (VMware) and an optical disc"},
		"VMDK and VHD":             {sparseVMDK(func(b []byte) { vhdFoot(b[len(b)-512:], vhdFixed, 1, vhdNowhere) }), "format", "a VMDK disk (VMware) and a VHD disk"},
		"VHD that starts":          {dynamicVHDFile(puts(510, "\x55\xaa")), "format", "a VHD disk (Virtual PC, Azure) and a raw disk"},
		"VHD and disc":             {dynamicVHDFile(puts(0x8001, "CD001")), "format", "at once: a VHD disk (Virtual PC, Azure) and an optical"},
		"gzip and disc":            {changed(make([]byte, 1<<20), puts(0, "\x1f\x8b\x08"), puts(0x8001, "CD001")), "format", "a file compressed with gzip and an optical"},
		"qcow2, disc, starts":      {qcow2File(puts(0x8001, "CD001"), puts(510, "\x55\xaa")), "format", "at once: a qcow2 disk and an optical disc"},
	}
}

// hostileOthers are the formats that are not taken, each with the command that makes one that is.
func hostileOthers() map[string]hostileCase {
	all := map[string]hostileCase{}
	for name, c := range map[string][3]any{
		"VHDX":        {0, "vhdxfile", "a VHDX disk"},
		"VDI":         {0x40, "\x7f\x10\xda\xbe", "This is a VDI disk"},
		"ISO":         {0x8001, "CD001", "This is an optical disc"},
		"QED":         {0, "QED\x00", "a QED disk"},
		"LUKS":        {0, "LUKS\xba\xbe", "an encrypted disk (LUKS)"},
		"qcow 1":      {0, "QFI\xfb\x00\x00\x00\x01", "a qcow disk of version 1"},
		"Parallels":   {0, "WithoutFreeSpace", "a Parallels disk"},
		"DMG":         {1<<20 - 512, "koly", "This is a DMG disk"},
		"descriptor":  {0, "# Disk DescriptorFile\nversion=1\n", "the description of a VMDK"},
		"COWD":        {0, "COWD", "(COWD)"},
		"seSparse":    {0, "\xbe\xba\xfe\xca\x00\x00\x00\x00", "(seSparse)"},
		"bzip2":       {0, "BZh91AY&SY", "bzip2"},
		"lz4":         {0, "\x04\x22\x4d\x18", "lz4"},
		"lzop":        {0, "\x89LZO\x00\r\n\x1a\n", "lzop"},
		"lzip":        {0, "LZIP\x01", "lzip"},
		"LZMA":        {0, "\x5d\x00\x00\x80\x00\xff\xff\xff\xff\xff\xff\xff\xff\x00", "LZMA alone"},
		"ZIP":         {0, "PK\x03\x04", "a ZIP archive"},
		"7-Zip":       {0, "7z\xbc\xaf\x27\x1c", "a 7-Zip"},
		"RAR":         {0, "Rar!\x1a\x07", "a RAR archive"},
		"cpio":        {0, "070701", "a cpio archive"},
		"RPM":         {0, "\xed\xab\xee\xdb", "an RPM"},
		"deb":         {0, "!<arch>\ndebian-binary", "a Debian package"},
		"tar":         {257, "ustar", "This is a tar archive"},
		"gzip":        {0, "\x1f\x8b\x08", "compressed with gzip."},
		"xz":          {0, "\xfd7zXZ\x00", "compressed with xz"},
		"zstd":        {0, "\x28\xb5\x2f\xfd", "compressed with zstd"},
		"program":     {0, "\x7fELF", "(ELF)"},
		"kernel":      {0x202, "HdrS", "a Linux kernel"},
		"PDF":         {0, "%PDF-1.7", "a PDF"},
		"script":      {0, "#!/bin/sh\n", "a script"},
		"page":        {0, "<!DOCTYPE html>", "a web page"},
		"SquashFS":    {0, "hsqs", "a SquashFS"},
		"Git LFS":     {0, "version https://git-lfs.github.com/spec/v1", "a pointer of Git LFS"},
		"BitLocker":   {3, "-FVE-FS-", "(BitLocker)"},
		"Bochs":       {0, "Bochs Virtual HD Image", "a Bochs disk"},
		"UML":         {0, "OOOM", "(COW)"},
		"cut VHD":     {0, "cxsparse", "without its first sector"},
		"Windows":     {0, "MSWIM\x00\x00\x00", "(WIM)"},
		"Android":     {0, "\x3a\xff\x26\xed", "an Android sparse"},
		"OVF alone":   {0, "<?xml?><Envelope xmlns=\"http://schemas.dmtf.org/ovf/envelope/1\">", "an OVF description without"},
		"EnCase":      {0, "EVF\x09\x0d\x0a\xff\x00", "a forensic image"},
		"MAME":        {0, "MComprHD", "a CHD disk"},
		"swap":        {4086, "SWAPSPACE2", "swap space"},
		"XFS":         {0, "XFSB", "(XFS)"},
		"LVM":         {512, "LABELONE", "a volume of LVM"},
		"old cpio":    {0, "\xc7\x71", "a cpio archive"},
		"snappy":      {0, "\xff\x06\x00\x00sNaPpY", "snappy"},
		"cabinet":     {0, "MSCF\x00\x00\x00\x00", "a cabinet"},
		"compress":    {0, "\x1f\x9d", "with compress"},
		"cloop":       {0, "#!/bin/sh\n#V2.0 Format\nmodprobe cloop", "a cloop disk"},
		"picture":     {0, "\xff\xd8\xff", "a picture"},
		"LUKS' other": {0, "SKUL\xba\xbe", "an encrypted disk (LUKS)"},
	} {
		all["other: "+name] = hostileCase{changed(make([]byte, 1<<20), puts(c[0].(int), c[1].(string))), "format", c[2].(string)}
	}
	return all
}

// TestHostile refuses every file for its own cause, and reads nothing beyond it and not much of it.
func TestHostile(t *testing.T) {
	all := map[string]hostileCase{}
	for _, more := range []map[string]hostileCase{hostileQCOW2(), hostileVMDK(), hostileStreams(), hostileVHD(), hostileRaw(), hostileOthers()} {
		maps.Copy(all, more)
	}
	sentences := map[string]string{}
	for name, c := range all {
		i, err := Inspect(&counter{t: t, file: c.file, most: 1<<18 + 2*len(c.file)}, int64(len(c.file)), Limits{MaxFile: 1 << 24, MaxVirtual: 1 << 41})
		if err != nil {
			t.Fatal(err)
		}
		refused(t, name, i, c.check)
		failed := i.Failed()
		if failed == nil {
			continue
		}
		sentences[name] = failed.Detail
		if !strings.Contains(failed.Detail, c.says) {
			t.Errorf("%s: the sentence is %q, want %q in it", name, failed.Detail, c.says)
		}
		if c.check == "format" && !strings.Contains(failed.Repair, "`") && !strings.Contains(failed.Repair, "Versions") && !strings.Contains(failed.Repair, "Copy it again") {
			t.Errorf("%s: the repair is no command: %q", name, failed.Repair)
		}
	}
	for name, c := range all {
		for other, sentence := range sentences {
			if all[other].says != c.says && all[other].check == c.check && strings.Contains(sentence, c.says) {
				t.Errorf("%s: its words %q are those of %s as well: %q", name, c.says, other, sentence)
			}
		}
	}
	t.Logf("%d files", len(all))
}

// TestHostileByCut cuts files of which every sector counts after each sector: a part is never taken for the whole.
func TestHostileByCut(t *testing.T) {
	for name, whole := range map[string][]byte{"qcow2": qcow2File(), "VMDK": sparseVMDK(), "stream": streamVMDK(), "VHD, fixed": fixedVHDFile(vhdFixed, 2<<20), "VHD, dynamic": dynamicVHDFile()} {
		for n := 0; n < len(whole); n += 512 {
			if i := inspect(t, whole[:n]); i.Passed() {
				// The partition of the fixed one ends at its last sector, which the footer follows: without that it is the raw disk.
				if name != "VHD, fixed" || n != len(whole)-512 {
					t.Errorf("%s: %d of %d bytes were taken", name, n, len(whole))
				}
			} else if c := i.Failed(); c.Detail == "" || c.Repair == "" {
				t.Errorf("%s: %d bytes: %+v", name, n, c)
			}
		}
	}
}

// crashing panics where a file is read behind a place.
type crashing struct {
	*bytes.Reader
	behind int64
}

func (c crashing) ReadAt(p []byte, at int64) (int, error) {
	if at > c.behind {
		panic("index out of range [9] with length 8")
	}
	return c.Reader.ReadAt(p, at)
}

// TestInspectionThatBreaksOffRefuses: a file that brings a check down is refused, by whichever format, and what was seen before is told.
func TestInspectionThatBreaksOffRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		file   []byte
		behind int64
	}{
		"the first byte": {qcow2File(), -1},
		"the end":        {rawDisk(2048, 1024), 1 << 20},
		"a table":        {qcow2File(), 0}, // the first read behind it is that of the last sector
		"VMDK":           {sparseVMDK(), 600},
		"VHD":            {dynamicVHDFile(), 0},
	} {
		i, err := Inspect(crashing{bytes.NewReader(c.file), c.behind}, int64(len(c.file)), DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		refused(t, name, i, "inspection")
		if failed := i.Failed(); failed != nil && (!strings.Contains(failed.Detail, "index out of range") || !strings.Contains(failed.Repair, "administrator") || i.Checks[0].Name != "file size") {
			t.Errorf("%s: %+v", name, i.Checks)
		}
	}
}
