package manifest

import _ "embed"

// Schema is the JSON Schema (draft 2020-12) of a document, for editors. All that Check takes passes it; what it cannot say, such as that
// names differ, Check alone refuses.
//
//go:embed cluster-1.json
var Schema []byte

// SchemaPath is where a portal serves Schema.
const SchemaPath = "/schemas/cluster-1.json"

// SchemaLine is a file's first line, by which editors find the schema of the portal at an address; empty where that is not known.
func SchemaLine(publicURL string) string {
	if publicURL == "" {
		return ""
	}
	return "# yaml-language-server: $schema=" + publicURL + SchemaPath + "\n"
}
