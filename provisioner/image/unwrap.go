package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"

	"volary.dev/provisioner/image/magic"
)

const (
	// unwrapMemory is the most that a stream may ask for to be unpacked: xz' dictionary, zstd's window.
	unwrapMemory = 128 << 20
	// mostUnfold is how many times the bytes of a file those may be that come out of it and are no zeros; unfoldFree are free.
	mostUnfold = 100
	unfoldFree = 64 << 20
	// mostLayers is how deep wrappers in wrappers are looked into.
	mostLayers = 5
)

// unwrappings are the compressions that are taken, and the commands with which a person takes them off.
var unwrappings = map[string]string{"gzip": "gzip -dc", "xz": "xz -dc", "zstd": "zstd -dc"}

// unwrap takes the one compression off that is around a disk, into a sparse file in the scratch folder.
func (d *disk) unwrap(kind magic.Kind, from string) (bool, error) {
	packed, err := os.Stat(from)
	if err != nil {
		return false, err
	}
	to, err := d.scratchFile("unwrapped")
	if err != nil {
		return false, err
	}
	file, err := os.OpenFile(to, os.O_RDWR, 0)
	if err != nil {
		return false, err
	}
	defer file.Close()
	room := growing{v: d.v}
	defer room.end()
	peek := peeked{}
	out := sparse{file: file, most: unwrappedMost(d.verification.limits), mostWritten: mostUnfold*packed.Size() + unfoldFree, reserve: room.reserve}
	defer out.abandon()
	out.judge = func(start []byte, all bool) error {
		err := peek.judge(start, all)
		if err == nil && peek.raw {
			out.making, err = d.imageOf(d.verification.limits.MaxVirtual)
		}
		return err
	}
	work, err := d.unpacker(kind, from, packed.Size(), &out)
	if err != nil {
		return false, err
	}
	o, err := work.run(d.ctx)
	switch {
	case errors.Is(err, errUnfolds), errors.Is(err, errBomb):
		return d.unfolds(kind, err, out), nil
	case err != nil && !errors.Is(err, errNested):
		return false, err
	}
	if fault := faultOf(kind.Format, o, out.at, from); fault != nil && err == nil {
		return d.check("compression", false, fault.Detail, fault.Repair), nil
	}
	if peek.nested {
		return false, d.nested(kind, peek.start)
	}
	if err := d.imaged(&out); err != nil {
		return false, err
	}
	d.path, d.own = to, true
	d.limits = Limits{MaxFile: out.most, Data: max(out.written, 1), MaxVirtual: d.verification.limits.MaxVirtual, Largest: d.verification.limits.Largest}
	if out.at == 0 {
		return d.check("compression", false, "It holds nothing.", "Look at it where it was made: `"+unwrappings[kind.Format]+" FILE | wc -c`."), nil
	}
	return d.check("compression", true, fmt.Sprintf("Unpacked with %s: %s, of which %s are no zeros.", kind.Format, bytesText(out.at), bytesText(out.written)), ""), nil
}

// unpacker is the child's work on a file of so many bytes: what comes out of it goes to out, and how far it is to who watches.
func (d *disk) unpacker(kind magic.Kind, from string, size int64, out *sparse) (confined, error) {
	work, err := d.decompress(kind.Format, from)
	if err != nil {
		return work, err
	}
	words := "Unpacking " + kind.Format
	work.Output = out.take
	if work.Task != "" {
		work.Tell = func(done int64) { d.step(words, done, size) }
	} else {
		every := teller{to: func(at int64) { d.step(words, at, 0) }}
		out.tell = every.tell
	}
	d.step(words, 0, size)
	return work, nil
}

// unwrappedMost is how large a file in a wrapper may be: the largest disk, and what a format adds.
func unwrappedMost(l Limits) int64 { return l.MaxVirtual + l.MaxVirtual/50 + 16<<20 }

func (d *disk) unfolds(kind magic.Kind, why error, out sparse) bool {
	if errors.Is(why, errBomb) {
		return d.check("compression", false, fmt.Sprintf("It unfolds to more than %s that are no zeros, over %d times what it has.", bytesText(out.mostWritten), mostUnfold),
			"No disk that was in use compresses so well. Make a qcow2 of it: `"+unwrappings[kind.Format]+" FILE > disk && qemu-img convert -c -O qcow2 disk disk.qcow2`, and upload disk.qcow2.")
	}
	return d.check("compression", false, fmt.Sprintf("It unfolds to more than %s, the most that a disk may have with its format's tables.", bytesText(out.most)),
		"No node could have it. Make its last partition smaller, then the disk: `qemu-img resize --shrink disk.qcow2 SIZE`.")
}

