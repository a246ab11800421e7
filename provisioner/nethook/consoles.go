package nethook

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/google/uuid"

	"volary.dev/provisioner"
)

// maxBackups is how many rolled over files of a console are looked for; virtlogd keeps three by default.
const maxBackups = 16

// consoleName is the file that virtlogd writes a node's console to.
func consoleName(id uuid.UUID) string { return id.String() + ".log" }

// ConsoleFile is the path of a node's console log on its host.
func ConsoleFile(id uuid.UUID) string { return filepath.Join(ConsoleDir, consoleName(id)) }

// makeConsoleDir makes the folder: virtlogd does not, and a guest does not start without its console. The machines' own user
// passes through the folder above on its way to the disks.
func makeConsoleDir(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o711); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// consoleLog is what is kept of one console: its files, the oldest first, as long as they were when they were opened.
type consoleLog struct {
	parts []consolePart
	size  int64
}

type consolePart struct {
	f     *os.File
	inode uint64
	from  int64 // of the whole log
	size  int64
}

// openConsole opens what is there, the newest first: what is rolled over meanwhile is found twice and not missed, and is told
// by its inode.
func openConsole(dir string, id uuid.UUID) (*consoleLog, error) {
	var l consoleLog
	seen := map[uint64]bool{}
	for i := -1; i < maxBackups; i++ {
		name := consoleName(id)
		if i >= 0 {
			name += "." + strconv.Itoa(i)
		}
		f, info, err := openRegular(filepath.Join(dir, name), os.O_RDONLY)
		if errors.Is(err, fs.ErrNotExist) {
			if i < 0 {
				continue // between two files
			}
			break
		}
		if err != nil {
			l.close()
			return nil, err
		}
		if seen[info.Ino] {
			_ = f.Close()
			continue
		}
		seen[info.Ino] = true
		l.parts = append([]consolePart{{f: f, inode: info.Ino, size: info.Size}}, l.parts...)
	}
	for i := range l.parts {
		l.parts[i].from = l.size
		l.size += l.parts[i].size
	}
	return &l, nil
}

// errNotRegular says that a link, a pipe or a device lies where a file should.
var errNotRegular = errors.New("is not a regular file")

// openRegular opens a file and nothing else: no link is followed, and no pipe holds the hook up.
func openRegular(path string, flag int) (*os.File, *syscall.Stat_t, error) {
	f, err := os.OpenFile(path, flag|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ELOOP) {
		return nil, nil, fmt.Errorf("%s %w", path, errNotRegular)
	}
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s %w", path, errNotRegular)
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, info.Sys().(*syscall.Stat_t), nil
}

func (l *consoleLog) close() {
	for _, p := range l.parts {
		_ = p.f.Close()
	}
}

// read gives the bytes from a position to the end, or less where the files were cut meanwhile.
func (l *consoleLog) read(from int64) ([]byte, error) {
	return l.span(from, l.size)
}

func (l *consoleLog) span(from, to int64) ([]byte, error) {
	var all []byte
	for _, p := range l.parts {
		begin, end := max(from-p.from, 0), min(to-p.from, p.size)
		if begin >= end {
			continue
		}
		buf := make([]byte, end-begin)
		n, err := p.f.ReadAt(buf, begin)
		all = append(all, buf[:n]...)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// markReach is how many bytes before a mark are remembered with it: files change their names when they are rolled over, and
// a new one may have the inode of one that is gone.
const markReach = 64

// mark names a position so that it is found again after files were rolled over: the inode of the file, the place in it, and a
// digest of what stands before.
func (l *consoleLog) mark(at int64) (string, error) {
	for i := len(l.parts) - 1; i >= 0; i-- {
		p := l.parts[i]
		if at < p.from && i > 0 {
			continue
		}
		digest, err := l.before(at)
		return fmt.Sprintf("%x-%x-%s", p.inode, at-p.from, digest), err
	}
	return "", nil
}

func (l *consoleLog) before(at int64) (string, error) {
	b, err := l.span(max(0, at-markReach), at)
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8]), err
}

