package manifest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"volary.dev/provisioner"
)

// mostRead is how large a document may be that is read: one from before the bound of Check may have more than that.
const mostRead = 1 << 20

// What Read refuses.
var (
	ErrFormat    = errors.New("the document is of another format")
	ErrTooLarge  = fmt.Errorf("the document has more than %d bytes", mostRead)
	ErrCanonical = errors.New("the document is not in the canonical form")
)

// Canonical writes a model as a document: the canonical JSON of RFC 8785, without a line's end. Its texts are UTF-8, or Check
// has a sentence about them.
func Canonical(m provisioner.Model) []byte {
	plain, err := json.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("a model is strings, numbers and lists: %v", err)) // no value of the type can be refused
	}
	d := json.NewDecoder(bytes.NewReader(plain))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		panic(fmt.Sprintf("encoding/json does not read what it wrote: %v", err))
	}
	return appendValue(nil, v)
}

// Digest is what a document is known by: the SHA-256 of its bytes, in lower-case hex.
func Digest(document []byte) string {
	sum := sha256.Sum256(document)
	return hex.EncodeToString(sum[:])
}

// Read gives the model of a document, which is what Canonical wrote and nothing else.
func Read(document []byte) (provisioner.Model, error) {
	if len(document) > mostRead {
		return provisioner.Model{}, ErrTooLarge
	}
	var format struct {
		Volary int `json:"volary"`
	}
	if err := json.Unmarshal(document, &format); err != nil {
		return provisioner.Model{}, fmt.Errorf("read document: %w", err)
	}
	if format.Volary != provisioner.ModelFormat {
		return provisioner.Model{}, fmt.Errorf("%w: %d, and %d is known", ErrFormat, format.Volary, provisioner.ModelFormat)
	}
	d := json.NewDecoder(bytes.NewReader(document))
	d.DisallowUnknownFields()
	var m provisioner.Model
	if err := d.Decode(&m); err != nil {
		return provisioner.Model{}, fmt.Errorf("read document: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return provisioner.Model{}, fmt.Errorf("%w: something follows it", ErrCanonical)
	}
	// Names in capitals, a name twice, and what is written though it is empty: encoding/json takes them all.
	if !bytes.Equal(Canonical(m), document) {
		return provisioner.Model{}, ErrCanonical
	}
	return m, nil
}

func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return appendString(b, v)
	case json.Number:
		return append(b, v.String()...) // a whole number, as encoding/json wrote it
	case bool:
		return strconv.AppendBool(b, v)
	case []any:
		b = append(b, '[')
		for i, e := range v {
			b = appendValue(comma(b, i), e)
		}
		return append(b, ']')
	case map[string]any:
		b = append(b, '{')
		// The RFC's order, by UTF-16 units, is that of bytes for names in ASCII.
		for i, name := range slices.Sorted(maps.Keys(v)) {
			b = append(appendString(comma(b, i), name), ':')
			b = appendValue(b, v[name])
		}
		return append(b, '}')
	}
	return append(b, "null"...)
}

func comma(b []byte, i int) []byte {
	if i > 0 {
		return append(b, ',')
	}
	return b
}

// appendString escapes the quote, the backslash and control characters below U+0020, with the short forms that there are, and nothing else.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c >= ' ':
			b = append(b, c)
		case short[c] != 0:
			b = append(b, '\\', short[c])
		default:
			b = fmt.Appendf(b, `\u%04x`, c)
		}
	}
	return append(b, '"')
}

var short = [' ']byte{'\b': 'b', '\t': 't', '\n': 'n', '\f': 'f', '\r': 'r'}
