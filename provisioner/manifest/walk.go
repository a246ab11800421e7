package manifest

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"volary.dev/provisioner/typed"
)

// walk reads nodes into a model as its fields are named in JSON. It goes as deep as the types do and no deeper, whatever the file does.
type walk struct {
	file   *File
	faults Faults
}

func (w *walk) wrong(path string, n *yaml.Node, format string, args ...any) {
	if len(w.faults) < mostFaults {
		w.faults = append(w.faults, Fault{Path: path, Line: max(n.Line, 1), Column: max(n.Column, 1), Says: fmt.Sprintf(format, args...)})
	}
}

// value reads a node into what v points to.
func (w *walk) value(path string, n *yaml.Node, v any) { w.into(path, n, reflect.ValueOf(v).Elem()) }

func (w *walk) into(path string, n *yaml.Node, v reflect.Value) {
	if _, has := w.file.at[path]; !has {
		w.file.at[path] = n
	}
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		w.wrong(path, n, "Anchors and aliases (&, *) are not taken: write the value itself. Begins a text with one of them, put the text into quotes.")
		return
	case n.Style&yaml.TaggedStyle != 0:
		w.wrong(path, n, "Tags (!) are not taken: write the value alone. Begins a text with one, put the text into quotes.")
		return
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null":
		w.wrong(path, n, "Nothing is written here. Write %s, or leave the key out.", kindOf(v.Type()))
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		w.into(path, n, v.Elem())
	case reflect.Struct:
		w.mapping(path, n, v)
	case reflect.Slice:
		w.list(path, n, v)
	default:
		w.scalar(path, n, v)
	}
}

// kindOf says what is to be written.
func kindOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return kindOf(t.Elem())
	case reflect.Struct:
		return "keys and values, one on each line and moved in by two blanks"
	case reflect.Slice:
		return "a list, each entry behind a hyphen"
	case reflect.Int:
		return "a whole number"
	case reflect.Bool:
		return "true or false"
	default:
		return "a text"
	}
}

// key is a field's name in a document.
func key(f reflect.StructField) (name string, omit bool) {
	name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name, options != ""
}

func (w *walk) mapping(path string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		w.wrong(path, n, "Write %s.", kindOf(v.Type()))
		return
	}
	fields, known := map[string]reflect.Value{}, make([]string, 0, v.NumField())
	for i := range v.NumField() {
		name, _ := key(v.Type().Field(i))
		fields[name], known = v.Field(i), append(known, name)
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, value := n.Content[i], n.Content[i+1]
		at := strings.TrimPrefix(path+"."+k.Value, ".")
		field, has := fields[k.Value]
		if k.Kind != yaml.ScalarNode || k.Anchor != "" || k.Style&yaml.TaggedStyle != 0 || !has {
			w.wrong(path, k, "The key \"%s\" is not known here. Known are %s.", typed.Isolate(shorten(k.Value)), strings.Join(known, ", "))
			continue
		}
		if line, twice := seen[k.Value]; twice {
			w.wrong(at, k, "The key \"%s\" stands in line %d already. Leave one of them out.", k.Value, line)
			continue
		}
		seen[k.Value] = k.Line
		if value.Kind != yaml.ScalarNode {
			w.file.at[at] = k
		}
		w.into(at, value, field)
	}
}

func shorten(s string) string {
	if utf8.RuneCountInString(s) > 40 {
		return string([]rune(s)[:40]) + "…"
	}
	return s
}

func (w *walk) list(path string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		w.wrong(path, n, "Write %s.", kindOf(v.Type()))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, e := range n.Content {
		w.into(fmt.Sprintf("%s[%d]", path, i), e, v.Index(i))
	}
}

var whole = regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`)

func (w *walk) scalar(path string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.ScalarNode {
		w.wrong(path, n, "Write %s.", kindOf(v.Type()))
		return
	}
	plain := n.Style == 0
	switch v.Kind() {
	case reflect.Int:
		i, err := strconv.ParseInt(n.Value, 10, 0)
		switch {
		case !plain || !whole.MatchString(n.Value):
			w.wrong(path, n, "Write a whole number in digits, without quotes, unit or blanks.")
		case err != nil:
			w.wrong(path, n, "The number is too large to be read.")
		default:
			v.SetInt(i)
		}
	case reflect.Bool:
		if !plain || n.Value != "true" && n.Value != "false" {
			w.wrong(path, n, "Write true or false, in small letters and without quotes.")
			return
		}
		v.SetBool(n.Value == "true")
	default:
		switch n.ShortTag() {
		case "!!str", "!!timestamp", "!!merge": // the two are texts in YAML 1.2
			v.SetString(n.Value)
		default:
			w.wrong(path, n, "Write a text: put it into quotes, for without them it is read as a number, or as true or false.")
		}
	}
}
