package image

import "fmt"

// sectors are those of a file that something names. Each is named once in a sound file: one that is named a million times is small, and
// its disk is not. The first problem stays.
type sectors struct {
	file    *boundedReader
	taken   bitmap
	problem string // empty: none yet
}

func newSectors(file *boundedReader) sectors {
	return sectors{file: file, taken: make(bitmap, (file.size+511)/512/64+1)}
}

// claim takes n sectors from one on for what is named, and tells whether it could: they lie in the file, the last perhaps in part, and are nothing else's.
func (s *sectors) claim(what string, at, n uint64) bool {
	all := (s.file.size + 511) / 512
	if at > all || n > all-at {
		s.fail("%s lies in sectors %d to %d, the file has %d.", what, at, at+n-1, all)
		return false
	}
	for k := at; k < at+n; k++ {
		if s.taken.set(k) {
			s.fail("%s lies in sector %d, which is named for something else as well.", what, k)
			return false
		}
	}
	return true
}

// fail keeps the first problem.
func (s *sectors) fail(format string, args ...any) {
	if s.problem == "" {
		s.problem = fmt.Sprintf(format, args...)
	}
}
