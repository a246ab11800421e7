package userdata

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// Warnings says, a sentence each, what a text that Check takes does to the ways into a guest and to what Volary tells it.
// A template and a MIME message are not looked into.
func Warnings(text string) []string {
	if Check(text) != nil || !strings.HasPrefix(strings.ToLower(strings.TrimSpace(text)), "#cloud-config") {
		return nil
	}
	root, err := parse(text)
	if err != nil || root == nil {
		return nil
	}
	if root.Kind == yaml.SequenceNode {
		return archiveWarnings(root)
	}
	return configWarnings(root)
}

func archiveWarnings(root *yaml.Node) (all []string) {
	for _, part := range root.Content {
		content := part
		if part.Kind == yaml.MappingNode {
			content = entry(part, "content")
		}
		all = append(all, Warnings(content.Value)...)
	}
	return all
}

func configWarnings(root *yaml.Node) (all []string) {
	if users := entry(root, "users"); users.Kind != 0 && !namesDefault(users) {
		all = append(all, "It has users without the entry default: the image's own user is not made, and the SSH keys that Volary hands over have nobody to go to. Add \"- default\" to users.")
	}
	if off := entry(root, "vendor_data"); isFalse(off) || isFalse(entry(off, "enabled")) {
		all = append(all, "It switches vendor-data off: the node is not told its cluster's names, addresses and secret (/etc/hosts, /etc/volary), and an acceptance test fails. Take vendor_data away.")
	}
	if entry(root, "disable_root").Kind != 0 && !isFalse(entry(root, "disable_root")) {
		all = append(all, "It forbids root to sign in: name another user to sign in as in the version.")
	}
	return all
}

// namesDefault tells whether users, a list or a text with commas, has the entry default.
func namesDefault(users *yaml.Node) bool {
	if users.Kind == yaml.ScalarNode {
		for _, name := range strings.Split(users.Value, ",") {
			if strings.TrimSpace(name) == "default" {
				return true
			}
		}
		return false
	}
	if entry(users, "default").Kind != 0 {
		return true
	}
	for _, u := range users.Content {
		if u.Kind == yaml.ScalarNode && u.Value == "default" || entry(u, "name").Value == "default" {
			return true
		}
	}
	return false
}

func isFalse(n *yaml.Node) bool {
	switch strings.ToLower(n.Value) {
	case "false", "no", "off", "0":
		return n.Kind == yaml.ScalarNode
	}
	return false
}
