package fetch

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// maxXML is how much of an XML document is looked at.
const maxXML = 4 << 10

// word is a name that may stand in a sentence of ours: a code of a store's error, an element.
var word = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]{0,63}$`)

// XML is what an XML document says of itself, as far as its first bytes tell.
type XML struct {
	Root string // its first element; empty: it has none, or one of a strange name
	Code string // of the error of a store of files, as S3 has them (NoSuchKey, AccessDenied); empty: it is none
}

// ReadXML looks at the first bytes of a document. One that is broken or cut tells what it told until then; entities and what they name are
// never opened.
func ReadXML(first []byte) (x XML) {
	d := xml.NewDecoder(bytes.NewReader(first[:min(len(first), maxXML)]))
	d.Strict = true
	for depth := 0; ; {
		t, err := d.RawToken()
		if err != nil {
			return x
		}
		switch t := t.(type) {
		case xml.StartElement:
			depth++
			switch name := t.Name.Local; {
			case depth == 1:
				if word.MatchString(name) {
					x.Root = name
				}
			case depth == 2 && x.Root == "Error" && name == "Code":
				if text, err := d.RawToken(); err == nil {
					if c, ok := text.(xml.CharData); ok && word.MatchString(strings.TrimSpace(string(c))) {
						x.Code = strings.TrimSpace(string(c))
					}
				}
				return x
			}
		case xml.EndElement:
			depth--
		}
	}
}

// addStoreCode tells with a refusal what a store of files calls it, where the answer's body says so within patience.
func addStoreCode(err error, answer *http.Response, patience time.Duration) {
	var p *Problem
	if !errors.As(err, &p) || answer.StatusCode < 400 || !strings.Contains(answer.Header.Get("Content-Type"), "xml") {
		return
	}
	watch := time.AfterFunc(patience, func() { _ = answer.Body.Close() })
	defer watch.Stop()
	first, _ := io.ReadAll(io.LimitReader(answer.Body, maxXML)) // what is cut tells less
	if code := ReadXML(first).Code; code != "" {
		p.Title += " It calls that " + code + "."
	}
}