// decompress is the confined work that writes to its standard output what is in a compressed file. xz is the program: on one and the same
// file it took a quarter of what Go's own took (doc.go).
func (w *verification) decompress(format, from string) (confined, error) {
	seconds := cpuSecondsOf(w.limits.MaxVirtual)
	if format == "xz" {
		program, err := findProgram("xz", ErrNoXZ)
		return confined{Program: program, Args: append(xzArgs(runtime.NumCPU()), "--", from), Read: from, CPUSeconds: seconds}, err
	}
	orders, err := json.Marshal(unpackOrders{Format: format})
	return confined{Task: "unpack", Orders: orders, Read: from, CPUSeconds: seconds}, err
}

// xzThreads is the most threads with which a file of several blocks is unpacked, as `xz -T` makes them. Each holds a whole block, packed and
// unpacked; where the next would pass unwrapMemory, which bounds all of them together, fewer unpack, and at last one, which holds none.
const xzThreads = 8

// xzArgs are xz's, of a machine with so many processors.
func xzArgs(processors int) []string {
	return []string{
		"--decompress", "--stdout", "--format=xz", "--no-sparse", fmt.Sprintf("--threads=%d", min(processors, xzThreads)),
		fmt.Sprintf("--memlimit-decompress=%d", unwrapMemory), fmt.Sprintf("--memlimit-mt-decompress=%d", unwrapMemory),
	}
}

// peeked is what the first bytes out of a wrapper tell.
type peeked struct {
	start  []byte
	nested bool
	raw    bool // a disk that is read as it lies
}

var errNested = errors.New("no disk is in the wrapper")

// judge ends the work where no disk is inside. Where all is here the wrapper's own end is waited for: it tells more.
func (p *peeked) judge(start []byte, all bool) error {
	kinds := magic.Look(start, nil, 0)
	p.raw = isRaw(start)
	if len(start) == 0 || slices.ContainsFunc(kinds, func(k magic.Kind) bool { return k.Use == magic.Disk }) {
		return nil
	}
	p.start, p.nested = slices.Clone(start), true
	if all {
		return nil
	}
	return errNested
}

// isRaw tells whether a file with this start is a disk that is read as it lies.
func isRaw(start []byte) bool {
	kinds := magic.Look(start, nil, 0)
	return len(kinds) == 1 && kinds[0].Format == string(FormatRaw)
}

// nested tells the whole way to the disk, where no disk is in the wrapper but something else.
func (d *disk) nested(outer magic.Kind, start []byte) error {
	layers := []magic.Kind{outer}
	for {
		kind := magic.Unknown
		if kinds := magic.Look(start, nil, 0); len(kinds) == 1 {
			kind = kinds[0]
		} else if len(kinds) > 1 {
			kind = magic.Several(kinds)
		}
		layers = append(layers, kind)
		if _, more := unwrappings[kind.Format]; !more || len(layers) > mostLayers {
			break
		}
		var err error
		if start, err = d.peek(kind.Format, start); err != nil {
			return err
		}
	}
	detail := "This is " + layers[0].Name
	for _, l := range layers[1:] {
		detail += ", in it " + l.Name
	}
	d.check("format", false, detail+". One compression around one disk is taken.", wayOut(layers))
	return nil
}

// wayOut is how a person gets at what is innermost, and what to do with that.
func wayOut(layers []magic.Kind) string {
	var pipe []string
	inner := layers[len(layers)-1]
	for _, l := range layers {
		if u, wraps := unwrappings[l.Format]; wraps {
			pipe = append(pipe, u)
		}
	}
	pipe[0] += " FILE"
	name := "inside"
	var then string
	switch _, deeper := unwrappings[inner.Format]; {
	case deeper:
		then = "and look what that is: `file inside`."
	case inner.Use == magic.Disk:
		name = "disk." + map[string]string{"vpc": "vhd"}[inner.Format]
		if name == "disk." {
			name += inner.Format
		}
		then = "and upload " + name + ", as it is or compressed once: `gzip " + name + "`."
	case inner.Format == "ova":
		name, then = "machine.ova", "and upload machine.ova."
	default:
		then = "and then: " + strings.ReplaceAll(inner.Repair, "FILE", "inside")
	}
	return "Take every wrapper off where the file was made: `" + strings.Join(pipe, " | ") + " > " + name + "`, " + then
}

// errEnough ends the work once its first bytes are here.
var errEnough = errors.New("enough was seen")

// peek unpacks what can be unpacked of the first bytes of a compressed file.
func (d *disk) peek(format string, start []byte) (inside []byte, err error) {
	path, err := d.scratchFile("layer")
	if err != nil {
		return nil, err
	}
	defer os.Remove(path)
	if err := os.WriteFile(path, start, 0o600); err != nil {
		return nil, err
	}
	work, err := d.decompress(format, path)
	if err != nil {
		return nil, err
	}
	work.Output = func(r io.Reader) error {
		if inside, err = io.ReadAll(io.LimitReader(r, peekSize)); err != nil {
			return err
		}
		if len(inside) == peekSize {
			return errEnough
		}
		return nil
	}
	if _, err := work.run(d.ctx); err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	return inside, nil // that the stream ends early is no wonder
}
