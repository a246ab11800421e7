package userdata

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"volary.dev/provisioner/refusal"
)

// Most is how many bytes of user-data a role may have: a seed lies on every host and is read by every node.
const Most = 64 << 10

// mimeReach is how far from the beginning cloud-init looks for a MIME-Version.
const mimeReach = 4096

// Field is the refusal's field.
const Field = "user_data"

// Clean takes away what an editor leaves without anybody seeing it: a byte order mark, and carriage returns, with which no
// script runs; where nothing else ends a line, they are its ends.
func Clean(text string) string {
	text = strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"), "\r\n", "\n")
	if !strings.Contains(text, "\n") {
		text = strings.ReplaceAll(text, "\r", "\n")
	}
	return text
}

// Check refuses what cloud-init would not act on, with a sentence for Field. It returns nil for text that can be used; empty
// text is that.
func Check(text string) *refusal.Error {
	if text == "" {
		return nil
	}
	err := check(text)
	if err == nil {
		err = checkVariables(text)
	}
	if err != nil {
		return refusal.Invalid(map[string]string{Field: err.Error()})
	}
	return nil
}

// kind is one of cloud-init's.
type kind struct {
	begins string
	check  func(text string) error
}

// kinds are all, the longer beginning first where one begins with another.
func kinds() []kind {
	taken := func(string) error { return nil }
	return []kind{
		{"## template: jinja", checkTemplate},
		{"#cloud-config-archive", checkArchive},
		{"#cloud-config-jsonp", taken},
		{"#cloud-config", checkConfig},
		{"#cloud-boothook", taken},
		{"#part-handler", checkFirst("#part-handler")},
		{"#include", func(string) error { return errInclude }},
		{"#!", checkFirst("#!")},
	}
}

var errInclude = errors.New("User-data that begins with #include fetches its text from an address, which may answer otherwise after the test, and cannot be reached in it. Paste the text itself.") //nolint:revive,staticcheck // a sentence for a person

// sentence makes an error that is shown as it is.
func sentence(format string, args ...any) error { return fmt.Errorf(format, args...) }

func check(text string) error {
	switch {
	case len(text) > Most:
		return sentence("The user-data has %d bytes, at most %d are kept. Put large files into the image.", len(text), Most)
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return sentence("The user-data is not UTF-8 text. Compressed or binary user-data is not taken.")
	case strings.HasPrefix(text, "\ufeff"):
		return sentence("The user-data begins with a byte order mark, which cloud-init does not pass over. Save it as UTF-8 without one.")
	case strings.Contains(strings.ToLower(text[:min(len(text), mimeReach)]), "mime-version:"):
		return checkMIME(text)
	}
	return checkKind(text)
}

func checkKind(text string) error {
	begins := start(text)
	for _, k := range kinds() {
		if strings.HasPrefix(begins, k.begins) {
			return k.check(text)
		}
	}
	if strings.HasPrefix(begins, "content-type:") {
		return sentence("The user-data begins with Content-Type, but has no line MIME-Version: 1.0, without which cloud-init passes it by. Put that line first.")
	}
	return sentence("The user-data begins with %q. Begin with #!/bin/sh, #cloud-config or a MIME message's MIME-Version: 1.0.", beginning(text))
}

// start is what a kind is known by, in small letters: no more of a text is looked at than the longest of kinds.
func start(text string) string {
	text = strings.TrimLeft(text, " \t\n\r\v\f")
	return strings.ToLower(text[:min(len(text), 64)])
}

func beginning(text string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if runes := []rune(first); len(runes) > 40 {
		return string(runes[:40]) + "…"
	}
	return first
}

