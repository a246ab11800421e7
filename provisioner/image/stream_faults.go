package image

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

func faultCut(format string) *fileFault {
	return &fileFault{
		Detail: fmt.Sprintf("The %s file ends in the middle: it was cut short.", format),
		Repair: "Compare its size with that where it was made, copy it again, and test it: `" + format + " -t FILE`.",
	}
}

func faultTrailing(format string) *fileFault {
	return &fileFault{
		Detail: fmt.Sprintf("Behind the end of what %s wrote lies something else.", format),
		Repair: "A compressed disk is one stream, or several of the same kind one after the other. Write it anew: `" + unwrappings[format] + " FILE > disk` tells where it ends; then `" + format + " disk`.",
	}
}

func faultBroken(format, words string) *fileFault {
	return &fileFault{
		Detail: fmt.Sprintf("The %s file is damaged: %s.", format, bounded(words, 200)),
		Repair: "Copy it again from where it was made, and test it: `" + format + " -t FILE`.",
	}
}

// faultEnded is of a file that may be sound: unpacking it was ended.
func faultEnded(format, limit string) *fileFault {
	return &fileFault{
		Detail: fmt.Sprintf("Unpacking the %s file was ended. %s", format, limit),
		Repair: "Test it: `" + format + " -t FILE`. If it is whole, upload the disk as a qcow2: `" + unwrappings[format] + " FILE > disk && qemu-img convert -c -O qcow2 disk disk.qcow2`.",
	}
}

func faultMemory(format, command string) *fileFault {
	return &fileFault{
		Detail: fmt.Sprintf("Unpacking it takes more than %s of memory: it was compressed with a larger %s.", bytesText(unwrapMemory), map[string]string{"xz": "dictionary", "zstd": "window"}[format]),
		Repair: "Compress it with the usual settings: `" + command + "`.",
	}
}

// faultOf is what is wrong with a compressed file of which at bytes came out; nil for nothing. xz says in words what it is, the task
// has said it already.
func faultOf(format string, o outcome, at int64, path string) *fileFault {
	switch {
	case o.limit != "":
		return faultEnded(format, o.limit)
	case o.fault != nil:
		return o.fault
	case o.status == 0:
		return nil
	}
	says := func(words string) bool { return strings.Contains(o.words, words) }
	switch {
	case says("Memory usage limit"):
		return faultMemory(format, "xz -dc FILE | xz > disk.xz")
	case at > 0 && says("format not recognized"), says("corrupt") && !endsAsXZ(path), says("Unexpected end") && strayEnd(path):
		return faultTrailing(format)
	case says("Unexpected end"):
		return faultCut(format)
	case says("corrupt"):
		return faultBroken(format, "its checksums are not those of what was unpacked, or bytes of it changed on the way")
	case says("Unsupported"):
		return &fileFault{Detail: "The xz file was made with a filter or a check that xz of Debian 12 does not know.", Repair: "Compress it with the usual settings: `xz -dc FILE | xz > disk.xz`."}
	}
	return faultBroken(format, "xz ends with status "+fmt.Sprint(o.status))
}

// xzFooter ends every stream of xz.
var xzFooter = []byte("YZ")

// endsAsXZ tells whether a file ends with the footer of a stream, and zeros.
func endsAsXZ(path string) bool {
	return bytes.HasSuffix(bytes.TrimRight(endOf(path), "\x00"), xzFooter)
}

// strayEnd tells whether a footer lies in the last bytes of a file and fewer bytes behind it than a stream has at least.
func strayEnd(path string) bool {
	end := endOf(path)
	n := bytes.LastIndex(end, xzFooter)
	return n >= 0 && n >= len(end)-32 && bytes.HasPrefix(end[max(0, n-2):], []byte{0}) // the flags before it begin with a zero
}

func endOf(path string) []byte {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil
	}
	end := make([]byte, min(info.Size(), 1<<10))
	n, _ := file.ReadAt(end, info.Size()-int64(len(end)))
	return end[:n]
}
