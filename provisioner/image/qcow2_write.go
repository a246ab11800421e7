package image

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
)

// The measures of the canonical form; doc.go has the whole of it.
const (
	canonicalBits    = 16
	canonicalCluster = 1 << canonicalBits
	canonicalEntries = canonicalCluster / 8                // of a second-level table
	canonicalCovers  = canonicalEntries * canonicalCluster // bytes of the disk behind one
	canonicalCounts  = canonicalCluster / 2                // of a block of reference counts
	canonicalHeader  = 112
	canonicalLargest = qcow2MaxL1 / 8 * canonicalCovers // bytes of a disk
	// canonicalSaves is how much shorter than a cluster its compressed form has to be.
	canonicalSaves = 4 << 10
	l2Copied       = 1 << 63 // of an entry: the cluster is named once
)

// canonicalWorkers compress at once. The result does not depend on it.
const canonicalWorkers = 2

// canonicalTask writes the canonical form of a disk whose bytes come in the way in which its guest-visible digest is made of them.
func canonicalTask(in, out *os.File, _ json.RawMessage, _ func(int64)) (any, error) {
	return struct{}{}, writeCanonical(out, in, canonicalWorkers)
}

// writeCanonical reads the bytes that a guest-visible digest is of, and writes the canonical form of the disk to an empty file.
func writeCanonical(to io.WriteSeeker, from io.Reader, workers int) error {
	w, err := newQCOW2Writer(to)
	if err != nil {
		return err
	}
	in := newPacking(from, workers)
	defer in.end()
	for {
		p, err := in.next()
		if err != nil {
			return err
		}
		if p.end {
			return w.finish(p.at)
		}
		err = w.piece(p)
		in.free <- p
		if err != nil {
			return err
		}
	}
}

// packedPiece is a piece of a disk whose clusters are compressed.
type packedPiece struct {
	at       int64 // where it lies; of the end: the disk's size
	end      bool
	disk     []byte // its bytes, zeros where nothing came
	touched  [guestPiece / canonicalCluster]bool
	clusters [guestPiece / canonicalCluster][]byte // compressed; nil where that saves too little
	room     []byte                                // that the compressed lie in
	err      error
	packed   chan struct{} // closed when the clusters are there
}

// packing reads a disk and compresses its pieces in several goroutines, and gives them in their order.
type packing struct {
	from  *bufio.Reader
	order chan *packedPiece
	work  chan *packedPiece
	free  chan *packedPiece
	stop  chan struct{}
}

func newPacking(from io.Reader, workers int) *packing {
	pieces := 3 * workers
	p := &packing{
		from: bufio.NewReaderSize(from, 64<<10), order: make(chan *packedPiece, pieces), work: make(chan *packedPiece, pieces),
		free: make(chan *packedPiece, pieces), stop: make(chan struct{}),
	}
	for range pieces {
		p.free <- &packedPiece{disk: make([]byte, guestPiece), room: make([]byte, 0, guestPiece+guestPiece/8)}
	}
	for range workers {
		go p.pack()
	}
	go p.read()
	return p
}

// next gives the next piece, whose owner puts it back to free.
func (p *packing) next() (*packedPiece, error) {
	piece := <-p.order
	<-piece.packed
	return piece, piece.err
}

// end lets go of all, whoever still waits.
func (p *packing) end() { close(p.stop) }

// read reads pieces until the disk's end or an error, which is given as the last piece.
func (p *packing) read() {
	defer close(p.work)
	head := extent{}
	err := head.read(p.from, 0)
	for {
		var piece *packedPiece
		select {
		case piece = <-p.free:
		case <-p.stop:
			return
		}
		if err == nil {
			head, err = piece.fill(p.from, head)
		}
		piece.err, piece.packed = err, make(chan struct{})
		if err != nil || piece.end {
			close(piece.packed)
			p.order <- piece
			return
		}
		p.work <- piece
		p.order <- piece
	}
}

// extent is the head of a run of blocks.
type extent struct{ at, size int64 }

// read reads the head of a run that begins not before least.
func (e *extent) read(from io.Reader, least int64) error {
	var head [extentHead]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return fmt.Errorf("disk ends after byte %d: %w", least, errors.Join(err, io.ErrUnexpectedEOF))
	}
	e.at, e.size = signed(binary.BigEndian.Uint64(head[:])), signed(binary.BigEndian.Uint64(head[8:]))
	if e.at < least || e.at > canonicalLargest-e.size || e.size > guestPiece-e.at%guestPiece {
		return fmt.Errorf("%d bytes at byte %d of a disk, after byte %d", e.size, e.at, least)
	}
	return nil
}

