package fetch_test

import (
	"strings"
	"testing"

	"volary.dev/provisioner/fetch"
)

func TestReadXML(t *testing.T) {
	for document, want := range map[string]fetch.XML{
		`<Error><Code>NoSuchKey</Code></Error>`:                                                     {Root: "Error", Code: "NoSuchKey"},
		"<?xml version=\"1.0\"?>\n<!-- of a store -->\n<Error>\n<Code> SlowDown </Code><Message>":   {Root: "Error", Code: "SlowDown"},
		`<e:Error xmlns:e="x"><Resource><Code>Inner</Code></Resource><Code>Outer</Code></e:Error>`:  {Root: "Error", Code: "Outer"},
		`<Error><Code>come to evil.example</Code></Error>`:                                          {Root: "Error"},
		`<Error><Code>` + strings.Repeat("x", 65) + `</Code></Error>`:                               {Root: "Error"},
		`<Error><Code></Code></Error>`:                                                              {Root: "Error"},
		`<Error><Message>` + strings.Repeat("x", 5000) + `</Message><Code>NoSuchKey</Code></Error>`: {Root: "Error"},
		`<List><Code>NoSuchKey</Code></List>`:                                                       {Root: "List"},
		`<!DOCTYPE e [<!ENTITY c SYSTEM "file:///etc/passwd">]><Error><Code>&c;</Code></Error>`:     {Root: "Error"},
		`<html xmlns="x">`: {Root: "html"},
		"QFI\xfb":          {},
		"":                 {},
		"<":                {},
	} {
		if got := fetch.ReadXML([]byte(document)); got != want {
			t.Errorf("%.60q: %+v, want %+v", document, got, want)
		}
	}
}
