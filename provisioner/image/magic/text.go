package magic

import (
	"bytes"
	"strings"
)

// text is the first characters in lower case, for the formats that are written.
func (f file) text() string {
	return strings.ToLower(strings.TrimLeft(string(f.start[:min(len(f.start), 4096)]), "\ufeff \t\r\n"))
}

func ovf(f file) bool {
	t := f.text()
	return strings.HasPrefix(t, "<?xml") && strings.Contains(t, "envelope") && strings.Contains(t, "/ovf/")
}

func html(f file) bool {
	t := f.text()
	return strings.HasPrefix(t, "<!doctype html") || strings.HasPrefix(t, "<html") || strings.HasPrefix(t, "<?xml") && strings.Contains(t, "<html")
}

// bare tells the file systems that begin without a boot sector, where nothing else was found: as a raw disk keeps traces of what it was once, a boot
// sector goes before them.
func bare(f file) []Kind {
	for _, m := range []struct {
		at    int
		magic string
		name  string
	}{
		{1080, "\x53\xef", "a file system (ext4) without a boot sector"},
		{0, "XFSB", "a file system (XFS) without a boot sector"},
		{1024, "\x10\x20\xf5\xf2", "a file system (F2FS) without a boot sector"},
		{1024, "\xe2\xe1\xf5\xe0", "a file system (EROFS) without a boot sector"},
		{4086, "SWAPSPACE2", "swap space"},
		{512, "LABELONE", "a volume of LVM without a boot sector"},
	} {
		if f.has(m.at, m.magic) {
			return []Kind{{Name: m.name, Repair: whole}}
		}
	}
	if len(f.start) > 0 && len(bytes.Trim(f.start, "\x00")) == 0 {
		return []Kind{{Name: "an empty disk: it begins with nothing but zeros and has no boot signature (55 AA)", Repair: "Upload a disk that boots. If it should: the copy failed or was taken of the wrong device; `qemu-img map FILE` shows where data lies."}}
	}
	return nil
}
