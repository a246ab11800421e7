package manifest

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
)

// File is a document in the form that a person writes, and where in it each of its parts stands.
type File struct {
	Model provisioner.Model
	lines []string
	at    map[string]*yaml.Node // by path: the value, or of a list and of a mapping the key before it
}

// ReadYAML gives the model of a cluster.yaml that can be published. What is wrong with it is told by a Faults, all at once.
func ReadYAML(data []byte) (provisioner.Model, error) {
	f, err := ParseYAML(data)
	if err != nil {
		return provisioner.Model{}, err
	}
	if faults := f.Place(Check(f.Model)); faults != nil {
		return provisioner.Model{}, faults
	}
	return f.Model, nil
}

// ParseYAML reads a file whose keys are known and whose values are of the right kinds, and says nothing of what the values
// are: a draft need not be right. Its error is a Faults.
func ParseYAML(data []byte) (*File, error) {
	whole := func(line int, says string) (*File, error) { return nil, Faults{{Line: line, Column: 1, Says: says}} }
	switch {
	case len(data) > mostRead:
		return whole(1, "The file has "+refusal.Bytes(int64(len(data)))+", at most "+refusal.Bytes(int64(mostRead))+" are read. Put large files into the images.")
	case !utf8.Valid(data):
		return whole(1+bytes.Count(data[:validUntil(data)], []byte("\n")), "The file is not UTF-8 text from here on. Save it as UTF-8.")
	}
	f := &File{lines: strings.Split(string(data), "\n"), at: map[string]*yaml.Node{}}
	root, faults := f.parse(data)
	if faults != nil {
		return nil, faults
	}
	w := walk{file: f}
	w.value("", root, &f.Model)
	if w.faults != nil {
		return nil, sorted(w.faults)
	}
	return f, nil
}

func validUntil(data []byte) int {
	for i := 0; ; {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size <= 1 {
			return i
		}
		i += size
	}
}

// parse gives the one document of a file. The library makes nodes and follows no alias, so that what it costs is in proportion to the bytes.
func (f *File) parse(data []byte) (*yaml.Node, Faults) {
	d := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	err := d.Decode(&doc)
	if errors.Is(err, io.EOF) || err == nil && doc.Content[0].Kind == yaml.ScalarNode && doc.Content[0].ShortTag() == "!!null" {
		return nil, Faults{{Line: 1, Column: 1, Says: "The file is empty. Begin with a line volary: 1."}}
	}
	if err == nil {
		if err = d.Decode(&second); errors.Is(err, io.EOF) {
			return doc.Content[0], nil
		}
		if err == nil {
			return nil, Faults{{Line: second.Line, Column: max(second.Column, 1), Says: "A second document begins here. A file has one: take the line --- out, and what follows it."}}
		}
	}
	return nil, Faults{f.syntax(err)}
}

var yamlError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// syntax places an error of the library, which knows a line at most, and often one far above, where what is broken began.
func (f *File) syntax(err error) Fault {
	line, says := 1, err.Error()
	if m := yamlError.FindStringSubmatch(says); m != nil {
		says = m[2]
		if n, err := strconv.Atoi(m[1]); err == nil {
			line = min(max(n, 1), len(f.lines))
		}
	}
	if n := f.broken(); n > 0 {
		line = n
	}
	remedy := "Look at this line and at the one before it: each key is on a line of its own, with a colon and a blank behind it, and what belongs to it is moved in by two blanks."
	text := f.lines[line-1]
	if blanks := text[:len(text)-len(strings.TrimLeft(text, " \t"))]; strings.Contains(blanks, "\t") {
		remedy = "The line begins with a tab: YAML is moved in by blanks alone."
	}
	return Fault{Line: line, Column: column(text), Says: "This is no YAML: " + says + ". " + remedy}
}

// mostTried bounds the bytes that are read again to find the line of an error.
const mostTried = 4 << 20

// broken is the line after the longest beginning of the file that is YAML; 0 where the first document is, or the file is too large to be tried.
func (f *File) broken() int {
	text, budget := strings.Join(f.lines, "\n"), mostTried
	for n := len(f.lines); n >= 0; n-- {
		if budget -= len(text); budget < 0 {
			return 0
		}
		var doc yaml.Node
		if yaml.Unmarshal([]byte(text), &doc) == nil {
			return (n + 1) % (len(f.lines) + 1)
		}
		text = text[:max(strings.LastIndexByte(text, '\n'), 0)]
	}
	return 0
}

// column is where a line's text begins.
func column(line string) int { return 1 + len(line) - len(strings.TrimLeft(line, " \t")) }

// Place says where in the file sentences by path belong: to the value, where there is none to what it is missing in. It is nil for no sentence.
func (f *File) Place(wrong map[string]string) Faults {
	if len(wrong) == 0 {
		return nil
	}
	all := make(Faults, 0, len(wrong))
	for _, path := range slices.Sorted(maps.Keys(wrong)) {
		line, column := f.within(path, wrong[path])
		all = append(all, Fault{Path: path, Line: line, Column: column, Says: wrong[path]})
	}
	return sorted(all)
}

var lineOf = regexp.MustCompile(`\b[Ll]ine (\d+)`)

// within is where a sentence belongs that names a line of a text of several lines: that line, where the text stands in the file as it is.
func (f *File) within(path, says string) (line, col int) {
	line, col = f.At(path)
	n, has := f.at[path]
	named := lineOf.FindStringSubmatch(says)
	if !has || named == nil || n.Style&yaml.LiteralStyle == 0 || !strings.HasSuffix(path, ".user_data") {
		return line, col
	}
	k, err := strconv.Atoi(named[1])
	if err != nil || k < 1 || k > strings.Count(n.Value, "\n")+1 || line+k > len(f.lines) {
		return line, col
	}
	return line + k, column(f.lines[line+k-1])
}

// At is where a path of the document is in the file, or what it would be in.
func (f *File) At(path string) (line, column int) {
	for path != "" {
		if n, has := f.at[path]; has {
			return n.Line, n.Column
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return 1, 1
}

func sorted(all Faults) Faults {
	slices.SortStableFunc(all, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Path, b.Path))
	})
	return all[:min(len(all), mostFaults)]
}
