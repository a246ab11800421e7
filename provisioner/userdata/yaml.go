package userdata

import (
	"errors"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// parse gives the root of a YAML document, nil for an empty one. What our parser takes and cloud-init's (PyYAML's safe loader)
// does not is an error, too: cloud-init would go on without the whole text.
func parse(text string) (*yaml.Node, error) {
	var doc, another yaml.Node
	d := yaml.NewDecoder(strings.NewReader(text))
	err := d.Decode(&doc)
	switch {
	case errors.Is(err, io.EOF):
		return nil, nil //nolint:nilnil // an empty document is fine
	case err != nil:
		return nil, sentence("The YAML cannot be read: %s.", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := d.Decode(&another); err == nil {
		return nil, sentence("In line %d another YAML document begins, and cloud-init reads one alone. Take the line \"---\" away.", another.Line)
	} else if !errors.Is(err, io.EOF) {
		return nil, sentence("The YAML cannot be read: %s.", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if len(doc.Content) == 0 || doc.Content[0].Tag == "!!null" {
		return nil, nil //nolint:nilnil // an empty document is fine
	}
	return doc.Content[0], checkNode(doc.Content[0])
}

// safeTags are those that PyYAML's safe loader makes something of, and the one that cloud-init adds.
var safeTags = map[string]bool{
	"!": true, "!!null": true, "!!bool": true, "!!int": true, "!!float": true, "!!binary": true, "!!timestamp": true, "!!omap": true, "!!pairs": true, "!!set": true,
	"!!str": true, "!!seq": true, "!!map": true, "!!merge": true, "!!python/unicode": true,
}

// checkNode looks for what is YAML and nothing that a Python program can hold. Aliases are not followed.
func checkNode(n *yaml.Node) error {
	if tag := n.ShortTag(); n.Kind != yaml.AliasNode && !safeTags[tag] {
		return sentence("The YAML's tag %q in line %d is not known to cloud-init. Leave it out.", tag, n.Line)
	}
	if err := checkValue(n); err != nil {
		return err
	}
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && (child.Kind == yaml.MappingNode || child.Kind == yaml.SequenceNode) {
			return sentence("In line %d a mapping or a list stands where a name has to be. If {{ … }} is to be filled in, write \"## template: jinja\" in a first line of its own; else put it into quotation marks.", child.Line)
		}
		if err := checkNode(child); err != nil {
			return err
		}
	}
	return nil
}