// checkFirst wants a beginning at the very first byte: the kernel and Python read the file as it is.
func checkFirst(begins string) func(text string) error {
	return func(text string) error {
		switch {
		case strings.HasPrefix(text, begins):
		case strings.HasPrefix(text, "\n") || strings.HasPrefix(text, "\r"):
			return sentence("Before %s there is a blank line: the script would not run. Begin with %s in the first line.", begins, begins)
		default:
			return sentence("Before %s there are blanks: the script would not run. Begin with %s in the first column.", begins, begins)
		}
		if first, _, _ := strings.Cut(text, "\n"); begins == "#!" {
			return checkProgram(strings.TrimPrefix(first, "#!"))
		}
		return nil
	}
}

// checkProgram looks at what the kernel starts a script by: a path, and one argument if any.
func checkProgram(line string) error {
	program := strings.Trim(line, " \t")
	for i, r := range program {
		if r == '\r' || unicode.Is(unicode.Zs, r) && r != ' ' || unicode.Is(unicode.Cf, r) {
			return sentence("In the first line, after %q, there is a character that is seen as a blank or not at all (U+%04X) and would be part of the program's name. Write #!/bin/sh anew.",
				"#!"+program[:i], r)
		}
	}
	program, _, _ = strings.Cut(strings.ReplaceAll(program, "\t", " "), " ")
	switch {
	case program == "":
		return sentence("After #! no program is named. Write #!/bin/sh.")
	case !strings.HasPrefix(program, "/"):
		return sentence("After #! stands %q, which is no path from / on: the kernel does not look for it. Write #!/bin/sh, or #!/usr/bin/env %s.", program, program)
	}
	return nil
}

// checkTemplate wants the header in the first line, and below it a text of a kind; what a template begins with may be made
// only when it is filled in.
func checkTemplate(text string) error {
	header, body, _ := strings.Cut(text, "\n")
	if !strings.HasPrefix(strings.ToLower(header), "## template: jinja") {
		return sentence("Before \"## template: jinja\" there is a blank: cloud-init looks for it in the first line alone.")
	}
	begins := strings.TrimSpace(body)
	for _, open := range []string{"{%", "{{", "{#"} {
		if strings.HasPrefix(begins, open) {
			return nil
		}
	}
	if strings.HasPrefix(start(body), "## template: jinja") {
		return sentence("Below \"## template: jinja\" the same line stands again: cloud-init fills a template in once. Leave one out.")
	}
	// Not before it is filled in is it YAML.
	if strings.HasPrefix(strings.ToLower(begins), "#cloud-config") {
		return nil
	}
	return checkKind(body)
}

func checkConfig(text string) error {
	root, err := parse(text)
	if err != nil {
		return err
	}
	if root != nil && root.Kind != yaml.MappingNode {
		return sentence("The #cloud-config of line %d is no mapping: cloud-init wants lines like \"packages: [nfs-common]\".", root.Line)
	}
	return nil
}

func checkArchive(text string) error {
	root, err := parse(text)
	if err != nil {
		return err
	}
	if root == nil || root.Kind != yaml.SequenceNode || len(root.Content) == 0 {
		return sentence("A #cloud-config-archive is a list of parts, each with type and content; this one has none.")
	}
	for i, part := range root.Content {
		if err := checkEntry(part); err != nil {
			return sentence("Part %d of the archive: %s", i+1, err)
		}
	}
	return nil
}

func checkEntry(part *yaml.Node) error {
	var kind, content string
	switch part.Kind {
	case yaml.ScalarNode:
		content = part.Value
	case yaml.MappingNode:
		kind, content = entry(part, "type").Value, entry(part, "content").Value
	default:
		return sentence("it is neither a text nor a mapping with type and content.")
	}
	if kind == "" && !strings.HasPrefix(strings.TrimSpace(content), "#") {
		kind = "text/cloud-config" // what cloud-init takes it for
	}
	return checkPart(kind, content)
}

// entry gives the value of a mapping's key, an empty node where there is none.
func entry(m *yaml.Node, key string) *yaml.Node {
	if m != nil && m.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(m.Content); i += 2 {
			if m.Content[i].Value == key {
				return m.Content[i+1]
			}
		}
	}
	return &yaml.Node{}
}

