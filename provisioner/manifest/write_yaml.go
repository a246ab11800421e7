package manifest

import (
	"bytes"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"volary.dev/provisioner"
)

// WriteYAML writes a model as a cluster.yaml: keys in the order of the types, what is empty left out, texts of several lines as
// they are. ParseYAML reads it back as a model with the same digest. Its texts are UTF-8, or Check has a sentence about them.
func WriteYAML(m provisioner.Model) []byte {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(node(reflect.ValueOf(m))); err != nil {
		panic(fmt.Sprintf("a model is texts, numbers and lists: %v", err))
	}
	if err := e.Close(); err != nil {
		panic(fmt.Sprintf("the writer keeps all in memory: %v", err))
	}
	return b.Bytes()
}

func node(v reflect.Value) *yaml.Node {
	switch v.Kind() {
	case reflect.Pointer:
		return node(v.Elem())
	case reflect.Struct:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for i := range v.NumField() {
			name, omit := key(v.Type().Field(i))
			if f := v.Field(i); !(omit && empty(f)) && !(f.Kind() == reflect.Slice && f.IsNil()) {
				n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, node(f))
			}
		}
		if len(n.Content) == 0 {
			n.Style = yaml.FlowStyle
		}
		return n
	case reflect.Slice:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		if v.Type().Elem().Kind() == reflect.String || v.Len() == 0 {
			n.Style = yaml.FlowStyle // the words of a command
		}
		for i := range v.Len() {
			n.Content = append(n.Content, node(v.Index(i)))
		}
		return n
	case reflect.Int:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.FormatInt(v.Int(), 10)}
	case reflect.Bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(v.Bool())}
	default:
		return text(v.String())
	}
}

// empty is what encoding/json leaves out.
func empty(v reflect.Value) bool {
	if v.Kind() == reflect.Slice {
		return v.Len() == 0
	}
	return v.IsZero()
}

// text is plain where that is read as a text, a block where it has lines, and quoted everywhere else.
func text(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	switch {
	case block(s):
		n.Style = yaml.LiteralStyle
	case !plain(s):
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// block says whether a text stays the same as a literal block: it begins with something that is no blank, has nothing that
// nobody sees, and no line's end but one is at its end.
func block(s string) bool {
	if !strings.Contains(s, "\n") || strings.HasPrefix(s, "\n") || strings.HasPrefix(s, " ") || strings.HasPrefix(s, "\t") || strings.HasSuffix(s, "\n\n") {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return r != '\n' && r != '\t' && !unicode.IsPrint(r) || r == utf8.RuneError })
}

// plain says whether a text is written as it is: of letters, digits and a few signs, and taken for nothing else.
func plain(s string) bool {
	if s == "" || strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./", r))
	}) {
		return false
	}
	probe := yaml.Node{Kind: yaml.ScalarNode, Value: s}
	letter := s[0] >= 'a' && s[0] <= 'z' || s[0] >= 'A' && s[0] <= 'Z' || s[0] == '/'
	return letter && probe.ShortTag() == "!!str" && !oldWord(s)
}

// oldWord are what YAML 1.1 takes for true and false, as other readers of the file do.
func oldWord(s string) bool {
	switch strings.ToLower(s) {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null":
		return true
	}
	return false
}