// find gives the position of a mark; everything is new where the mark is not found.
func (l *consoleLog) find(mark string) (int64, error) {
	var inode uint64
	var offset int64
	var digest string
	if n, err := fmt.Sscanf(strings.ReplaceAll(mark, "-", " "), "%x %x %s", &inode, &offset, &digest); err != nil || n != 3 {
		return 0, nil //nolint:nilerr // no mark of ours: everything is new
	}
	for _, p := range l.parts {
		if p.inode != inode || offset < 0 || offset > p.size {
			continue
		}
		have, err := l.before(p.from + offset)
		if err != nil {
			return 0, err
		}
		if have == digest {
			return p.from + offset, nil
		}
	}
	return 0, nil
}

// answer answers for one console. tail and search bound the bytes of it.
func (l *consoleLog) answer(c Console, tail, search int64) (a ConsoleAnswer, err error) {
	if len(l.parts) == 0 {
		return a, nil
	}
	a.Kept = l.size
	if a.End, err = l.mark(l.size); err != nil {
		return a, err
	}
	if n := min(c.Tail, tail); n > 0 {
		if a.Tail, err = l.read(max(0, l.size-n)); err != nil {
			return a, err
		}
	}
	if len(c.Find) == 0 {
		return a, nil
	}
	from, err := l.find(c.After)
	if err != nil {
		return a, err
	}
	from = max(from, l.size-search)
	text, err := l.read(from)
	if err != nil {
		return a, err
	}
	a.Lines = linesWith(provisioner.VisibleText(text), c.Find)
	next := bytes.LastIndexByte(text, '\n') + 1
	next = max(next, provisioner.ConsoleCut(text, max(0, len(text)-maxUnended)))
	a.Next, err = l.mark(from + int64(next))
	return a, err
}

// linesWith gives the last lines that have one of the texts, in their order; a line that is complete has its line feed.
func linesWith(text []byte, wanted []string) []guestBytes {
	var lines []guestBytes
	for end := len(text); end > 0 && len(lines) < maxLines; {
		at, length := -1, 0
		for _, w := range wanted {
			if i := bytes.LastIndex(text[:end], []byte(w)); w != "" && i > at {
				at, length = i, len(w)
			}
		}
		if at < 0 {
			break
		}
		from := bytes.LastIndexByte(text[:at], '\n') + 1
		to := end
		if i := bytes.IndexByte(text[at+length:end], '\n'); i >= 0 {
			to = at + length + i + 1
		}
		line := text[max(from, at-maxLineReach):min(to, at+length+maxLineReach)]
		lines = append(lines, bytes.Clone(line))
		end = from
	}
	for i, j := 0, len(lines)-1; i < j; i, j = i+1, j-1 {
		lines[i], lines[j] = lines[j], lines[i]
	}
	return lines
}

// consoles answers for all consoles of a question.
func consoles(dir string, asked []Console) []ConsoleAnswer {
	var all []ConsoleAnswer
	tail, search := int64(MaxTail), int64(maxRead)
	if n := int64(len(asked)); n > 0 {
		tail, search = min(tail, maxAnswer/n), min(search, maxReadAll/n)
	}
	for _, c := range asked {
		a, err := console(dir, c, tail, search)
		if err != nil {
			a = ConsoleAnswer{Error: err.Error()}
		}
		all = append(all, a)
	}
	return all
}

func console(dir string, c Console, tail, search int64) (ConsoleAnswer, error) {
	l, err := openConsole(dir, c.ID)
	if err != nil {
		return ConsoleAnswer{}, err
	}
	defer l.close()
	return l.answer(c, tail, search)
}

// virtlogd's defaults (virtlogd.conf(5)).
const (
	defaultMaxSize    = 2 << 20
	defaultMaxBackups = 3
)

// unknownCap is provisioner.UnknownConsoleCap.
const unknownCap = -1

// consoleCap is what virtlogd is configured to keep of one console; 0 where it keeps everything, unknownCap where the
// configuration is there and cannot be read.
func consoleCap(conf string) int64 {
	size, backups := int64(defaultMaxSize), int64(defaultMaxBackups)
	b, err := os.ReadFile(conf)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // where there is none the defaults hold
		return unknownCap
	}
	for line := range strings.Lines(string(b)) {
		key, value, _ := strings.Cut(line, "=")
		value, _, _ = strings.Cut(value, "#")
		n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		if err != nil {
			continue
		}
		switch strings.TrimSpace(key) {
		case "max_size":
			size = n
		case "max_backups":
			backups = n
		}
	}
	if size < 0 || backups < 0 {
		return unknownCap
	}
	return size * (backups + 1)
}