// checkPart looks at one part of a message or an archive. Types that cloud-init does not know are for part-handlers.
func checkPart(kind, content string) error {
	switch kind {
	case "", "text/plain", "text/x-not-multipart":
		return checkKind(content)
	case "text/x-shellscript", "text/x-shellscript-per-boot", "text/x-shellscript-per-instance", "text/x-shellscript-per-once":
		return checkScript(content)
	case "text/cloud-config":
		return checkConfig(content)
	case "text/cloud-config-archive":
		return checkArchive(content)
	case "text/jinja2":
		return checkTemplate(content)
	case "text/x-include-url", "text/x-include-once-url":
		return errInclude
	}
	return nil
}

func checkScript(content string) error {
	if !strings.Contains(content, "#!") {
		return sentence("A shell script has no #! in its first line: it would not run. Begin with #!/bin/sh.")
	}
	return checkFirst("#!")(content)
}

func checkMIME(text string) error {
	m, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil || m.Header.Get("Mime-Version") == "" {
		begins := strings.ToLower(strings.TrimSpace(text))
		if !strings.HasPrefix(begins, "mime-version:") && !strings.HasPrefix(begins, "content-") {
			return checkKind(text) // cloud-init takes it for a message without a header, and looks how its text begins
		}
		return sentence("The MIME header cannot be read. Begin with MIME-Version: 1.0 and Content-Type in the first two lines, and a blank line below.")
	}
	media, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return sentence("The MIME header's Content-Type cannot be read: %s.", err)
	}
	if !strings.HasPrefix(media, "multipart/") {
		body, err := io.ReadAll(m.Body)
		if err != nil {
			return sentence("The MIME message cannot be read: %s.", err)
		}
		return checkBody(media, m.Header.Get("Content-Transfer-Encoding"), body)
	}
	if params["boundary"] == "" {
		return sentence("The MIME header names no boundary between its parts.")
	}
	return checkParts(multipart.NewReader(m.Body, params["boundary"]))
}

func checkParts(r *multipart.Reader) error {
	parts := 0
	for {
		p, err := r.NextRawPart()
		switch {
		case errors.Is(err, io.EOF) && parts > 0:
			return nil
		case errors.Is(err, io.EOF):
			return sentence("The MIME message has no part: no line is its boundary.")
		case errors.Is(err, io.ErrUnexpectedEOF) && parts > 0:
			return nil // Python's parser, which cloud-init has, takes a message without its last boundary
		case err != nil:
			return sentence("Part %d of the MIME message cannot be read: %s.", parts+1, strings.TrimPrefix(err.Error(), "multipart: "))
		}
		parts++
		body, err := io.ReadAll(p)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return sentence("Part %d of the MIME message cannot be read: %s.", parts, err)
		}
		media, _, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		if err != nil {
			media = "text/plain"
		}
		if err := checkBody(media, p.Header.Get("Content-Transfer-Encoding"), body); err != nil {
			return sentence("Part %d of the MIME message: %s", parts, err)
		}
	}
}

// checkBody looks at a body, decoded. Compressed bytes below an encoding are taken as they are: cloud-init unpacks them.
func checkBody(media, encoding string, body []byte) error {
	encoding = strings.ToLower(strings.TrimSpace(encoding))
	switch encoding {
	case "base64":
		decoded, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(body)), ""))
		if err != nil {
			return sentence("it is said to be in base64, and is not.")
		}
		body = decoded
	case "quoted-printable":
		decoded, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(body)))
		if err != nil {
			return sentence("it is said to be quoted-printable, and is not.")
		}
		body = decoded
	case "", "7bit", "8bit", "binary":
		return checkPart(media, string(bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))))
	default:
		return sentence("its encoding %q is not known. Write 7bit, 8bit or base64.", encoding)
	}
	if !utf8.Valid(body) {
		return nil
	}
	return checkPart(media, string(body))
}
