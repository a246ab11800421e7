package uploads_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// TestUploadRefusalsAreOurs has the tus handler refuse by itself: whoever asks is told by a code that it was the portal and no gateway, and
// what to do next.
func TestUploadRefusalsAreOurs(t *testing.T) {
	_, _, c := start(t)
	url := c.create(100)
	const bytesOfAFile = "application/offset+octet-stream"
	for name, of := range map[string]struct {
		method, url  string
		header       map[string]string
		body         string
		status       int
		code, advice string
	}{
		"no size":        {"POST", "/uploads/", map[string]string{"Upload-Metadata": metadata("disk")}, "", 400, "malformed", "Upload-Length"},
		"a size below 0": {"POST", "/uploads/", map[string]string{"Upload-Metadata": metadata("disk"), "Upload-Length": "-1"}, "", 400, "malformed", "Upload-Length"},
		"a size of 2^63": {"POST", "/uploads/", map[string]string{"Upload-Metadata": metadata("disk"), "Upload-Length": "9223372036854775808"}, "", 400, "malformed", "Upload-Length"},
		"no protocol":    {"PATCH", url, map[string]string{"Tus-Resumable": "", "Upload-Offset": "0", "Content-Type": bytesOfAFile}, "x", 412, "malformed", "Tus-Resumable: 1.0.0"},
		"no place":       {"PATCH", url, map[string]string{"Content-Type": bytesOfAFile}, "x", 400, "malformed", "Upload-Offset"},
		"no kind":        {"PATCH", url, map[string]string{"Upload-Offset": "0"}, "x", 400, "malformed", "Content-Type: application/offset+octet-stream"},
		"another place":  {"PATCH", url, map[string]string{"Upload-Offset": "5", "Content-Type": bytesOfAFile}, "x", 409, "offset", "go on from there"},
		"too much":       {"PATCH", url, map[string]string{"Upload-Offset": "0", "Content-Type": bytesOfAFile}, strings.Repeat("x", 101), 413, "too_large", "Nothing of it was kept"},
	} {
		var body io.Reader
		if of.body != "" {
			body = bytes.NewReader([]byte(of.body))
		}
		res, text := c.must(of.method, of.url, body, of.header)
		if res.StatusCode != of.status || res.Header.Get("Volary-Refusal") != of.code || !strings.Contains(text, of.advice) || strings.Contains(text, "ERR_") {
			t.Errorf("%s: %d %q %q, want %d %q and what to do: %s", name, res.StatusCode, res.Header.Get("Volary-Refusal"), text, of.status, of.code, of.advice)
		}
	}
	if n := c.offset(url); n != 0 {
		t.Errorf("%d bytes were kept", n)
	}
}