// fill takes a run and all that follow in the same piece, and gives the one behind.
func (p *packedPiece) fill(from io.Reader, e extent) (extent, error) {
	if e.size == 0 {
		p.at, p.end = e.at, true
		return e, nil
	}
	clear(p.disk)
	clear(p.touched[:])
	p.at = e.at - e.at%guestPiece
	for e.size > 0 && e.at < p.at+guestPiece {
		begin, end := e.at-p.at, e.at-p.at+e.size
		if _, err := io.ReadFull(from, p.disk[begin:end]); err != nil {
			return e, fmt.Errorf("disk ends after byte %d: %w", e.at, err)
		}
		for n := begin / canonicalCluster; n <= (end-1)/canonicalCluster; n++ {
			p.touched[n] = true
		}
		if err := e.read(from, e.at+e.size); err != nil {
			return e, err
		}
	}
	return e, nil
}

// pack compresses pieces until there are no more.
func (p *packing) pack() {
	z, err := newClusterEncoder()
	for piece := range p.work {
		if piece.err = err; err == nil {
			piece.pack(z)
		}
		close(piece.packed)
	}
}

// newClusterEncoder makes frames of one cluster as QEMU reads them: their size in the head, no checksum behind.
func newClusterEncoder() (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false),
		zstd.WithSingleSegment(true), zstd.WithWindowSize(canonicalCluster), zstd.WithLowerEncoderMem(true))
}

func (p *packedPiece) pack(z *zstd.Encoder) {
	room := p.room[:0]
	for n, touched := range p.touched {
		p.clusters[n] = nil
		if !touched {
			continue
		}
		begin := len(room)
		all := z.EncodeAll(p.disk[n*canonicalCluster:(n+1)*canonicalCluster], room)
		if len(all)-begin <= canonicalCluster-canonicalSaves {
			p.clusters[n], room = all[begin:len(all):len(all)], all
		}
	}
	p.room = room
}

// qcow2Writer writes a canonical form from its second cluster to its end, and then the header.
type qcow2Writer struct {
	file   io.WriteSeeker
	to     *bufio.Writer
	at     int64                      // where the next byte goes
	counts []*[canonicalCounts]uint16 // how often each cluster of the file is named
	l1     []int64                    // where second-level tables lie; 0: there is none
	l2     [canonicalEntries]uint64   // the table of the part of the disk that comes now
}

func newQCOW2Writer(to io.WriteSeeker) (*qcow2Writer, error) {
	if _, err := to.Seek(canonicalCluster, io.SeekStart); err != nil {
		return nil, err
	}
	w := &qcow2Writer{file: to, to: bufio.NewWriterSize(to, guestPiece), at: canonicalCluster}
	w.count(0, canonicalCluster)
	return w, nil
}

// count counts what lies from byte at to byte end, which are not the same, in the clusters of the file.
func (w *qcow2Writer) count(at, end int64) {
	for n := at / canonicalCluster; n <= (end-1)/canonicalCluster; n++ {
		for int64(len(w.counts)) <= n/canonicalCounts {
			w.counts = append(w.counts, new([canonicalCounts]uint16))
		}
		w.counts[n/canonicalCounts][n%canonicalCounts]++
	}
}

// piece writes the clusters of the next piece of the disk.
func (w *qcow2Writer) piece(p *packedPiece) error {
	table := int(p.at / canonicalCovers)
	if err := w.tableUpTo(table); err != nil {
		return err
	}
	for n, touched := range p.touched {
		if !touched {
			continue
		}
		entry, err := w.cluster(p.disk[n*canonicalCluster:(n+1)*canonicalCluster], p.clusters[n])
		if err != nil {
			return err
		}
		w.l2[p.at/canonicalCluster%canonicalEntries+int64(n)] = entry
	}
	return nil
}

// tableUpTo ends the second-level table that is open where it is not this one, and opens this one.
func (w *qcow2Writer) tableUpTo(table int) error {
	if open := len(w.l1) - 1; open >= 0 && open < table {
		if err := w.endTable(); err != nil {
			return err
		}
	}
	for len(w.l1) <= table {
		w.l1 = append(w.l1, 0)
	}
	return nil
}

// endTable writes the second-level table that is open, if it names anything.
func (w *qcow2Writer) endTable() (err error) {
	if w.l2 == [canonicalEntries]uint64{} {
		return nil
	}
	w.l1[len(w.l1)-1], err = w.table(w.l2[:])
	w.l2 = [canonicalEntries]uint64{}
	return err
}

// table writes numbers from the next whole cluster on, fills the last one with zeros, and gives where they begin.
func (w *qcow2Writer) table(entries []uint64) (at int64, err error) {
	body := make([]byte, 0, len(entries)*8)
	for _, e := range entries {
		body = binary.BigEndian.AppendUint64(body, e)
	}
	return w.clusters(body)
}

// clusters writes bytes that have whole clusters for themselves.
func (w *qcow2Writer) clusters(body []byte) (at int64, err error) {
	if err := w.align(); err != nil {
		return 0, err
	}
	at = w.at
	if err := w.write(body); err != nil {
		return 0, err
	}
	if len(body) > 0 {
		w.count(at, w.at)
	}
	return at, w.align()
}

// cluster writes one of the disk's, compressed where packed is not nil, and gives its entry.
func (w *qcow2Writer) cluster(plain, packed []byte) (entry uint64, err error) {
	if packed == nil {
		at, err := w.clusters(plain)
		return whole(at) | l2Copied, err
	}
	const (
		sector    = 512
		sizeShift = 62 - (canonicalBits - 8)
	)
	at := w.at
	if err := w.write(packed); err != nil {
		return 0, err
	}
	// QEMU counts by sectors, which do not cross a cluster.
	w.count(at, w.at)
	more := (w.at-1)/sector - at/sector // sectors beside the one that it begins in
	return l2Compressed | whole(more)<<sizeShift | whole(at), nil
}

func (w *qcow2Writer) write(body []byte) error {
	n, err := w.to.Write(body)
	w.at += int64(n)
	return err
}

// align writes zeros up to a whole cluster.
func (w *qcow2Writer) align() error {
	if rest := w.at % canonicalCluster; rest > 0 {
		return w.write(zeroCluster[rest:])
	}
	return nil
}

var zeroCluster [canonicalCluster]byte

// finish writes the tables of a disk of size bytes, and the header.
func (w *qcow2Writer) finish(size int64) error {
	if len(w.l1) > 0 {
		if err := w.endTable(); err != nil {
			return err
		}
	}
	first := make([]uint64, (size+canonicalCovers-1)/canonicalCovers)
	if len(first) < len(w.l1) {
		return fmt.Errorf("data behind the end of a disk of %d bytes", size)
	}
	for n, at := range w.l1 {
		if at > 0 {
			first[n] = whole(at) | l2Copied
		}
	}
	l1, err := w.table(first)
	if err != nil {
		return err
	}
	refcounts, clusters, err := w.finishCounts()
	if err != nil {
		return err
	}
	if err := w.to.Flush(); err != nil {
		return err
	}
	if _, err := w.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err = w.file.Write(canonicalStart(size, int64(len(first)), l1, refcounts, clusters))
	return err
}

// finishCounts writes the reference counts, those of their own clusters among them, and gives where their table lies and how many
// clusters it has.
func (w *qcow2Writer) finishCounts() (at, clusters int64, err error) {
	used := w.at / canonicalCluster
	var blocks int64
	for more := true; more; {
		b := (used + clusters + blocks + canonicalCounts - 1) / canonicalCounts
		c := (b + canonicalEntries - 1) / canonicalEntries
		more, blocks, clusters = b != blocks || c != clusters, b, c
	}
	entries := make([]uint64, blocks)
	for n := range entries {
		entries[n] = whole(w.at + (clusters+int64(n))*canonicalCluster)
	}
	if at, err = w.table(entries); err != nil {
		return 0, 0, err
	}
	w.count(w.at, w.at+blocks*canonicalCluster)
	for _, block := range w.counts {
		body := make([]byte, 0, canonicalCluster)
		for _, count := range block {
			body = binary.BigEndian.AppendUint16(body, count)
		}
		if err := w.write(body); err != nil {
			return 0, 0, err
		}
	}
	return at, clusters, nil
}

// canonicalStart is the first cluster: the header, and the end of a list of extensions that has none.
func canonicalStart(size, l1Entries, l1, refcounts, refcountClusters int64) []byte {
	start := make([]byte, canonicalCluster)
	be := binary.BigEndian
	copy(start, qcow2Magic)
	be.PutUint32(start[4:], 3)
	be.PutUint32(start[20:], canonicalBits)
	be.PutUint64(start[24:], whole(size))
	be.PutUint32(start[36:], uint32(l1Entries)) //nolint:gosec // of a disk of 2^61 bytes
	be.PutUint64(start[40:], whole(l1))
	be.PutUint64(start[48:], whole(refcounts))
	be.PutUint32(start[56:], uint32(refcountClusters)) //nolint:gosec // fewer still
	be.PutUint64(start[72:], featureCompression)
	be.PutUint32(start[96:], 4) // 2^4 bits of a reference count
	be.PutUint32(start[100:], canonicalHeader)
	start[104] = 1 // zstd
	return start
}
